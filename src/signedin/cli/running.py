"""Long work at a terminal: a bar that moves, and Ctrl-C that stops between two batches."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any, Final

from .frame import say

SIGINT_TWICE: Final = "Stopping after this batch. Ctrl-C again stops at once, and then nobody counts."


class Stop:
    """Whether somebody pressed Ctrl-C; asked between batches."""

    def __init__(self) -> None:
        self.is_asked = False

    def __call__(self) -> bool:
        """Whether to stop."""
        return self.is_asked


@contextmanager
def stoppable() -> Iterator[Stop]:
    """Ctrl-C lets the batch under way end, so that what was done can be told exactly."""
    stop = Stop()

    def ask(number: int, frame: FrameType | None) -> None:
        if stop.is_asked:
            raise KeyboardInterrupt
        stop.is_asked = True
        say(SIGINT_TWICE)

    before = signal.signal(signal.SIGINT, ask)
    try:
        yield stop
    finally:
        signal.signal(signal.SIGINT, before)


@contextmanager
def bar(total: int, *, wanted: bool, verb: str = "Revoking ") -> Iterator[Callable[[int], Any]]:
    """A progress bar with a rate on stderr, if that is a terminal; called with how many are done."""
    if not wanted or not sys.stderr.isatty():
        yield lambda done: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn

    columns = (
        TextColumn(verb),
        BarColumn(bar_width=40),
        TaskProgressColumn(),
        TextColumn(" {task.completed:,.0f}/{task.total:,.0f}  {task.fields[rate]}"),
    )
    with Progress(*columns, console=Console(stderr=True)) as progress:
        task = progress.add_task("", total=total, rate="")

        def move(done: int) -> None:
            speed = progress.tasks[0].speed
            rate = "" if speed is None else f"{speed:,.0f}/s"
            progress.update(task, completed=done, total=max(total, done), rate=rate)

        yield move
