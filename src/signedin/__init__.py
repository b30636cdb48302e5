"""See where your users are signed in, and sign them out anywhere.

Start with an adapter (``signedin.asgi``), or with :func:`open_async_sessions` and
:func:`open_sessions`. A map of the house, arrows going down:

========================================  ==========================================================
``cli/``, ``console.py``, ``server/``     operators' commands and names; the service and its demo
``asgi/``, ``fastapi/``, ``wsgi/``,        the adapters: a middleware or an extension, and verbs; for
``flask/``, ``django/``                   FastAPI dependencies and a router, for Django an engine, too
``threads.py``, ``incoming.py`` …         what the adapters share
``testing/``                              what applications' tests use; the suite for stores
``config.py``                             the one place where settings, a store and a clock meet
``_async/sessions.py``                    ★ the flow: what can be done with sessions
``_async/request.py``, ``routes.py``      one web request; the page and its API as plain functions
``_async/stores/``                        the store contract on one page, and the stores
``_sync/``                                the same without waiting, generated
``sqlite/``, ``redis/``, ``postgres/``    what the stores are made of: an engine, addresses, checks
``sql/``, ``lua/``                        their statements, migrations and scripts, in named files
``session.py``, ``token.py``,             the rules: pure functions and frozen records
``policy.py``, ``reasons.py``,
``remember_me.py``, ``device.py`` …
``page.py``, ``messages.py``,             the page: sessions in, HTML out
``templates/``, ``static/``
========================================  ==========================================================
"""

from __future__ import annotations

from .config import open_async_sessions, open_sessions
from .device import Device
from .errors import (
    AnswerUnknown,
    ClockError,
    SchemaError,
    SettingsError,
    SignedinError,
    StoreUnavailable,
)
from .outcomes import (
    CredentialsChanged,
    Listed,
    Presented,
    Refused,
    Revoked,
    RevokedMany,
    SignedIn,
    SignedOut,
)
from .policy import Policy
from .reasons import REASONS, Reason
from .selector import Selector
from .session import Client, EndedSession, Session, SessionId
from .settings import Settings

__version__ = "0.1.0"

__all__ = [
    "REASONS",
    "AnswerUnknown",
    "Client",
    "ClockError",
    "CredentialsChanged",
    "Device",
    "EndedSession",
    "Listed",
    "Policy",
    "Presented",
    "Reason",
    "Refused",
    "Revoked",
    "RevokedMany",
    "SchemaError",
    "Selector",
    "Session",
    "SessionId",
    "Settings",
    "SettingsError",
    "SignedIn",
    "SignedOut",
    "SignedinError",
    "StoreUnavailable",
    "open_async_sessions",
    "open_sessions",
]
