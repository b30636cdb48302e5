"""One web request: what it may do, and what its response carries (V4, V7, S1, E7, E8)."""

from __future__ import annotations

from typing import Any

import pytest

from signedin.errors import StoreUnavailable
from signedin.outcomes import Refused, SignedIn
from signedin.session import Client
from signedin.steps import Touch

from ..engines import ENGINES, Engine
from ..support import HOUR, LAPTOP, MINUTE, SECOND, START, ids
from .support import REMEMBER, SESSION, VISITOR, Browser, Request


@pytest.fixture
def engine() -> Engine:
    """One is enough: a request knows no store."""
    return ENGINES["sqlite"]


@pytest.fixture
def browser(sessions: Any) -> Browser:
    return Browser(sessions)


def broken(*_: Any, **__: Any) -> Any:
    raise StoreUnavailable


def without_store(exchange: Any, monkeypatch: pytest.MonkeyPatch, *verbs: str) -> None:
    """The store of this request's flow can't be reached by these verbs."""
    store = exchange.sessions.store
    for verb in verbs:
        monkeypatch.setattr(store, verb, broken)


def names(exchange: Any) -> list[str]:
    return sorted(cookie.name for cookie in exchange.cookies)


async def test_opening(browser: Browser) -> None:
    """A session is found and nothing is set; without one there is none, and that is known."""
    exchange = await Request(browser).open()
    assert (exchange.session, exchange.is_known, exchange.cookies) == (None, True, [])
    session = (await browser.sign_in(data=b"bag")).session
    for with_data, bag in ((True, b"bag"), (False, None)):
        exchange = await Request(browser).open(with_data=with_data)
        assert (exchange.session, exchange.data, exchange.visitor) == (session, bag, None)
        assert (exchange.cookies, exchange.clear_cache) == ([], False)


async def test_remember_me_resumes_on_http_only(browser: Browser) -> None:
    """A request resumes, and its response sets both cookies; a WebSocket's handshake doesn't (R2)."""
    await browser.sign_in(remember=True)
    browser.restart()
    exchange = await Request(browser).open(may_resume=False)
    assert (exchange.session, exchange.cookies) == (None, [])
    exchange = await Request(browser).open()
    assert exchange.session.remembered
    assert names(exchange) == [SESSION, REMEMBER]
    assert exchange.session.ip == LAPTOP.ip


async def test_a_session_needs_no_resume(browser: Browser, clock: Any) -> None:
    """While the session lives, the remember-me cookie is left alone (R2)."""
    session = (await browser.sign_in(remember=True)).session
    clock.tick(HOUR)
    exchange = await Request(browser).open()
    assert (exchange.session, exchange.cookies) == (session, [])


