"""What operators do with the flow: pages, runs that are stopped or break, the trail; the console's names."""

from __future__ import annotations

import inspect
import logging
from typing import Any

import pytest

import signedin._async.operating
import signedin._async.stores.redis_walk
import signedin._sync.operating
import signedin._sync.stores.redis_walk
from signedin._async.console import AsyncActiveSession, AsyncUser
from signedin.audit import AuditEntry
from signedin.directory import NoDirectory
from signedin.errors import AnswerUnknown, ReadOnly, StoreUnavailable, UserNotFound
from signedin.selector import Selector, parse_network

from ..support import DAY, HOUR, LAPTOP, PHONE, SECOND, Clock, ids
from .support import Browser


@pytest.fixture
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (signedin._async.operating, signedin._sync.operating):
        monkeypatch.setattr(module, "PAGE", 2)
        monkeypatch.setattr(module, "AT_ONCE", 2)
    for walk in (signedin._async.stores.redis_walk, signedin._sync.stores.redis_walk):
        monkeypatch.setattr(walk, "SCANNED", 1)


async def people(flow: Any, clock: Clock, count: int = 9) -> list[str]:
    """So many sessions of as many users, a second apart, every third on a phone."""
    made = []
    for number in range(count):
        clock.tick(SECOND)
        browser = Browser(flow, PHONE if number % 3 == 0 else LAPTOP)
        made.append((await browser.sign_in(str(number), remember=True)).session.id)
    return made


@pytest.mark.parametrize("limit", [1, 2, 5, 20])
async def test_pages(open_sessions: Any, clock: Clock, limit: int) -> None:
    """Page by page every session that is meant, once; all of them most recent first."""
    flow = open_sessions()
    made = await people(flow, clock)
    for selector, meant in (
        (Selector(), made[::-1]),
        (Selector(kind="phone"), made[::3]),
        (Selector(ip=parse_network("203.0.113.0/24")), [i for n, i in enumerate(made) if n % 3]),
        (Selector(users=("3", "4")), [made[4], made[3]]),
        (Selector(seen=4 * SECOND), made[:3:-1]),
    ):
        seen, cursor = [], None
        while True:
            page = await flow.search_page(selector, cursor=cursor, limit=limit)
            seen += [session.id for session in page.sessions]
            cursor = page.cursor
            assert not page.looked_through
            if cursor is None:
                break
            assert len(page.sessions) == limit
        assert sorted(seen) == sorted(meant)
        if selector == Selector():
            assert seen == meant
        assert (await flow.matching(selector)).sessions == len(meant)


async def test_looking_through_no_more_than_asked(open_sessions: Any, clock: Clock) -> None:
    """A rare thing is looked for in steps; the page says that it is one."""
    flow = open_sessions()
    await people(flow, clock)
    page = await flow.search_page(Selector(browser="nothing"), limit=2, look_through=2)
    assert page.sessions == ()
    assert page.looked_through
    assert page.cursor is not None


@pytest.mark.usefixtures("small_batches")
@pytest.mark.parametrize(
    "selector", [Selector(), Selector(kind="desktop"), Selector(users=("1", "2", "4", "5"))]
)
async def test_a_run_that_is_stopped(open_sessions: Any, clock: Clock, selector: Selector) -> None:
    """Between two batches; it says exactly what was done, and the same once more does the rest."""
    flow = open_sessions()
    await people(flow, clock)
    meant = (await flow.matching(selector)).sessions
    calls: list[int] = []

    def stop() -> bool:
        calls.append(1)
        return len(calls) > 1

    done = await flow.revoke_matching(selector, operator="root", reason="INC-1", stop=stop)
    assert done.outcome == "stopped"
    assert 0 < done.sessions < meant
    assert (await flow.matching(selector)).sessions == meant - done.sessions
    run = await flow.audit_run(done.run)
    assert (run.last.outcome, run.last.sessions, run.last.reason) == ("stopped", done.sessions, "INC-1")
    again = await flow.revoke_matching(selector, operator="root")
    assert (again.outcome, again.sessions) == ("done", meant - done.sessions)


