"""Waits that may all take equally long: one timer of the loop for them, not one each."""

from __future__ import annotations

import asyncio
import math
from collections import deque
from types import TracebackType
from typing import Any


class Wait:
    """One wait, as a ``with`` block. Raises TimeoutError in it when its time is over.

    As ``asyncio.timeout`` it cancels the task, and tells its own cancellation from anybody else's.
    """

    __slots__ = ("_before", "is_over", "task", "until")

    def __init__(self, task: asyncio.Task[Any], until: float) -> None:
        self.task: asyncio.Task[Any] | None = task
        self.until = until
        self.is_over = False
        self._before = task.cancelling()

    def __enter__(self) -> None:
        pass

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        task, self.task = self.task, None
        if self.is_over:
            assert task is not None
            if task.uncancel() <= self._before and kind is asyncio.CancelledError:
                raise TimeoutError from error


class Deadlines:
    """Waits of which the first to begin is the first whose time is over: one timer is enough. One for
    each, as ``asyncio.timeout`` makes it, cost a fifteenth of a request.
    """

    _loop: asyncio.AbstractEventLoop | None = None
    _seconds: float | None = None
    _waits: deque[Wait]

    def begin(self, seconds: float | None) -> Wait:
        """A wait of the running task, from now on. seconds: None where it may take any time."""
        loop = asyncio.get_running_loop()
        if loop is not self._loop or seconds != self._seconds:
            self._loop, self._seconds, self._waits = loop, seconds, deque()
        task = asyncio.current_task(loop)
        assert task is not None
        if seconds is None:
            return Wait(task, math.inf)
        wait = Wait(task, loop.time() + seconds)
        self._waits.append(wait)
        if len(self._waits) == 1:
            loop.call_at(wait.until, _look, loop, self._waits)
        return wait


def _look(loop: asyncio.AbstractEventLoop, waits: deque[Wait]) -> None:
    """Cancel what is over, forget what has ended, and look again when the next one is over."""
    now = loop.time()
    while waits:
        first = waits[0]
        if first.task is not None:
            if first.until > now:
                loop.call_at(first.until, _look, loop, waits)
                return
            first.is_over = True
            first.task.cancel()
        waits.popleft()
