"""Starlette: ``request.session`` kept in the store, as an application that has known it elsewhere expects."""

from __future__ import annotations

import datetime
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.websockets import WebSocket

from signedin import Refused
from signedin.asgi import (
    SignedinMiddleware,
    credentials_changed,
    current_session,
    exchange,
    sign_in,
    sign_out,
    sign_out_everywhere,
)
from signedin.errors import DataTooLarge, SignedinError
from signedin.visitor import VISITOR_FOR

from ..servers import Server
from ..support import HOUR, Clock
from ..web.support import PAGE, SESSION, Client

VISITOR = "__Host-signedin-visitor"


async def look(request: Request) -> Response:
    return JSONResponse(request.session)


async def put(request: Request) -> Response:
    request.session.update(await request.json())
    return JSONResponse(request.session)


async def act(request: Request) -> Response:
    """One of a dict's verbs."""
    session = request.session
    match request.path_params["verb"]:
        case "pop":
            session.pop("a", None)
        case "clear":
            session.clear()
        case "del":
            del session["a"]
        case "nested":
            session["list"].append(1)
        case "setdefault":
            session.setdefault("a", 1)
        case "or":
            session |= {"b": 2}
        case "date":
            session["when"] = datetime.date(2026, 1, 1)
        case "large":
            session["a"] = "x" * 70_000
        case "replace":
            request.scope["session"] = {"a": 1}
        case "fail":
            session["a"] = "of a request that failed"
            raise RuntimeError("no")
        case "500":
            session["a"] = "kept"
            return PlainTextResponse("sorry", 500)
    return JSONResponse(session)


async def plain(request: Request) -> Response:
    return PlainTextResponse("plain")


async def late(request: Request) -> Response:
    """A stream that writes when the response has begun."""

    async def stream() -> AsyncIterator[str]:
        request.session["late"] = True
        yield "x"

    return StreamingResponse(stream())


async def enter(request: Request) -> Response:
    outcome = await sign_in(request, (await request.json())["user"])
    if isinstance(outcome, Refused):
        return PlainTextResponse(outcome.why, 409)
    return JSONResponse(request.session)


async def leave(request: Request) -> Response:
    how = {
        "here": sign_out,
        "everywhere": sign_out_everywhere,
        "quietly": lambda r: exchange(r).sign_out(),
    }
    await how[request.path_params["how"]](request)
    return JSONResponse(request.session)


async def change(request: Request) -> Response:
    await credentials_changed(request)
    return JSONResponse(request.session)


async def tracked(request: Request) -> Response:
    """What Starlette's own tracks, by its names."""
    bag: Any = request.scope["session"]
    told = [bag.accessed, bag.modified]
    request.session["n"] = 1
    return JSONResponse([*told, bag.accessed, bag.modified])


async def whoami(request: Request) -> Response:
    session = current_session(request)
    return PlainTextResponse("nobody" if session is None else session.user_id)


async def socket(websocket: WebSocket) -> None:
    await websocket.accept()
    await websocket.send_json(websocket.session)
    websocket.session["from"] = "socket"
    await websocket.close()


ROUTES = [
    Route("/", look),
    Route("/", put, methods=["POST"]),
    Route("/act/{verb}", act, methods=["POST"]),
    Route("/plain", plain, methods=["GET", "POST"]),
    Route("/late", late),
    Route("/enter", enter, methods=["POST"]),
    Route("/leave/{how}", leave, methods=["POST"]),
    Route("/change", change, methods=["POST"]),
    Route("/tracked", tracked),
    Route("/whoami", whoami),
    Mount("/mounted", routes=[Route("/", look), Route("/", put, methods=["POST"])]),
    WebSocketRoute("/socket", socket),
]


def inside(**options: Any) -> Starlette:
    """Among the application's middleware, as Starlette's own is."""
    return Starlette(routes=ROUTES, middleware=[Middleware(SignedinMiddleware, data=True, **options)])


def around(**options: Any) -> SignedinMiddleware:
    """Around the application."""
    return SignedinMiddleware(Starlette(routes=ROUTES), data=True, **options)


@pytest.fixture(params=[inside, around])
def app(request: pytest.FixtureRequest, flow: Any) -> Any:
    return request.param(sessions=flow)


@pytest.fixture
async def browser(app: Any) -> AsyncIterator[Client]:
    async with Client(app) as made:
        yield made


async def enter_as(browser: Client, user: str) -> Any:
    return (await browser.post("/enter", json={"user": user})).json()


async def bag(browser: Client) -> Any:
    return (await browser.get("/")).json()


