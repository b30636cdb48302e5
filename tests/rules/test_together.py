"""Reads that travel together."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from signedin.errors import StoreUnavailable
from signedin.together import ALONE, MOST, AsyncTogether, Together


class Reads:
    """Doubles numbers, and notes what it was asked for."""

    def __init__(self, error: Exception | None = None) -> None:
        self.asked: list[list[int]] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.error = error

    async def __call__(self, keys: Sequence[int]) -> list[int]:
        self.asked.append(list(keys))
        await self.gate.wait()
        if self.error:
            raise self.error
        return [key * 2 for key in keys]


async def test_one_turn_one_read() -> None:
    """What is asked for in one turn of the loop leaves as one read; the next turn's as another."""
    reads = Reads()
    together = AsyncTogether(reads)
    assert await asyncio.gather(*(together.ask(n) for n in range(50))) == [n * 2 for n in range(50)]
    assert await together.ask(7) == 14
    assert reads.asked == [list(range(50)), [7]]


async def test_alone() -> None:
    """Where nobody joined for a while a question leaves at once; who asks meanwhile, and after those, joins
    others again.
    """
    reads = Reads()
    together = AsyncTogether(reads)
    for n in range(ALONE):
        await together.ask(n)
    reads.gate.clear()
    ahead = asyncio.ensure_future(together.ask(100))
    await asyncio.sleep(0)
    assert reads.asked[ALONE:] == [[100]]
    others = [asyncio.ensure_future(together.ask(n)) for n in (1, 2)]
    await asyncio.sleep(0)
    assert len(reads.asked) == ALONE + 1
    reads.gate.set()
    assert await asyncio.gather(ahead, *others) == [200, 2, 4]
    assert await asyncio.gather(together.ask(3), together.ask(4)) == [6, 8]
    assert reads.asked[ALONE + 1 :] == [[1, 2], [3, 4]]


async def test_bounded() -> None:
    """A turn that asks for very much leaves in several groups."""
    reads = Reads()
    together = AsyncTogether(reads)
    answers = await asyncio.gather(*(together.ask(n) for n in range(2 * MOST + 1)))
    assert answers == [n * 2 for n in range(2 * MOST + 1)]
    assert [len(keys) for keys in reads.asked] == [MOST, MOST, 1]


@pytest.mark.parametrize("under_way", [False, True])
async def test_who_is_cancelled_takes_nobodys_answer(under_way: bool) -> None:
    """A cancelled asker gets none, the others get their own, before and after the read has left."""
    reads = Reads()
    reads.gate.clear()
    together = AsyncTogether(reads)
    askers = [asyncio.ensure_future(together.ask(n)) for n in range(5)]
    await asyncio.sleep(0)
    if under_way:
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert reads.asked
    askers[0].cancel()
    askers[3].cancel()
    reads.gate.set()
    answers = await asyncio.gather(*askers, return_exceptions=True)
    assert [answers[n] for n in (1, 2, 4)] == [2, 4, 8]
    assert isinstance(answers[0], asyncio.CancelledError)
    if not under_way:
        assert reads.asked == [[1, 2, 4]]


async def test_an_error_reaches_everyone() -> None:
    """Everyone who waited gets the error, each an exception of their own; the next read is a new one."""
    reads = Reads(StoreUnavailable("gone"))
    together = AsyncTogether(reads)
    answers = await asyncio.gather(*(together.ask(n) for n in range(3)), return_exceptions=True)
    assert [str(answer) for answer in answers] == ["gone"] * 3
    assert len({id(answer) for answer in answers}) == 3
    reads.error = None
    assert await together.ask(1) == 2


def test_without_a_loop() -> None:
    """In the sync colour a read leaves at once."""
    assert Together(lambda keys: [key * 2 for key in keys]).ask(4) == 8


def test_a_loop_that_ended() -> None:
    """Who waited when a loop's tasks were cancelled keeps nobody waiting on the next one."""
    reads = Reads()
    together = AsyncTogether(reads)

    async def leave_waiting() -> None:
        asker = asyncio.ensure_future(together.ask(1))
        await asyncio.sleep(0)
        assert not asker.done()
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            task.cancel()

    asyncio.run(leave_waiting())
    assert asyncio.run(asyncio.wait_for(together.ask(2), 5)) == 4
    assert reads.asked == [[2]]
