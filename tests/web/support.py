"""An application of a host, and clients that behave like browsers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx2
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route, WebSocketRoute, request_response
from starlette.websockets import WebSocket, WebSocketDisconnect

from signedin import Refused
from signedin.asgi import (
    RequireSession,
    SignedinMiddleware,
    credentials_changed,
    current_session,
    exchange,
    sign_in,
    sign_out,
    sign_out_everywhere,
    why_signed_out,
)

from ..support import FIREFOX, ISSUED

ORIGIN = "https://app.example"
PAGE = "/-/user_settings/active_sessions"
SESSION = "__Host-signedin"
REMEMBER = "__Host-signedin-remember"


async def home(request: Request) -> Response:
    """Needs no session."""
    return PlainTextResponse("home")


async def me(request: Request) -> Response:
    session = current_session(request)
    return JSONResponse({"user": session and session.user_id, "id": session and session.id})


async def state(request: Request) -> Response:
    session = request.state.current_session
    return JSONResponse({"user": session and session.user_id})


async def sign_in_page(request: Request) -> Response:
    reason = await why_signed_out(request)
    return PlainTextResponse(reason.message if reason else "sign in")


async def do_sign_in(request: Request) -> Response:
    form = await request.form()
    outcome = await sign_in(request, str(form["user"]), remember="remember" in form)
    return (
        PlainTextResponse(outcome.why, 409) if isinstance(outcome, Refused) else PlainTextResponse("in")
    )


async def do_sign_out(request: Request) -> Response:
    await sign_out(request)
    return PlainTextResponse("out")


async def everywhere(request: Request) -> Response:
    outcome = await sign_out_everywhere(request)
    return PlainTextResponse("nobody" if outcome is None else "out")


async def change(request: Request) -> Response:
    outcome = await credentials_changed(request)
    return PlainTextResponse("nobody" if outcome is None else str(len(outcome.ended)))


async def step_up(request: Request) -> Response:
    outcome = await exchange(request).rotate(("password", "otp"))
    return PlainTextResponse("late" if outcome is None else "fresh")


async def cached(request: Request) -> Response:
    return PlainTextResponse("x", headers={"cache-control": "public, max-age=60", "vary": "Accept"})


async def echo(socket: WebSocket) -> None:
    session = current_session(socket)
    await socket.accept()
    await socket.send_text("nobody" if session is None else session.user_id)
    try:
        while True:
            await socket.send_text(await socket.receive_text())
    except WebSocketDisconnect:
        pass


async def events(request: Request) -> Response:
    async def stream() -> AsyncIterator[str]:
        while True:
            yield "data: tick\n\n"
            await asyncio.sleep(0.05)

    return StreamingResponse(stream(), media_type="text/event-stream")


async def download(request: Request) -> Response:
    async def stream() -> AsyncIterator[str]:
        for _ in range(40):
            yield "x"
            await asyncio.sleep(0.05)

    return StreamingResponse(stream(), media_type="text/plain")


ROUTES = [
    Route("/", home),
    Route("/me", me),
    Route("/state", state),
    Route("/sign_in", sign_in_page, methods=["GET"]),
    Route("/sign_in", do_sign_in, methods=["POST"]),
    Route("/sign_out", do_sign_out, methods=["POST"]),
    Route("/everywhere", everywhere, methods=["POST"]),
    Route("/change", change, methods=["POST"]),
    Route("/step_up", step_up, methods=["POST"]),
    Route("/post", home, methods=["POST"]),
    Route("/cached", cached),
    Route("/static/me", me),
    Route("/members", RequireSession(request_response(me)), methods=["GET", "POST"]),
    Route("/fresh", RequireSession(request_response(me), fresh=True)),
    Route("/events", events),
    Route("/download", download),
    WebSocketRoute("/ws", echo),
    WebSocketRoute("/members/ws", RequireSession(WebSocketRoute("/", echo).app)),
]


def make_app(**options: Any) -> SignedinMiddleware:
    """A host's application under the middleware."""
    return SignedinMiddleware(Starlette(routes=ROUTES), **options)


class Client(httpx2.AsyncClient):
    """A browser's page of the application: same-origin requests with a browser's headers."""

    def __init__(
        self, app: Any, *, address: str = "203.0.113.24", headers: Any = None, **options: Any
    ) -> None:
        shown = {"user-agent": FIREFOX, "sec-fetch-site": "same-origin", "accept": "text/html"}
        super().__init__(
            transport=httpx2.ASGITransport(app, client=(address, 40000)),
            base_url=ORIGIN,
            headers=shown | dict(headers or {}),
            **options,
        )

    async def send(self, request: Any, **options: Any) -> Any:
        """Send, and look whether a token is anywhere but in a cookie (TOK-4)."""
        answer = await super().send(request, **options)
        shown = answer.text + repr([h for h in answer.headers.multi_items() if h[0] != "set-cookie"])
        assert not [secret for secret in ISSUED if secret in shown]
        return answer

    async def enter(self, user: str = "1", *, remember: bool = False) -> str:
        """Sign in; the session's id."""
        data = {"user": user} | ({"remember": "1"} if remember else {})
        answer = await self.post("/sign_in", data=data)
        assert answer.text == "in", answer.text
        return (await self.get("/me")).json()["id"]

    async def user(self) -> str | None:
        return (await self.get("/me")).json()["user"]

    def restart(self) -> None:
        """Close and open the browser."""
        self.cookies.delete(SESSION)

    def tokens(self) -> dict[str, str]:
        return {cookie.name: cookie.value or "" for cookie in self.cookies.jar}


@asynccontextmanager
async def served(app: Any, *, http: Any = "h11", **options: Any) -> AsyncIterator[str]:
    """The application on a real socket; its ``host:port``. http: what reads requests; the service has its
    own, and uvicorn without extras has h11.
    """
    config = uvicorn.Config(app, port=0, http=http, log_level="warning", proxy_headers=False, **options)
    server = uvicorn.Server(config)
    task = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
        if task.done():
            await task
    host, port = server.servers[0].sockets[0].getsockname()[:2]
    try:
        yield f"{host}:{port}"
    finally:
        server.should_exit = True
        await task
