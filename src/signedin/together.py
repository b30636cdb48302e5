"""Reads that travel together: what is asked for in one turn of the event loop leaves as one.

Nothing is kept and nothing is delayed: what waits leaves when the loop comes round, and each asker
gets what the store said after the question was put. The sync twin, whose callers each have a thread,
asks at once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from copy import copy
from typing import Final, Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")

MOST: Final = 256
"""So many at a time: the first askers needn't wait for the answers of a thousand others."""


class AsyncTogether(Generic[K, V]):
    """Ask for one key; the keys of a turn are read as one.

    read: answers in the order of the keys, and gives up in time by itself.
    """

    def __init__(self, read: Callable[[Sequence[K]], Awaitable[Sequence[V]]]) -> None:
        self._read = read
        self._waiting: list[tuple[K, asyncio.Future[V]]] = []
        self._next: asyncio.Task[None] | None = None
        self._under_way: set[asyncio.Task[None]] = set()

    async def ask(self, key: K) -> V:
        """The answer for a key. Raises what ``read`` raised."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[V] = loop.create_future()
        self._waiting.append((key, future))
        if self._next is None or self._next.done():
            self._leave()
        return await future

    def _leave(self) -> None:
        # A task of its own: an asker who is cancelled takes nobody's answer along. It begins when the
        # loop has come round; until then others join.
        self._next = asyncio.ensure_future(self._travel())
        self._under_way.add(self._next)  # the loop itself keeps no hold of its tasks
        self._next.add_done_callback(self._under_way.discard)

    async def _travel(self) -> None:
        # Who was cancelled in the meantime doesn't travel.
        waiting = [(key, future) for key, future in self._waiting if not future.done()]
        group, self._waiting, self._next = waiting[:MOST], waiting[MOST:], None
        if self._waiting:
            self._leave()
        if not group:
            return
        try:
            answers = await self._read([key for key, _ in group])
        except asyncio.CancelledError:
            for _, future in group:
                future.cancel()
            raise
        except Exception as error:
            for _, future in group:
                if not future.done():
                    own = copy(error)  # each asker's traceback is its own
                    own.__cause__ = error
                    future.set_exception(own)
            return
        for (_, future), answer in zip(group, answers, strict=True):
            if not future.done():
                future.set_result(answer)


class Together(Generic[K, V]):
    """The same for callers with a thread each."""

    def __init__(self, read: Callable[[Sequence[K]], Sequence[V]]) -> None:
        self._read = read

    def ask(self, key: K) -> V:
        """The answer for a key. Raises what ``read`` raised."""
        return self._read((key,))[0]
