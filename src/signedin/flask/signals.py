"""Flask's signals for what happens to sessions: ``receiver(app, event=…)``, after it is stored."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from blinker import NamedSignal, Namespace

from ..events import (
    Event,
    RecordUnreadable,
    RememberMeForgotten,
    SessionCreated,
    SessionEnded,
    SessionRenamed,
    SessionResumed,
    SessionRotated,
    TheftSuspected,
)

if TYPE_CHECKING:
    from flask import Flask

_signal = Namespace().signal

session_created = _signal("session-created")
session_resumed = _signal("session-resumed")
session_rotated = _signal("session-rotated")
session_renamed = _signal("session-renamed")
session_ended = _signal("session-ended")
remember_me_forgotten = _signal("remember-me-forgotten")
theft_suspected = _signal("theft-suspected")
record_unreadable = _signal("record-unreadable")

SIGNALS: Final[dict[type, NamedSignal]] = {
    SessionCreated: session_created,
    SessionResumed: session_resumed,
    SessionRotated: session_rotated,
    SessionRenamed: session_renamed,
    SessionEnded: session_ended,
    RememberMeForgotten: remember_me_forgotten,
    TheftSuspected: theft_suspected,
    RecordUnreadable: record_unreadable,
}


def send(app: Flask, event: Event) -> None:
    """Tell the receivers of this event's signal."""
    SIGNALS[type(event)].send(app, event=event)
