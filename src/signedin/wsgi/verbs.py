"""The verbs of a request: what a view does with the session of the request it is given."""

from __future__ import annotations

from collections.abc import Iterable, MutableMapping, Sequence
from typing import Any, Protocol, TypeAlias

from .._sync.request import Exchange
from ..errors import SignedinError
from ..outcomes import CredentialsChanged, Refused, SignedIn, SignedOut
from ..reasons import Reason
from ..session import Session
from .environ import (
    KEY,
    Environ,
    StartResponse,
    WSGIApp,
    client_hints,
    is_navigation,
    send_reply,
    text_of,
)


class HasEnviron(Protocol):
    """A request, as Werkzeug, WebOb and others have it."""

    @property
    def environ(self) -> MutableMapping[str, Any]:
        """The WSGI environ."""


Request: TypeAlias = HasEnviron | MutableMapping[str, Any]


def environ_of(request: Request) -> MutableMapping[str, Any]:
    """The environ of a request, or of itself."""
    if type(request) is dict or isinstance(request, MutableMapping):
        return request
    return request.environ


def exchange(request: Request) -> Exchange:
    """This request's part in the flow: its sessions, its client, the cookies it will set."""
    found = environ_of(request).get(KEY)
    if not isinstance(found, Exchange):
        raise SignedinError(
            "This request did not pass SignedinMiddleware. Put it around the application, and see"
            " whether the setting 'exclude' names this path."
        )
    return found


def current_session(request: Request) -> Session | None:
    """The session making this request, or None. Raises StoreUnavailable when that can't be known."""
    return exchange(request).session


def sign_in(
    request: Request,
    user_id: str | int,
    *,
    remember: bool = False,
    authenticated_by: Sequence[str] = ("password",),
    barrier: int | None = None,
    started_at: int | None = None,
) -> SignedIn | Refused:
    """Sign this user in, in this browser; see :meth:`Exchange.sign_in`."""
    this = exchange(request)
    this.note_hints(client_hints(environ_of(request)))
    return this.sign_in(
        user_id,
        remember=remember,
        authenticated_by=authenticated_by,
        barrier=barrier,
        started_at=started_at,
    )


def sign_out(request: Request) -> SignedOut:
    """End this browser's session; the response clears its cookies."""
    return exchange(request).sign_out()


def sign_out_everywhere(request: Request) -> SignedOut | None:
    """End all sessions of the current user; None if nobody is signed in."""
    return exchange(request).sign_out_everywhere()


def credentials_changed(request: Request) -> CredentialsChanged | None:
    """The current user changed a credential: all other sessions end; None if nobody is signed in."""
    return exchange(request).credentials_changed()


def why_signed_out(request: Request) -> Reason | None:
    """For the sign-in page: why this browser was signed out, told once; or None."""
    navigation = is_navigation(environ_of(request))
    return exchange(request).why_signed_out(navigation=navigation)


class RequireSession:
    """Wraps a WSGI application that only a signed-in user may see.

    fresh: credentials must have been given within the setting ``fresh_for``. Without a session a
    page redirects to the sign-in page and comes back; anything else gets 401 (or 403 with the code
    ``reauthentication_required``).
    """

    def __init__(self, app: WSGIApp, *, fresh: bool = False) -> None:
        self.app = app
        self.fresh = fresh

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """One request."""
        this = exchange(environ)
        refused = this.refusal(
            this.session,
            fresh=self.fresh,
            method=environ["REQUEST_METHOD"],
            path=text_of(environ, "SCRIPT_NAME") + text_of(environ, "PATH_INFO"),
            query=environ.get("QUERY_STRING", ""),
            accept=environ.get("HTTP_ACCEPT", ""),
        )
        if refused is None:
            return self.app(environ, start_response)
        return send_reply(start_response, refused, body=environ["REQUEST_METHOD"] != "HEAD")
