"""What every store does when sessions end: one way out, by the table of reasons."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from ...policy import HISTORY_AGE, HISTORY_LENGTH
from ...reasons import REASONS
from ...session import new_session_id
from ...steps import AllBut, Ended, Ending, Only, Rotation, Touch
from ..records import DAY, START, ids, make_record, make_series, signed_in, step

NOW = START + 1000
ASKED = [
    r
    for r in REASONS.values()
    if r.name not in ("idle", "expired", "unreadable", "limit", "replaced", "resumed")
]


async def end(
    store: Any, which: Any, reason: str = "revoked", user_id: str = "1", now: int = NOW
) -> Ended:
    ended: Ended = await store.end(Ending(user_id, which, REASONS[reason], "somebody", now))
    return ended


@pytest.mark.parametrize("whole", [False, True], ids=["one", "all"])
@pytest.mark.parametrize("reason", ASKED, ids=lambda reason: reason.name)
async def test_the_table_of_reasons(store: Any, reason: Any, whole: bool) -> None:
    """Series forgotten, barrier written, history kept: as the reason's row says, and not else."""
    one = await signed_in(store, remember=True)
    other = await signed_in(store, remember=True)
    stranger = await signed_in(store, "2", remember=True)
    ended = await end(store, AllBut(None) if whole else Only((one.id,)), reason.name)
    gone = {one.id, other.id} if whole else {one.id}
    assert ids(ended.sessions) == gone
    left = (await store.for_user("1")).series
    if reason.forgets == "all":
        assert left == frozenset()
        assert ended.forgotten == 2
    else:
        assert left == (frozenset() if whole else {other.series})
    stops = reason.barrier == "always" or (reason.barrier == "all" and whole)
    assert ended.barrier == (NOW if stops else None)
    before, _ = make_record(now=NOW)
    assert (await store.add(step(before, started_at=NOW - 1)) == "barrier") is stops
    entries = await store.history("1", 0)
    assert ids(entries) == gone
    assert {(e.reason, e.actor, e.ended_at) for e in entries} == {(reason.name, "somebody", NOW)}
    assert await store.find(stranger.id) == stranger
    assert (await store.for_user("2")).series == {stranger.series}


async def test_what_the_history_keeps(store: Any) -> None:
    """When, why, by whom, from where, on what; no user agent; the hash that its browser can prove."""
    record = await signed_in(store)
    await store.rename("1", record.id, "mine", START)
    await end(store, Only((record.id,)))
    entry = await store.find_ended(record.id)
    session = entry.session
    assert (session.id, session.user_id, session.signed_in_at, session.name) == (
        record.id,
        "1",
        START,
        "mine",
    )
    assert (session.ip, session.device.browser, session.last_active_at) == (record.ip, "Firefox", START)
    assert entry.secret_hash == record.secret_hash
    assert await store.history("1", 0) == [session]
    assert await store.history("1", NOW + 1) == []
    assert await store.history("2", 0) == []


async def test_all_but_one(store: Any) -> None:
    """The kept one goes on; that it is another user's makes no difference."""
    a, b = await signed_in(store), await signed_in(store)
    stranger = await signed_in(store, "2")
    assert ids((await end(store, AllBut(a.id))).sessions) == {b.id}
    assert await store.find(a.id) is not None
    assert ids((await end(store, AllBut(stranger.id))).sessions) == {a.id}
    assert await store.find(stranger.id) == stranger


async def test_ending_twice(store: Any) -> None:
    """The second time it is "already ended", with the first time's reason; one entry (E3, E9)."""
    record = await signed_in(store)
    await end(store, Only((record.id,)))
    again = await end(store, Only((record.id,)), "account_disabled", now=NOW + 5)
    assert again.sessions == ()
    assert [(s.id, s.reason) for s in again.already] == [(record.id, "revoked")]
    assert len(await store.history("1", 0)) == 1


async def test_strangers_and_unknown_ids(store: Any) -> None:
    """Another user's session and one that doesn't exist: the same answer, nothing ends (E4)."""
    mine = await signed_in(store, "1", remember=True)
    theirs = await signed_in(store, "2", remember=True)
    ended = await end(store, Only((theirs.id, new_session_id("1"), new_session_id("2"))))
    assert ended == Ended()
    assert await store.find(theirs.id) == theirs
    assert (await store.for_user("1")).series == {mine.series}
    await end(store, Only((theirs.id,)), user_id="2")
    assert (await end(store, Only((theirs.id,)))).already == ()


async def test_strangers_beside_ones_own(store: Any) -> None:
    """Of a mixed selection one's own end, and only they."""
    mine, theirs = await signed_in(store), await signed_in(store, "2")
    assert ids((await end(store, Only((theirs.id, mine.id, mine.id)))).sessions) == {mine.id}
    assert await store.find(theirs.id) == theirs


async def test_one_that_was_over_ends_for_that(store: Any) -> None:
    """Whoever ends it: a session past its limit is ``idle`` or ``expired``, by nobody."""
    idle = await signed_in(store, idle=10)
    expired = await signed_in(store, expires=START + 10)
    ended = await end(store, AllBut(None))
    assert {(s.id, s.reason, s.actor) for s in ended.sessions} == {
        (idle.id, "idle", None),
        (expired.id, "expired", None),
    }


