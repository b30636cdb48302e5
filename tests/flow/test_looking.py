"""Looking: at pages, at what has ended, at who is meant, at what must be closed (L1–L4, E8, E10)."""

from __future__ import annotations

from typing import Any

import pytest

from signedin._async.listing import _order, _query
from signedin.outcomes import Matching
from signedin.selector import Selector, parse_network
from signedin.session import new_session_id
from signedin.steps import Query

from ..support import DAY, HOUR, LAPTOP, MINUTE, PHONE, SECOND, START, Clock
from .support import Browser

USERS = Selector(users=("1", "2"))


async def sign_in(flow: Any, clock: Clock, *users: str, client: Any = LAPTOP) -> list[str]:
    """A session for each of these users, a second apart."""
    made = []
    for user in users:
        clock.tick(SECOND)
        made.append((await Browser(flow, client).sign_in(user)).session.id)
    return made


async def pages(look: Any, limit: int) -> list[list[str]]:
    """The ids on each page."""
    found, cursor = [], None
    while True:
        page = await look(cursor=cursor, limit=limit)
        found.append([session.id for session in page.sessions])
        assert not page.looked_through
        cursor = page.cursor
        if cursor is None:
            return found


async def test_pages_of_certain_users(sessions: Any, clock: Clock) -> None:
    """Most recent first; the last page is full or not, and none is empty behind it."""
    a, b, c, d = await sign_in(sessions, clock, "1", "2", "1", "2")
    await sign_in(sessions, clock, "3")

    async def look(**page: Any) -> Any:
        return await sessions.search_page(USERS, **page)

    assert await pages(look, 2) == [[d, c], [b, a]]
    assert await pages(look, 3) == [[d, c, b], [a]]
    assert await pages(look, 4) == [[d, c, b, a]]


async def test_ended_sessions_of_certain_users(sessions: Any, clock: Clock) -> None:
    """The latest ending first, of those who are meant, by what the selector says besides."""
    made = await sign_in(sessions, clock, "1", "2", "1", "2", "3")
    phones = await sign_in(sessions, clock, "1", client=PHONE)
    for session_id in (*made, *phones):
        clock.tick(SECOND)
        await sessions.revoke_these([session_id], operator="root")
    a, b, c, d, _ = made

    async def look(**page: Any) -> Any:
        return await sessions.search_ended(Selector(users=("1", "2"), kind="desktop"), **page)

    assert await pages(look, 2) == [[d, c], [b, a]]
    assert await pages(look, 3) == [[d, c, b], [a]]


@pytest.mark.parametrize("cursor", ["x", "-1", "²", ""])
async def test_a_cursor_that_is_none(sessions: Any, cursor: str) -> None:
    """It is somebody's input, and refused."""
    for look in (sessions.search_page, sessions.search_ended):
        with pytest.raises(ValueError, match="not a cursor"):
            await look(USERS, cursor=cursor)


async def test_looking_through_what_has_ended(sessions: Any, clock: Clock) -> None:
    """A rare thing is looked for in steps; a page that is full is no such step."""
    for session_id in await sign_in(sessions, clock, *"12345"):
        clock.tick(SECOND)
        await sessions.revoke_these([session_id], operator="root")
    rare = await sessions.search_ended(Selector(browser="nothing"), limit=2, look_through=2)
    assert (rare.sessions, rare.looked_through, rare.cursor is None) == ((), True, False)
    full = await sessions.search_ended(Selector(), limit=2, look_through=2)
    assert (len(full.sessions), full.looked_through, full.cursor is None) == (2, False, False)
    every = await sessions.search_ended(Selector(browser="nothing"), limit=2)
    assert (every.sessions, every.looked_through, every.cursor) == ((), False, None)
    full = await sessions.search_page(Selector(), limit=2, look_through=2)
    assert (full.sessions, full.cursor) == ((), None)


async def test_a_page_of_what_has_ended_is_as_long_as_asked(sessions: Any, clock: Clock) -> None:
    """Wherever those who are meant lie, and however far it is looked."""
    made = []
    for client in (PHONE, PHONE, PHONE, PHONE, LAPTOP, PHONE, LAPTOP, LAPTOP):
        made += await sign_in(sessions, clock, "1", client=client)
    for session_id in made:
        clock.tick(SECOND)
        await sessions.revoke_these([session_id], operator="root")
    phones = [made[5], *made[3::-1]]

    async def look(**page: Any) -> Any:
        return await sessions.search_ended(Selector(kind="phone"), look_through=100, **page)

    assert await pages(look, 2) == [phones[:2], phones[2:4], phones[4:]]
    assert await pages(look, 3) == [phones[:3], phones[3:]]
    assert await pages(look, 5) in ([phones], [phones, []])


async def test_one_page_is_most_recent_first(sessions: Any, clock: Clock) -> None:
    """Also where the store has another order at hand."""
    made = await sign_in(sessions, clock, *"1234", client=PHONE)
    page = await sessions.search_page(Selector(kind="phone"))
    assert [session.id for session in page.sessions] == made[::-1]


