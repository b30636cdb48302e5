"""What a store keeps can be moved to another one, and back, without reviving anything."""

from __future__ import annotations

import os
from typing import Any

import msgspec

from ...audit import AuditEntry
from ...reasons import REASONS
from ...steps import AllBut, Ending, Exported, Imported, Only, Rotation, Touch, UserRecords
from ..records import DAY, LAPTOP, MINUTE, START, make_record, signed_in, step


async def everything(store: Any, limit: int = 100) -> dict[str, UserRecords]:
    """What the store keeps, by user."""
    users: list[UserRecords] = []
    page = Exported([], None)
    while page.cursor is not None or not users:
        page = await store.export(page.cursor, limit)
        users += page.users
        if page.cursor is None:
            break
    assert len({user.user_id for user in users}) == len(users)
    return {user.user_id: user for user in users}


async def copy(store: Any, other_store: Any) -> Imported:
    """All of one into the other."""
    imported: Imported = await other_store.import_users(list((await everything(store)).values()))
    return imported


def ordered(user: UserRecords) -> UserRecords:
    """The same without the order in which a store happens to keep it."""
    return user._replace(
        ended=sorted(user.ended, key=lambda entry: entry.session.id),
        records=sorted(user.records, key=lambda record: record.id),
        series=sorted(user.series, key=lambda series: series.key),
    )


def revoking(user_id: str, *session_ids: Any, now: int = START) -> Ending:
    which = Only(session_ids) if session_ids else AllBut(None)
    return Ending(user_id, which, REASONS["revoked"], user_id, now)


async def test_all_of_it_arrives(store: Any, other_store: Any) -> None:
    """Sessions, series, data bags, history and barriers are the same in the other store."""
    for number in range(25):
        kept = await signed_in(store, f"u{number}", remember=number % 3 == 0)
        gone = await signed_in(store, f"u{number}")
        await store.set_data(kept.id, b"bag", START)
        await store.end(revoking(f"u{number}", gone.id) if number % 2 else
                        Ending(f"u{number}", Only((gone.id,)), REASONS["theft"], None, START))  # fmt: skip
    before = await everything(store, 7)
    assert len(before) == 25
    done = await copy(store, other_store)
    assert (done.sessions, done.ended, done.refused) == (25, 25, 0)
    after = await everything(other_store)
    assert {key: ordered(user) for key, user in after.items()} == {
        key: ordered(user) for key, user in before.items()
    }
    assert any(user.barrier for user in after.values())


async def test_copying_again_changes_nothing(store: Any, other_store: Any) -> None:
    """A copy can simply be run again."""
    await signed_in(store, remember=True)
    gone = await signed_in(store)
    await store.end(Ending("1", Only((gone.id,)), REASONS["limit"], None, START))
    await copy(store, other_store)
    before = await everything(other_store)
    done = await copy(store, other_store)
    assert done.ended == 0
    assert await everything(other_store) == before


async def test_what_ended_meanwhile_ends_there(store: Any, other_store: Any) -> None:
    """After copying again, what was revoked in between is dead in the other_store, its bag gone, its user not
    remembered.
    """
    record = await signed_in(store, remember=True)
    await store.set_data(record.id, b"bag", START)
    await copy(store, other_store)
    await store.end(revoking("1", record.id))
    await copy(store, other_store)
    assert await other_store.find(record.id) is None
    assert await other_store.data(record.id) is None
    assert (await other_store.for_user("1")).series == frozenset()
    assert (await other_store.find_ended(record.id)).session.reason == "revoked"


async def test_what_ended_there_stays_dead(store: Any, other_store: Any) -> None:
    """An import brings nothing back that the other_store has ended."""
    record = await signed_in(store)
    await copy(store, other_store)
    await other_store.end(revoking("1", record.id))
    done = await copy(store, other_store)
    assert (done.sessions, done.refused) == (0, 1)
    assert await other_store.find(record.id) is None


async def test_the_later_record_stays(store: Any, other_store: Any) -> None:
    """What was used, rotated or renamed meanwhile arrives; what the other_store has used since stays."""
    first, second = await signed_in(store), await signed_in(store)
    await copy(store, other_store)
    later = START + 5 * MINUTE
    assert await store.rotate(
        Rotation(first.id, first.secret_hash, new := os.urandom(32), first.tail), later
    )
    await store.rename("1", first.id, "work", later)
    await other_store.touch([Touch(second.id, LAPTOP)], later)
    await copy(store, other_store)
    arrived = await other_store.find(first.id)
    assert (arrived.secret_hash, arrived.name) == (new, "work")
    assert (await other_store.find(second.id)).last_active_at == later


async def test_forgotten_series_do_not_arrive(store: Any, other_store: Any) -> None:
    """Remember me that was turned off between two copies is off in the other_store, too."""
    record = await signed_in(store, remember=True)
    await copy(store, other_store)
    await store.forget("1")
    await copy(store, other_store)
    assert (await other_store.for_user("1")).series == frozenset()
    assert (await other_store.find(record.id)).series is None


async def test_barriers_only_move_forwards(store: Any, other_store: Any) -> None:
    """An import never opens the way for a sign-in that the other_store stops."""
    ending = Ending("1", AllBut(None), REASONS["theft"], None, START)
    await store.end(ending)
    await other_store.end(ending._replace(now=START + MINUTE))
    await copy(store, other_store)
    record, _ = make_record()
    assert (
        await other_store.add(step(record, started_at=START + MINUTE - 1, now=START + MINUTE))
        == "barrier"
    )


async def test_what_cannot_be_read_moves_too(store: Any, other_store: Any) -> None:
    """A newer version's tail, or one that can't be read, is copied byte by byte."""
    record = await signed_in(store, tail=b"\xc1 not ours")
    await copy(store, other_store)
    assert await other_store.find(record.id) == record


async def test_only_this_user(store: Any, other_store: Any) -> None:
    """A bundle that names another user's session changes nothing of that user."""
    mine = await signed_in(other_store, "1")
    theirs = msgspec.structs.replace(mine, user_id="2", last_active_at=START + DAY)
    await other_store.import_users([UserRecords("2", 0, [], [theirs], [], {})])
    assert await other_store.find(mine.id) == mine


async def test_the_trail_in_order(store: Any, other_store: Any) -> None:
    """The audit trail's entries come in the order they were written, and arrive once."""
    entries = [
        AuditEntry(run, START + n, "started", "cli:root", "revoke", "user:1", "why", None, n)
        for n, run in enumerate(["a", "b", "a", "c", "b"])
    ]
    for entry in entries:
        await store.audit(entry)
    page = await store.audit_log(None, 2)
    assert page.entries == entries[:2]
    rest = await store.audit_log(page.cursor, 100)
    assert rest.entries == entries[2:]
    assert rest.cursor is None
    for entry in entries + entries:
        await other_store.audit(entry, once=True)
    assert (await other_store.audit_log(None, 100)).entries == entries
