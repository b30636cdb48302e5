"""A clock that moves when told to."""

from __future__ import annotations

from .records import START


class FrozenClock:
    """The time in milliseconds since the epoch, for whatever takes a ``clock``."""

    def __init__(self, now: int = START) -> None:
        self.now = now

    def __call__(self) -> int:
        """The time."""
        return self.now

    def tick(self, milliseconds: int = 1) -> int:
        """Let so much time pass; the time then."""
        self.now += milliseconds
        return self.now
