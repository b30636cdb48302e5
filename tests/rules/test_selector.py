"""What to list or revoke."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from signedin.duration import parse_duration
from signedin.selector import Selector, parse_network
from signedin.session import Session, decode_tail, session_of

from ..support import DAY, HOUR, START, make_record


def session(**fields: object) -> Session:
    record, _ = make_record()
    facts = decode_tail(record.tail)
    assert facts is not None
    return replace(session_of(record, facts, START), **fields)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("selector", "matches"),
    [
        (Selector(), True),
        (Selector(users=("1",)), True),
        (Selector(users=("2",)), False),
        (Selector(ip=parse_network("203.0.113.0/24")), True),
        (Selector(ip=parse_network("203.0.113.24")), True),
        (Selector(ip=parse_network("2001:db8::/32")), False),
        (Selector(browser="fire"), True),
        (Selector(browser="chrome"), False),
        (Selector(os="UBUNTU"), True),
        (Selector(kind="desktop"), True),
        (Selector(kind="phone"), False),
        (Selector(idle=HOUR), True),
        (Selector(idle=DAY), False),
        (Selector(signed_in_before=START), False),
        (Selector(signed_in_before=START + 1), True),
        (Selector(signed_in_after=START), True),
        (Selector(signed_in_after=START + 1), False),
        (Selector(remembered=False), True),
        (Selector(remembered=True), False),
        (Selector(admin_mode=False), True),
        (Selector(impersonated=True), False),
        (Selector(browser="firefox", os="windows"), False),
    ],
)
def test_matches(selector: Selector, matches: bool) -> None:
    """Everything that is given must hold."""
    assert selector.matches(session(), START + HOUR) is matches


def test_unknown_device() -> None:
    """A session of which nothing is known is meant by no browser's name."""
    unknown = replace(session().device, browser=None, os=None)
    assert not Selector(browser="").matches(session(device=unknown), START)
    assert Selector().is_everybody
    assert not Selector(kind="tv").is_everybody


def test_what_people_write() -> None:
    """Networks and durations; a wrong one says what is possible."""
    assert str(parse_network("203.0.113.9/24")) == "203.0.113.0/24"
    with pytest.raises(ValueError, match=r"203\.0\.113\.0/24"):
        parse_network("here")
    assert parse_duration("90s") == timedelta(seconds=90)
    assert parse_duration(" 2W ") == timedelta(weeks=2)
    for wrong in ("", "5", "m", "1y", "-1h", "1h30m", "9999999d"):
        with pytest.raises(ValueError, match="90s, 15m, 12h, 7d"):
            parse_duration(wrong)