@pytest.mark.usefixtures("small_batches")
@pytest.mark.parametrize("trouble", [StoreUnavailable, AnswerUnknown])
async def test_a_store_that_goes_away(
    open_sessions: Any, clock: Clock, colour: str, trouble: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Exact counts of what is known, and how many are in doubt; nothing else is claimed."""
    flow = open_sessions()
    await people(flow, clock)
    store = flow.store if colour == "async" else flow.wrapped.store
    real, calls = store.end_many, []

    async def broken(endings: Any) -> Any:
        calls.append(1)
        if len(calls) == 2:
            raise trouble
        return await real(endings)

    def broken_sync(endings: Any) -> Any:
        calls.append(1)
        if len(calls) == 2:
            raise trouble
        return real(endings)

    monkeypatch.setattr(store, "end_many", broken if inspect.iscoroutinefunction(real) else broken_sync)
    done = await flow.revoke_matching(Selector(kind="desktop"), operator="root")
    assert (done.outcome, done.sessions, type(done.trouble)) == ("failed", 2, trouble)
    assert done.in_doubt == (2 if trouble is AnswerUnknown else 0)
    run = await flow.audit_run(done.run)
    assert (run.last.outcome, run.last.sessions, run.last.in_doubt) == ("failed", 2, done.in_doubt)


@pytest.mark.usefixtures("small_batches")
async def test_a_run_in_the_trail(open_sessions: Any, clock: Clock) -> None:
    """From before its first batch, about once a second, until it is done: what, why, by whom (O4)."""
    flow = open_sessions()
    await people(flow, clock)
    began = clock.now
    told: list[Any] = []

    def progress(done: Any) -> None:
        told.append(done)
        clock.tick(500)

    done = await flow.revoke_matching(
        Selector(users=tuple("12345678")),
        operator="cli:root",
        reason="INC-1",
        origin="host",
        run="a" * 16,
        progress=progress,
    )
    assert (done.run, done.outcome, done.users, done.forgotten) == ("a" * 16, "done", 8, 8)
    assert [(part.outcome, part.sessions) for part in told] == [("running", n) for n in (2, 4, 6, 8)]
    entries = (await flow.store.audit_log(None, 100)).entries
    assert [(entry.outcome, entry.at - began, entry.sessions, entry.users) for entry in entries] == [
        ("started", 0, 0, 0),
        ("running", 1000, 4, 4),
        ("running", 2000, 8, 8),
        ("done", 2000, 8, 8),
    ]
    about = " ".join(f"user:{n}" for n in "12345678")
    assert {(e.run, e.actor, e.action, e.about, e.reason, e.origin) for e in entries} == {
        ("a" * 16, "cli:root", "revoke", about, "INC-1", "host")
    }


@pytest.mark.usefixtures("small_batches")
@pytest.mark.parametrize("what", ["users", "phones", "these"])
async def test_a_run_is_asked_to_stop(open_sessions: Any, clock: Clock, what: str) -> None:
    """By whoever can write into the trail; it stops before its next batch, and it can only once (O3)."""
    flow = open_sessions()
    made = await people(flow, clock)
    direct = getattr(flow, "wrapped", flow)
    options = {"operator": "root", "progress": lambda done: direct.stop_run(done.run)}
    if what == "these":
        done = await flow.revoke_these(made, **options)
    else:
        users = Selector(users=tuple("012345678"))
        selector = users if what == "users" else Selector(kind="phone")
        done = await flow.revoke_matching(selector, **options)
    assert (done.outcome, done.sessions) == ("stopped", 2)
    run = await flow.audit_run(done.run)
    assert (run.last.outcome, run.last.sessions) == ("stopped", 2)
    assert not await flow.stop_run(done.run)
    assert not await flow.stop_run("0" * 16)


@pytest.mark.usefixtures("small_batches")
async def test_a_run_that_breaks(open_sessions: Any, clock: Clock) -> None:
    """What isn't the store's trouble is raised, and the trail says that the run failed."""
    flow = open_sessions()
    await people(flow, clock, 4)

    def progress(done: Any) -> None:
        raise RuntimeError("the terminal is gone")

    with pytest.raises(RuntimeError, match="terminal"):
        await flow.revoke_matching(Selector(kind="desktop"), operator="root", progress=progress)
    last = (await flow.audit_trail()).runs[0].last
    assert (last.outcome, last.sessions) == ("failed", 2)


async def test_a_trail_that_goes_away(
    open_sessions: Any, clock: Clock, colour: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was done is told, and that its end couldn't be written down."""
    flow = open_sessions()
    await people(flow, clock, 2)

    def progress(done: Any) -> None:
        store = flow.store if colour == "async" else flow.wrapped.store
        monkeypatch.setattr(store, "audit", broken)

    def broken(entry: Any) -> Any:
        raise StoreUnavailable

    done = await flow.revoke_matching(Selector(users=("0", "1")), operator="root", progress=progress)
    assert (done.outcome, done.sessions, type(done.trouble)) == ("failed", 2, StoreUnavailable)
    assert done.in_doubt == 0


async def test_what_was_done_in_one_go(open_sessions: Any, clock: Clock) -> None:
    """An operator's act without a run of its own is one entry (O4)."""
    flow = open_sessions()
    run = await flow.record(
        "impersonate", "user:1", operator="web:3", reason="INC-1", origin="::1", sessions=2, users=1
    )
    found = await flow.audit_run(run)
    assert found.last == AuditEntry(
        run, clock.now, "done", "web:3", "impersonate", "user:1", "INC-1", "::1", 2, 0, 1
    )
    plain = await flow.record("sweep", "everybody", operator="cli:root")
    assert (await flow.audit_run(plain)).last.sessions == 0
    first = await flow.audit_trail(limit=1)
    assert [r.last.run for r in first.runs] == [plain]
    second = await flow.audit_trail(cursor=first.cursor, limit=1)
    assert [r.last.run for r in second.runs] == [run]


async def test_who_is_spared(open_sessions: Any, clock: Clock) -> None:
    """One session or several go on while everybody's end; without Remember me, where it is theirs."""
    for count in (1, 2):
        flow = open_sessions()
        clock.tick(5 * SECOND)
        made = await people(flow, clock, 4)
        done = await flow.revoke_matching(Selector(), operator="root", spared=made[:count])
        assert ids(await flow.list(None)) == set(made[:count])
        assert (done.outcome, done.sessions) == ("done", 4 - count)
        assert (await flow.overview("3")).remembered == 0
        await flow.revoke_everyone(operator="root")


async def test_one_of_certain_users_sessions_is_spared(open_sessions: Any, clock: Clock) -> None:
    """Also where all the others of these users end."""
    flow = open_sessions()
    made = [*await people(flow, clock, 2), *await people(flow, clock, 2)]
    done = await flow.revoke_matching(Selector(users=("0", "1")), operator="root", spared=made[:1])
    assert (done.sessions, ids(await flow.list(None))) == (3, {made[0]})


@pytest.mark.parametrize("verb", ["revoke_these", "revoke_everyone"])
async def test_where_an_act_came_from(open_sessions: Any, clock: Clock, verb: str) -> None:
    """Every run's reason and origin are in the trail (O4)."""
    flow = open_sessions()
    made = await people(flow, clock, 1)
    told: list[Any] = []
    options = {"operator": "root", "reason": "INC-1", "origin": "host", "progress": told.append}
    act = getattr(flow, verb)
    done = await (act(made, **options) if verb == "revoke_these" else act(**options))
    last = (await flow.audit_run(done.run)).last
    assert (last.reason, last.origin, last.actor) == ("INC-1", "host", "root")
    assert told[-1].sessions == 1


@pytest.mark.usefixtures("small_batches")
async def test_batches_of_these(open_sessions: Any, clock: Clock) -> None:
    """Each is ended once; a user without Remember me counts as well; nothing meant is nothing to stop."""
    flow = open_sessions()
    made = [(await Browser(flow).sign_in(user)).session.id for user in "12345"]
    done = await flow.revoke_these(made, operator="root")
    assert (done.sessions, done.already, done.users, done.forgotten) == (5, 0, 5, 0)
    done = await flow.revoke_matching(Selector(kind="tv"), operator="root", stop=lambda: True)
    assert (done.outcome, done.sessions) == ("done", 0)


async def test_a_barrier_in_doubt(
    open_sessions: Any, clock: Clock, colour: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No session is in doubt before the first batch."""
    flow = open_sessions()
    await people(flow, clock, 2)

    def broken(now: int) -> Any:
        raise AnswerUnknown

    store = flow.store if colour == "async" else flow.wrapped.store
    monkeypatch.setattr(store, "raise_everybody_barrier", broken)
    done = await flow.revoke_everyone(operator="root")
    assert (done.outcome, done.in_doubt, done.sessions) == ("failed", 0, 0)


async def test_listeners_hear_of_everybody(
    open_sessions: Any, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    """Each ending, also where the log is kept at warnings only (E9)."""
    heard: list[Any] = []
    flow = open_sessions(listeners=[heard.append])
    made = await people(flow, clock, 3)
    heard.clear()
    with caplog.at_level(logging.WARNING, "signedin"):
        await flow.revoke_everyone(operator="root")
    assert {event.session.id for event in heard} == set(made)


@pytest.mark.usefixtures("small_batches")
async def test_users_are_counted_once(open_sessions: Any, clock: Clock) -> None:
    """However many sessions they have; not those of whom nothing was left."""
    flow = open_sessions()
    for _ in range(3):
        await people(flow, clock, 3)
    done = await flow.revoke_matching(Selector(os="ubuntu"), operator="root")
    assert (done.sessions, done.users, done.forgotten) == (6, 2, 6)
    done = await flow.revoke_matching(Selector(users=("0", "1", "nobody")), operator="root")
    assert (done.sessions, done.users) == (3, 1)
    clock.tick(5 * SECOND)
    for _ in range(3):
        await people(flow, clock, 3)
    clock.tick(8 * DAY)
    await flow.sweep()
    done = await flow.revoke_matching(Selector(users=("1",)), operator="root")
    assert (done.sessions, done.already, done.users, done.forgotten) == (0, 0, 1, 3)


async def test_how_the_trail_calls_sessions(open_sessions: Any, clock: Clock) -> None:
    """Five by their ids, and how many more (O4)."""
    flow = open_sessions()
    made = await people(flow, clock, 7)
    for count, more in ((5, ""), (6, " and 1 more"), (7, " and 2 more")):
        done = await flow.revoke_these([*made[:count], made[0]], operator="root")
        about = (await flow.audit_run(done.run)).last.about
        assert about == " ".join(f"session:{session_id}" for session_id in made[:5]) + more


async def test_these(open_sessions: Any, clock: Clock) -> None:
    """By their ids, whoever's: ended, ended before, and of nobody."""
    flow = open_sessions()
    made = await people(flow, clock, 4)
    await flow.revoke_these(made[:1], operator="root")
    done = await flow.revoke_these([*made[:3], "0" * 48], operator="root")
    assert (done.sessions, done.already, done.not_found) == (2, 1, ("0" * 48,))
    assert ids(await flow.list(None)) == {made[3]}
    assert (await flow.overview("1")).remembered == 0


async def test_what_has_ended(open_sessions: Any, clock: Clock) -> None:
    """Of anybody, the latest first, page by page, by a selector."""
    flow = open_sessions()
    made = await people(flow, clock)
    for session_id in made:
        clock.tick(SECOND)
        await flow.revoke_these([session_id], operator="root")
    for selector, meant in (
        (Selector(), made[::-1]),
        (Selector(kind="phone"), [made[6], made[3], made[0]]),
    ):
        seen, cursor = [], None
        while True:
            page = await flow.search_ended(selector, cursor=cursor, limit=2)
            seen += [session.id for session in page.sessions]
            cursor = page.cursor
            if cursor is None:
                break
            assert len(page.sessions) == 2
        assert seen == meant


async def test_acting_as_somebody_ends(open_sessions: Any, clock: Clock) -> None:
    """At its time at the latest, by itself (S4)."""
    flow = open_sessions()
    browser = Browser(flow, LAPTOP)
    await browser.sign_in("3")
    until = clock() + HOUR
    browser.take((await flow.rotate(browser.token, acting_as="1", acting_until=until)).cookies)
    assert (await flow.validate(browser.token)).acting_as == "1"
    clock.tick(HOUR)
    assert (await flow.validate(browser.token)).acting_as is None


async def test_the_consoles_names_with_await(path: str, clock: Clock) -> None:
    """The async twin does what the console does."""
    from signedin._async.sessions import AsyncSessions
    from signedin._async.stores.sqlite import AsyncSqliteStore
    from signedin.settings import Settings

    flow = AsyncSessions(AsyncSqliteStore(path), Settings(), clock)
    await people(flow, clock, 4)
    active = AsyncActiveSession(flow, NoDirectory(), operator="script:test")
    users = AsyncUser(active)
    assert sorted([user.id async for user in users.find_each()]) == ["0", "1", "2", "3"]
    assert len(await active.list(users.all)) == 4
    user = await users.find(2)
    (session,) = await user.sessions
    assert await active.destroy_session(user, session.session_private_id)
    assert await active.list(user) == []
    with pytest.raises(UserNotFound):
        await users.find("")
    only = AsyncActiveSession(flow, NoDirectory(), operator="x", read_only=True)
    with pytest.raises(ReadOnly):
        await only.destroy_all()
    assert (await active.destroy_all()).sessions == 3
    await flow.close()
