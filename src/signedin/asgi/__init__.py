"""signedin for any ASGI framework: a middleware, and the verbs of a request.

The middleware finds the current session of each request and sets what must be set on the response;
it answers the Active Sessions page itself. In an endpoint, give any of these verbs the request (or
its scope): :func:`current_session`, :func:`sign_in`, :func:`sign_out`, :func:`sign_out_everywhere`,
:func:`credentials_changed`, :func:`why_signed_out`, :func:`exchange`. :class:`RequireSession` wraps
what only a signed-in user may see.
"""

from ..admin import Admin
from .middleware import SignedinMiddleware
from .verbs import (
    RequireSession,
    SessionRequired,
    credentials_changed,
    current_session,
    exchange,
    sign_in,
    sign_out,
    sign_out_everywhere,
    why_signed_out,
)

__all__ = [
    "Admin",
    "RequireSession",
    "SessionRequired",
    "SignedinMiddleware",
    "credentials_changed",
    "current_session",
    "exchange",
    "sign_in",
    "sign_out",
    "sign_out_everywhere",
    "why_signed_out",
]
