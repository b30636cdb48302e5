"""A host's application in Flask."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import flask
from flask import Flask, Response, request, session

from signedin import Refused
from signedin.flask import (
    Signedin,
    credentials_changed,
    current_session,
    exchange,
    fresh_session_required,
    session_required,
    sign_in,
    sign_out,
    sign_out_everywhere,
    why_signed_out,
)

from .wsgi_host import GO_ON


def make_app(**options: Any) -> Flask:
    app = Flask("host")
    app.config.update({k: options.pop(k) for k in list(options) if k.isupper()})
    Signedin(app, **options)
    add_views(app)
    return app


def add_views(app: Flask) -> None:
    @app.get("/")
    def home() -> str:
        return "home"

    @app.get("/me")
    @app.get("/static/me", endpoint="static_me")
    def me() -> dict[str, Any]:
        if not current_session:
            return {"user": None, "id": None}
        return {"user": current_session.user_id, "id": current_session.id}

    app.add_url_rule("/members", "members", session_required(me), methods=["GET", "POST"])
    app.add_url_rule("/fresh", "fresh", fresh_session_required(me))

    @app.get("/sign_in")
    def sign_in_page() -> str:
        reason = why_signed_out()
        return reason.message if reason else "sign in"

    @app.post("/sign_in")
    def do_sign_in() -> Any:
        outcome = sign_in(request.form["user"], remember="remember" in request.form)
        return (outcome.why, 409) if isinstance(outcome, Refused) else "in"

    @app.post("/sign_out")
    def do_sign_out() -> str:
        sign_out()
        return "out"

    @app.post("/everywhere")
    def everywhere() -> str:
        return "nobody" if sign_out_everywhere() is None else "out"

    @app.post("/change")
    def change() -> str:
        outcome = credentials_changed()
        return "nobody" if outcome is None else str(len(outcome.ended))

    @app.post("/step_up")
    def step_up() -> str:
        return "late" if exchange().rotate(("password", "otp")) is None else "fresh"

    @app.route("/post", methods=["POST"], provide_automatic_options=False)
    def post() -> str:
        return "home"

    @app.get("/cached")
    def cached() -> Response:
        return Response("x", headers={"cache-control": "public, max-age=60", "vary": "Accept"})

    @app.get("/events")
    def events() -> Response:
        def stream() -> Iterator[str]:
            while True:
                yield "data: tick\n\n"
                GO_ON.wait(0.05)

        return Response(stream(), content_type="text/event-stream")

    @app.post("/put")
    def put() -> dict[str, Any]:
        session.update(request.get_json())
        return dict(session)

    @app.get("/bag")
    def bag() -> dict[str, Any]:
        return dict(session)

    @app.post("/nested")
    def nested() -> str:
        session["cart"]["items"].append("book")
        return "put"

    @app.post("/flash")
    def say() -> str:
        flask.flash("hello")
        return "said"

    @app.get("/flashes")
    def flashes() -> list[str]:
        return list(flask.get_flashed_messages())
