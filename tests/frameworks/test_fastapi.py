"""FastAPI: sessions as dependencies, the API as a router, and what an application's tests replace."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from fastapi.testclient import TestClient

from signedin import SettingsError, open_async_sessions, open_sessions
from signedin.fastapi import (
    SessionRequired,
    SignedinMiddleware,
    fresh_session,
    optional_session,
    required_session,
)

from ..servers import REDIS, Server
from ..support import MINUTE, Clock
from ..web.support import SESSION, Client
from .fastapi_host import enter, inside, shop

JSON = {"accept": "application/json"}
HERE = "/account/sessions"


@pytest.fixture(params=[inside, SignedinMiddleware], ids=["inside", "around"])
def app(request: pytest.FixtureRequest, flow: Any) -> Any:
    return request.param(shop(), sessions=flow, data=True)


@pytest.fixture
async def browser(app: Any) -> AsyncIterator[Client]:
    async with Client(app) as made:
        yield made


# ── dependencies ─────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("path", ["/members", "/sync", "/fresh", "/both"])
async def test_nobody(app: Any, path: str) -> None:
    """A program gets 401 as a problem, a person's page leads to the sign-in and back."""
    async with Client(app) as browser:
        answer = await browser.get(path, headers=JSON)
        assert (answer.status_code, answer.json()["code"]) == (401, "sign_in_required")
        assert answer.headers["content-type"] == "application/problem+json"
        answer = await browser.get(f"{path}?a=1&b=ü")
        assert answer.status_code == 303
        assert answer.headers["location"] == f"/sign_in?next={path}%3Fa%3D1%26b%3D%25C3%25BC"
        assert (await browser.get("/")).json() == {"user": None}


async def test_a_form_of_nobodys(browser: Client) -> None:
    """Leads to the sign-in, not back to what can't be repeated."""
    assert (await browser.post("/members")).headers["location"] == "/sign_in"


@pytest.mark.parametrize("how", ["/sign_in", "/sync/sign_in"])
async def test_somebody(browser: Client, how: str) -> None:
    """The session in ``async def`` and in ``def``, asked for once a request however often it is named."""
    await enter(browser, path=how)
    for path in ("/", "/members", "/sync", "/fresh"):
        answer = await browser.get(path)
        assert (answer.status_code, answer.json()) == (200, {"user": "ada"}), path
        assert answer.headers["cache-control"] == "no-store"
    assert (await browser.get("/both")).json() is True
    assert (await browser.get("/record")).json()["device"]["browser"] == "Firefox"
    await browser.post("/sign_out")
    assert (await browser.get("/members")).status_code == 303


async def test_a_fresh_one(browser: Client, clock: Clock) -> None:
    """Credentials within ten minutes; else 403 with the code, or the sign-in page; a step-up makes it so."""
    await enter(browser)
    clock.tick(10 * MINUTE)
    answer = await browser.get("/fresh", headers=JSON)
    assert (answer.status_code, answer.json()["code"]) == (403, "reauthentication_required")
    assert (await browser.get("/fresh")).headers["location"] == "/sign_in?next=/fresh"
    assert (await browser.get("/members")).status_code == 200
    assert (await browser.post("/step_up")).json() is True
    assert (await browser.get("/fresh")).status_code == 200


async def test_the_bag_in_a_thread(browser: Client) -> None:
    """``request.session`` in ``def`` endpoints."""
    await enter(browser)
    assert [(await browser.get("/bag")).json() for _ in range(3)] == [1, 2, 3]


@pytest.mark.parametrize("cookie", ["{0}={1}; {0}=planted", "{0}=x", "{0}={1}x", "{0}="])
async def test_doubled_and_junk_cookies(app: Any, browser: Client, cookie: str) -> None:
    """Not signed in, no 5xx, nothing cleared (V5, V7)."""
    await enter(browser)
    sent = {"cookie": cookie.format(SESSION, browser.tokens()[SESSION])} | JSON
    async with Client(app) as other:
        answer = await other.get("/members", headers=sent)
        assert (answer.status_code, "set-cookie" in answer.headers) == (401, False)


async def test_an_unchanged_request_writes_nothing(
    browser: Client, statements: Callable[[], list[str]]
) -> None:
    """One read a request, however many dependencies it has."""
    await enter(browser)
    await browser.get("/")
    statements()
    for path in ("/", "/members", "/sync", "/both", "/record"):
        await browser.get(path)
        assert len(statements()) == 1, path


async def test_revoked_is_out(app: Any, browser: Client, flow: Any) -> None:
    """At the very next request, of whichever kind of endpoint (REV-2)."""
    await enter(browser)
    await flow.revoke_all("ada", operator="root")
    for path in ("/members", "/sync", "/fresh", "/record", "/both"):
        assert (await browser.get(path, headers=JSON)).status_code == 401
    assert (await browser.get("/")).json() == {"user": None}


