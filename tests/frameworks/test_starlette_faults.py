"""``request.session`` in hostile and unlucky requests."""

from __future__ import annotations

import json
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from signedin import Refused
from signedin.asgi import (
    SignedinMiddleware,
    sign_in,
)
from signedin.asgi.bag import _decoded
from signedin.errors import SignedinError

from ..servers import REDIS, Server
from ..support import Clock
from ..web.support import SESSION, Client
from .starlette_host import ROUTES, VISITOR, app, around, bag, browser, enter_as

__all__ = ["app", "browser"]


async def test_no_shared_cache_keeps_it(browser: Client) -> None:
    """A response to a visitor is as private as one to a user (HDR-1)."""
    assert "cache-control" not in (await browser.get("/plain")).headers
    await browser.post("/", json={"a": 1})
    answer = await browser.get("/plain")
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["vary"] == "Cookie"


@pytest.mark.parametrize("junk", ["x", "eyJhIjoxfQ==.sig", "null", "1.2", "a" * 5000, '"', "\xff"])
@pytest.mark.parametrize("name", [VISITOR, SESSION])
async def test_anothers_cookie_under_our_name(app: Any, name: str, junk: str) -> None:
    """Nobody's bag, no 5xx, nothing cleared (V5, V7)."""
    async with Client(app) as browser:
        answer = await browser.get("/", headers={"cookie": f"{name}={junk}".encode("latin-1")})
        assert (answer.status_code, answer.json()) == (200, {})
        assert "set-cookie" not in answer.headers


@pytest.mark.parametrize("name", [VISITOR, SESSION])
async def test_a_doubled_cookie(app: Any, browser: Client, name: str) -> None:
    """Two of one name are none: who planted the other one is not known (V5)."""
    await browser.post("/", json={"a": 1})
    if name == SESSION:
        await enter_as(browser, "ada")
    token = browser.tokens()[name]
    async with Client(app) as other:
        both = f"{name}={token}; {name}=planted"
        assert (await other.get("/", headers={"cookie": both})).json() == {}
        assert (await other.get("/", headers={"cookie": f"{name}={token}"})).json() == {"a": 1}


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
async def test_from_another_site(app: Any, browser: Client, site: str) -> None:
    """With our cookie a change must come from us; without one it makes no visitor (CSRF-1)."""
    foreign = {"sec-fetch-site": site, "origin": "https://evil.example"}
    await browser.post("/", json={"a": 1})
    assert (await browser.post("/", json={"a": 2}, headers=foreign)).status_code == 403
    assert await bag(browser) == {"a": 1}
    async with Client(app) as stranger:
        answer = await stranger.post("/", json={"a": 2}, headers=foreign)
        assert "set-cookie" not in answer.headers


async def test_a_bag_that_cannot_be_read(browser: Client, flow: Any, caplog: Any) -> None:
    """It is taken for an empty one, the log says so, and the next one is kept."""
    await enter_as(browser, "ada")
    session = (await flow.list("ada"))[0]
    for broken in (b"\xff", b"[1]", b"{"):
        await flow.set_data(session.id, broken)
        assert await bag(browser) == {}
        assert "no JSON object" in caplog.text
        caplog.clear()
    await browser.post("/", json={"a": 1})
    assert await bag(browser) == {"a": 1}


@pytest.mark.parametrize(
    "value", [float("nan"), float("inf"), "\ud800", 10**30, 1e-320, -0.0, {"": [None]}]
)
def test_all_that_python_writes_is_read(value: object) -> None:
    """Also what is no JSON elsewhere: it comes back as ``json`` would read it."""
    stored = json.dumps({"a": value}).encode()
    assert repr(_decoded(stored)) == repr(json.loads(stored)) == repr({"a": value})


async def test_nobody_else_sets_it(flow: Any) -> None:
    """Two that keep ``request.session``, outside or inside of each other, and a dict put in its place."""

    class Another:
        def __init__(self, app: Any) -> None:
            self.app = app

        async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
            scope["session"] = {}
            await self.app(scope, receive, send)

    ours = Middleware(SignedinMiddleware, data=True, sessions=flow)
    for order in ([Middleware(Another), ours], [ours, Middleware(Another)]):
        async with Client(Starlette(routes=ROUTES, middleware=order)) as browser:
            with pytest.raises(SignedinError, match="other session middleware"):
                await browser.get("/plain")
    async with Client(around(sessions=flow)) as browser:
        with pytest.raises(SignedinError, match=r"request.session.clear\(\)"):
            await browser.post("/act/replace")


async def test_an_outage(clock: Clock) -> None:
    """503 with Retry-After where the bag is used; elsewhere the application goes on; no cookie is touched."""
    server = Server(REDIS)
    app = around(store=server.url, clock=clock, sweep_every=None)
    async with Client(app) as browser:
        await browser.post("/", json={"a": 1})
        for who in ("visitor", "user"):
            server.kill()
            for method, path in (("GET", "/"), ("POST", "/act/clear"), ("POST", "/act/pop")):
                answer = await browser.request(method, path)
                assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
                assert "set-cookie" not in answer.headers
            assert (await browser.get("/plain")).text == "plain"
            server.start()
            if who == "visitor":
                await enter_as(browser, "ada")
    await app.sessions.close()
    server.stop()


async def test_an_outage_before_it_is_written(clock: Clock) -> None:
    """What can't be written is a 503, too, whatever the application was about to answer."""
    server = Server(REDIS)

    async def unlucky(request: Request) -> Response:
        request.session["a"] = 2
        server.kill()
        return PlainTextResponse("done", int(request.query_params["status"]))

    for status in (200, 500):
        app = SignedinMiddleware(
            Starlette(routes=[*ROUTES, Route("/unlucky", unlucky)]),
            data=True, store=server.url, clock=clock, sweep_every=None,
        )  # fmt: skip
        async with Client(app) as browser:
            await enter_as(browser, "ada")
            answer = await browser.get(f"/unlucky?status={status}")
            assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
        await app.sessions.close()
        server.start()
    server.stop()


async def test_the_store_comes_back_in_the_middle_of_a_request(clock: Clock) -> None:
    """A sign-in works again; the bag that could not be read is neither empty nor overwritten."""
    server = Server(REDIS, appendonly="yes")

    async def lucky(request: Request) -> Response:
        server.start()
        assert not isinstance(await sign_in(request, "ada"), Refused)
        request.scope["session"]["a"] = 2
        return PlainTextResponse("done")

    app = SignedinMiddleware(
        Starlette(routes=[*ROUTES, Route("/lucky", lucky)]),
        data=True, store=server.url, clock=clock, sweep_every=None,
    )  # fmt: skip
    async with Client(app) as browser:
        await enter_as(browser, "ada")
        server.kill()
        answer = await browser.get("/lucky")
        assert answer.status_code == 503
        assert answer.headers["set-cookie"].startswith(f"{SESSION}=")
        assert (await browser.get("/whoami")).text == "ada"
    await app.sessions.close()
    server.stop()