# ── a dict ───────────────────────────────────────────────────────────────────────────────────


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


# ── whose it is ──────────────────────────────────────────────────────────────────────────────


async def test_signing_in_takes_the_cart_along(browser: Client, flow: Any) -> None:
    """The visitor's bag becomes the session's in the sign-in's own step; of the visitor nothing stays."""
    await browser.post("/", json={"cart": [1]})
    visitor = browser.tokens()[VISITOR]
    assert await enter_as(browser, "ada") == {"cart": [1]}
    assert set(browser.tokens()) == {SESSION}
    assert await flow.find_visitor(visitor) is None
    assert await bag(browser) == {"cart": [1]}


async def test_signing_in_again_keeps_it(browser: Client) -> None:
    """The same user's bag moves to the new session; a stolen older token reads nothing of it."""
    await enter_as(browser, "ada")
    await browser.post("/", json={"a": 1})
    old = dict(browser.tokens())
    assert await enter_as(browser, "ada") == {"a": 1}
    assert await bag(browser) == {"a": 1}
    browser.cookies.clear()
    browser.cookies.set(SESSION, old[SESSION])
    assert await bag(browser) == {}


async def test_another_users_bag_stays_behind(browser: Client) -> None:
    """Nothing of one user's is another's (S1)."""
    await enter_as(browser, "ada")
    await browser.post("/", json={"secret": "ada's"})
    assert await enter_as(browser, "bo") == {}
    assert await bag(browser) == {}


@pytest.mark.parametrize("how", ["here", "everywhere", "quietly"])
async def test_signing_out_empties_it(browser: Client, how: str) -> None:
    """The dict is empty in the same request or at its end; nothing of it is the browser's afterwards."""
    await enter_as(browser, "ada")
    await browser.post("/", json={"secret": 1})
    answer = await browser.post(f"/leave/{how}")
    assert answer.json() == ({"secret": 1} if how == "quietly" else {})
    assert browser.tokens() == {}
    assert await bag(browser) == {}


async def test_signing_out_on_the_page_empties_it(browser: Client) -> None:
    """Our own page's button does the same."""
    await enter_as(browser, "ada")
    await browser.post("/", json={"secret": 1})
    assert (await browser.post(f"{PAGE}/sign_out")).status_code == 303
    assert browser.tokens() == {}
    assert await bag(browser) == {}


async def test_a_password_change_keeps_it(browser: Client) -> None:
    """The session goes on under a new secret, with its bag."""
    await enter_as(browser, "ada")
    await browser.post("/", json={"a": 1})
    assert (await browser.post("/change")).json() == {"a": 1}
    assert await bag(browser) == {"a": 1}


async def test_it_ends_with_its_session(app: Any, browser: Client, flow: Any) -> None:
    """A revoked session's bag is read by nobody."""
    await enter_as(browser, "ada")
    await browser.post("/", json={"a": 1})
    session = (await flow.list("ada"))[0]
    await flow.revoke_all("ada", operator="root")
    assert await bag(browser) == {}
    assert await flow.data(session.id) is None


async def test_a_slow_request_revives_nothing(flow: Any) -> None:
    """What a request puts after its session has ended is not written, and makes no visitor (REV-3)."""

    async def slow(request: Request) -> Response:
        session = current_session(request)
        assert session is not None
        await flow.revoke_all(session.user_id, operator="root")
        request.session["a"] = "late"
        return PlainTextResponse("done")

    app = SignedinMiddleware(Starlette(routes=[*ROUTES, Route("/slow", slow)]), data=True, sessions=flow)
    async with Client(app) as browser:
        await enter_as(browser, "ada")
        answer = await browser.get("/slow")
        assert "set-cookie" not in answer.headers
        assert await bag(browser) == {}


async def test_two_browsers_share_nothing(app: Any, browser: Client) -> None:
    """Each visitor has one, each session has one, the same user's too."""
    async with Client(app) as other:
        await browser.post("/", json={"a": 1})
        assert await bag(other) == {}
        await enter_as(browser, "ada")
        await enter_as(other, "ada")
        assert await bag(other) == {}


# ── what it costs ────────────────────────────────────────────────────────────────────────────


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


# ── hostile and unlucky requests ─────────────────────────────────────────────────────────────


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
    server = Server("/usr/bin/redis-server")
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
    server = Server("/usr/bin/redis-server")

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
    server = Server("/usr/bin/redis-server", appendonly="yes")

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


# ── WebSockets ───────────────────────────────────────────────────────────────────────────────


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
