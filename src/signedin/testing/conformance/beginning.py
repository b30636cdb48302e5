"""What every store does when sessions begin: add, the cap, the barrier, resume."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from ...reasons import REASONS
from ...remember_me import derive
from ...session import new_session_id
from ...steps import Added, AllBut, Ending, Only, Query, Resumption
from ...token import Token, new_secret
from ..records import DAY, SECOND, START, ids, make_record, make_series, signed_in, step


async def test_missing_is_nothing(store: Any) -> None:
    """What isn't there is None, empty or zero, never an error."""
    nobody = new_session_id("1")
    assert await store.find(nobody) is None
    assert await store.find_ended(nobody) is None
    assert await store.find_many([nobody]) == []
    assert await store.find_many([]) == []
    assert await store.find_series(nobody) is None
    assert await store.data(nobody) is None
    found = await store.for_user("1")
    assert (found.records, found.series) == ([], frozenset())
    assert await store.history("1", 0) == []
    assert (await store.search(Query(10))).records == []
    assert await store.newest() == 0
    assert await store.everybody_barrier() == 0
    assert await store.forget("1") == 0


async def test_add_and_find(store: Any) -> None:
    """A record comes back as it went in, by each way of finding it."""
    series, _ = make_series("1", new_session_id("1"))
    record, _ = make_record(series=series.key, expires=START + DAY)
    assert await store.add(step(record, series=series, data=b"bag")) == Added(())
    assert await store.find(record.id) == record
    assert await store.find_many([record.id, new_session_id("1")]) == [record]
    assert (await store.for_user("1")).records == [record]
    assert (await store.for_user("1")).series == {series.key}
    assert (await store.search(Query(10))).records == [record]
    assert await store.data(record.id) == b"bag"
    assert await store.newest() == START


async def test_creating_never_overwrites(store: Any) -> None:
    """A second session with the same id is refused, and the first one is as it was."""
    record = await signed_in(store)
    other, _ = make_record(session_id=record.id, now=START + 1)
    with pytest.raises(ValueError, match="already"):
        await store.add(step(other))
    assert await store.find(record.id) == record
    assert await store.history("1", 0) == []


async def test_text_of_all_sorts(store: Any) -> None:
    """Ids and texts of any script are kept."""
    user = "Ωλ 💥 'quoted' \"x\" %_"
    record = await signed_in(store, user)
    assert (await store.for_user(user)).records == [record]


# ── the cap ──────────────────────────────────────────────────────────────────────────────────


async def test_the_cap_evicts_the_least_recently_active(store: Any) -> None:
    """Beyond the cap the least recently active go, ties by sign-in; the new one survives (S3)."""
    old = [await signed_in(store, now=START + n, active=START + n) for n in range(5)]
    tie = await signed_in(store, now=START - 9, active=START + 1)
    new, _ = make_record(now=START + 10, active=START - DAY)
    answer = await store.add(step(new, cap=4))
    assert [s.id for s in sorted(answer.ended, key=lambda s: s.last_active_at)][:1] == [old[0].id]
    assert ids(answer.ended) == {old[0].id, tie.id, old[1].id}
    assert {s.reason for s in answer.ended} == {"limit"}
    assert ids((await store.for_user("1")).records) == {new.id, *ids(old[2:])}


async def test_expired_sessions_do_not_count(store: Any) -> None:
    """A session that is over takes no room, and is not what makes room."""
    dead = await signed_in(store, now=START - 9 * DAY)
    kept = await signed_in(store)
    new, _ = make_record()
    assert await store.add(step(new, cap=2)) == Added(())
    assert ids((await store.for_user("1")).records) == {dead.id, kept.id, new.id}


async def test_no_cap(store: Any) -> None:
    """None is no limit."""
    for _ in range(5):
        new, _ = make_record()
        assert await store.add(step(new, cap=None)) == Added(())


