"""Reads that travel together: what is asked for in one turn of the event loop leaves as one.

Nothing is kept and nothing is delayed: what waits leaves when the loop comes round, and each asker
gets what the store said after the question was put. Where nobody else has asked for a while a question
leaves at once, as it does in the sync twin, whose callers each have a thread.
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
ALONE: Final = 8
"""After so many questions that nobody joined the next leaves at once, before the loop comes round. With
fewer, those of a busy server would part again and again.
"""


class AsyncTogether(Generic[K, V]):
    """Ask for one key; the keys of a turn are read as one.

    read: answers in the order of the keys, and gives up in time by itself.
    """

    def __init__(self, read: Callable[[Sequence[K]], Awaitable[Sequence[V]]]) -> None:
        self._read = read
        self._joining: list[tuple[K, asyncio.Future[V]]] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._alone = 0
        self._is_ahead = False
        self._under_way: set[asyncio.Task[None]] = set()

    async def ask(self, key: K) -> V:
        """The answer for a key. Raises what ``read`` raised."""
        loop = asyncio.get_running_loop()
        if self._joining is None or self._loop is not loop:
            if self._alone >= ALONE and not self._is_ahead:
                return await self._go_ahead(key)
            group = await self._gathered(loop)
            if not group:
                self._alone += 1
                return (await self._read((key,)))[0]
            self._alone = 0
            future: asyncio.Future[V] = loop.create_future()
            self._leave([(key, future), *group])
        else:
            future = loop.create_future()
            self._joining.append((key, future))
        return await future

    async def _go_ahead(self, key: K) -> V:
        """The answer for one key. Who asks meanwhile finds out whether others do, too."""
        self._is_ahead = True
        try:
            return (await self._read((key,)))[0]
        finally:
            self._is_ahead = False

    async def _gathered(self, loop: asyncio.AbstractEventLoop) -> list[tuple[K, asyncio.Future[V]]]:
        """Who else asks until the loop has come round."""
        group = self._joining = list[tuple[K, asyncio.Future[V]]]()
        self._loop = loop
        try:
            await asyncio.sleep(0)
        except asyncio.CancelledError:
            self._leave(group)
            raise
        finally:
            if self._joining is group:
                self._joining = None
        return group

    def _leave(self, group: list[tuple[K, asyncio.Future[V]]]) -> None:
        # Tasks of their own: an asker who is cancelled takes nobody's answer along.
        for start in range(0, len(group), MOST):
            task = asyncio.ensure_future(self._travel(group[start : start + MOST]))
            self._under_way.add(task)  # the loop itself keeps no hold of its tasks
            task.add_done_callback(self._under_way.discard)

    async def _travel(self, group: list[tuple[K, asyncio.Future[V]]]) -> None:
        # Who was cancelled in the meantime doesn't travel.
        group = [(key, future) for key, future in group if not future.done()]
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
