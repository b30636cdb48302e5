"""signedin for Flask: ``Signedin(app)``, or ``Signedin()`` and ``init_app`` in an application factory.

The extension finds the current session of each request, keeps ``flask.session`` on the server with it,
and serves the Active Sessions page in a blueprint. In a view: :data:`current_session`,
:func:`sign_in`, :func:`sign_out`, :func:`sign_out_everywhere`, :func:`credentials_changed`,
:func:`why_signed_out`, :func:`exchange`; around it :func:`session_required` and
:func:`fresh_session_required`. Where Flask-Login is in use its ``login_user`` and ``logout_user`` do
the same.
"""

from ..admin import Admin
from .extension import Signedin
from .signals import (
    record_unreadable,
    remember_me_forgotten,
    session_created,
    session_ended,
    session_renamed,
    session_resumed,
    session_rotated,
    theft_suspected,
)
from .verbs import (
    SignInRefused,
    credentials_changed,
    current_session,
    exchange,
    fresh_session_required,
    session_required,
    sign_in,
    sign_out,
    sign_out_everywhere,
    why_signed_out,
)

__all__ = [
    "Admin",
    "SignInRefused",
    "Signedin",
    "credentials_changed",
    "current_session",
    "exchange",
    "fresh_session_required",
    "record_unreadable",
    "remember_me_forgotten",
    "session_created",
    "session_ended",
    "session_renamed",
    "session_required",
    "session_resumed",
    "session_rotated",
    "sign_in",
    "sign_out",
    "sign_out_everywhere",
    "theft_suspected",
    "why_signed_out",
]
