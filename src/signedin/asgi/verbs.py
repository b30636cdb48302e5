"""The verbs of a request: what an endpoint does with the session of the request it is given."""

from __future__ import annotations

from collections.abc import MutableMapping, Sequence
from typing import Any, Protocol, TypeAlias

from .._async.request import AsyncExchange
from ..errors import SignedinError
from ..outcomes import CredentialsChanged, Refused, SignedIn, SignedOut
from ..reasons import Reason
from ..replies import Reply
from ..session import Session
from .bag import bag_of
from .headers import client_hints, find
from .types import ASGIApp, Receive, Scope, Send, path_of, send_reply

KEY = "signedin"


class HasScope(Protocol):
    """A request, as Starlette, FastAPI and others have it."""

    @property
    def scope(self) -> MutableMapping[str, Any]:
        """The ASGI scope."""


Request: TypeAlias = HasScope | MutableMapping[str, Any]


def scope_of(request: Request) -> MutableMapping[str, Any]:
    """The scope of a request, or of itself."""
    if type(request) is dict or isinstance(request, MutableMapping):
        return request
    return request.scope


def exchange(request: Request) -> AsyncExchange:
    """This request's part in the flow: its sessions, its client, the cookies it will set."""
    found = scope_of(request).get(KEY)
    if not isinstance(found, AsyncExchange):
        raise SignedinError(
            "This request did not pass SignedinMiddleware. Add it to the application, and see whether"
            " the setting 'exclude' names this path."
        )
    return found


def current_session(request: Request) -> Session | None:
    """The session making this request, or None. Raises StoreUnavailable when that can't be known."""
    return exchange(request).session


async def sign_in(
    request: Request,
    user_id: str | int,
    *,
    remember: bool = False,
    authenticated_by: Sequence[str] = ("password",),
    barrier: int | None = None,
    started_at: int | None = None,
) -> SignedIn | Refused:
    """Sign this user in, in this browser; see :meth:`AsyncExchange.sign_in`."""
    scope = scope_of(request)
    this = exchange(request)
    this.note_hints(client_hints(scope["headers"]))
    bag = bag_of(scope)
    outcome = await this.sign_in(
        user_id,
        remember=remember,
        authenticated_by=authenticated_by,
        barrier=barrier,
        started_at=started_at,
        data=None if bag is None else bag.encoded(),
    )
    _follow(request)
    return outcome


async def sign_out(request: Request) -> SignedOut:
    """End this browser's session; the response clears its cookies."""
    outcome = await exchange(request).sign_out()
    _follow(request)
    return outcome


async def sign_out_everywhere(request: Request) -> SignedOut | None:
    """End all sessions of the current user; None if nobody is signed in."""
    outcome = await exchange(request).sign_out_everywhere()
    _follow(request)
    return outcome


async def credentials_changed(request: Request) -> CredentialsChanged | None:
    """The current user changed a credential: all other sessions end; None if nobody is signed in."""
    outcome = await exchange(request).credentials_changed()
    _follow(request)
    return outcome


def _follow(request: Request) -> None:
    """``request.session`` is that of whoever is signed in now."""
    bag = bag_of(scope_of(request))
    if bag is not None:
        bag.follow()


async def why_signed_out(request: Request) -> Reason | None:
    """For the sign-in page: why this browser was signed out, told once; or None."""
    scope = scope_of(request)
    navigation = find(scope["headers"], b"sec-fetch-mode") in (None, "navigate")
    return await exchange(request).why_signed_out(navigation=navigation)


class SessionRequired(SignedinError):
    """Nobody is signed in here, or not freshly enough. The middleware answers it with ``reply``."""

    def __init__(self, reply: Reply) -> None:
        super().__init__()
        self.reply = reply


def refusal(request: Request, session: Session | None, *, fresh: bool) -> Reply | None:
    """None where this session may go on; else what its request is told: a page redirects to the
    sign-in page and comes back; anything else gets 401, or 403 with the code
    ``reauthentication_required``.
    """
    if session is not None and not fresh:
        return None  # also where a test has put one in the place of the middleware's
    scope = scope_of(request)
    return exchange(request).refusal(
        session,
        fresh=fresh,
        method=scope.get("method", ""),
        path=scope.get("root_path", "") + path_of(scope),
        query=scope["query_string"].decode("latin-1"),
        accept=find(scope["headers"], b"accept") or "",
    )


class RequireSession:
    """Wraps an ASGI application that only a signed-in user may see.

    fresh: credentials must have been given within the setting ``fresh_for``. Others are told what
    :func:`refusal` says; a WebSocket is not accepted.
    """

    def __init__(self, app: ASGIApp, *, fresh: bool = False) -> None:
        self.app = app
        self.fresh = fresh

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One ASGI connection."""
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        refused = refusal(scope, current_session(scope), fresh=self.fresh)
        if refused is None:
            await self.app(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008, "reason": "sign in"})
        else:
            await send_reply(send, refused)
