"""signedin for Django: an app, a middleware, and the verbs of a request.

Two ways in. Beside any session engine: ``signedin.django.SignedinMiddleware`` records each login as a
session of ours, and a session that is revoked logs its browser out. As the session engine:
``signedin.django.sessions`` with ``signedin.django.SessionMiddleware`` in the place of Django's.
"""

from .beside import SignedinMiddleware
from .engine import SessionMiddleware
from .verbs import (
    SignInRefused,
    credentials_changed,
    current_session,
    sign_in,
    sign_out,
    sign_out_everywhere,
    why_signed_out,
)

__all__ = [
    "SessionMiddleware",
    "SignInRefused",
    "SignedinMiddleware",
    "credentials_changed",
    "current_session",
    "sign_in",
    "sign_out",
    "sign_out_everywhere",
    "why_signed_out",
]
