"""Another framework's application around ours: FastAPI, with a layout of its own."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Depends, FastAPI, Form, Request
from fastapi.responses import HTMLResponse

from signedin import Session
from signedin.asgi import SignedinMiddleware, current_session, sign_in

from .support import PAGE, Client


def member(request: Request) -> Session | None:
    return current_session(request)


def build() -> FastAPI:
    """A shop that knows nothing of sessions but the three names it imports."""
    app = FastAPI()

    @app.get("/whoami", response_model=None)
    async def whoami(session: Annotated[Session | None, Depends(member)]) -> dict[str, Any]:
        return {"user": session and session.user_id}

    @app.get("/session")
    async def session(session: Annotated[Session | None, Depends(member)]) -> Session | None:
        return session

    @app.post("/sign_in")
    async def enter(request: Request, user: Annotated[str, Form()]) -> HTMLResponse:
        await sign_in(request, user)
        return HTMLResponse("in")

    return app


def layout(scope: Any, title: str, head: str, body: str) -> str:
    """The shop's own document."""
    return f"<!doctype html><html lang=en><title>{title} - Shop</title>{head}<nav>Shop</nav><main>{body}</main></html>"


async def test_fastapi(flow: Any) -> None:
    """Dependencies, forms, the public record as a response model, and the page in the shop's layout."""
    app = SignedinMiddleware(build(), sessions=flow, layout=layout)
    async with Client(app) as browser:
        assert (await browser.get("/whoami")).json() == {"user": None}
        assert (await browser.post("/sign_in", data={"user": "ada"})).text == "in"
        assert (await browser.get("/whoami")).json() == {"user": "ada"}
        told = (await browser.get("/session")).json()
        assert (told["user_id"], told["device"]["browser"]) == ("ada", "Firefox")
        html = (await browser.get(PAGE)).text
        assert "<nav>Shop</nav>" in html
        assert "This device" in html
        assert (await browser.post(f"{PAGE}/sign_out")).status_code == 303
        assert (await browser.get("/whoami")).json() == {"user": None}