async def test_revoking_one_that_was_over_forgets_all_the_same(store: Any) -> None:
    """Its Remember me would bring it back, and whoever revokes it means that too."""
    record = await signed_in(store, remember=True, idle=10)
    assert (await end(store, Only((record.id,)))).forgotten == 1
    other = await signed_in(store, remember=True, idle=10)
    await store.sweep(NOW, 100)
    assert (await end(store, Only((other.id,)))).forgotten == 1


async def test_a_rotation_in_the_same_step(store: Any) -> None:
    """The session that stays gets its new secret with the others' ending, or not at all (E7)."""
    kept, other = await signed_in(store), await signed_in(store)
    rotation = Rotation(kept.id, kept.secret_hash, b"n" * 32, kept.tail)
    ended = await store.end(
        Ending("1", AllBut(kept.id), REASONS["credentials_changed"], "1", NOW, rotation)
    )
    assert ended.rotated
    assert ids(ended.sessions) == {other.id}
    assert (await store.find(kept.id)).secret_hash == b"n" * 32
    again = await store.end(
        Ending("1", AllBut(kept.id), REASONS["credentials_changed"], "1", NOW, rotation)
    )
    assert not again.rotated


async def test_unreadable_records_end_like_others(store: Any) -> None:
    """Ending, cap and sweep work on keys, and so reach what can't be decoded (TOK-3)."""
    for tail in (b"", b"\xff" * 50, b"\x91" * 3000):
        record = await signed_in(store, tail=tail, remember=True)
        ended = await end(store, Only((record.id,)))
        assert [s.reason for s in ended.sessions] == ["revoked"]
        assert ended.sessions[0].device.kind == "unknown"
        assert ended.forgotten == 1
    swept = await signed_in(store, tail=b"junk", idle=10)
    assert [(s.id, s.reason) for s in (await store.sweep(NOW, 10)).ended] == [(swept.id, "unreadable")]
    evicted = await signed_in(store, tail=b"junk")
    new, _ = make_record(now=NOW)
    assert ids((await store.add(step(new, cap=1))).ended) == {evicted.id}


async def test_the_history_is_bounded(store: Any) -> None:
    """200 a user, the latest; 30 days after the sweep (E8)."""
    first = await signed_in(store)
    await end(store, AllBut(None))
    for n in range(0, HISTORY_LENGTH, 50):
        for _ in range(50):
            await signed_in(store)
        await end(store, AllBut(None), now=NOW + n + 1)
    entries = await store.history("1", 0)
    assert len(entries) == HISTORY_LENGTH
    assert first.id not in ids(entries)
    assert [e.ended_at for e in entries] == sorted((e.ended_at for e in entries), reverse=True)
    await store.sweep(NOW + HISTORY_AGE + 60, 1000)
    assert len(await store.history("1", 0)) == HISTORY_LENGTH - 50 - 50


# ── sweeping ─────────────────────────────────────────────────────────────────────────────────


async def test_sweep(store: Any) -> None:
    """What is over ends, once, in bounded batches; the living and their series are left alone."""
    living = await signed_in(store, remember=True)
    over = [await signed_in(store, str(n), idle=10) for n in range(5)]
    expired = await signed_in(store, expires=START + 5)
    swept, more = [], True
    while more:
        batch = await store.sweep(NOW, 2)
        assert len(batch.ended) <= 2
        swept += batch.ended
        more = batch.more
    assert {(s.id, s.reason) for s in swept} == {(r.id, "idle") for r in over} | {
        (expired.id, "expired")
    }
    assert await store.find(living.id) == living
    assert (await store.sweep(NOW, 100)).ended == ()
    assert len(await store.history("3", 0)) == 1


async def test_sweep_removes_what_is_too_old(store: Any) -> None:
    """Series that are over and barriers that nothing can meet any more."""
    record, _ = make_record()
    series, token = make_series("1", record.id, days=1)
    await store.add(step(msgspec.structs.replace(record, series=series.key), series=series))
    await end(store, AllBut(None), "limit")
    await store.sweep(START + DAY - 1, 10)
    assert await store.find_series(token.id) is not None
    await store.sweep(START + DAY, 10)
    assert await store.find_series(token.id) is None
    await end(store, AllBut(None), "theft")
    await store.sweep(NOW + DAY, 10)
    late, _ = make_record(now=NOW + DAY)
    assert not isinstance(await store.add(step(late, started_at=0)), str)


async def test_a_session_outlives_its_series(store: Any) -> None:
    """A browser that is remembered no more is not said to be (L1): its session goes on without the series."""
    kept = []
    for days in (1, 2):
        record, _ = make_record()
        series, _ = make_series("1", record.id, days=days)
        record = msgspec.structs.replace(record, series=series.key)
        await store.add(step(record, series=series))
        kept.append(record)
    await store.sweep(START + DAY, 10)
    over, good = kept
    assert await store.find(over.id) == msgspec.structs.replace(over, series=None)
    assert await store.find(good.id) == good
    assert (await store.for_user("1")).series == {good.series}


async def test_a_sweep_that_meets_a_touch(store: Any) -> None:
    """A session that is used again before the sweep reaches it is not swept."""
    record = await signed_in(store, idle=DAY)
    await store.touch([Touch(record.id, None)], START + DAY - 1)
    assert (await store.sweep(START + DAY, 10)).ended == ()
    assert await store.find(record.id) is not None
