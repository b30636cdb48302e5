"""The smallest rules: durations, cursors, bags, visitors, the audit trail."""

from __future__ import annotations

from datetime import timedelta

import pytest

from signedin.audit import AuditEntry, new_run
from signedin.cursors import beginning_of, number, place, position
from signedin.duration import parse_duration, spell_duration
from signedin.errors import DataTooLarge
from signedin.session import new_session_id
from signedin.steps import DATA_BYTES, checked_bag
from signedin.token import Token, new_secret
from signedin.visitor import Visitor, is_current, is_due, new_visitor

from ..support import HOUR, MINUTE, START


@pytest.mark.parametrize(
    ("duration", "text"),
    [
        (timedelta(days=7), "7d"),
        (timedelta(hours=25), "25h"),
        (timedelta(minutes=90), "90m"),
        (timedelta(seconds=61), "61s"),
    ],
)
def test_spelled_durations(duration: timedelta, text: str) -> None:
    """In the largest unit that it is a whole number of, and read again as the same."""
    assert spell_duration(duration) == text
    assert parse_duration(text) == duration


def test_units() -> None:
    """Seconds, minutes, hours, days, weeks; six digits at most."""
    read = [parse_duration(f"1{unit}") // timedelta(seconds=1) for unit in "smhdw"]
    assert read == [1, 60, 3600, 86_400, 604_800]
    assert parse_duration("999999s") == timedelta(seconds=999_999)
    with pytest.raises(ValueError, match="90s"):
        parse_duration("1000000s")


def test_cursors() -> None:
    """A cursor names the place behind a session, and what else the order goes by."""
    one = new_session_id("1")
    raw = bytes.fromhex(one)
    assert place(position(one, 5)) == ((raw[12:], raw[:12]), "5")
    assert place(position(one, "a.b")) == ((raw[12:], raw[:12]), "a.b")
    assert place(None) == ((b"", b""), "")
    for wrong in ("", "x", one[1:], f"{one[1:]}.5"):
        with pytest.raises(ValueError, match="not a cursor"):
            place(wrong)


def test_numbers_in_cursors() -> None:
    """Digits, as many as fit into 63 bits; a cursor is somebody's input."""
    assert number("0042") == 42
    assert number("9" * 18) == 10**18 - 1
    for wrong in ("", "-1", "1.5", "²", "٣", "9" * 19):
        with pytest.raises(ValueError, match="not part of a cursor"):
            number(wrong)


@pytest.mark.parametrize(
    ("text", "first"), [("", b""), ("a", b""), ("ab", b"\xab"), ("abc", b"\xab"), ("ab" * 24, b"\xab" * 12)]
)  # fmt: skip
def test_beginnings(text: str, first: bytes) -> None:
    """Ids that begin so lie between the two; the second is behind every 12 bytes that do."""
    start, end = beginning_of(text)
    assert start == first
    assert end == first + b"\xff" * (13 - len(first))


def test_bags() -> None:
    """64 kB, and not a byte more; none is fine."""
    assert checked_bag(None) is None
    assert checked_bag(b"x" * 65_536) == b"x" * DATA_BYTES
    with pytest.raises(DataTooLarge):
        checked_bag(b"x" * 65_537)


def test_visitors() -> None:
    """Two hours from the last use, renewed once a tenth of them has passed; nothing else is a visitor."""
    visitor, token = new_visitor(b"bag", START)
    assert visitor == Visitor(token.id, token.hash(), START + 2 * HOUR, b"bag")
    assert Token.parse(token.text) == token
    assert is_current(visitor, token, START + 2 * HOUR - 1)
    assert not is_current(visitor, token, START + 2 * HOUR)
    assert not is_current(visitor, Token(token.id, new_secret()), START)
    assert not is_due(visitor, START + 12 * MINUTE - 1)
    assert is_due(visitor, START + 12 * MINUTE)
    assert token.id not in repr(visitor)
    assert new_visitor(b"", START)[0].id != visitor.id


@pytest.mark.parametrize(
    ("outcome", "over"),
    [("started", False), ("running", False), ("stopping", False), ("done", True), ("stopped", True), ("failed", True)],
)  # fmt: skip
def test_runs(outcome: str, over: bool) -> None:
    """A run is over when it is done, stopped or failed; each has a name of its own."""
    entry = AuditEntry(new_run(), START, outcome, "cli:root", "revoke", "everybody")  # type: ignore[arg-type]
    assert entry.is_over is over
    assert (entry.sessions, entry.already, entry.users, entry.in_doubt) == (0, 0, 0, 0)
    assert len(bytes.fromhex(entry.run)) == 8
    assert entry.run != new_run()
