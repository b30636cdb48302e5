"""Signing in (S1–S6), being signed in (V1–V6), listing (L1–L4)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from signedin.events import (
    RecordUnreadable,
    SessionCreated,
    SessionEnded,
    SessionRenamed,
    SessionRotated,
)
from signedin.outcomes import Presented, Refused, SignedIn
from signedin.policy import Policy
from signedin.selector import Selector
from signedin.session import Facts, Session, decode_tail, new_session_id
from signedin.steps import Touch
from signedin.token import Token, new_secret

from ..support import DAY, HOUR, LAPTOP, MINUTE, PHONE, SECOND, START, ids, make_record, step
from .support import REMEMBER, SESSION, Browser


async def test_a_sign_in(sessions: Any, clock: Any) -> None:
    """A new session with a new token; it validates, and nothing else does."""
    browser = Browser(sessions)
    outcome = await browser.sign_in(1)
    assert isinstance(outcome, SignedIn)
    session = outcome.session
    assert type(session) is Session
    assert (session.user_id, session.signed_in_at, session.last_active_at) == ("1", START, START)
    assert (session.ip, session.user_agent, session.device.browser) == (
        LAPTOP.ip,
        LAPTOP.user_agent,
        "Firefox",
    )
    assert (session.authenticated_by, session.authenticated_at, session.remembered) == (
        ("password",),
        START,
        False,
    )
    assert await sessions.validate(browser.token) == session
    facts = decode_tail((await sessions.store.find(session.id)).tail)
    assert facts == Facts(1, session.device.parts, ("password",), START)
    token = Token.parse(browser.token)
    for wrong in (
        Token(token.id, new_secret()),
        Token(new_session_id("1"), token.secret),
        Token(new_session_id("2"), token.secret),
    ):
        assert await sessions.validate(wrong.text) is None


async def test_a_client_chooses_nothing(sessions: Any) -> None:
    """Whatever was presented before, id and token are new (S1)."""
    browser = Browser(sessions)
    for jar in (
        {SESSION: "x" * 92},
        {SESSION: Token(new_session_id("1"), new_secret()).text, REMEMBER: "\x00"},
        {},
    ):
        browser.jar = dict(jar)
        outcome = await browser.sign_in()
        assert browser.token not in jar.values()
        assert outcome.ended == ()


@pytest.mark.parametrize("before", ["1", "2"])
async def test_signing_in_again_ends_what_was_there(sessions: Any, before: str) -> None:
    """The browser's earlier session ends, whoever's it was, and its series is forgotten (S1)."""
    browser = Browser(sessions)
    old = await browser.sign_in(before, remember=True)
    cookies = browser.copy()
    new = await browser.sign_in("1")
    assert await sessions.validate(cookies.token) is None
    assert [s.reason for s in await sessions.history(before)] == ["replaced"]
    assert ids(await sessions.list(["1", "2"])) == {new.session.id}
    assert REMEMBER not in browser.jar
    assert await cookies.resume() is None
    assert await sessions.why_ended(cookies.token) is None
    assert old.session.id != new.session.id


@pytest.mark.parametrize("user", ["1", "2"])
async def test_a_forged_cookie_ends_nothing(sessions: Any, user: str) -> None:
    """Who knows a session's or a series' id, but not its secret, ends neither by signing in (S1)."""
    victim = Browser(sessions)
    await victim.sign_in("1", remember=True)
    thief = Browser(sessions)
    thief.jar = {
        name: Token(Token.parse(value).id, new_secret()).text for name, value in victim.jar.items()
    }
    assert (await thief.sign_in(user)).ended == ()
    assert await victim.is_in()
    victim.restart()
    assert await victim.visit() is not None


@pytest.mark.parametrize("user", ["1", "2"])
async def test_a_browser_that_is_only_remembered(sessions: Any, user: str) -> None:
    """Signing in there forgets its series, whoever's it is, and none of the other browsers' (S1)."""
    browser, other = Browser(sessions), Browser(sessions)
    for one in (browser, other):
        await one.sign_in("1", remember=True)
        one.restart()
    before = browser.copy()
    await browser.sign_in(user)
    assert await before.resume() is None
    assert await other.resume() is not None


async def test_the_cap(open_sessions: Any, clock: Any) -> None:
    """100 by default; the 101st evicts the least recently active, whose browser is told why (S3)."""
    flow = open_sessions()
    browsers = []
    for _ in range(101):
        clock.tick()
        browser = Browser(flow)
        await browser.sign_in()
        browsers.append(browser)
    assert len(await flow.list("1")) == 100
    assert await flow.validate(browsers[0].token) is None
    assert await flow.validate(browsers[1].token) is not None
    assert (await flow.why_ended(browsers[0].token)).name == "limit"
    assert [s.reason for s in await flow.history("1")] == ["limit"]


async def test_the_cap_can_refuse_and_differ(open_sessions: Any) -> None:
    """Refusal, and another cap per user through a callable (S3)."""
    flow = open_sessions(policy=Policy(at_cap="refuse", cap_of=lambda user: {"vip": None}.get(user, 1)))
    assert isinstance(await Browser(flow).sign_in("1"), SignedIn)
    assert await Browser(flow).sign_in("1") == Refused("limit")
    for _ in range(3):
        assert isinstance(await Browser(flow).sign_in("vip"), SignedIn)


async def test_a_sign_in_that_takes_too_long(sessions: Any, clock: Any) -> None:
    """Begun more than an hour ago is too old (S6)."""
    assert await Browser(sessions).sign_in(started_at=START - HOUR - 1) == Refused("too_old")
    assert isinstance(await Browser(sessions).sign_in(started_at=START - HOUR), SignedIn)


async def test_a_password_change_while_a_sign_in_is_in_flight(sessions: Any, clock: Any) -> None:
    """A check of the old password that began before the change signs nobody in (S6)."""
    began = clock.now
    clock.tick(5 * SECOND)
    changed = await sessions.credentials_changed("1")
    clock.tick(SECOND)
    late = Browser(sessions)
    assert await late.sign_in(started_at=began) == Refused("barrier")
    assert late.jar == {}
    reset = Browser(sessions)
    assert isinstance(await reset.sign_in(started_at=began, barrier=changed.barrier), SignedIn)
    clock.tick(5 * SECOND)
    assert isinstance(await Browser(sessions).sign_in(started_at=clock.now), SignedIn)


@pytest.mark.parametrize(
    ("what", "stopped"),
    [
        ("credentials_changed", True),
        ("account_disabled", True),
        ("theft", True),
        ("sign_out_everywhere", True),
        ("revoke_all", True),
        ("revoke_others", False),
        ("sign_out", False),
    ],
)
async def test_what_stops_a_sign_in_in_flight(
    sessions: Any, clock: Any, what: str, stopped: bool
) -> None:
    """What takes the account away from who has it ends also what was about to begin; what ends a device
    does not. Nobody else is stopped (S6).
    """
    browser, other = Browser(sessions), Browser(sessions)
    await browser.sign_in(remember=True)
    await other.sign_in()
    (session,) = [each for each in await sessions.list("1") if each.remembered]
    clock.tick(5 * SECOND)
    began = clock.now
    clock.tick(5 * SECOND)
    match what:
        case "theft":
            assert browser.remember_token is not None
            thief, series = Browser(sessions), Token.parse(browser.remember_token)
            assert series is not None
            thief.jar[REMEMBER] = Token(series.id, new_secret()).text
            assert await thief.resume() == Refused("theft")
        case "revoke_all":
            await sessions.revoke_all("1", operator="root")
        case "revoke_others":
            await sessions.revoke_others("1", current=session.id)
        case "sign_out":
            await sessions.sign_out(browser.presented)
        case _:
            await getattr(sessions, what)("1")
    clock.tick(SECOND)
    late, stranger = Browser(sessions), Browser(sessions)
    outcome = await late.sign_in(started_at=began)
    assert (outcome == Refused("barrier"), late.jar == {}) == (stopped, stopped)
    assert isinstance(await stranger.sign_in("2", started_at=began), SignedIn)


async def test_everybodys_barrier(sessions: Any, clock: Any) -> None:
    """A sign-in in flight while everybody is signed out ends its own session (S6)."""
    began = clock.now
    clock.tick(5 * SECOND)
    await sessions.revoke_everyone(operator="root")
    assert await Browser(sessions).sign_in(started_at=began) == Refused("barrier")
    assert await sessions.list("1") == []
    # the servers' clocks may differ by two seconds
    clock.tick(2 * SECOND - 1)
    assert await Browser(sessions).sign_in() == Refused("barrier")
    clock.tick()
    assert isinstance(await Browser(sessions).sign_in(), SignedIn)


# ── being signed in ──────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "token",
    [None, "", "x", "\x00" * 92, "a" * 1_000_000, "\ud800" * 92, "é" * 92, "\r\n" * 46, "." * 92],
    ids=range(9),
)
async def test_junk_is_not_signed_in(
    sessions: Any, token: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Any input: not signed in, no store call, no error (V5)."""
    monkeypatch.setattr(getattr(sessions, "wrapped", sessions), "store", None)
    assert await sessions.validate(token) is None
    assert await sessions.resume(token, LAPTOP, started_at=START) is None
    assert await sessions.why_ended(token) is None
    assert await sessions.rotate(token) is None
    assert (await sessions.sign_out(Presented(token, token))).ended == ()
    monkeypatch.undo()


