"""What each process of a history writes down: who asked what, when, and what was answered.

Times are nanoseconds of CLOCK_MONOTONIC since the run began, which processes of one machine share. A start
is read before the question leaves, an end after the answer has come: whatever the operation did, it did in
between. Secrets are written as marks, the beginnings of their hashes.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from hashlib import sha256
from io import BufferedWriter, FileIO
from pathlib import Path
from typing import NamedTuple

import msgspec

MS = 1_000_000


class Made(NamedTuple):
    """What a browser got: the session, and marks of its secrets; None for what it didn't get."""

    session: str
    secret: str
    series: str | None = None
    remember: str | None = None


class Operation(msgspec.Struct, array_like=True, omit_defaults=True, gc=False):
    """One line of a log.

    outcome: ``in`` (it did what it is for), ``none`` (there is no such session, or series), ``failed``
    (whether it did is unknown), ``other`` (it answered about somebody else), or why it was refused.
    session, secret, series, remember: what was presented. session is also the one that ``revoke_others``
    keeps. made: what the browser got. ids: what a list told; what a revoke was asked to end. ended: what
    it told that it ended; None where that isn't told.
    """

    process: str
    kind: str
    start: int
    end: int
    user: str
    outcome: str
    session: str | None = None
    secret: str | None = None
    series: str | None = None
    remember: str | None = None
    made: Made | None = None
    ids: tuple[str, ...] = ()
    ended: tuple[str, ...] | None = None

    def __str__(self) -> str:
        """As people read it: ``12.345678 +0.000210 async-1 validate …``."""
        presented = " ".join(
            f"{name} {value[:8]}"
            for name in ("session", "secret", "series", "remember")
            if (value := getattr(self, name))
        )
        more = [f"of {' '.join(each[:8] for each in self.ids)}"] if self.ids else []
        if self.made is not None:
            more.append(f"made {self.made.session[:8]} with secret {self.made.secret[:8]}")
        if self.ended:
            more.append(f"ended {' '.join(each[:8] for each in self.ended)}")
        took = (self.end - self.start) / 1e9
        words = [self.process, self.kind, self.user, presented, *more, "→", self.outcome]
        return f"{self.start / 1e9:.6f} +{took:.6f}  {' '.join(filter(None, words))}"


def short(session_id: str) -> str:
    """A session as logs name it: the random part of its id."""
    return session_id[:24]


def mark(secret: str) -> str:
    """What a log says of a secret, or of a series' confidential id."""
    return sha256(secret.encode()).hexdigest()[:16]


class Stopwatch:
    """The time of a run, and the clock of everything in it: wall clocks may be set meanwhile."""

    def __init__(self) -> None:
        # Whole milliseconds, so that the clock's are the log's rounded down.
        self.origin = time.monotonic_ns() // MS * MS
        self.epoch = time.time_ns() // MS

    def __call__(self) -> int:
        """Nanoseconds since the run began."""
        return time.monotonic_ns() - self.origin

    def clock(self) -> int:
        """The time that stores and services are given, milliseconds."""
        return self.clock_at(self())

    def clock_at(self, moment: int) -> int:
        """What the clock showed at a moment of the log."""
        return self.epoch + moment // MS


class Log:
    """The log of one process."""

    def __init__(self, folder: str, process: str) -> None:
        self._file = BufferedWriter(FileIO(Path(folder) / f"{process}.log", "w"), 1 << 20)
        self._encode = msgspec.json.Encoder().encode

    def write(self, operation: Operation) -> None:
        self._file.write(self._encode(operation) + b"\n")

    def close(self) -> None:
        self._file.close()


def read(folder: str) -> Iterator[Operation]:
    """All operations of a run, each process's by their ends."""
    decode = msgspec.json.Decoder(Operation).decode
    for path in sorted(Path(folder).glob("*.log")):
        with open(path, "rb", buffering=1 << 20) as lines:
            for line in lines:
                yield decode(line)
