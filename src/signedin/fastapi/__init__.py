"""signedin for FastAPI: what an endpoint depends on, and the API of one's own sessions as a router.

The application has :class:`SignedinMiddleware`, and the verbs of ``signedin.asgi`` take its requests.
"""

from ..asgi import SessionRequired, SignedinMiddleware
from .dependencies import (
    CurrentSession,
    FreshSession,
    OptionalSession,
    fresh_session,
    optional_session,
    required_session,
)
from .router import sessions_router

__all__ = [
    "CurrentSession",
    "FreshSession",
    "OptionalSession",
    "SessionRequired",
    "SignedinMiddleware",
    "fresh_session",
    "optional_session",
    "required_session",
    "sessions_router",
]