async def test_an_outage_is_told_on_use(browser: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    """A page that needs no session works; where one is needed the error is raised, and no cookie is
    touched (V4)."""
    await browser.sign_in(remember=True)
    request = Request(browser)
    without_store(request.exchange, monkeypatch, "find", "find_with_data", "find_series")
    exchange = await request.open()
    assert not exchange.is_known
    with pytest.raises(StoreUnavailable):
        _ = exchange.session
    with pytest.raises(StoreUnavailable):
        await exchange.keep_data(b"bag")
    assert await exchange.why_signed_out(navigation=True) is None
    assert exchange.due_touch() is None
    assert exchange.cookies == []
    monkeypatch.undo()
    assert isinstance(await exchange.sign_in("1"), SignedIn)
    assert exchange.is_known
    assert exchange.session.user_id == "1"


async def test_activity(open_sessions: Any, clock: Any) -> None:
    """Due as of the request's beginning; not of nobody, and not while polling (V3). A client that is known
    isn't told again.
    """
    browser = Browser(open_sessions())
    nobody = await Request(browser).open()
    await browser.sign_in()
    await browser.flow.validate(browser.token)
    clock.tick()
    other = Client("198.51.100.1", "other")
    (session,) = await browser.flow.list("1")
    for options, client, due in (
        ({}, LAPTOP, Touch(session.id, None)),
        ({"passive": True}, LAPTOP, None),
        ({"passive": True}, other, Touch(session.id, other)),
    ):
        browser.client = client
        exchange = await Request(browser, **options).open()
        clock.tick(HOUR)
        assert exchange.due_touch() == due
        clock.tick(-HOUR)
    assert nobody.due_touch() is None


async def test_signing_in(browser: Browser, clock: Any) -> None:
    """The response sets what the sign-in says; the request goes on as the new session."""
    clock.tick(MINUTE)
    request = Request(browser)
    exchange = await request.open()
    clock.tick(SECOND)
    outcome = await exchange.sign_in("1", remember=True, authenticated_by=("otp",), data=b"bag")
    assert exchange.session == outcome.session
    assert (outcome.session.authenticated_by, exchange.data) == (("otp",), b"bag")
    assert names(exchange) == [SESSION, REMEMBER]
    request.close()
    assert await browser.flow.validate(browser.token) == outcome.session


async def test_signing_in_twice_in_one_request(browser: Browser) -> None:
    """The second replaces the first; the response sets each cookie once, the last word's (S1)."""
    request = Request(browser)
    exchange = await request.open()
    first = (await exchange.sign_in("1", remember=True)).session
    second = (await exchange.sign_in("1")).session
    assert ids(await browser.flow.list("1")) == {second.id}
    assert [e.id for e in await browser.flow.history("1")] == [first.id]
    assert names(exchange) == [SESSION, REMEMBER]
    request.close()
    assert browser.jar.keys() == {SESSION}
    assert await browser.is_in()


async def test_when_a_sign_in_began(browser: Browser, clock: Any) -> None:
    """With its request, unless the first credential came earlier (S6)."""
    exchange = await Request(browser).open()
    clock.tick(5 * SECOND)
    changed = await browser.flow.credentials_changed("1")
    assert await exchange.sign_in("1") == Refused("barrier")
    clock.tick(5 * SECOND)
    later = await Request(browser).open()
    assert await later.sign_in("1", started_at=START) == Refused("barrier")
    assert later.cookies == []
    assert isinstance(await later.sign_in("1", started_at=START, barrier=changed.barrier), SignedIn)
    assert isinstance(await later.sign_in("1"), SignedIn)


async def test_another_sites_request(browser: Browser) -> None:
    """It signs nobody in and nobody out (CSRF-1)."""
    await browser.sign_in()
    exchange = await Request(browser, from_ours=False).open()
    assert await exchange.sign_in("1") == Refused("cross_site")
    outcome = await exchange.sign_out()
    assert (outcome.cookies, outcome.ended, exchange.cookies) == ((), (), [])
    assert not exchange.clear_cache
    assert await browser.is_in()


@pytest.mark.parametrize("kept", [SESSION, REMEMBER])
async def test_signing_out(browser: Browser, kept: str) -> None:
    """Either cookie is enough; both are cleared, and so is the browser's cache."""
    await browser.sign_in(remember=True, data=b"bag")
    browser.jar = {kept: browser.jar[kept]}
    request = Request(browser)
    exchange = await request.open(may_resume=False)
    outcome = await exchange.sign_out()
    assert (len(outcome.ended), len(outcome.cookies)) == (kept == SESSION, 2)
    assert (exchange.session, exchange.data, exchange.clear_cache) == (None, None, True)
    assert names(exchange) == [SESSION, REMEMBER]
    assert all(cookie.clears for cookie in exchange.cookies)
    again = await exchange.sign_out()
    assert (again.cookies, again.ended) == ((), ())


async def test_signing_out_everywhere(browser: Browser) -> None:
    """All of the current user's sessions end; where nobody is signed in, nothing does."""
    assert await (await Request(browser).open()).sign_out_everywhere() is None
    await Browser(browser.flow).sign_in()
    await browser.sign_in()
    exchange = await Request(browser).open()
    assert len((await exchange.sign_out_everywhere()).ended) == 2
    assert (exchange.session, exchange.clear_cache) == (None, True)
    assert names(exchange) == [SESSION, REMEMBER]


async def test_changed_credentials(browser: Browser) -> None:
    """The current session goes on with a new secret; Remember me is off, and its cookie cleared (E7)."""
    assert await (await Request(browser).open()).credentials_changed() is None
    await browser.sign_in(remember=True)
    request = Request(browser)
    exchange = await request.open()
    outcome = await exchange.credentials_changed()
    assert exchange.session == outcome.signed_in.session
    assert {cookie.name: cookie.clears for cookie in exchange.cookies} == {
        SESSION: False,
        REMEMBER: True,
    }
    request.close()
    assert await browser.is_in()
    plain = Browser(browser.flow)
    await plain.sign_in("2")
    exchange = await Request(plain).open()
    await exchange.credentials_changed()
    assert names(exchange) == [SESSION]


async def test_credentials_changed_too_late(browser: Browser) -> None:
    """Where the session has ended meanwhile, nobody is signed in by it any more (E7)."""
    session = (await browser.sign_in(data=b"bag")).session
    exchange = await Request(browser).open()
    await browser.flow.revoke("1", session.id, current=None)
    assert (await exchange.credentials_changed()).signed_in is None
    assert (exchange.session, exchange.data, exchange.cookies) == (None, None, [])


async def test_a_step_up(browser: Browser, clock: Any) -> None:
    """The same session with a new secret, fresh; a second one in the same request goes on from there."""
    session = (await browser.sign_in()).session
    clock.tick(HOUR)
    request = Request(browser)
    exchange = await request.open()
    for methods in (("otp",), ("password", "otp")):
        outcome = await exchange.rotate(methods)
        assert outcome.session.id == session.id
        assert exchange.session.authenticated_by == methods
        assert exchange.session.authenticated_at == clock.now
    assert names(exchange) == [SESSION]
    request.close()
    assert await browser.is_in()


async def test_a_cookie_that_got_lost(browser: Browser) -> None:
    """A browser that is known by other means gets a new secret for a session of that user which is
    active, and nobody else's.
    """
    session = (await browser.sign_in()).session
    browser.restart()
    request = Request(browser)
    exchange = await request.open()
    assert await exchange.reissue("2", session.id) is None
    assert exchange.cookies == []
    assert (await exchange.reissue("1", session.id)).session.id == session.id
    request.close()
    assert await browser.is_in()
    await browser.flow.revoke("1", session.id, current=None)
    assert await exchange.reissue("1", session.id) is None


async def test_acting_as_somebody(browser: Browser, clock: Any) -> None:
    """The session acts as another user until then, and then no longer (S4)."""
    await browser.sign_in()
    request = Request(browser)
    exchange = await request.open()
    await exchange.act_as("2", until=clock.now + HOUR)
    assert (exchange.session.acting_as, exchange.session.acting_until) == ("2", clock.now + HOUR)
    await exchange.act_as(None)
    assert exchange.session.acting_as is None
    request.close()
    assert (await browser.flow.validate(browser.token)).user_id == "1"


async def test_too_late(browser: Browser) -> None:
    """A session that has ended meanwhile gets no new secret, and the response no cookie (V6)."""
    session = (await browser.sign_in()).session
    exchange = await Request(browser).open()
    await browser.flow.revoke("1", session.id, current=None)
    assert await exchange.rotate(("otp",)) is None
    assert await exchange.act_as("2") is None
    assert exchange.cookies == []


async def test_why_signed_out(browser: Browser) -> None:
    """Told on the sign-in page; only a person's way there clears the dead cookie (E8, V7)."""
    session = (await browser.sign_in()).session
    exchange = await Request(browser).open()
    assert await exchange.why_signed_out(navigation=True) is None
    assert exchange.cookies == []
    await browser.flow.revoke("1", session.id, current=None)
    for navigation, cleared in ((False, []), (True, [SESSION])):
        exchange = await Request(browser).open()
        assert (await exchange.why_signed_out(navigation=navigation)).name == "revoked"
        assert names(exchange) == cleared
    stranger = await Request(Browser(browser.flow)).open()
    assert await stranger.why_signed_out(navigation=True) is None
    assert stranger.cookies == []


async def test_a_dead_remember_me_cookie(open_sessions: Any, clock: Any) -> None:
    """Cleared where the store has answered that it is nothing, not where it is refused for now (V7)."""
    active: list[str] = []
    flow = open_sessions(account_active=active.__contains__)
    browser = Browser(flow)
    await browser.sign_in(remember=True)
    browser.restart()
    exchange = await Request(browser).open()
    await exchange.why_signed_out(navigation=True)
    assert (exchange.session, exchange.cookies) == (None, [])
    await flow.forget("1")
    for navigation, cleared in ((False, []), (True, [REMEMBER])):
        exchange = await Request(browser).open()
        await exchange.why_signed_out(navigation=navigation)
        assert names(exchange) == cleared


async def test_a_stolen_remember_me_cookie(browser: Browser, clock: Any) -> None:
    """A used-up token is dead, too (R5, V7)."""
    await browser.sign_in(remember=True)
    thief = browser.copy()
    for _ in range(2):
        browser.restart()
        await browser.visit()
    thief.restart()
    exchange = await Request(thief).open()
    assert exchange.session is None
    await exchange.why_signed_out(navigation=True)
    assert names(exchange) == [REMEMBER]


async def test_the_same_user_again(browser: Browser) -> None:
    """The bag of one's own earlier session may move over, whichever way the user id is written (S1)."""
    await browser.sign_in(1, data=b"bag")
    exchange = await Request(browser).open()
    assert exchange.carries_data_to(1)
    session = (await exchange.sign_in(1, data=exchange.data)).session
    assert await browser.flow.data(session.id) == b"bag"


async def test_a_bag_that_is_changed_back(browser: Browser) -> None:
    """What was kept last holds, also when it is what the request began with."""
    session = (await browser.sign_in(data=b"old")).session
    exchange = await Request(browser).open()
    for bag in (b"new", b"old", None):
        assert await exchange.keep_data(bag)
        assert await browser.flow.data(session.id) == bag


async def test_leaving_a_visitor(browser: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its cookie is cleared even where its bag can't be removed now, which goes by itself."""
    request = Request(browser)
    await (await request.open()).keep_data(b"cart")
    request.close()
    request = Request(browser)
    exchange = await request.open()
    without_store(exchange, monkeypatch, "drop_visitor")
    assert isinstance(await exchange.sign_in("1", data=b"cart"), SignedIn)
    assert exchange.visitor is None
    assert names(exchange) == [SESSION, VISITOR]
    request.close()
    assert browser.jar.keys() == {SESSION}


async def test_a_visitors_cookie_that_is_nobodys(browser: Browser) -> None:
    """A dead visitor's cookie is cleared by the sign-in, and looked at only where data is wanted."""
    browser.jar[VISITOR] = "junk"
    exchange = await Request(browser).open()
    assert (exchange.visitor, exchange.data) == (None, None)
    await exchange.sign_in("1")
    assert names(exchange) == [SESSION, VISITOR]
    fresh = Browser(browser.flow)
    request = Request(fresh)
    await (await request.open()).keep_data(b"cart")
    request.close()
    exchange = await Request(fresh).open(with_data=False)
    assert (exchange.visitor, exchange.data) == (None, None)
