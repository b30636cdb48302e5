"""Starlette: ``request.session`` kept in the store, as an application that has known it elsewhere expects."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from starlette.applications import Starlette

from signedin.asgi import (
    SignedinMiddleware,
)
from signedin.errors import DataTooLarge
from signedin.visitor import VISITOR_FOR

from ..support import HOUR, Clock
from ..web.support import SESSION, Client
from .starlette_host import ROUTES, VISITOR, app, bag, browser, enter_as

__all__ = ["app", "browser"]


# ── a dict ──────────────────────────────────────────────────────────────────────────────────────────


async def test_what_is_put_is_there(browser: Client) -> None:
    """Nothing at first, what was put at the next request, below a mount as well."""
    assert await bag(browser) == {}
    await browser.post("/", json={"some": "data"})
    assert await bag(browser) == {"some": "data"}
    await browser.post("/mounted/", json={"more": ["é", {"n": 1.5}, None]})
    assert (await browser.get("/mounted/")).json() == {"some": "data", "more": ["é", {"n": 1.5}, None]}


@pytest.mark.parametrize(
    ("verb", "left"),
    [
        ("pop", {"list": []}),
        ("del", {"list": []}),
        ("clear", {}),
        ("nested", {"a": 0, "list": [1]}),
        ("setdefault", {"a": 0, "list": []}),
        ("or", {"a": 0, "list": [], "b": 2}),
    ],
)
async def test_every_change_is_kept(browser: Client, verb: str, left: Any) -> None:
    """Whichever verb of a dict makes it, and in a list inside, too, where nobody has to say so."""
    await browser.post("/", json={"a": 0, "list": []})
    assert (await browser.post(f"/act/{verb}")).json() == left
    assert await bag(browser) == left


async def test_an_empty_bag_leaves_nothing(browser: Client, flow: Any) -> None:
    """Looking sets no cookie; clearing removes the visitor's."""
    await bag(browser)
    assert browser.tokens() == {}
    await browser.post("/", json={"a": 1})
    token = browser.tokens()[VISITOR]
    answer = await browser.post("/act/clear")
    assert "Max-Age=0" in answer.headers["set-cookie"]
    assert browser.tokens() == {}
    assert await flow.find_visitor(token) is None


async def test_what_starlette_tracks(browser: Client) -> None:
    """``accessed`` and ``modified`` say what they say of Starlette's own."""
    assert (await browser.get("/tracked")).json() == [False, False, True, True]


async def test_a_visitors_cookie_has_the_strict_attributes(browser: Client) -> None:
    """As narrow as the session's; it goes with the browser, and nothing of the bag is in it."""
    answer = await browser.post("/", json={"card": "4242"})
    cookie = answer.headers["set-cookie"]
    assert cookie.startswith(f"{VISITOR}=")
    assert {"Path=/", "Secure", "HttpOnly", "SameSite=Lax"} <= set(cookie.split("; "))
    assert "Max-Age" not in cookie
    assert "4242" not in cookie


async def test_a_visitor_expires(browser: Client, clock: Clock) -> None:
    """Two hours after its last use, in the store and not only in the browser."""
    await browser.post("/", json={"a": 1})
    clock.tick(HOUR)
    assert await bag(browser) == {"a": 1}
    clock.tick(VISITOR_FOR - 1)
    assert await bag(browser) == {"a": 1}
    clock.tick(VISITOR_FOR)
    assert await bag(browser) == {}


async def test_after_the_response_has_begun(browser: Client) -> None:
    """What a stream puts is too late, as with any cookie."""
    assert (await browser.get("/late")).text == "x"
    assert await bag(browser) == {}


async def test_a_request_that_fails(app: Any) -> None:
    """Keeps what was there; one that answers 500 in so many words keeps what it put."""
    async with Client(app) as browser:
        await browser.post("/", json={"a": 1})
        with pytest.raises(RuntimeError):
            await browser.post("/act/fail")
        assert await bag(browser) == {"a": 1}
        assert (await browser.post("/act/500")).status_code == 500
        assert await bag(browser) == {"a": "kept"}


