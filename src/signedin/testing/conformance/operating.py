"""What every store does for operators: many endings, searches in pages, counts, the audit trail."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any

import msgspec
import pytest

from ...audit import AuditEntry
from ...describe import is_idle
from ...policy import HISTORY_LENGTH
from ...reasons import REASONS
from ...session import decode_tail, session_of
from ...steps import AllBut, Counts, Ending, EndingEverybody, Only, Query
from ..records import DAY, START, ids, make_record, signed_in, step

NOW = START + 1000


async def test_end_many(store: Any) -> None:
    """Several endings at once, each by its reason's row; the others go on."""
    for user_id in ("1", "2", "3"):
        await signed_in(store, user_id, remember=True)
        await signed_in(store, user_id)
    reason = REASONS["revoked_by_operator"]
    endings = [Ending(user, AllBut(None), reason, "root", NOW) for user in ("1", "3", "nobody")]
    ended = await store.end_many(endings)
    assert [(len(part.sessions), part.forgotten) for part in ended] == [(2, 1), (2, 1), (0, 0)]
    assert len((await store.for_user("2")).records) == 2
    for user_id in ("1", "3"):
        late, _ = make_record(user_id, NOW)
        assert await store.add(step(late, started_at=NOW - 1)) == "barrier"


async def everybody(store: Any, limit: int, **ending: Any) -> list[Any]:
    """All batches of ending everybody."""
    batches: list[Any] = []
    cursor = None
    while not batches or cursor is not None:
        asked = EndingEverybody(REASONS["revoked_by_operator"], "root", NOW, **ending)
        batches.append(await store.end_everybody(asked, cursor, limit, told=True))
        cursor = batches[-1].cursor
    return batches


@pytest.mark.parametrize("limit", [1, 4, 100])
async def test_end_everybody(store: Any, limit: int) -> None:
    """In batches: every session ends once and is in the history as if it had been ended alone; every
    series goes, also those without a session; data bags go.
    """
    records = [await signed_in(store, str(n % 7), remember=n % 3 == 0) for n in range(20)]
    idle = await signed_in(store, "idle", idle=10)
    expired = await signed_in(store, "expired", expires=START + 5)
    broken = await signed_in(store, "broken", tail=b"not a tail")
    lonely = await signed_in(store, "lonely", remember=True)
    await store.end(Ending("lonely", AllBut(None), REASONS["limit"], None, START + 1))
    await store.set_data(records[0].id, b"bag", START)
    batches = await everybody(store, limit)
    told = [session for batch in batches for session in batch.told]
    assert sum(batch.sessions for batch in batches) == len(told) == 23
    assert sum(batch.users for batch in batches) == 11
    assert sum(batch.forgotten for batch in batches) == 8
    why = {session.id: (session.reason, session.actor) for session in told}
    assert why == {record.id: ("revoked_by_operator", "root") for record in records} | {
        idle.id: ("idle", None),
        expired.id: ("expired", None),
        broken.id: ("revoked_by_operator", "root"),
    }
    for session in told:
        assert (await store.find_ended(session.id)).session == session
    assert (await store.search(Query(100))).records == []
    assert (await store.for_user("lonely")).series == frozenset()
    assert await store.data(records[0].id) is None
    assert lonely.id not in why
    (again,) = await everybody(store, limit)
    assert again[:4] == (0, 0, 0, ())


async def test_end_everybody_but_one(store: Any) -> None:
    """The operator's own session goes on, without Remember me."""
    mine = await signed_in(store, remember=True)
    for user_id in ("1", "2"):
        await signed_in(store, user_id)
    (batch,) = await everybody(store, 100, spared=mine.id)
    assert (batch.sessions, batch.users) == (2, 2)
    assert await store.find(mine.id) == msgspec.structs.replace(mine, series=None)


async def test_end_everybody_bounds_the_history(store: Any) -> None:
    """No more of a user is kept than otherwise."""
    for start in range(0, HISTORY_LENGTH + 40, 80):
        for _ in range(80):
            await signed_in(store)
        await everybody(store, 100)
        assert len(await store.history("1", 0)) == min(start + 80, HISTORY_LENGTH)


async def pages(store: Any, query: Query) -> list[Any]:
    """All records of a query, page by page."""
    seen: list[Any] = []
    while True:
        page = await store.search(query)
        assert len(page.records) <= query.limit
        seen += page.records
        if page.cursor is None:
            return seen
        query = query._replace(cursor=page.cursor)


