"""What an endpoint depends on: a session, perhaps one, or a fresh one.

Each alias stands for the function of its name, which tests put others in the place of:
``app.dependency_overrides[required_session]``.

Annotations are evaluated here: older versions of FastAPI can't resolve those of a callable object.
"""

from typing import Annotated, Final, TypeAlias

from fastapi import Security, WebSocketException
from fastapi.requests import HTTPConnection
from fastapi.security import APIKeyCookie

from ..asgi import SessionRequired, current_session
from ..asgi.verbs import refusal
from ..cookies import CookieNames
from ..session import Session


class SessionCookie(APIKeyCookie):
    """How the OpenAPI document says that an endpoint goes by the session; the middleware reads it."""

    async def __call__(self, request: HTTPConnection) -> str | None:
        """Nothing that an endpoint should see."""
        return None


SCHEME: Final = Security(
    SessionCookie(name=CookieNames().session, scheme_name="session", auto_error=False)
)


async def optional_session(connection: HTTPConnection, _: Annotated[None, SCHEME]) -> Session | None:
    """The session making this request, or None."""
    return current_session(connection)


OptionalSession: TypeAlias = Annotated[Session | None, Security(optional_session)]


async def required_session(connection: HTTPConnection, session: OptionalSession) -> Session:
    """The session making this request. Without one, a page redirects to the sign-in page and comes
    back, anything else gets 401, and a WebSocket is closed with 1008.
    """
    return _allowed(connection, session, fresh=False)


async def fresh_session(connection: HTTPConnection, session: OptionalSession) -> Session:
    """The same, with credentials given within the setting ``fresh_for``; else 403."""
    return _allowed(connection, session, fresh=True)


CurrentSession: TypeAlias = Annotated[Session, Security(required_session)]
FreshSession: TypeAlias = Annotated[Session, Security(fresh_session)]


def _allowed(connection: HTTPConnection, session: Session | None, *, fresh: bool) -> Session:
    refused = refusal(connection, session, fresh=fresh)
    if session is not None and refused is None:
        return session
    if connection.scope["type"] == "websocket":
        raise WebSocketException(1008, "sign in")
    assert refused is not None, "without a session there is a refusal"
    raise SessionRequired(refused)
