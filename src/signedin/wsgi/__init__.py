"""signedin for any WSGI application: a middleware, and the verbs of a request.

The middleware finds the current session of each request and sets what must be set on the response;
it answers the Active Sessions page itself. In a view, give any of these verbs the environ (or a
request that has one): :func:`current_session`, :func:`sign_in`, :func:`sign_out`,
:func:`sign_out_everywhere`, :func:`credentials_changed`, :func:`why_signed_out`, :func:`exchange`.
:class:`RequireSession` wraps what only a signed-in user may see.
"""

from ..admin import Admin
from .middleware import SignedinMiddleware
from .verbs import (
    RequireSession,
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
    "SignedinMiddleware",
    "credentials_changed",
    "current_session",
    "exchange",
    "sign_in",
    "sign_out",
    "sign_out_everywhere",
    "why_signed_out",
]
