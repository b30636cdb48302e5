"""What the log says, in the OWASP vocabulary (LOG-1): a golden file of every event."""

from __future__ import annotations

import logging
from dataclasses import replace

import pytest

from signedin.device import UNKNOWN
from signedin.events import (
    RecordUnreadable,
    RememberMeForgotten,
    SessionCreated,
    SessionEnded,
    SessionRenamed,
    SessionResumed,
    SessionRotated,
    TheftSuspected,
    log,
    log_line,
    log_wanted,
)
from signedin.session import EndedSession, SessionId, decode_tail, session_of

from ..support import START, make_record

ID = SessionId("0123456789abcdef" * 3)


def test_golden() -> None:
    """One line for each event: a word, then pairs; the session id in full where there is one."""
    record, _ = make_record(session_id=ID)
    facts = decode_tail(record.tail)
    assert facts is not None
    session = session_of(record, facts, START)
    ended = EndedSession(ID, "1", START, START, START, "revoked", "root", "::1", None, UNKNOWN)
    lines = [
        log_line(event)
        for event in (
            SessionCreated(session),
            SessionResumed(session),
            SessionRotated(session),
            SessionRenamed(ID, "1", "my \n laptop"),
            SessionEnded(ended),
            SessionEnded(replace(ended, reason="idle", actor=None)),
            SessionEnded(replace(ended, reason="expired", actor=None)),
            SessionEnded(replace(ended, reason="limit", actor=None)),
            RememberMeForgotten("1", 3),
            TheftSuspected("1", "203.0.113.9"),
            RecordUnreadable(ID),
        )
    ]
    assert "\n".join(lines) == (
        f"session_created session={ID} ip=203.0.113.24\n"
        f"session_renewed session={ID} ip=203.0.113.24 by=remember_me\n"
        f"session_renewed session={ID} ip=203.0.113.24 by=rotation\n"
        f"session_renamed session={ID}\n"
        f"session_ended session={ID} reason=revoked actor=root\n"
        f"session_expired session={ID} reason=idle actor=-\n"
        f"session_expired session={ID} reason=expired actor=-\n"
        f"excess_sessions_exceeded session={ID} reason=limit actor=-\n"
        "remember_me_forgotten count=3\n"
        "remember_me_theft_suspected ip=203.0.113.9\n"
        "session_unreadable session=01234567"
    )


def test_levels(caplog: pytest.LogCaptureFixture) -> None:
    """What somebody should look at is a warning."""
    with caplog.at_level(logging.INFO, "signedin"):
        log(RememberMeForgotten("1", 1))
        log(TheftSuspected("1", "::1"))
        assert log_wanted()
    assert [record.levelname for record in caplog.records] == ["INFO", "WARNING"]
    caplog.clear()
    with caplog.at_level(logging.WARNING, "signedin"):
        log(RememberMeForgotten("1", 1))
        log(RecordUnreadable(ID))
        assert not log_wanted()
    assert [record.levelname for record in caplog.records] == ["WARNING"]
