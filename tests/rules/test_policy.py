"""Limits, touches, and who is evicted."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import timedelta

import pytest

from signedin.errors import SettingsError
from signedin.policy import NAMED, Policy, surplus, touch_due
from signedin.session import Client, decode_tail, session_of

from ..support import DAY, FIREFOX, HOUR, LAPTOP, MINUTE, SECOND, START, make_record


def session_at(active: int, **fields: object):
    record, _ = make_record(active=active)
    facts = decode_tail(record.tail)
    assert facts is not None
    return replace(session_of(record, facts, START), **fields)  # type: ignore[arg-type]


def test_the_default_is_gitlab() -> None:
    """100 sessions, 10080 minutes without activity, 365 days, Remember me for 2 weeks."""
    policy = Policy()
    assert policy == Policy.gitlab() == NAMED["gitlab"]()
    assert (policy.cap, policy.idle_ms) == (100, 7 * DAY)
    assert policy.expires_at(START) == START + 365 * DAY
    assert policy.remember_me == timedelta(days=14)


def test_named_policies() -> None:
    """After NIST SP 800-63B-4; the stricter two have no Remember me (V2)."""
    assert NAMED["aal1"]().idle_ms is None
    assert NAMED["aal1"]().expires_at(0) == 30 * DAY
    assert (NAMED["aal2"]().idle_ms, NAMED["aal2"]().expires_at(0)) == (HOUR, 24 * HOUR)
    assert (NAMED["aal3"]().idle_ms, NAMED["aal3"]().expires_at(0)) == (15 * MINUTE, 12 * HOUR)
    assert NAMED["aal2"]().remember_me is None
    assert NAMED["aal3"]().remember_me is None


@pytest.mark.parametrize(
    "wrong",
    [
        {"idle_timeout": timedelta(0)},
        {"absolute_timeout": timedelta(days=-1)},
        {"remember_me": timedelta(0)},
        {"cap": 0},
        {"cap": -1},
        {"at_cap": "ignore"},
        {"remember_me_limit": timedelta(days=401)},
        {"idle_timeout": timedelta.max},
        {"absolute_timeout": timedelta(days=36_526)},
    ],
)
def test_impossible_policies(wrong: dict[str, object]) -> None:
    """Zero and negative limits are refused when the policy is made (V2), and those that mean none."""
    with pytest.raises(SettingsError):
        Policy(**wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "value", ["idle_timeout", "absolute_timeout", "remember_me", "remember_me_limit"]
)
def test_shortest_limits(value: str) -> None:
    """Any limit longer than zero can be, and 1 session; no limit is None (V2)."""
    assert getattr(Policy(**{value: timedelta(milliseconds=1)}), value).microseconds == 1000  # type: ignore[arg-type]
    assert Policy(cap=1).cap_for("1") == 1
    assert Policy(cap=None).cap_for("1") is None


def test_cap_of_a_user() -> None:
    """Another cap for some users; an impossible one says so."""
    policy = Policy(cap_of=lambda user_id: {"vip": None, "bad": 0, "one": 1}.get(user_id, 3))
    assert (policy.cap_for("vip"), policy.cap_for("x"), policy.cap_for("one")) == (None, 3, 1)
    with pytest.raises(SettingsError):
        policy.cap_for("bad")


@pytest.mark.parametrize(
    ("since", "client", "passive", "fields", "due"),
    [
        (0, LAPTOP, False, {}, False),
        (59 * SECOND, LAPTOP, False, {"signed_in_at": 0}, False),
        (60 * SECOND, LAPTOP, False, {"signed_in_at": 0}, True),
        (60 * SECOND, LAPTOP, True, {"signed_in_at": 0}, False),
        # a tenth of a short idle timeout comes first
        (6 * SECOND, LAPTOP, False, {"signed_in_at": 0, "idle_timeout": MINUTE}, True),
        (6 * SECOND - 1, LAPTOP, False, {"signed_in_at": 0, "idle_timeout": MINUTE}, False),
        (60 * SECOND - 1, LAPTOP, False, {"signed_in_at": 0, "idle_timeout": None}, False),
        # who asks needn't be known
        (60 * SECOND, None, False, {"signed_in_at": 0}, True),
        # the first validation of a new session always
        (1, LAPTOP, False, {}, True),
        (1, LAPTOP, True, {}, False),
        (1, Client("198.51.100.1", FIREFOX), True, {}, True),
        # another address or user agent: every ten seconds, polling included
        (9 * SECOND, Client("198.51.100.1", FIREFOX), True, {"signed_in_at": 0}, False),
        (10 * SECOND, Client("198.51.100.1", FIREFOX), True, {"signed_in_at": 0}, True),
        (10 * SECOND, Client(LAPTOP.ip, "other"), False, {"signed_in_at": 0}, True),
        # one that Remember me didn't resume has no first minute
        (60 * SECOND, LAPTOP, True, {"signed_in_at": START - 1}, False),
        # a clock that was set back
        (-HOUR, LAPTOP, False, {"signed_in_at": 0}, False),
    ],
)
def test_touch_due(
    since: int, client: Client | None, passive: bool, fields: dict[str, int | None], due: bool
) -> None:
    """Activity is noted once in min(60 s, a tenth of the idle timeout) (V3)."""
    assert touch_due(session_at(START, **fields), client, START + since, passive) is due


def test_first_touch_after_a_resume() -> None:
    """A resumed session is due a minute after the resume even when it is only polled (R3)."""
    resumed = session_at(START + 1, remembered=True)
    assert not touch_due(resumed, LAPTOP, START + 59 * SECOND, True)
    assert touch_due(resumed, LAPTOP, START + 60 * SECOND, True)
    seen = session_at(START + 60 * SECOND, remembered=True)
    assert not touch_due(seen, LAPTOP, START + 61 * SECOND, True)


def test_surplus() -> None:
    """The least recently active go; ties by sign-in, then by id; the new one is not among them (S3)."""
    items = [(random.randrange(5), random.randrange(5), bytes([n])) for n in range(50)]
    gone = surplus(items, 10)
    assert len(gone) == 41
    assert max(gone) < min(set(items) - set(gone))
    assert surplus(items, None) == []
    assert surplus(items[:9], 10) == []
    assert sorted(surplus(items, 1)) == sorted(items)
