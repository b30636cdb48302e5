"""The verbs of a request: what a view does with the session of the request it is answering."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any, ParamSpec, cast

from flask import Response, current_app, request, session
from werkzeug.local import LocalProxy

from .. import wsgi
from .._sync.request import Exchange
from ..errors import SignedinError
from ..outcomes import CredentialsChanged, Refused, SignedIn, SignedOut
from ..reasons import Reason
from ..replies import Reply
from ..session import Session
from ..wsgi.environ import client_hints
from .bag import Bag

P = ParamSpec("P")


class SignInRefused(SignedinError):
    """Something happened meanwhile, such as a password change: sign in again. ``args[0]`` says what."""


def exchange() -> Exchange:
    """This request's part in the flow: its sessions, its client, the cookies it will set."""
    found = request.environ.get(wsgi.environ.KEY)
    if not isinstance(found, Exchange):
        raise SignedinError(
            "There is no session here. Call Signedin(app) or init_app(app), and see whether"
            " SIGNEDIN_EXCLUDE names this path."
        )
    return found


current_session = cast("Session | None", LocalProxy(lambda: exchange().session))
"""The session making this request; false when there is none. It is a proxy: ask ``if current_session``,
not ``is None``. Using it in an outage raises StoreUnavailable, which becomes 503.
"""


def _bag() -> Bag:
    return cast(Bag, cast(Any, session)._get_current_object())


def sign_in(
    user_id: str | int,
    *,
    remember: bool = False,
    authenticated_by: Sequence[str] = ("password",),
    barrier: int | None = None,
    started_at: int | None = None,
) -> SignedIn | Refused:
    """Sign this user in, in this browser; see :meth:`Exchange.sign_in`. ``flask.session`` goes along,
    unless it was another user's.
    """
    this, bag = exchange(), _bag()
    this.note_hints(client_hints(request.environ))
    outcome = this.sign_in(
        user_id,
        remember=remember,
        authenticated_by=authenticated_by,
        barrier=barrier,
        started_at=started_at,
        data=bag.encoded(),
    )
    bag.follow()
    return outcome


def sign_out() -> SignedOut:
    """End this browser's session, and empty ``flask.session``; the response clears its cookies."""
    outcome = exchange().sign_out()
    _bag().follow()
    return outcome


def sign_out_everywhere() -> SignedOut | None:
    """End all sessions of the current user; None if nobody is signed in."""
    outcome = exchange().sign_out_everywhere()
    _bag().follow()
    return outcome


def credentials_changed() -> CredentialsChanged | None:
    """The current user changed a credential: all other sessions end; None if nobody is signed in."""
    outcome = exchange().credentials_changed()
    _bag().follow()
    return outcome


def why_signed_out() -> Reason | None:
    """For the sign-in page: why this browser was signed out, told once; or None."""
    exchange()
    return wsgi.why_signed_out(request)


def session_required(view: Callable[P, Any]) -> Callable[P, Any]:
    """A view that only a signed-in user may see: a page redirects to the sign-in page and comes back,
    anything else gets 401.
    """
    return _guarded(view, fresh=False)


def fresh_session_required(view: Callable[P, Any]) -> Callable[P, Any]:
    """The same, and the credentials must have been given within the setting ``fresh_for``; else a
    program gets 403 with the code ``reauthentication_required``.
    """
    return _guarded(view, fresh=True)


def _guarded(view: Callable[P, Any], *, fresh: bool) -> Callable[P, Any]:
    @wraps(view)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> Any:
        this = exchange()
        refused = this.refusal(
            this.session,
            fresh=fresh,
            method=request.method,
            path=request.root_path + request.path,
            query=request.query_string.decode("latin-1"),
            accept=request.headers.get("Accept", ""),
        )
        if refused is not None:
            return response(refused)
        return current_app.ensure_sync(view)(*args, **kwargs)

    return guarded


def response(reply: Reply) -> Response:
    """A reply as Flask sends it."""
    made = current_app.response_class(reply.body, reply.status, list(reply.headers))
    if reply.status in (204, 304):
        del made.headers["content-type"]
    return made