@pytest.mark.parametrize("order", ["key", "recent", "ip"])
@pytest.mark.parametrize("size", [1, 3, 40, 100])
async def test_pages(store: Any, order: Any, size: int) -> None:
    """Every session once, in pages, whatever the order."""
    records = [
        await signed_in(store, str(n % 7), ip=f"192.0.2.{n % 5}", active=START + n % 4)
        for n in range(40)
    ]
    seen = await pages(store, Query(size, order, ip=("192.0.2.", "192.0.2.~")))
    assert len(seen) == 40
    assert ids(seen) == ids(records)
    if order == "recent":
        assert [r.last_active_at for r in seen] == sorted((r.last_active_at for r in seen), reverse=True)
    if order == "key":
        users = [record.user_id for record in seen]
        assert len([a for a, b in itertools.pairwise(users) if a != b]) == 6


async def test_what_a_query_narrows(store: Any) -> None:
    """It leaves out what it says, and nothing that is meant."""
    old = await signed_in(store, active=START - DAY, ip="2001:db8::1")
    new = await signed_in(store, remember=True, ip="203.0.113.24")

    async def found(**query: Any) -> Any:
        return ids(await pages(store, Query(10, **query)))

    for order in ("key", "recent"):
        assert await found(order=order, active_to=START - 1) == {old.id}
        assert await found(order=order, active_from=START) == {new.id}
        assert await found(order=order, remembered=True) == {new.id}
        assert await found(order=order, remembered=False) == {old.id}
        assert await found(order=order, ip=("203.0.113.", "203.0.113.~")) == {new.id}
        assert await found(order=order, ip=("2001:db8:", "2001:db8:~")) == {old.id}
    for record in (old, new):
        for length in (8, 9, 24, 40, 48):
            assert record.id in await found(beginning=record.id[:length])


@pytest.mark.parametrize("cursor", ["", "x", "1", "0" * 48 + ".x", "0" * 48 + "." + "9" * 30, "é" * 48])
async def test_what_is_no_cursor(store: Any, cursor: str) -> None:
    """A cursor that somebody made up is refused with a sentence."""
    with pytest.raises(ValueError, match="cursor of this list"):
        await store.search(Query(10, "recent", cursor))
    with pytest.raises(ValueError, match="cursor of this list"):
        await store.search_ended(0, cursor, 10)


async def test_what_ended_for_everybody(store: Any) -> None:
    """The history of all users, the latest first, in pages."""
    for n in range(9):
        record = await signed_in(store, str(n % 3))
        which = Only((record.id,))
        await store.end(Ending(str(n % 3), which, REASONS["signed_out"], None, START + n // 2))
    for size in (1, 4, 9, 20):
        seen, cursor = [], None
        while True:
            page = await store.search_ended(START + 1, cursor, size)
            seen += page.sessions
            cursor = page.cursor
            if cursor is None:
                break
        assert [s.ended_at - START for s in seen] == [4, 3, 3, 2, 2, 1, 1]
        assert len(ids(seen)) == 7


async def test_counts(store: Any) -> None:
    """How much there is, by the rules that the page goes by."""
    now = START + 5 * DAY
    await signed_in(store, "1", remember=True)
    await signed_in(store, "1", now=now)
    await signed_in(store, "2", active=START + 2 * DAY, idle=None)
    await signed_in(store, "3", idle=DAY)
    gone = await signed_in(store, "4")
    await store.end(Ending("4", Only((gone.id,)), REASONS["signed_out"], "4", now - 1))
    counts = await store.counts(now)
    assert counts == Counts(
        3, 2, remembered=1, idle=2, lately=1, created=1, over=1, ended={"signed_out": 1}
    )
    live = [
        session_of(r, facts, now)
        for r in await pages(store, Query(50))
        if (facts := decode_tail(r.tail)) is not None
        if r.judge(now) == "active"
    ]
    assert counts.idle == sum(is_idle(session, now) for session in live)


async def test_the_audit_trail(store: Any) -> None:
    """Runs, the latest first, each as its last entry left it; pages; a run by its name."""
    one = AuditEntry("a" * 16, START, "started", "cli:root", "revoke", "user:1", "INC-1", "host")
    await store.audit(one)
    for n in range(5):
        await store.audit(AuditEntry(f"{n:016}", START + n, "done", "web:2", "reveal", f"session:{n}"))
    later = replace(one, at=START + 9, outcome="done", sessions=7, already=1, users=2, in_doubt=3)
    await store.audit(later)
    assert (await store.audit_run(one.run))[1:] == (START, later)
    assert await store.audit_run("nobody's") is None
    for size in (1, 2, 6, 50):
        seen, cursor = [], None
        while True:
            page = await store.audit_trail(cursor, size)
            seen += page.runs
            cursor = page.cursor
            if cursor is None:
                break
        assert [run.last.about for run in seen] == [*(f"session:{n}" for n in (4, 3, 2, 1, 0)), "user:1"]
        assert seen[-1].last == later