@pytest.mark.parametrize(("verb", "error"), [("date", TypeError), ("large", DataTooLarge)])
async def test_what_cannot_be_kept(app: Any, verb: str, error: type[Exception]) -> None:
    """What JSON has not, or 64 kB exceeds, is the application's error; the old bag stays."""
    async with Client(app) as browser:
        await browser.post("/", json={"a": 1})
        with pytest.raises(error):
            await browser.post(f"/act/{verb}")
        assert await bag(browser) == {"a": 1}
        await enter_as(browser, "ada")
        with pytest.raises(error):
            await browser.post(f"/act/{verb}")
        assert await bag(browser) == {"a": 1}


async def test_too_large_says_what_to_do(browser: Client) -> None:
    """The error names the remedy."""
    with pytest.raises(DataTooLarge, match="Keep what is large elsewhere, and its key here"):
        await browser.post("/act/large")


# ── what it costs ───────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("who", ["user", "visitor"])
async def test_a_request_is_one_read(
    browser: Client, statements: Callable[[], list[str]], who: str
) -> None:
    """One statement reads session and bag; a request that changes nothing runs no other."""
    await browser.post("/", json={"a": 1})
    if who == "user":
        await enter_as(browser, "ada")
    await bag(browser)
    statements()
    for path in ("/", "/plain", "/whoami"):
        await browser.get(path)
        ran = statements()
        assert len(ran) == 1, path
        assert ran[0].lstrip().upper().startswith(("SELECT", "WITH"))
    await browser.post("/", json={"a": 1})
    assert len(statements()) == 1
    await browser.post("/", json={"a": 2})
    assert sum(sql.startswith("BEGIN") for sql in statements()) == 1


async def test_a_stranger_costs_nothing(browser: Client, statements: Callable[[], list[str]]) -> None:
    """Without our cookie nothing is asked of the store."""
    await browser.post("/", json={"a": 1})
    browser.cookies.clear()
    statements()
    await bag(browser)
    assert statements() == []


async def test_without_data_nothing_of_it(flow: Any) -> None:
    """Off by default: ``request.session`` is somebody else's, and Starlette says that there is none."""
    app = SignedinMiddleware(Starlette(routes=ROUTES), sessions=flow)
    async with Client(app) as browser:
        with pytest.raises(AssertionError, match="SessionMiddleware"):
            await browser.get("/")
        browser.cookies.set(VISITOR, "x")
        assert (await browser.get("/plain")).headers.get("cache-control") is None


# ── WebSockets ──────────────────────────────────────────────────────────────────────────────────────


async def speak(app: Any, cookie: str) -> list[Any]:
    """Open the socket with this cookie; what the application sends."""
    sent: list[Any] = []

    async def receive() -> Any:
        return {"type": "websocket.connect"}

    async def send(message: Any) -> None:
        sent.append(message)

    headers = [
        (b"host", b"app.example"),
        (b"origin", b"https://app.example"),
        (b"cookie", cookie.encode()),
    ]
    scope = {
        "type": "websocket", "path": "/socket", "scheme": "wss", "headers": headers,
        "query_string": b"", "client": ("203.0.113.24", 1), "subprotocols": [],
    }  # fmt: skip
    await app(scope, receive, send)
    return sent


async def test_a_websocket_reads_it(app: Any, browser: Client) -> None:
    """The bag is there, the visitor's and the user's; what is put into it stays in the connection."""
    await browser.post("/", json={"a": 1})
    for name in (VISITOR, SESSION):
        if name == SESSION:
            await enter_as(browser, "ada")
        sent = await speak(app, f"{name}={browser.tokens()[name]}")
        assert json.loads(sent[1]["text"]) == {"a": 1}
        assert await bag(browser) == {"a": 1}