async def test_the_cap_refuses(store: Any) -> None:
    """Where the policy says so, the new one is refused; the session it replaces makes room."""
    first, second = await signed_in(store), await signed_in(store)
    new, _ = make_record()
    assert await store.add(step(new, cap=2, at_cap="refuse")) == "limit"
    assert ids((await store.for_user("1")).records) == {first.id, second.id}
    answer = await store.add(step(new, cap=2, at_cap="refuse", replaces=first.id))
    assert ids(answer.ended) == {first.id}
    assert ids((await store.for_user("1")).records) == {second.id, new.id}


async def test_the_cap_of_others(store: Any) -> None:
    """One user's sessions make no room for another's."""
    other = await signed_in(store, "2")
    await signed_in(store, "1")
    new, _ = make_record("1")
    await store.add(step(new, cap=1))
    assert await store.find(other.id) == other


# ── what the browser had before ──────────────────────────────────────────────────────────────


async def test_replaced(store: Any) -> None:
    """The same user's session in this browser ends in the same step, its series with it (S1)."""
    before = await signed_in(store, remember=True)
    kept = await signed_in(store, remember=True)
    new, _ = make_record(now=START + 1)
    answer = await store.add(step(new, replaces=before.id))
    assert [(s.id, s.reason) for s in answer.ended] == [(before.id, "replaced")]
    found = await store.for_user("1")
    assert found.series == {kept.series}
    assert ids(found.records) == {kept.id, new.id}


async def test_another_users_session_is_not_replaced(store: Any) -> None:
    """``replaces`` reaches the same user's sessions only."""
    other = await signed_in(store, "2")
    new, _ = make_record("1")
    assert await store.add(step(new, replaces=other.id)) == Added(())
    assert await store.find(other.id) == other


async def test_a_presented_series_is_forgotten(store: Any) -> None:
    """The remember-me series that the browser brought goes, and its session goes on without it."""
    before = await signed_in(store, remember=True)
    new, _ = make_record(now=START + 1)
    await store.add(step(new, forgets=before.series))
    found = await store.for_user("1")
    assert found.series == frozenset()
    assert {r.series for r in found.records} == {None}


# ── the barrier ──────────────────────────────────────────────────────────────────────────────


async def test_the_barrier(store: Any) -> None:
    """A sign-in that began before it is refused, one at it or after it is not (S6)."""
    raised = await store.end(Ending("1", AllBut(None), REASONS["credentials_changed"], None, START))
    assert raised.barrier == START
    early, _ = make_record(now=START + SECOND)
    assert await store.add(step(early, started_at=START - 1)) == "barrier"
    assert await store.find(early.id) is None
    assert not isinstance(await store.add(step(early, started_at=START)), str)
    other, _ = make_record("2")
    assert not isinstance(await store.add(step(other, started_at=0)), str)


async def test_the_barrier_moves_forwards_only(store: Any) -> None:
    """An ending that is told late doesn't open what a later one has closed."""
    await store.end(Ending("1", AllBut(None), REASONS["theft"], None, START))
    again = await store.end(Ending("1", AllBut(None), REASONS["theft"], None, START - DAY))
    assert again.barrier == START
    assert await store.raise_everybody_barrier(START) == START
    assert await store.raise_everybody_barrier(START - 1) == START
    assert await store.everybody_barrier() == START


# ── resuming ─────────────────────────────────────────────────────────────────────────────────


async def remembered(store: Any) -> tuple[Any, Any, Token]:
    """A session with its series, and the series' token."""
    record, _ = make_record()
    series, token = make_series("1", record.id)
    record = msgspec.structs.replace(record, series=series.key)
    await store.add(step(record, series=series))
    return record, series, token