async def test_limits_are_enforced_when_read(open_sessions: Any, clock: Any) -> None:
    """Idle and absolute timeouts hold whether or not anything was swept (V2)."""
    flow = open_sessions(
        policy=Policy(idle_timeout=timedelta(hours=1), absolute_timeout=timedelta(hours=3))
    )
    browser = Browser(flow)
    session = (await browser.sign_in()).session
    for _ in range(3):
        clock.tick(HOUR - 1)
        assert await browser.is_in()
        await flow.touch(Touch(session.id, LAPTOP))
    clock.tick(10)
    assert not await browser.is_in()
    assert await flow.list("1") == []
    assert (await flow.why_ended(browser.token)).name == "expired"


async def test_a_record_carries_its_own_limits(open_sessions: Any, clock: Any) -> None:
    """A process with another policy judges a session by the policy it began under."""
    long, short = open_sessions(), open_sessions(policy="aal3")
    browser = Browser(long)
    await browser.sign_in()
    clock.tick(DAY)
    assert await short.validate(browser.token) is not None
    assert len(await short.list("1")) == 1


async def test_a_record_that_cannot_be_read(open_sessions: Any, clock: Any) -> None:
    """It is no session, for no verb, and a listener is told (TOK-3)."""
    heard: list[Any] = []
    flow = open_sessions(listeners=[heard.append])
    record, token = make_record(tail=b"junk")
    await flow.store.add(step(record))
    assert await flow.validate(token.text) is None
    assert heard == [RecordUnreadable(record.id)]
    assert await flow.rotate(token.text) is None
    assert await flow.list("1") == []
    assert await flow.find(record.id) is None
    key = (record.id, clock.now)
    assert await flow.connections_to_close([key]) == {key: "unreadable"}
    assert (await flow.credentials_changed("1", token=token.text)).signed_in is None


