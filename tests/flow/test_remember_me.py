"""Remember me (R1–R5): resumes, repeats, theft, and what a revoke does to it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import anyio
import pytest

from signedin.events import SessionResumed, TheftSuspected
from signedin.outcomes import Refused, SignedIn
from signedin.reasons import REASONS
from signedin.steps import AllBut, Ending, Touch
from signedin.token import Token, new_secret

from ..support import DAY, HOUR, LAPTOP, MINUTE, PHONE, SECOND, ids
from .support import REMEMBER, SESSION, Browser


async def remembered(flow: Any, user: str = "1") -> Browser:
    browser = Browser(flow)
    assert isinstance(await browser.sign_in(user, remember=True), SignedIn)
    return browser


async def test_a_restart(sessions: Any, clock: Any) -> None:
    """A new session, marked remembered and not freshly authenticated; the earlier one ends (R2)."""
    browser = await remembered(sessions)
    before = (await sessions.list("1"))[0]
    assert before.remembered
    clock.tick(3 * DAY)
    old = browser.copy()
    browser.restart()
    session = await browser.visit()
    assert (session.remembered, session.authenticated_at, session.authenticated_by) == (
        True,
        None,
        ("remember_me",),
    )
    assert session.id != before.id
    assert not session.is_fresh(clock.now, 10 * MINUTE)
    assert not await old.is_in()
    assert [(s.id, s.reason) for s in await sessions.history("1")] == [(before.id, "resumed")]
    assert browser.remember_token != old.remember_token


async def test_the_cookies(open_sessions: Any, clock: Any) -> None:
    """A browser-session cookie, and one that is kept for what remains of the series (R1)."""
    flow = open_sessions()
    outcome = await Browser(flow).sign_in(remember=True)
    assert [(c.name, c.max_age) for c in outcome.cookies] == [(SESSION, None), (REMEMBER, 14 * 86_400)]
    strict = open_sessions(policy="aal2")
    outcome = await Browser(strict).sign_in(remember=True)
    assert [c.name for c in outcome.cookies] == [SESSION]


async def test_renewed_by_use_up_to_400_days(sessions: Any, clock: Any) -> None:
    """14 days from each use; 400 days in all (R1)."""
    browser = await remembered(sessions)
    for _ in range(39):
        clock.tick(10 * DAY)
        browser.restart()
        assert await browser.visit() is not None
    clock.tick(10 * DAY - 500)
    browser.restart()
    assert [cookie.max_age for cookie in (await browser.resume()).cookies] == [None, 1]
    clock.tick(500)
    browser.restart()
    assert await browser.visit() is None


async def test_signing_out_with_a_predecessor(sessions: Any) -> None:
    """A tab whose token another one has used meanwhile forgets the series all the same (R3)."""
    browser = await remembered(sessions)
    browser.restart()
    tab = browser.copy()
    await browser.visit()
    await sessions.sign_out(tab.presented)
    browser.restart()
    assert await browser.resume() is None


async def test_unused_for_too_long(sessions: Any, clock: Any) -> None:
    """After 14 days it is nothing, and no alarm."""
    browser = await remembered(sessions)
    clock.tick(14 * DAY)
    browser.restart()
    assert await browser.resume() is None


async def test_two_tabs(sessions: Any) -> None:
    """Two tabs that wake up together end in one session with the same two cookies (R3)."""
    browser = await remembered(sessions)
    browser.restart()
    tabs = [browser.copy() for _ in range(10)]
    async with anyio.create_task_group() as group:
        for tab in tabs:
            group.start_soon(tab.resume)
    assert len({tab.token for tab in tabs}) == 1
    assert len({tab.remember_token for tab in tabs}) == 1
    assert await tabs[0].is_in()
    assert len(await sessions.list("1")) == 1


async def test_a_lost_response(sessions: Any, clock: Any) -> None:
    """What never arrived is asked for again, also much later, and is the same (R3)."""
    browser = await remembered(sessions)
    browser.restart()
    lost = browser.copy()
    await lost.visit()
    clock.tick(2 * DAY)
    await browser.visit()
    assert browser.jar == lost.jar
    assert await browser.is_in()


async def test_a_lost_response_whose_session_is_over(open_sessions: Any, clock: Any) -> None:
    """Without activity, swept, forgotten by the history: the series resumes all the same, and a repeat
    is as harmless as ever (R3, R4).
    """
    for since in (8, 14, 45):
        flow = open_sessions(remember_me=timedelta(days=60))
        browser = await remembered(flow)
        browser.restart()
        await browser.copy().visit()
        for _ in range(since):
            clock.tick(DAY)
            if since > 8:
                await flow.sweep()
        tab, other = browser.copy(), browser.copy()
        assert isinstance(await browser.resume(), SignedIn)
        assert await browser.is_in()
        for each in (tab, other):  # which were opened with it, or the response was lost again
            await each.resume()
            assert each.jar == browser.jar


async def test_a_lost_response_of_a_later_resume(sessions: Any, clock: Any) -> None:
    """That an earlier session was seen shortens no later repeat (R3)."""
    browser = await remembered(sessions)
    browser.restart()
    session = await browser.visit()
    clock.tick(MINUTE)
    await sessions.touch(Touch(session.id, LAPTOP))
    browser.restart()
    lost = browser.copy()
    await lost.visit()
    clock.tick(HOUR)
    await browser.visit()
    assert browser.jar == lost.jar
    series, _ = await sessions.store.find_series(Token.parse(browser.remember_token).id)
    assert (series.seen_at, len(series.nonce)) == (None, 32)


async def test_a_resume_that_takes_too_long(sessions: Any, clock: Any) -> None:
    """Begun more than an hour ago is too old (S6)."""
    browser = await remembered(sessions)
    browser.restart()
    clock.tick(DAY)
    assert await browser.resume(started_at=clock.now - HOUR - 1) == Refused("too_old")
    assert isinstance(await browser.resume(started_at=clock.now - HOUR), SignedIn)


async def test_the_predecessor_after_the_session_was_seen(sessions: Any, clock: Any) -> None:
    """30 s after the first touch a minute after the resume, the predecessor is stolen (R3, R5)."""
    browser = await remembered(sessions)
    browser.restart()
    thief = browser.copy()
    session = await browser.visit()
    clock.tick(MINUTE)
    assert sessions.touch_due(await sessions.validate(browser.token), LAPTOP, passive=True)
    await sessions.touch(Touch(session.id, LAPTOP))
    clock.tick(30 * SECOND - 1)
    early = thief.copy()
    await early.resume()
    assert early.jar == browser.jar
    clock.tick()
    assert await thief.resume() == Refused("theft")
    assert not await browser.is_in()


@pytest.mark.parametrize("generation", ["older", "invented"])
async def test_theft(open_sessions: Any, clock: Any, generation: str) -> None:
    """Any other secret of a known series: its session ends, all Remember me of the user goes (R5)."""
    heard: list[Any] = []
    flow = open_sessions(listeners=[heard.append])
    browser, other, elsewhere = await remembered(flow), await remembered(flow), Browser(flow)
    stranger = await remembered(flow, "2")
    await elsewhere.sign_in()
    browser.restart()
    thief = browser.copy()
    await browser.visit()
    if generation == "older":
        browser.restart()
        await browser.visit()
    else:
        thief.jar[REMEMBER] = Token(Token.parse(thief.remember_token).id, new_secret()).text
    clock.tick(SECOND)
    assert await thief.resume() == Refused("theft")
    assert thief.token is None
    assert not await browser.is_in()
    assert (await flow.why_ended(browser.token)).name == "theft"
    assert await other.is_in()
    assert await elsewhere.is_in()
    for victim in (browser, other):
        victim.restart()
        assert await victim.visit() is None
    assert await stranger.is_in()
    stranger.restart()
    assert await stranger.visit() is not None
    assert [type(e) for e in heard].count(TheftSuspected) == 1
    assert await thief.resume() is None


async def test_a_repeat_after_a_rotation(sessions: Any) -> None:
    """The session moved to another secret: this request is not signed in and sets nothing (R4)."""
    browser = await remembered(sessions)
    browser.restart()
    late = browser.copy()
    await browser.visit()
    browser.take((await sessions.rotate(browser.token, authenticated_by=("password",))).cookies)
    assert await late.resume() == Refused("lost")
    assert late.token is None
    assert await browser.is_in()


@pytest.mark.parametrize("reason", ["limit", "idle", "expired"])
async def test_a_repeat_after_an_ending_of_its_own(sessions: Any, clock: Any, reason: str) -> None:
    """It resumes from what was presented (R4). Whoever has the token that came of it first is noticed (R5)."""
    browser = await remembered(sessions)
    browser.restart()
    late = browser.copy()
    await browser.visit()
    await sessions.store.end(Ending("1", AllBut(None), REASONS[reason], None, clock.tick()))
    assert isinstance(await late.resume(), SignedIn)
    assert await late.is_in()
    browser.restart()
    assert await browser.resume() == Refused("theft")
    assert not await late.is_in()


@pytest.mark.parametrize(
    "verb",
    [
        "revoke",
        "revoke_others",
        "revoke_all",
        "sign_out",
        "everywhere",
        "changed",
        "disabled",
        "everyone",
        "forget",
    ],
)
async def test_nothing_revives_after(sessions: Any, clock: Any, verb: str) -> None:
    """After an ending that forgets, no cookie of the browser restores anything, old or new (E2, R4)."""
    browser, mine = await remembered(sessions), Browser(sessions, PHONE)
    browser.restart()
    before = browser.copy()
    await browser.visit()
    session = (await sessions.list("1"))[0]
    current = (await mine.sign_in()).session
    clock.tick()
    await {
        "revoke": lambda: sessions.revoke("1", session.id, current=current.id),
        "revoke_others": lambda: sessions.revoke_others("1", current=current.id),
        "revoke_all": lambda: sessions.revoke_all("1", operator="root"),
        "sign_out": lambda: sessions.sign_out(browser.presented),
        "everywhere": lambda: sessions.sign_out_everywhere("1"),
        "changed": lambda: sessions.credentials_changed("1", token=mine.token),
        "disabled": lambda: sessions.account_disabled("1"),
        "everyone": lambda: sessions.revoke_everyone(operator="root"),
        "forget": lambda: sessions.forget("1", keep=current.id),
    }[verb]()
    if verb == "forget":
        assert await browser.is_in()
        assert not (await sessions.validate(browser.token)).remembered
    else:
        assert not await browser.is_in()
    clock.tick(MINUTE)
    browser.restart()
    for jar in (browser, before):
        assert await jar.resume() is None
        assert jar.token is None


async def test_a_revoke_while_a_resume_is_in_flight(sessions: Any, clock: Any) -> None:
    """Whichever comes first: afterwards nobody is signed in by the series (E5)."""
    for order in range(12):
        browser, mine = await remembered(sessions, "7"), Browser(sessions, PHONE)
        current = (await mine.sign_in("7")).session
        browser.restart()
        clock.tick()

        async def revoke(current: Any = current) -> None:
            await sessions.revoke_others("7", current=current.id)

        async with anyio.create_task_group() as group:
            for call in (browser.resume, revoke) if order % 2 else (revoke, browser.resume):
                group.start_soon(call)
        await sessions.revoke_others("7", current=current.id)
        assert ids(await sessions.list("7")) == {current.id}
        browser.restart()
        assert await browser.visit() is None


async def test_an_inactive_account_is_not_resumed(open_sessions: Any) -> None:
    """The host is asked; a refusal keeps the cookie, for it may be lifted (S6)."""
    active = {"1"}
    heard: list[Any] = []
    flow = open_sessions(account_active=lambda user_id: user_id in active, listeners=[heard.append])
    browser = await remembered(flow)
    browser.restart()
    active.clear()
    assert await browser.resume() == Refused("account")
    active.add("1")
    assert isinstance(await browser.resume(), SignedIn)
    assert [type(e) for e in heard].count(SessionResumed) == 1


async def test_resuming_at_the_cap(open_sessions: Any) -> None:
    """A resume obeys the cap, and its own earlier session makes the room."""
    flow = open_sessions(cap=2)
    browser, other = await remembered(flow), Browser(flow)
    await other.sign_in()
    browser.restart()
    assert await browser.visit() is not None
    assert await other.is_in()
    assert len(await flow.list("1")) == 2


async def test_without_remember_me_in_the_policy(open_sessions: Any) -> None:
    """A policy that drops it accepts no token from before."""
    browser = await remembered(open_sessions())
    browser.restart()
    browser.flow = open_sessions(policy="aal2")
    assert await browser.resume() is None
