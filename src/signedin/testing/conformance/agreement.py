"""Where a store repeats a rule in its own language, it says what the pure rule says."""

from __future__ import annotations

import itertools
import random
import sys
from typing import Any

import pytest

from ...policy import surplus
from ...reasons import REASONS
from ...session import deadline, user_tag
from ...steps import AllBut, Ending, Only, Rotation, Touch
from ..records import DAY, LAPTOP, START, ids, make_record, signed_in, step

LIMITS = [None, 1, 1000, DAY]


@pytest.mark.parametrize(("idle", "expires"), list(itertools.product(LIMITS, LIMITS)))
async def test_life_and_death(store: Any, idle: int | None, expires: int | None) -> None:
    """A session is swept from its deadline on, and can be written to until then (V2)."""
    end = None if expires is None else START + expires
    over = deadline(START, idle, end)
    record = await signed_in(store, idle=idle, expires=end)
    if over < 2**60:
        assert not await store.rename("1", record.id, "x", over)
        assert await store.rename("1", record.id, "x", over - 1)
        assert (await store.sweep(over - 1, 10)).ended == ()
        assert ids((await store.sweep(over, 10)).ended) == {record.id}
    else:
        assert await store.rename("1", record.id, "x", 2**55)
        assert (await store.sweep(2**55, 10)).ended == ()


@pytest.mark.parametrize("seed", range(8))
async def test_who_goes_at_the_cap(store: Any, seed: int) -> None:
    """The store evicts exactly those that the pure rule names (S3)."""
    dice = random.Random(seed)
    alive = []
    for _ in range(dice.randrange(2, 25)):
        active = START - dice.randrange(5)
        idle = dice.choice([None, 3, DAY])
        record = await signed_in(store, now=START - dice.randrange(5, 8), active=active, idle=idle)
        if deadline(active, idle, None) > START:
            alive.append(record)
    cap = dice.randrange(1, 12)
    items = [(r.last_active_at, r.signed_in_at, bytes.fromhex(r.id)) for r in alive]
    expected = {raw.hex() for _, _, raw in surplus(items, cap)}
    new, _ = make_record(now=START)
    assert ids((await store.add(step(new, cap=cap))).ended) == expected


@pytest.fixture
def equal_tags(monkeypatch: pytest.MonkeyPatch) -> None:
    """All users have the same tag, as two of them might."""
    real = user_tag  # this module's own is replaced, too
    for module in list(sys.modules.values()):
        if vars(module).get("user_tag") is real:
            monkeypatch.setattr(module, "user_tag", lambda user_id: b"t" * 12)


@pytest.mark.usefixtures("equal_tags")
async def test_equal_tags(store: Any) -> None:
    """Every verb that takes a user compares the user: the owner succeeds, the stranger does not."""
    mine = await signed_in(store, "1", remember=True)
    theirs = await signed_in(store, "2", remember=True)
    assert mine.id[24:] == theirs.id[24:]

    assert (await store.for_user("1")).records == [mine]
    assert (await store.for_user("1")).series == {mine.series}
    assert not await store.rename("1", theirs.id, "x", START)
    assert await store.forget("1", only=theirs.series) == 0
    assert await store.forget("1", keep=mine.series) == 0
    assert (await store.for_user("2")).series == {theirs.series}

    new, _ = make_record("1")
    assert (await store.add(step(new, cap=1, replaces=theirs.id, forgets=theirs.series))).ended[
        0
    ].id == mine.id
    assert await store.find(theirs.id) == theirs

    for which in (Only((theirs.id,)), AllBut(None), AllBut(theirs.id)):
        await store.end(Ending("1", which, REASONS["theft"], None, START + 1))
    assert await store.find(theirs.id) == theirs
    assert (await store.for_user("2")).series == {theirs.series}
    assert await store.history("2", 0) == []
    assert len(await store.history("1", 0)) == 2

    late, _ = make_record("2", START + 2)
    assert not isinstance(await store.add(step(late, started_at=0)), str)
    await store.end(Ending("2", Only((theirs.id,)), REASONS["revoked"], "2", START + 3))
    assert (
        await store.end(Ending("1", Only((theirs.id,)), REASONS["revoked"], "1", START + 4))
    ).already == ()


@pytest.mark.usefixtures("equal_tags")
async def test_equal_tags_and_bounded_history(store: Any) -> None:
    """One user's endings push nothing out of another's history."""
    theirs = await signed_in(store, "2")
    await store.end(Ending("2", AllBut(None), REASONS["revoked"], "2", START))
    for n in range(5):
        for _ in range(50):
            await signed_in(store, "1")
        await store.end(Ending("1", AllBut(None), REASONS["revoked"], "1", START + n + 1))
    assert ids(await store.history("2", 0)) == {theirs.id}


async def test_a_rotation_and_a_touch_leave_each_other_alone(store: Any) -> None:
    """Activity noted between a read and its rotation is not lost."""
    record = await signed_in(store)
    await store.touch([Touch(record.id, LAPTOP)], START + 50)
    assert await store.rotate(
        Rotation(record.id, record.secret_hash, b"n" * 32, record.tail), START + 51
    )
    assert (await store.find(record.id)).last_active_at == START + 50