async def test_who_is_meant(sessions: Any, clock: Clock) -> None:
    """How many sessions of how many users, and the five who have most."""
    for user, count in (("x", 1), ("b", 3), ("c", 2), ("d", 1), ("e", 4), ("f", 5), ("g", 2)):
        await sign_in(sessions, clock, *(user for _ in range(count)))
    (phone,) = await sign_in(sessions, clock, "x", client=PHONE)
    desktops = await sessions.matching(Selector(kind="desktop"))
    assert (desktops.sessions, desktops.users) == (18, 7)
    assert [count for _, count in desktops.busiest] == [5, 4, 3, 2, 2]
    assert [user for user, _ in desktops.busiest[:3]] == ["f", "e", "b"]
    assert await sessions.matching(Selector()) == Matching(19, 7)
    assert await sessions.matching(Selector(kind="phone")) == Matching(1, 1, (("x", 1),))
    assert await sessions.matching(Selector(kind="phone"), spared=(phone,)) == Matching(0, 0)
    spared = await sessions.matching(Selector(), spared=(phone,))
    assert (spared.sessions, spared.users) == (18, 7)


async def test_one_session_by_its_id(sessions: Any, clock: Clock) -> None:
    """Whoever's it is, while it is active."""
    (made,) = await sign_in(sessions, clock, "1")
    assert (await sessions.find(made)).user_id == "1"
    assert await sessions.find(new_session_id("1")) is None
    clock.tick(7 * DAY)
    assert await sessions.find(made) is None


async def test_how_long_the_history_goes_back(sessions: Any, clock: Clock) -> None:
    """30 days, for the user as for operators (E8)."""
    (made,) = await sign_in(sessions, clock, "1")
    await sessions.revoke("1", made, current=None)

    async def seen() -> list[int]:
        found = [await sessions.history("1")]
        for selector in (Selector(), Selector(users=("1",))):
            found.append((await sessions.search_ended(selector)).sessions)
        return [len(part) for part in found]

    clock.tick(30 * DAY - 1)
    assert await seen() == [1, 1, 1]
    clock.tick(2)
    assert await seen() == [0, 0, 0]


async def test_connections_of_who_acted_as_somebody(sessions: Any, clock: Clock) -> None:
    """What was opened as somebody is closed when that ends by itself (S4, E10)."""
    browser = Browser(sessions)
    session = (await browser.sign_in()).session
    until = clock.now + HOUR
    browser.take((await sessions.rotate(browser.token, acting_as="2", acting_until=until)).cookies)
    clock.tick()
    opened, late = (session.id, clock.now), (session.id, until)
    clock.tick(HOUR - 2)
    assert await sessions.connections_to_close([opened, late]) == {}
    clock.tick()
    assert await sessions.connections_to_close([opened, late]) == {opened: "acting_ended"}


@pytest.mark.parametrize(
    ("selector", "order", "fields"),
    [
        (Selector(), "recent", {}),
        (Selector(idle=HOUR), "recent", {"active_to": START - HOUR}),
        (Selector(seen=HOUR), "recent", {"active_from": START - HOUR}),
        (Selector(remembered=True), "recent", {"remembered": True}),
        (Selector(session="abcdef01"), "recent", {"beginning": "abcdef01"}),
        (Selector(ip=parse_network("10.0.0.0/8"), idle=0), "ip", {"ip": ("10.", "10.~"), "active_to": START}),
        (Selector(kind="phone", remembered=False), "key", {"remembered": False}),
    ],
)  # fmt: skip
def test_what_a_store_looks_through(selector: Selector, order: Any, fields: dict[str, Any]) -> None:
    """All that a store can narrow a search by is asked of it, in the order that finds it soonest."""
    assert _order(selector) == order
    assert _query(selector, START, order, 7) == Query(7, order, **fields)


async def test_ties(sessions: Any) -> None:
    """Sessions with the same times stand in the order of their ids, each time."""
    made = [(await Browser(sessions).sign_in(user)).session.id for user in "123456"]
    assert [session.id for session in await sessions.list(list("123456"))] == sorted(made)


async def test_counts(sessions: Any, clock: Clock) -> None:
    """Who was active in the last quarter of an hour, who signed in during the last day."""
    await sign_in(sessions, clock, "1", "1", "2")
    counts = await sessions.counts()
    assert (counts.sessions, counts.users, counts.lately, counts.created) == (3, 2, 3, 3)
    clock.tick(15 * MINUTE - 3 * SECOND)
    assert (await sessions.counts()).lately == 3
    clock.tick(3 * SECOND + 1)
    assert (await sessions.counts()).lately == 0
    clock.tick(DAY - 15 * MINUTE - 2 * SECOND - 2)
    assert (await sessions.counts()).created == 3
    clock.tick(2 * SECOND + 2)
    assert (await sessions.counts()).created == 0
