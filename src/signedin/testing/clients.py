"""A test client that is signed in, without the sign-in form."""

from __future__ import annotations

from typing import Any

from .._async.sessions import AsyncSessions
from .._sync.sessions import Sessions
from ..config import open_sessions
from ..outcomes import Refused
from ..session import Client, Session
from .records import LAPTOP


def sign_in_client(
    client: Any,
    user_id: str | int,
    sessions: AsyncSessions | Sessions,
    *,
    remember: bool = False,
    device: Client = LAPTOP,
) -> Session:
    """Sign this user in: a real session in the application's store, its cookies in the client.

    client: Starlette's, FastAPI's or Flask's test client, or one of httpx; Django's has ``force_login``.
    sessions: the application's; a flow that is awaited is opened once more by its settings, so its store has
    a URL. device: whose address and user agent the session has. A client with
    default headers says from now on that its requests come from the application's own pages, as
    browsers do. Raises ValueError where the sign-in is refused.
    """
    own = isinstance(sessions, AsyncSessions)
    flow = open_sessions(sessions.settings, clock=sessions.clock) if own else sessions
    assert isinstance(flow, Sessions)
    try:
        outcome = flow.sign_in(user_id, device, started_at=flow.clock(), remember=remember)
    finally:
        if own:
            flow.close()
    if isinstance(outcome, Refused):
        raise ValueError(f"The sign-in of {user_id!r} was refused: {outcome.why}")
    for cookie in outcome.cookies:
        if not cookie.clears:
            _set(client, cookie.name, cookie.value)
    if hasattr(client, "headers"):
        client.headers["sec-fetch-site"] = "same-origin"
    return outcome.session


def _set(client: Any, name: str, value: str) -> None:
    if hasattr(client, "set_cookie"):  # Flask's
        client.set_cookie(name, value)
    else:
        # As the jar writes the host, so that what the application sets takes this one's place.
        host = client.base_url.host
        client.cookies.set(name, value, domain=host if "." in host else f"{host}.local")
