"""A host's application without a framework."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from typing import Any

from werkzeug.wrappers import Request, Response

from signedin import Refused
from signedin.wsgi import (
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


def me(request: Request) -> Response:
    session = current_session(request)
    return json({"user": session and session.user_id, "id": session and session.id})


def json(value: Any) -> Response:
    import json

    return Response(json.dumps(value), content_type="application/json")


def sign_in_page(request: Request) -> Response:
    if request.method == "GET":
        reason = why_signed_out(request)
        return Response(reason.message if reason else "sign in")
    outcome = sign_in(request, request.form["user"], remember="remember" in request.form)
    return Response(outcome.why, 409) if isinstance(outcome, Refused) else Response("in")


def do_sign_out(request: Request) -> Response:
    sign_out(request)
    return Response("out")


def everywhere(request: Request) -> Response:
    return Response("nobody" if sign_out_everywhere(request) is None else "out")


def change(request: Request) -> Response:
    outcome = credentials_changed(request)
    return Response("nobody" if outcome is None else str(len(outcome.ended)))


def step_up(request: Request) -> Response:
    outcome = exchange(request).rotate(("password", "otp"))
    return Response("late" if outcome is None else "fresh")


def cached(request: Request) -> Response:
    return Response("x", headers={"cache-control": "public, max-age=60", "vary": "Accept"})


def home(request: Request) -> Response:
    return Response("home")


def post(request: Request) -> Response:
    return Response("home") if request.method == "POST" else Response("", 405)


GO_ON = threading.Event()
"""Set when a stream shall send its next event."""


def events(request: Request) -> Response:
    def stream() -> Iterator[bytes]:
        while True:
            yield b"data: tick\n\n"
            GO_ON.wait(0.05)

    return Response(stream(), content_type="text/event-stream")


VIEWS = {
    "/": home,
    "/me": me,
    "/sign_in": sign_in_page,
    "/sign_out": do_sign_out,
    "/everywhere": everywhere,
    "/change": change,
    "/step_up": step_up,
    "/cached": cached,
    "/post": post,
    "/events": events,
    "/static/me": me,
}


def app(environ: Any, start_response: Any) -> Iterable[bytes]:
    if environ["PATH_INFO"] in ("/members", "/fresh"):
        is_fresh = environ["PATH_INFO"] == "/fresh"
        return RequireSession(lambda e, s: me(Request(e))(e, s), fresh=is_fresh)(environ, start_response)
    view = VIEWS.get(environ["PATH_INFO"])
    answer = Response("", 404) if view is None else view(Request(environ))
    return answer(environ, start_response)


def make_app(**options: Any) -> SignedinMiddleware:
    return SignedinMiddleware(app, **options)
