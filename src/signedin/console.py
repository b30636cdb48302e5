"""The console's names for scripts: ``ActiveSession`` and ``User``, in both colours.

.. code-block:: python

    from signedin.console import open_console

    ActiveSession, User = open_console(store="sqlite:///sessions.db", operator="script:cleanup")
"""

from __future__ import annotations

from typing import Any

from ._async.console import AsyncActiveSession, AsyncUser
from ._sync.console import ActiveSession, User
from .config import open_async_sessions, open_directory, open_sessions
from .directory import Directory, NoDirectory, Person
from .displays import ActiveSessionRecord, RevokeResult, SessionList

__all__ = [
    "ActiveSession",
    "ActiveSessionRecord",
    "AsyncActiveSession",
    "AsyncUser",
    "RevokeResult",
    "SessionList",
    "User",
    "open_async_console",
    "open_console",
]


def open_console(
    *,
    operator: str,
    directory: Directory[Person] | None = None,
    read_only: bool = False,
    **settings: Any,
) -> tuple[ActiveSession, User]:
    """``ActiveSession`` and ``User`` under these settings.

    operator: who acts, for the history and the audit trail. directory: who the users are; without one
    that of the settings, else they are known by their ids. read_only: revocations raise ReadOnly.
    """
    sessions = open_sessions(**settings)
    known = directory or open_directory(sessions.settings) or NoDirectory()
    active = ActiveSession(sessions, known, operator=operator, read_only=read_only)
    return active, User(active)


def open_async_console(
    *,
    operator: str,
    directory: Directory[Person] | None = None,
    read_only: bool = False,
    **settings: Any,
) -> tuple[AsyncActiveSession, AsyncUser]:
    """The same for an event loop."""
    sessions = open_async_sessions(**settings)
    known = directory or open_directory(sessions.settings) or NoDirectory()
    active = AsyncActiveSession(sessions, known, operator=operator, read_only=read_only)
    return active, AsyncUser(active)
