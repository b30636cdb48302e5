"""A shop whose users see where they are signed in."""

import json
import os
from contextlib import suppress
from html import escape
from socketserver import ThreadingMixIn
from urllib.parse import parse_qs
from wsgiref.simple_server import WSGIServer, make_server

from signedin import Refused
from signedin.origin import is_local_path
from signedin.wsgi import (
    RequireSession,
    SignedinMiddleware,
    current_session,
    sign_in,
    sign_out,
    why_signed_out,
)

USERS = {"ada": "correct horse", "bo": "battery staple"}  # yours: a table, with hashes


def layout(environ, title: str, head: str, body: str) -> str:
    return (
        '<!doctype html><html lang=en><meta charset=utf-8><link rel=icon href="data:,">'
        '<meta name=viewport content="width=device-width"><meta name=color-scheme content="light dark">'
        f"<title>{title} · Shop</title>{head}"
        f'<nav><p><a href="/">Shop</a></p></nav><main>{body}</main></html>'
    )


def home(environ, start_response):
    session = current_session(environ)
    if session is None:
        return page(start_response, "Home", "<p><a href=/sign_in>Sign in</a>")
    menu = (
        f"<p>Hello {escape(session.user_id)}.</p>"
        '<a href="/-/user_settings/active_sessions">Active sessions</a>'
        "<form method=post action=/sign_out><button>Sign out</button></form>"
    )
    return page(start_response, "Home", menu)


def form(environ, start_response):
    reason = why_signed_out(environ)
    return page(start_response, "Sign in", sign_in_form(reason.message if reason else ""))


def sign_in_form(told: str) -> str:
    return (
        f"<p role=status>{told}</p><form method=post>"
        "<p><label>User <input name=user autocomplete=username></label>"
        "<p><label>Password <input name=password type=password autocomplete=current-password></label>"
        "<p><label><input type=checkbox name=remember_me value=1> Remember me</label>"
        "<p><button>Sign in</button></form>"
    )


def enter(environ, start_response):
    size = min(int(environ.get("CONTENT_LENGTH") or 0), 10_000)
    given = {
        name: texts[0] for name, texts in parse_qs(environ["wsgi.input"].read(size).decode()).items()
    }
    user = given.get("user", "")
    if user not in USERS or USERS[user] != given.get("password"):
        told = sign_in_form("That is not right.")
        return page(start_response, "Sign in", told, "422 Unprocessable Content")
    if isinstance(sign_in(environ, user, remember="remember_me" in given), Refused):
        return redirect(start_response, "/sign_in")  # the password changed meanwhile, for instance
    back = parse_qs(environ.get("QUERY_STRING", "")).get("next", [""])[0]
    return redirect(start_response, back if is_local_path(back) else "/")


def leave(environ, start_response):
    sign_out(environ)
    return redirect(start_response, "/")


def orders(environ, start_response):
    session = current_session(environ)
    start_response("200 OK", [("Content-Type", "application/json")])
    return [json.dumps([f"An order of {session.user_id}"]).encode()]


def nothing(environ, start_response):
    return page(start_response, "Not found", "There is nothing here.", "404 Not Found")


def page(start_response, title: str, body: str, status: str = "200 OK"):
    start_response(status, [("Content-Type", "text/html; charset=utf-8")])
    return [layout(None, title, "", body).encode()]


def redirect(start_response, path: str):
    start_response("303 See Other", [("Location", path)])
    return [b""]


ROUTES = {
    ("GET", "/"): home,
    ("GET", "/sign_in"): form,
    ("POST", "/sign_in"): enter,
    ("POST", "/sign_out"): leave,
    ("GET", "/api/orders"): RequireSession(orders),
}


def shop(environ, start_response):
    route = environ["REQUEST_METHOD"], environ["PATH_INFO"]
    return ROUTES.get(route, nothing)(environ, start_response)


app = SignedinMiddleware(shop, store="sqlite:///sessions.db", layout=layout)


class Server(ThreadingMixIn, WSGIServer):
    """Python's own, for development."""


if __name__ == "__main__":
    port = int(os.environ.get("PORT", "8000"))
    with make_server("127.0.0.1", port, app, Server) as server, suppress(KeyboardInterrupt):
        server.serve_forever()