async def test_listing(sessions: Any, clock: Any) -> None:
    """Most recently active first, ties by sign-in; of one user, several, all; nothing dead (L1–L4)."""
    made = []
    for user, client in (("1", LAPTOP), ("1", PHONE), ("2", LAPTOP), ("3", PHONE)):
        clock.tick()
        browser = Browser(sessions, client)
        made.append((await browser.sign_in(user, remember=user == "1")).session)
    clock.tick(MINUTE)
    await sessions.touch(Touch(made[0].id, LAPTOP))
    assert [s.id for s in await sessions.list("1")] == [made[0].id, made[1].id]
    assert [s.id for s in await sessions.list(["1", "3"])] == [made[0].id, made[3].id, made[1].id]
    assert ids(await sessions.list(None)) == ids(made)
    phones = [s async for s in sessions.search(Selector(kind="phone"))]
    assert ids(phones) == {made[1].id, made[3].id}
    assert ids([s async for s in sessions.search(Selector(users=("1",), kind="phone"))]) == {made[1].id}
    clock.tick(8 * DAY)
    assert await sessions.list(None) == []
    assert (await sessions.overview("1")).remembered == 2


async def test_a_list_shows_no_secret(sessions: Any) -> None:
    """Ids only: no token, hash or series in repr (L3)."""
    browser = Browser(sessions)
    outcome = await browser.sign_in(remember=True)
    shown = repr(outcome) + repr(await sessions.overview("1")) + repr(browser.presented)
    for token in (browser.token, browser.remember_token):
        assert token not in shown
        assert Token.parse(token).secret not in shown
    assert Token.parse(browser.remember_token).id not in shown


