"""A host's application in FastAPI."""

from __future__ import annotations

from typing import Annotated, Any

import anyio.from_thread
from fastapi import FastAPI, Form, Request, WebSocket
from fastapi.responses import HTMLResponse

from signedin import Refused, Session
from signedin.asgi import credentials_changed, exchange, sign_in, sign_out, sign_out_everywhere
from signedin.fastapi import CurrentSession, FreshSession, OptionalSession, SignedinMiddleware

from ..web.support import Client


def shop(**options: Any) -> FastAPI:
    """An application with a login form of its own."""
    app = FastAPI(**options)

    @app.get("/")
    @app.get("/me")
    async def home(session: OptionalSession) -> dict[str, str | None]:
        return {"user": session and session.user_id}

    @app.get("/members")
    @app.post("/members")
    async def members(session: CurrentSession) -> dict[str, str]:
        return {"user": session.user_id}

    @app.get("/sync")
    def sync(session: CurrentSession) -> dict[str, str]:
        return {"user": session.user_id}

    @app.get("/fresh")
    async def fresh(session: FreshSession) -> dict[str, str]:
        return {"user": session.user_id}

    @app.get("/record")
    async def record(session: CurrentSession) -> Session:
        return session

    @app.get("/both")
    async def both(first: OptionalSession, second: CurrentSession, third: FreshSession) -> bool:
        return first is second is third

    @app.get("/bag")
    def bag(request: Request, session: CurrentSession) -> int:
        request.session["visits"] = request.session.get("visits", 0) + 1
        visits: int = request.session["visits"]
        return visits

    @app.post("/sign_in")
    async def enter(
        request: Request, user: Annotated[str, Form()], remember: Annotated[bool, Form()] = False
    ) -> HTMLResponse:
        assert not isinstance(await sign_in(request, user, remember=remember), Refused)
        return HTMLResponse("in")

    @app.post("/sync/sign_in")
    def enter_in_a_thread(request: Request, user: Annotated[str, Form()]) -> HTMLResponse:
        anyio.from_thread.run(sign_in, request, user)
        return HTMLResponse("in")

    @app.post("/sign_out")
    async def leave(request: Request) -> HTMLResponse:
        await sign_out(request)
        return HTMLResponse("out")

    @app.post("/everywhere")
    async def everywhere(request: Request) -> bool:
        return await sign_out_everywhere(request) is not None

    @app.post("/change")
    async def change(request: Request) -> bool:
        return await credentials_changed(request) is not None

    @app.post("/step_up")
    async def step_up(request: Request) -> bool:
        return await exchange(request).rotate(("password", "otp")) is not None

    @app.websocket("/members/ws")
    async def socket(websocket: WebSocket, session: CurrentSession) -> None:
        await websocket.accept()
        await websocket.send_text(session.user_id)
        await websocket.close()

    return app


def inside(app: FastAPI, **options: Any) -> Any:
    """The middleware among the application's own."""
    app.add_middleware(SignedinMiddleware, **options)
    return app


async def enter(browser: Client, user: str = "ada", path: str = "/sign_in") -> None:
    """Sign in."""
    assert (await browser.post(path, data={"user": user})).text == "in"
