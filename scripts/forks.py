"""Tasks in processes of their own, so many at a time, each for so long at most."""

from __future__ import annotations

import os
import pickle
import random
import resource
import selectors
import shutil
import signal
import tempfile
import time
import traceback
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final, TypeAlias

MEMORY: Final = 4 << 30

Task: TypeAlias = tuple[Any, float, Callable[[], object]]
"""What it is, how many seconds it may take, and how it is done."""


@dataclass
class Child:
    """A process with a task. until: by the monotonic clock. folder: for its temporary files."""

    task: Any
    pid: int
    until: float
    folder: Path
    answer: IO[bytes]


def in_forks(tasks: Iterable[Task], jobs: int) -> Iterator[tuple[Any, Any]]:
    """Do each task: what it is and what it returned; None where it died or didn't come to its end."""
    waiting, running = iter(tasks), selectors.DefaultSelector()
    while True:
        while len(running.get_map()) < jobs and (task := next(waiting, None)) is not None:
            child = _begin(*task)
            running.register(os.pidfd_open(child.pid), selectors.EVENT_READ, child)
        if not running.get_map():
            return
        soonest = min(key.data.until for key in running.get_map().values())
        ready = {key.fd for key, _ in running.select(max(soonest - time.monotonic(), 0))}
        for key in list(running.get_map().values()):
            if key.fd in ready or time.monotonic() >= key.data.until:
                running.unregister(key.fd)
                os.close(key.fd)
                yield key.data.task, _end(key.data)


def _begin(task: Any, seconds: float, work: Callable[[], object]) -> Child:
    folder = Path(tempfile.mkdtemp(prefix="signedin-"))
    answer = tempfile.TemporaryFile()  # noqa: SIM115 - closed at the task's end
    pid = os.fork()
    if pid == 0:
        try:
            os.setpgid(0, 0)
            resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
            os.environ["PYTEST_DEBUG_TEMPROOT"] = str(folder)
            random.seed(0)
            pickle.dump(work(), answer)
            answer.flush()
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(0)
    return Child(task, pid, time.monotonic() + seconds, folder, answer)


def _end(child: Child) -> Any:
    try:
        os.killpg(child.pid, signal.SIGKILL)
    except ProcessLookupError:  # it hadn't made itself a group yet
        os.kill(child.pid, signal.SIGKILL)
    os.waitpid(child.pid, 0)
    shutil.rmtree(child.folder, ignore_errors=True)
    with child.answer as file:
        file.seek(0)
        try:
            return pickle.load(file)
        except (EOFError, pickle.UnpicklingError):
            return None