async def test_an_outage(clock: Clock) -> None:
    """503 where a session is depended on; cookies stay (V4)."""
    server = Server(REDIS)
    sessions = open_async_sessions(store=server.url, clock=clock, sweep_every=None)
    for bound in (SignedinMiddleware, inside):
        app: Any = shop()
        app.add_api_route("/open", lambda: "open")
        whole = bound(app, sessions=sessions)
        async with Client(whole) as browser:
            await enter(browser)
            server.kill()
            for path in ("/", "/members", "/sync", "/fresh"):
                answer = await browser.get(path, headers=JSON)
                assert (answer.status_code, answer.headers["retry-after"]) == (503, "5"), path
                assert answer.json()["code"] == "store_unavailable"
                assert "set-cookie" not in answer.headers
            assert (await browser.get("/open")).json() == "open"
            server.start()
    await sessions.close()
    server.stop()


async def test_a_host_answers_itself(flow: Any) -> None:
    """The host's handler of SessionRequired comes first."""
    app: Any = shop()

    @app.exception_handler(SessionRequired)
    async def told(request: Request, error: SessionRequired) -> JSONResponse:
        return JSONResponse({"please": "sign in"}, error.reply.status)

    async with Client(SignedinMiddleware(app, sessions=flow)) as browser:
        answer = await browser.get("/members", headers=JSON)
        assert (answer.status_code, answer.json()) == (401, {"please": "sign in"})


# ── WebSockets, the process ──────────────────────────────────────────────────────────────────


def test_a_websocket(path: str) -> None:
    """Without a session it is closed with 1008, before it is open."""
    from starlette.websockets import WebSocketDisconnect

    with TestClient(inside(shop(), store=path), base_url="https://app.example") as client:
        ours = {"origin": "https://app.example"}
        with pytest.raises(WebSocketDisconnect) as closed:
            with client.websocket_connect("/members/ws"):
                pass
        assert (closed.value.code, closed.value.reason) == (1008, "sign in")
        client.post("/sign_in", data={"user": "ada"}, headers=ours)
        token = client.cookies[SESSION]
        sent = ours | {"host": "app.example", "cookie": f"{SESSION}={token}"}
        with client.websocket_connect("wss://app.example/members/ws", headers=sent) as socket:
            assert socket.receive_text() == "ada"


def test_the_hosts_lifespan(path: str, clock: Clock) -> None:
    """The host's own runs; the sweep begins with it, and at its end what was active is recorded."""
    seen = []

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        seen.append("up")
        yield
        seen.append("down")

    sessions = open_async_sessions(store=path, clock=clock)
    app = SignedinMiddleware(shop(lifespan=lifespan), sessions=sessions)
    with TestClient(app, base_url="https://app.example") as client:
        assert app._sweeper.is_running
        client.post("/sign_in", data={"user": "ada"}, headers={"origin": "https://app.example"})
        clock.tick(5 * MINUTE)
        assert client.get("/members").json() == {"user": "ada"}
    assert seen == ["up", "down"]
    assert not app._sweeper.is_running
    looked = open_sessions(store=path, clock=clock)
    assert [session.last_active_at for session in looked.list("ada")] == [clock.now]
    looked.close()


def test_the_wrong_colour(path: str) -> None:
    """Sessions of code without await are refused, and the right ones named."""
    sync = open_sessions(store=path)
    with pytest.raises(SettingsError, match=r"open_async_sessions\(...\), not open_sessions"):
        SignedinMiddleware(shop(), sessions=sync)  # type: ignore[arg-type]
    with pytest.raises(SettingsError, match="Did you mean 'store'"):
        SignedinMiddleware(shop(), stor=path)
    sync.close()


async def test_without_the_middleware() -> None:
    """The error says what is missing."""
    from signedin.errors import SignedinError

    async with Client(shop()) as browser:
        with pytest.raises(SignedinError, match="did not pass SignedinMiddleware"):
            await browser.get("/")


# ── what tests replace ───────────────────────────────────────────────────────────────────────


async def test_overrides(flow: Any) -> None:
    """An application's tests put a session in the place of the optional one, and all others follow; or in
    the place of just one. No middleware, no store is needed.
    """
    sessions = open_async_sessions(store=flow.settings.store)
    from ..support import LAPTOP

    made = (await sessions.sign_in("ada", LAPTOP, started_at=sessions.clock())).session  # type: ignore[union-attr]
    app = shop()
    for replaced, paths in (
        (optional_session, ["/", "/members", "/sync"]),
        (required_session, ["/members", "/sync"]),
        (fresh_session, ["/fresh"]),
    ):
        app.dependency_overrides = {replaced: lambda: made}
        client = TestClient(app)
        for path in paths:
            assert client.get(path).json() == {"user": "ada"}
    await sessions.close()
