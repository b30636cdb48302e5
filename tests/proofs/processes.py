"""Applications in processes of their own, to be killed and stopped for a while: of the library, and the service.

They are forked, so that a thousand of them start quickly, from a process that has one thread.
"""

from __future__ import annotations

import ctypes
import json
import os
import select
import signal
import socket
import time
import traceback
from collections.abc import Callable, Container, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from anyio.from_thread import start_blocking_portal
from argon2 import PasswordHasher

from signedin import Settings, open_async_sessions, open_sessions
from signedin.server.accounts import Accounts
from signedin.server.app import create_app
from signedin.server.passwords import Passwords
from signedin.server.run import run

from ..servers import free_port
from .books import CAP
from .compared import AsSync
from .writers import PASSWORD, Crowd, Library, Web

_PR_SET_PDEATHSIG = 1
QUICK = Passwords(PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))


@contextmanager
def opened(url: str, colour: str, **values: Any) -> Iterator[Any]:
    """The flow on a store, in a colour, for threads."""
    values = {"store": url, "cap": CAP} | values
    if colour == "sync":
        flow = open_sessions(**values)
        yield flow
        flow.close()
        return
    with start_blocking_portal() as portal:
        asynchronous = portal.call(lambda: open_async_sessions(**values))
        yield AsSync(portal, asynchronous)
        portal.call(asynchronous.close)


class Process:
    """Does this and nothing else of what its parent does."""

    def __init__(self, work: Callable[[], object]) -> None:
        self.pid = os.fork()
        if self.pid == 0:
            try:
                ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)  # go when the parent goes
                work()
            except BaseException:
                traceback.print_exc()
            finally:
                os._exit(1)

    def pause(self) -> None:
        os.kill(self.pid, signal.SIGSTOP)

    def go_on(self) -> None:
        os.kill(self.pid, signal.SIGCONT)

    def kill(self) -> None:
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)


class Application:
    """Two processes of the library with three writers each, whose journals come through a pipe."""

    def __init__(self, url: str, colour: str, name: str) -> None:
        self._pipe, writing = os.pipe()
        self._name = name
        self.told = b""

        def work(worker: int) -> None:
            with opened(url, colour) as flow:
                Crowd(Library(flow), f"{name}-{worker}", lambda line: os.write(writing, line), count=3)
                while True:
                    time.sleep(1)

        self.processes = [Process(lambda worker=worker: work(worker)) for worker in range(2)]  # type: ignore[misc]
        os.close(writing)

    def listen(self, seconds: float) -> None:
        """Until something has happened, and so long."""
        while self.told.count(b"\n") < 12:
            self._hear(1.0)
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            self._hear(left)

    def listen_to(self, worker: int, words: Container[str]) -> None:
        """Until each of a process's writers has been told one of these from now on."""
        begin, end, told = len(self.told), time.monotonic() + 30, set[str]()
        while len(told) < 3:
            assert time.monotonic() < end, f"only {sorted(told)} have an answer"
            self._hear(1.0)
            for line in self.told[begin:].splitlines()[1:-1]:
                writer, _, word, *facts = json.loads(line)
                assert word != "failed", facts
                if word in words and writer.startswith(f"{self._name}-{worker}-"):
                    told.add(writer)

    def _hear(self, seconds: float) -> None:
        if select.select([self._pipe], [], [], seconds)[0]:
            more = os.read(self._pipe, 65536)
            assert more, "all processes are gone"
            self.told += more

    def kill(self) -> list[bytes]:
        """The journal."""
        for process in self.processes:
            process.kill()
        while more := os.read(self._pipe, 65536):
            self.told += more
        os.close(self._pipe)
        return self.told.splitlines(keepends=True)


class Service:
    """The service on a store, with its accounts in this folder."""

    def __init__(self, url: str, folder: str) -> None:
        self._settings = Settings(store=url, trusted_proxies=("127.0.0.1",))
        self._accounts = Accounts(str(Path(folder) / "accounts.db"))
        self.port = free_port()
        self.hands = Web(self.port, self._accounts, QUICK.hash_now(PASSWORD))
        self.start()

    def _serve(self) -> None:
        app = create_app(self._settings, Accounts(self._accounts.path), passwords=QUICK)
        run(app, "127.0.0.1", self.port)

    def start(self) -> None:
        """Until it takes connections."""
        self.process = Process(self._serve)
        while True:
            with suppress(ConnectionRefusedError), socket.create_connection(("127.0.0.1", self.port)):
                return
            assert os.waitpid(self.process.pid, os.WNOHANG) == (0, 0), "the service has ended"
            time.sleep(0.01)

    def kill(self) -> None:
        self.process.kill()

    def close(self) -> None:
        self._accounts.close()
