"""A host's application in Starlette with a data bag, and its browsers."""

from __future__ import annotations

import datetime
from collections.abc import AsyncIterator
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

from ..web.support import Client

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
