"""What a type checker must see in the adapters for WSGI and Flask; checked, never run."""

from __future__ import annotations

from typing import assert_type

from flask import Flask

from signedin import CredentialsChanged, Reason, Refused, Session, SignedIn, SignedOut, wsgi
from signedin.flask import (
    Signedin,
    credentials_changed,
    current_session,
    fresh_session_required,
    session_required,
    sign_in,
    sign_out,
    sign_out_everywhere,
    why_signed_out,
)
from signedin.wsgi.environ import Environ, StartResponse


def application() -> Flask:
    app = Flask("app")
    Signedin(app, layout="site.html", cap=10)
    Signedin(layout=lambda title, head, body: title + head + body).init_app(app)
    return app


@session_required
def view(number: int) -> str:
    assert_type(current_session, Session | None)
    assert_type(sign_in("ada"), SignedIn | Refused)
    assert_type(sign_out(), SignedOut)
    assert_type(sign_out_everywhere(), SignedOut | None)
    assert_type(credentials_changed(), CredentialsChanged | None)
    assert_type(why_signed_out(), Reason | None)
    return current_session.user_id if current_session else str(number)


@fresh_session_required
def other() -> str:
    return ""


def site(environ: Environ, start_response: StartResponse) -> list[bytes]:
    assert_type(wsgi.current_session(environ), Session | None)
    assert_type(wsgi.sign_in(environ, 7, remember=True), SignedIn | Refused)
    start_response("200 OK", [])
    return []


members = wsgi.SignedinMiddleware(wsgi.RequireSession(site), store="sqlite:///x.db")