# ── rotation ─────────────────────────────────────────────────────────────────────────────────


async def test_rotation_and_its_grace(sessions: Any, clock: Any) -> None:
    """The old secret is good for 10 s, without special rights, and can't rotate (V6)."""
    browser = Browser(sessions)
    session = (await browser.sign_in()).session
    old = browser.token
    clock.tick(HOUR)
    outcome = await sessions.rotate(
        old, authenticated_by=("password", "otp"), admin_until=clock.now + HOUR
    )
    browser.take(outcome.cookies)
    now = await sessions.validate(browser.token)
    assert now.id == session.id
    assert (now.authenticated_by, now.authenticated_at, now.admin_until) == (
        ("password", "otp"),
        clock.now,
        clock.now + HOUR,
    )
    assert now.is_fresh(clock.now + 10 * MINUTE - 1, 10 * MINUTE)
    assert not now.is_fresh(clock.now + 10 * MINUTE, 10 * MINUTE)
    clock.tick(10 * SECOND - 1)
    graced = await sessions.validate(old)
    assert (graced.superseded, graced.authenticated_at, graced.admin_until) == (True, None, None)
    assert await sessions.rotate(old) is None
    forged = Token(session.id, new_secret()).text
    assert await sessions.validate(forged) is None
    assert await sessions.rotate(forged) is None
    clock.tick()
    assert await sessions.validate(old) is None
    assert await browser.is_in()


async def test_rotation_into_impersonation_has_no_grace(sessions: Any) -> None:
    """When ``acting_as`` changed, the old secret is nothing, both ways (V6)."""
    browser = Browser(sessions)
    await browser.sign_in()
    for acting_as in ("2", None):
        old = browser.token
        outcome = await sessions.rotate(old, acting_as=acting_as)
        browser.take(outcome.cookies)
        assert outcome.session.acting_as == acting_as
        assert await sessions.validate(old) is None
        assert (await sessions.validate(browser.token)).acting_as == acting_as


async def test_connections_of_somebody_else(sessions: Any, clock: Any) -> None:
    """What was opened before a session began or ceased to act as somebody is closed; a step-up closes
    nothing (E10)."""
    browser = Browser(sessions)
    session = (await browser.sign_in()).session
    for options, closes in (
        ({"acting_as": "2"}, True),
        ({"authenticated_by": ("otp",)}, False),
        ({"acting_as": None}, True),
        ({"admin_until": clock.now + HOUR}, False),
    ):
        opened = (session.id, clock.tick())
        clock.tick()
        browser.take((await sessions.rotate(browser.token, **options)).cookies)
        closing = {opened: "credentials_changed"} if closes else {}
        assert await sessions.connections_to_close([opened]) == closing
        assert await sessions.connections_to_close([(session.id, clock.now + 1)]) == {}


