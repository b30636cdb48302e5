"""What every store does while sessions live: touch, rotate, rename, data. Dead stays dead."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from ...errors import DataTooLarge
from ...policy import SEEN_AFTER
from ...reasons import REASONS
from ...session import Client, decode_tail, encode_tail, new_session_id
from ...steps import AllBut, Ending, Query, Rotation, Touch
from ...visitor import new_visitor
from ..records import DAY, LAPTOP, PHONE, START, make_record, make_series, signed_in, step


async def end_all(store: Any, user_id: str = "1", now: int = START + 1) -> None:
    await store.end(Ending(user_id, AllBut(None), REASONS["revoked"], user_id, now))


async def test_touch(store: Any) -> None:
    """Activity, address and user agent are noted; without a client only the time is."""
    one, two = await signed_in(store), await signed_in(store)
    await store.touch([Touch(one.id, PHONE), Touch(two.id, None)], START + 5)
    first, second = await store.find(one.id), await store.find(two.id)
    assert (first.last_active_at, first.ip, first.user_agent) == (START + 5, *PHONE[:2])
    assert second == msgspec.structs.replace(two, last_active_at=START + 5)


async def test_recorded_times_never_decrease(store: Any) -> None:
    """A touch that is late changes nothing (V3)."""
    record = await signed_in(store)
    await store.touch([Touch(record.id, LAPTOP)], START + 10)
    await store.touch([Touch(record.id, PHONE)], START + 10)
    await store.touch([Touch(record.id, PHONE)], START - DAY)
    found = await store.find(record.id)
    assert (found.last_active_at, found.ip) == (START + 10, LAPTOP.ip)


async def test_touching_never_creates(store: Any) -> None:
    """A slow request can't bring back what has ended (REV-3)."""
    record = await signed_in(store)
    await end_all(store)
    await store.touch([Touch(record.id, LAPTOP), Touch(new_session_id("1"), LAPTOP)], START + 9)
    assert await store.find(record.id) is None
    assert (await store.for_user("1")).records == []


async def test_touching_revives_nobody(store: Any) -> None:
    """A session that has passed its limit stays over."""
    record = await signed_in(store, idle=DAY)
    await store.touch([Touch(record.id, LAPTOP)], START + DAY)
    assert (await store.find(record.id)).last_active_at == START


async def test_hostile_texts_in_a_touch(store: Any) -> None:
    """Any text is kept as it is."""
    record = await signed_in(store)
    agent = "' OR 1=1 -- \" 💥 \\u0000 ; DROP TABLE session"
    await store.touch([Touch(record.id, Client("::1", agent))], START + 1)
    assert (await store.find(record.id)).user_agent == agent


async def test_the_first_touch_after_a_resume_is_seen(store: Any) -> None:
    """``seen_at`` is set in the touch's own step, by the first at least a minute after (R3)."""
    record, _ = make_record()
    series, token = make_series("1", record.id)
    record = msgspec.structs.replace(record, series=series.key)
    await store.add(step(record, series=series))
    for moment, seen in (
        (SEEN_AFTER - 1, None),
        (SEEN_AFTER, START + SEEN_AFTER),
        (SEEN_AFTER + 9, START + SEEN_AFTER),
    ):
        await store.touch([Touch(record.id, None)], START + moment)
        assert (await store.find_series(token.id))[0].seen_at == seen


async def test_rotate(store: Any) -> None:
    """A new secret and tail in the place of the expected one; the second of two finds it gone."""
    record = await signed_in(store)
    facts = decode_tail(record.tail)
    assert facts is not None
    tail = encode_tail(msgspec.structs.replace(facts, acting_as="2"))
    assert await store.rotate(Rotation(record.id, record.secret_hash, b"n" * 32, tail), START + 1)
    assert not await store.rotate(Rotation(record.id, record.secret_hash, b"m" * 32, b""), START + 2)
    found = await store.find(record.id)
    assert (found.secret_hash, found.tail) == (b"n" * 32, tail)
    assert found.last_active_at == record.last_active_at


