"""The framework's data bag of one request: whose it is, when it is written, when it moves over."""

from __future__ import annotations

from typing import Any

import pytest

from signedin.errors import DataTooLarge
from signedin.visitor import RENEWED_AFTER, VISITOR_FOR

from ..support import HOUR
from .support import VISITOR, Browser, Request


async def ask(browser: Browser, bag: bytes | bool | None = False, **options: Any) -> bytes | None:
    """One request; it writes this bag, unless none is given. What it found."""
    request = Request(browser, **options)
    exchange = await request.open()
    found: bytes | None = exchange.data
    if not isinstance(bag, bool):
        assert await exchange.keep_data(bag)
    request.close()
    return found


@pytest.fixture
def browser(sessions: Any) -> Browser:
    return Browser(sessions)


async def test_a_visitor_is_stored_when_something_is_written(browser: Browser) -> None:
    """Visits write nothing and set nothing; the first bag makes a visitor, an empty one ends it."""
    assert await ask(browser, None) is None
    assert browser.jar == {}
    await ask(browser, b"one")
    token = browser.jar[VISITOR]
    assert await ask(browser, b"two") == b"one"
    assert browser.jar[VISITOR] == token
    assert await ask(browser, None) == b"two"
    assert browser.jar == {}
    assert await browser.flow.find_visitor(token) is None


async def test_a_visitor_lasts_two_hours(browser: Browser, clock: Any) -> None:
    """Two hours after the last use; being used is noted at most every twelve minutes, polling never."""
    await ask(browser, b"bag")
    clock.tick(RENEWED_AFTER - 1)
    await ask(browser, b"bag")
    clock.tick(VISITOR_FOR - RENEWED_AFTER + 1)
    assert await ask(browser) is None
    browser.jar.clear()
    await ask(browser, b"bag")
    clock.tick(HOUR)
    await ask(browser, b"bag", passive=True)
    clock.tick(HOUR)
    assert await ask(browser) is None
    browser.jar.clear()
    await ask(browser, b"bag")
    clock.tick(HOUR)
    await ask(browser, b"bag")
    clock.tick(HOUR)
    assert await ask(browser) == b"bag"


async def test_signing_in_takes_the_bag_along(browser: Browser) -> None:
    """What the framework carries over is the session's; of the visitor nothing stays (S1)."""
    await ask(browser, b"cart")
    token = browser.jar[VISITOR]
    request = Request(browser)
    exchange = await request.open()
    session = (await exchange.sign_in("1", data=exchange.data)).session
    request.close()
    assert VISITOR not in browser.jar
    assert await browser.flow.find_visitor(token) is None
    assert await browser.flow.data(session.id) == b"cart"
    assert await ask(browser) == b"cart"


async def test_a_strangers_bag_stays_behind(browser: Browser) -> None:
    """Neither another user's bag nor one whose token isn't this browser's moves over (S1)."""
    await browser.sign_in("1", data=b"theirs")
    request = Request(browser)
    exchange = await request.open()
    assert exchange.data == b"theirs"
    assert not exchange.carries_data_to("2")
    session = (await exchange.sign_in("2", data=exchange.data)).session
    assert await browser.flow.data(session.id) is None
    other = Browser(browser.flow)
    await ask(other, b"planted")
    forged = Browser(browser.flow)
    forged.jar[VISITOR] = other.jar[VISITOR].partition(".")[0] + "." + "A" * 43
    assert await ask(forged) is None


async def test_a_slow_request_revives_nothing(browser: Browser) -> None:
    """A bag whose session or visitor has ended meanwhile is not written, and makes no new one (REV-3)."""
    session = (await browser.sign_in("1", data=b"old")).session
    slow = await Request(browser).open()
    await browser.flow.revoke("1", session.id, current=None)
    assert not await slow.keep_data(b"new")
    assert await browser.flow.data(session.id) is None
    assert slow.cookies == []
    browser.jar.clear()
    await ask(browser, b"cart")
    slow = await Request(browser).open()
    await ask(browser, None)
    assert not await slow.keep_data(b"cart and more")
    assert slow.cookies == []


async def test_nothing_is_written_that_has_not_changed(browser: Browser, monkeypatch: Any) -> None:
    """A request that changes nothing writes nothing."""
    await browser.sign_in("1", data=b"bag")
    exchange = await Request(browser).open()
    store = exchange.sessions.store
    monkeypatch.setattr(store, "set_data", None)
    assert await exchange.keep_data(b"bag")


async def test_too_large(browser: Browser) -> None:
    """64 kB at most; the old value stays."""
    await browser.sign_in("1", data=b"old")
    exchange = await Request(browser).open()
    with pytest.raises(DataTooLarge, match="65536"):
        await exchange.keep_data(b"x" * 65_537)
    assert await ask(browser) == b"old"
    stranger = Browser(browser.flow)
    with pytest.raises(DataTooLarge):
        await ask(stranger, b"x" * 65_537)
    assert stranger.jar == {}


async def test_from_elsewhere(browser: Browser) -> None:
    """A request from another site, which comes without our cookies, can't replace a visitor's bag."""
    exchange = await Request(browser, from_ours=False).open()
    assert not await exchange.keep_data(b"theirs")
    assert exchange.cookies == []


async def test_after_signing_out(browser: Browser) -> None:
    """The bag goes with the session; what is written afterwards is a visitor's."""
    session = (await browser.sign_in("1", data=b"old")).session
    request = Request(browser)
    exchange = await request.open()
    await exchange.sign_out()
    assert exchange.data is None
    assert await exchange.keep_data(b"bye")
    request.close()
    assert await browser.flow.data(session.id) is None
    assert await ask(browser) == b"bye"


async def test_a_visitor_signs_nobody_out(browser: Browser) -> None:
    """Signing out as a visitor ends nothing and clears nothing."""
    await ask(browser, b"cart")
    request = Request(browser)
    exchange = await request.open()
    outcome = await exchange.sign_out()
    assert (outcome.cookies, outcome.ended) == ((), ())
    assert await ask(browser) == b"cart"
