"""What listeners are told, once for each thing that happened, after the store has committed.

Pure records. ``owasp`` is the event's word in the OWASP logging vocabulary; :func:`log_line` is
the line that the built-in listener logs, without any secret in it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeAlias

from .session import EndedSession, Session, SessionId, short_id

logger = logging.getLogger("signedin")


@dataclass(frozen=True)
class SessionCreated:
    """A user signed in."""

    session: Session


@dataclass(frozen=True)
class SessionResumed:
    """A remember-me token started a new session."""

    session: Session


@dataclass(frozen=True)
class SessionRotated:
    """A session got a new secret: step-up, admin mode or impersonation, entering or leaving."""

    session: Session


@dataclass(frozen=True)
class SessionRenamed:
    """A user gave a session a name of their own."""

    session_id: SessionId
    user_id: str
    name: str | None


@dataclass(frozen=True)
class SessionEnded:
    """A session ended; ``session.reason`` says why and ``session.actor`` by whom."""

    session: EndedSession


@dataclass(frozen=True)
class RememberMeForgotten:
    """Remember me was turned off for so many browsers of the user, without a session ending."""

    user_id: str
    count: int


@dataclass(frozen=True)
class TheftSuspected:
    """A remember-me token came back that had been used up: its sessions were ended."""

    user_id: str
    ip: str


@dataclass(frozen=True)
class RecordUnreadable:
    """A stored record can't be decoded. It is not a session; it goes when it is swept."""

    session_id: SessionId


Event: TypeAlias = (
    SessionCreated
    | SessionResumed
    | SessionRotated
    | SessionRenamed
    | SessionEnded
    | RememberMeForgotten
    | TheftSuspected
    | RecordUnreadable
)
Listener: TypeAlias = Callable[[Event], object]

_ENDED: Final = {
    "idle": "session_expired",
    "expired": "session_expired",
    "limit": "excess_sessions_exceeded",
}


def log_line(event: Event) -> str:
    """One line: the OWASP word, then ``key=value`` pairs."""
    match event:
        case SessionCreated(session):
            return f"session_created session={session.id} ip={session.ip}"
        case SessionResumed(session):
            return f"session_renewed session={session.id} ip={session.ip} by=remember_me"
        case SessionRotated(session):
            return f"session_renewed session={session.id} ip={session.ip} by=rotation"
        case SessionEnded(ended):
            word = _ENDED.get(ended.reason, "session_ended")
            return f"{word} session={ended.id} reason={ended.reason} actor={ended.actor or '-'}"
        case SessionRenamed(session_id):
            return f"session_renamed session={session_id}"
        case RememberMeForgotten(_, count):
            return f"remember_me_forgotten count={count}"
        case TheftSuspected(_, ip):
            return f"remember_me_theft_suspected ip={ip}"
        case RecordUnreadable(session_id):
            return f"session_unreadable session={short_id(session_id)}"


def log_wanted() -> bool:
    """Whether the log is kept at the level of ordinary events."""
    return logger.isEnabledFor(logging.INFO)


def log(event: Event) -> None:
    """The built-in listener: one line to the logger ``signedin`` for each event."""
    level = logging.WARNING if isinstance(event, (TheftSuspected, RecordUnreadable)) else logging.INFO
    if logger.isEnabledFor(level):
        logger.log(level, "%s", log_line(event))