@pytest.mark.parametrize("how", ["ended", "over", "unknown"])
async def test_nothing_dead_is_written(store: Any, how: str) -> None:
    """Rotate, rename and data reach living sessions only."""
    record = await signed_in(store, idle=DAY)
    now = START + 2
    if how == "ended":
        await end_all(store)
    if how == "over":
        now = START + DAY
    session_id = new_session_id("1") if how == "unknown" else record.id
    assert not await store.rotate(Rotation(session_id, record.secret_hash, b"n" * 32, b""), now)
    assert not await store.rename("1", session_id, "x", now)
    assert not await store.set_data(session_id, b"x", now)
    assert await store.data(session_id) is None


async def test_rename(store: Any) -> None:
    """The owner's word for it; a stranger's is refused (E4)."""
    record = await signed_in(store)
    assert not await store.rename("2", record.id, "mine", START)
    assert await store.rename("1", record.id, "Öffice 💻", START)
    assert (await store.find(record.id)).name == "Öffice 💻"
    assert await store.rename("1", record.id, None, START)
    assert (await store.find(record.id)).name is None


async def test_data(store: Any) -> None:
    """The bag is written, written anew, removed; it goes with its session."""
    record = await signed_in(store)
    assert await store.set_data(record.id, b"one", START)
    assert await store.set_data(record.id, b"two", START)
    assert await store.data(record.id) == b"two"
    assert await store.set_data(record.id, None, START)
    assert await store.data(record.id) is None
    await store.set_data(record.id, b"x" * 65_536, START)
    with pytest.raises(DataTooLarge, match="65536"):
        await store.set_data(record.id, b"x" * 65_537, START)
    await end_all(store)
    assert await store.data(record.id) is None


async def test_find_with_data(store: Any) -> None:
    """One read gives the session and its bag; none of a stranger's, none of what has ended."""
    full, empty = await signed_in(store), await signed_in(store)
    await store.set_data(full.id, b"bag", START)
    assert await store.find_with_data(full.id) == (full, b"bag")
    assert await store.find_with_data(empty.id) == (empty, None)
    assert await store.find_with_data(new_session_id("1")) == (None, None)
    await end_all(store)
    assert await store.find_with_data(full.id) == (None, None)


async def test_visitors(store: Any) -> None:
    """A visitor is never made over another, never made by a later write, and goes when told to."""
    visitor, _ = new_visitor(b"bag", START)
    assert await store.find_visitor(visitor.id) is None
    assert not await store.keep_visitor(visitor, START, new=False)
    assert await store.keep_visitor(visitor, START, new=True)
    assert not await store.keep_visitor(visitor._replace(bag=b"other"), START, new=True)
    assert await store.find_visitor(visitor.id) == visitor
    later = visitor._replace(bag=b"more", expires_at=visitor.expires_at + 1)
    assert await store.keep_visitor(later, START + 1, new=False)
    assert await store.find_visitor(visitor.id) == later
    with pytest.raises(DataTooLarge):
        await store.keep_visitor(later._replace(bag=b"x" * 65_537), START + 1, new=False)
    await store.drop_visitor(visitor.id)
    await store.drop_visitor(visitor.id)
    assert not await store.keep_visitor(later, START + 2, new=False)
    assert await store.find_visitor(visitor.id) is None


async def test_visitors_are_nobody(store: Any) -> None:
    """A visitor is in no list and no count, and goes with the sweep once its time is over."""
    visitor, _ = new_visitor(b"bag", START)
    await store.keep_visitor(visitor, START, new=True)
    counts = await store.counts(START)
    assert (counts.sessions, counts.users, counts.over) == (0, 0, 0)
    assert (await store.search(Query(10))).records == []
    assert (await store.export(None, 10)).users == []
    await store.sweep(visitor.expires_at - 1, 10)
    assert await store.find_visitor(visitor.id) == visitor