async def test_rights_that_a_rotation_leaves(sessions: Any, clock: Any) -> None:
    """What a rotation isn't told stays: as whom, until when, admin mode, how one signed in (V6)."""
    browser = Browser(sessions)
    await browser.sign_in(authenticated_by=("password", "otp"))
    until = clock.now + HOUR
    rights = {"acting_as": "2", "acting_until": until, "admin_until": until}
    browser.take((await sessions.rotate(browser.token, **rights)).cookies)
    clock.tick()
    browser.take((await sessions.rotate(browser.token)).cookies)
    session = await sessions.validate(browser.token)
    assert (session.acting_as, session.acting_until, session.admin_until) == ("2", until, until)
    assert (session.authenticated_by, session.authenticated_at) == (("password", "otp"), START)
    browser.take((await sessions.rotate(browser.token, acting_as=None, admin_until=None)).cookies)
    session = await sessions.validate(browser.token)
    assert (session.acting_as, session.acting_until, session.admin_until) == (None, None, None)


async def test_two_rotations_at_once(sessions: Any) -> None:
    """Of a hundred simultaneous uses of one token, one gives a successor (CONC-1)."""
    import anyio

    browser = Browser(sessions)
    await browser.sign_in()
    outcomes: list[Any] = []

    async def rotate() -> None:
        outcomes.append(await sessions.rotate(browser.token, authenticated_by=("otp",)))

    async with anyio.create_task_group() as group:
        for _ in range(100):
            group.start_soon(rotate)
    assert sum(outcome is not None for outcome in outcomes) == 1


async def test_events(open_sessions: Any) -> None:
    """One event for each thing that happened; a listener that fails stops nothing (E9)."""
    heard: list[Any] = []

    def broken(event: Any) -> None:
        raise RuntimeError("listener")

    flow = open_sessions(listeners=[broken, heard.append])
    browser = Browser(flow)
    first = (await browser.sign_in()).session
    second = (await browser.sign_in()).session
    await flow.rotate(browser.token)
    await flow.sign_out(browser.presented)
    kinds = [(type(e), e.session.id) for e in heard]
    assert kinds == [
        (SessionCreated, first.id),
        (SessionEnded, first.id),
        (SessionCreated, second.id),
        (SessionRotated, second.id),
        (SessionEnded, second.id),
    ]


async def test_rename(sessions: Any) -> None:
    """64 characters without control characters; empty is none; a stranger's is refused."""
    browser = Browser(sessions)
    session = (await browser.sign_in()).session
    assert await sessions.rename("1", session.id, "  My\u202e laptop\n" + "x" * 99)
    name = (await sessions.list("1"))[0].name
    assert name.startswith("My laptop")
    assert len(name) == 64
    assert not await sessions.rename("2", session.id, "theirs")
    for none in (" ", None):
        assert await sessions.rename("1", session.id, "x")
        assert await sessions.rename("1", session.id, none)
        assert (await sessions.list("1"))[0].name is None


async def test_a_new_name_is_told(open_sessions: Any) -> None:
    """Once, with the name as it is kept; of a session that isn't there nothing is told (E9)."""
    heard: list[Any] = []
    flow = open_sessions(listeners=[heard.append])
    session = (await Browser(flow).sign_in()).session
    await flow.rename("1", session.id, " mine ")
    await flow.rename("2", session.id, "theirs")
    assert heard[1:] == [SessionRenamed(session.id, "1", "mine")]


async def test_data(sessions: Any) -> None:
    """The framework's data bag lives and dies with its session."""
    browser = Browser(sessions)
    session = (await browser.sign_in(data=b"{}")).session
    assert await sessions.data(session.id) == b"{}"
    assert await sessions.set_data(session.id, b"{1}")
    await sessions.sign_out(browser.presented)
    assert not await sessions.set_data(session.id, b"{2}")
    assert await sessions.data(session.id) is None
