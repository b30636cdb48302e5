"""One timer for many waits: whose time is over is told so, and nobody else."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

import pytest

from signedin.redis.deadlines import Deadlines


class Loop(asyncio.SelectorEventLoop):
    """Its time goes on when it is told to."""

    now = 0.0
    timers = 0

    def time(self) -> float:
        return self.now

    def call_at(self, when: float, callback: object, *args: object, **more: object) -> object:  # type: ignore[override]
        self.timers += 1
        return super().call_at(when, callback, *args, **more)  # type: ignore[arg-type]

    async def pass_time(self, seconds: float) -> None:
        self.now += seconds
        for _ in range(3):
            await asyncio.sleep(0)

    async def begun(self, what: Coroutine[Any, Any, object]) -> asyncio.Task[object]:
        task = self.create_task(what)
        await self.pass_time(0)
        return task


def run(work: Callable[[Loop, Deadlines], Awaitable[None]]) -> None:
    loop = Loop()
    try:
        loop.run_until_complete(work(loop, Deadlines()))
    finally:
        loop.close()


async def waiting(deadlines: Deadlines, seconds: float | None, what: Awaitable[object]) -> object:
    with deadlines.begin(seconds):
        return await what


def test_whose_time_is_over() -> None:
    """TimeoutError at the bound and not before; who began later goes on."""

    async def work(loop: Loop, deadlines: Deadlines) -> None:
        first = await loop.begun(waiting(deadlines, 1.0, loop.create_future()))
        await loop.pass_time(0.5)
        answer = loop.create_future()
        second = await loop.begun(waiting(deadlines, 1.0, answer))
        await loop.pass_time(0.4)
        assert not first.done()
        await loop.pass_time(0.1)
        with pytest.raises(TimeoutError):
            await first
        answer.set_result("here")
        assert await second == "here"
        third = await loop.begun(waiting(deadlines, 1.0, loop.create_future()))
        await loop.pass_time(0.9)
        assert not third.done()
        await loop.pass_time(0.1)
        with pytest.raises(TimeoutError):
            await third

    run(work)


def test_a_cancelled_request_is_cancelled() -> None:
    """By somebody else, also in the moment in which its time is over; afterwards it can wait again."""

    async def work(loop: Loop, deadlines: Deadlines) -> None:
        for late in (0.0, 1.0):
            task = await loop.begun(waiting(deadlines, 1.0, loop.create_future()))
            loop.call_soon(task.cancel)
            loop.now += late
            with pytest.raises(asyncio.CancelledError):
                await task
        this = asyncio.current_task()
        assert this is not None
        for _ in range(2):
            wait = deadlines.begin(1.0)
            with pytest.raises(TimeoutError), wait:
                loop.call_soon(lambda: setattr(loop, "now", loop.now + 1))
                await loop.create_future()
            assert this.cancelling() == 0

    run(work)


def test_an_answer_and_another_error_stay_what_they_are() -> None:
    """Also in the moment in which the time is over: what was raised is raised."""

    async def work(loop: Loop, deadlines: Deadlines) -> None:
        async def fails() -> None:
            try:
                await loop.create_future()
            finally:
                raise OSError("gone")

        task = await loop.begun(waiting(deadlines, 1.0, fails()))
        await loop.pass_time(1)
        with pytest.raises(OSError, match="gone"):
            await task

    run(work)


def test_one_timer_for_all() -> None:
    """However many wait, one after the other or at once; and none when the last has ended."""

    async def work(loop: Loop, deadlines: Deadlines) -> None:
        for _ in range(100):
            await waiting(deadlines, 1.0, asyncio.sleep(0))
        tasks = [loop.create_task(waiting(deadlines, 1.0, asyncio.sleep(0))) for _ in range(100)]
        await asyncio.gather(*tasks)
        assert loop.timers == 1
        assert len(deadlines._waits) == 200
        await loop.pass_time(1)
        assert loop.timers == 1
        assert not deadlines._waits
        await waiting(deadlines, None, asyncio.sleep(0))
        assert loop.timers == 1

    run(work)


def test_another_loop_and_another_bound() -> None:
    """A store that is used in one loop after the other waits in each."""
    deadlines = Deadlines()

    async def work(loop: Loop, _: Deadlines) -> None:
        for seconds in (1.0, 0.5):
            task = await loop.begun(waiting(deadlines, seconds, loop.create_future()))
            await loop.pass_time(seconds)
            with pytest.raises(TimeoutError):
                await task

    run(work)
    run(work)
