"""What a type checker must see in the public names; checked by mypy and pyright, never run."""

from __future__ import annotations

from typing import assert_type

from signedin import (
    Client,
    EndedSession,
    Policy,
    Reason,
    Refused,
    Revoked,
    Session,
    SessionId,
    Settings,
    SignedIn,
    open_async_sessions,
    open_sessions,
)
from signedin.asgi import RequireSession, SignedinMiddleware, current_session, sign_in, why_signed_out
from signedin.asgi.types import Receive, Scope, Send


def sync_flow() -> None:
    sessions = open_sessions(store="sqlite:///x.db", policy="gitlab")
    outcome = sessions.sign_in("ada", Client("::1", ""), started_at=sessions.clock())
    assert_type(outcome, SignedIn | Refused)
    if isinstance(outcome, Refused):
        return
    assert_type(outcome.session, Session)
    assert_type(outcome.session.id, SessionId)
    assert_type(sessions.validate(outcome.cookies[0].value), Session | None)
    assert_type(sessions.list("ada"), list[Session])
    assert_type(sessions.history("ada"), list[EndedSession])
    assert_type(sessions.revoke("ada", outcome.session.id, current=None), Revoked)
    for session in sessions.list(None):
        assert_type(session, Session)


async def async_flow() -> None:
    sessions = open_async_sessions(Settings(policy=Policy(cap=5)))
    assert_type(await sessions.validate("x"), Session | None)
    assert_type(await sessions.why_ended("x"), Reason | None)
    revoked = await sessions.revoke_others("ada", current=SessionId("x"))
    assert_type(revoked.ended, tuple[EndedSession, ...])


async def application(scope: Scope, receive: Receive, send: Send) -> None:
    session = current_session(scope)
    assert_type(session, Session | None)
    assert_type(await sign_in(scope, 1), SignedIn | Refused)
    assert_type(await why_signed_out(scope), Reason | None)


app = SignedinMiddleware(RequireSession(application, fresh=True), store="sqlite:///x.db")