def resumption(series: Any, token: Token, now: int = START + SECOND, **changes: Any) -> Resumption:
    nonce = new_secret().encode()[:32]
    derived = derive(token.secret, nonce)
    record, _ = make_record(series.user_id, now, series=series.key)
    moved = msgspec.structs.replace(
        series,
        secret_hash=Token(token.id, derived.successor).hash(),
        previous_hash=series.secret_hash,
        nonce=nonce,
        session_id=record.id,
        expires_at=now + 14 * DAY,
    )
    values: dict[str, Any] = {"now": now, "started_at": now, "cap": 100, "at_cap": "evict"} | changes
    return Resumption(record, **values, expected_hash=series.secret_hash, series=moved)


async def test_find_series(store: Any) -> None:
    """A series with its session, alive or ended; the wrong id finds nothing."""
    record, series, token = await remembered(store)
    assert await store.find_series(token.id) == (series, record)
    assert await store.find_series(new_session_id("1")) is None
    await store.end(Ending("1", AllBut(None), REASONS["limit"], None, START + 1))
    found, entry = await store.find_series(token.id)
    assert found == series
    assert (entry.session.id, entry.session.reason) == (record.id, "limit")


async def test_resume(store: Any) -> None:
    """The series' earlier session ends, the new one begins, the secret moves on: one step (R2)."""
    record, series, token = await remembered(store)
    asked = resumption(series, token)
    answer = await store.resume(asked)
    assert [(s.id, s.reason) for s in answer.ended] == [(record.id, "resumed")]
    found, live = await store.find_series(token.id)
    assert found == asked.series
    assert live == asked.record
    assert await store.find(record.id) is None


async def test_resume_compares(store: Any) -> None:
    """Whoever comes second finds another hash, and nothing happens (CONC-1)."""
    _, series, token = await remembered(store)
    first, second = resumption(series, token), resumption(series, token)
    assert not isinstance(await store.resume(first), str)
    assert await store.resume(second) == "lost"
    assert ids((await store.for_user("1")).records) == {first.record.id}


async def test_resume_meets_the_barrier_and_the_cap(store: Any) -> None:
    """A resume is a sign-in: the barrier stops it, the cap holds, a refused one changes nothing."""
    record, series, token = await remembered(store)
    others = [await signed_in(store, now=START + n) for n in range(3)]
    assert await store.resume(resumption(series, token, cap=3, at_cap="refuse")) == "limit"
    assert (await store.find_series(token.id))[1] == record
    answer = await store.resume(resumption(series, token, cap=3))
    assert ids(answer.ended) == {record.id, others[0].id}


async def test_a_resume_that_began_before_the_barrier(store: Any) -> None:
    """It is refused, and the series is as it was (S6)."""
    _, series, token = await remembered(store)
    raised = Ending("1", Only((new_session_id("1"),)), REASONS["account_disabled"], None, START + 5)
    await store.end(raised)
    assert await store.find_series(token.id) is None  # that reason forgets it
    again, _ = make_record(now=START + SECOND)
    series, token = make_series("1", again.id)
    await store.add(step(msgspec.structs.replace(again, series=series.key), series=series))
    assert await store.resume(resumption(series, token, started_at=START)) == "barrier"
    assert (await store.find_series(token.id))[0] == series


async def test_a_forgotten_series_resumes_nothing(store: Any) -> None:
    """Forgotten is unknown."""
    _, series, token = await remembered(store)
    assert await store.forget("1") == 1
    assert await store.find_series(token.id) is None
    assert await store.resume(resumption(series, token)) == "lost"


async def test_forget(store: Any) -> None:
    """One, all but one, all; of this user; the sessions go on, no longer remembered."""
    a, b, c = [await signed_in(store, remember=True) for _ in range(3)]
    other = await signed_in(store, "2", remember=True)
    assert await store.forget("1", only=a.series) == 1
    assert await store.forget("1", only=other.series) == 0
    assert await store.forget("1", keep=b.series) == 1
    found = await store.for_user("1")
    assert found.series == {b.series}
    assert {r.id: r.series for r in found.records} == {a.id: None, b.id: b.series, c.id: None}
    assert await store.forget("1") == 1
    assert (await store.for_user("2")).series == {other.series}
