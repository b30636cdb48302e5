"""A shop whose users see where they are signed in."""

from html import escape

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route, request_response

from signedin import Refused
from signedin.asgi import (
    RequireSession,
    SignedinMiddleware,
    current_session,
    sign_in,
    sign_out,
    why_signed_out,
)
from signedin.origin import is_local_path

USERS = {"ada": "correct horse", "bo": "battery staple"}  # yours: a table, with hashes


def layout(scope, title: str, head: str, body: str) -> str:
    return (
        '<!doctype html><html lang=en><meta charset=utf-8><link rel=icon href="data:,">'
        '<meta name=viewport content="width=device-width"><meta name=color-scheme content="light dark">'
        f"<title>{title} · Shop</title>{head}"
        f'<nav><p><a href="/">Shop</a></p></nav><main>{body}</main></html>'
    )


async def home(request: Request) -> Response:
    session = current_session(request)
    cart = request.session.get("cart", 0)
    put = f"<form method=post action=/cart>Cart: {cart} <button>Add one</button></form>"
    if session is None:
        return HTMLResponse(layout(None, "Home", "", f"{put}<p><a href=/sign_in>Sign in</a>"))
    menu = (
        f"<p>Hello {escape(session.user_id)}.</p>"
        '<a href="/-/user_settings/active_sessions">Active sessions</a>'
        "<form method=post action=/sign_out><button>Sign out</button></form>"
    )
    return HTMLResponse(layout(None, "Home", "", put + menu))


async def add_to_cart(request: Request) -> Response:
    request.session["cart"] = request.session.get("cart", 0) + 1
    return RedirectResponse("/", 303)


async def form(request: Request) -> Response:
    reason = await why_signed_out(request)
    return HTMLResponse(layout(None, "Sign in", "", sign_in_form(reason.message if reason else "")))


def sign_in_form(told: str) -> str:
    return (
        f"<p role=status>{told}</p><form method=post>"
        "<p><label>User <input name=user autocomplete=username></label>"
        "<p><label>Password <input name=password type=password autocomplete=current-password></label>"
        "<p><label><input type=checkbox name=remember_me value=1> Remember me</label>"
        "<p><button>Sign in</button></form>"
    )


async def enter(request: Request) -> Response:
    given = await request.form()
    user = str(given.get("user"))
    if USERS.get(user) != given.get("password"):
        return HTMLResponse(layout(None, "Sign in", "", sign_in_form("That is not right.")), 422)
    if isinstance(await sign_in(request, user, remember="remember_me" in given), Refused):
        return RedirectResponse("/sign_in", 303)  # the password changed meanwhile, for instance
    back = request.query_params.get("next", "")
    return RedirectResponse(back if is_local_path(back) else "/", 303)


async def leave(request: Request) -> Response:
    await sign_out(request)
    return RedirectResponse("/", 303)


async def orders(request: Request) -> Response:
    session = current_session(request)
    return JSONResponse([f"An order of {session.user_id}"])


routes = [
    Route("/", home),
    Route("/cart", add_to_cart, methods=["POST"]),
    Route("/sign_in", form, methods=["GET"]),
    Route("/sign_in", enter, methods=["POST"]),
    Route("/sign_out", leave, methods=["POST"]),
    Route("/api/orders", RequireSession(request_response(orders))),
]
app = Starlette(routes=routes)
app.add_middleware(SignedinMiddleware, store="sqlite:///sessions.db", data=True, layout=layout)
