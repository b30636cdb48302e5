"""The selector's language: what people write, what is meant, and what is said where it can't be."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from ipaddress import ip_address
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signedin.device import UNKNOWN
from signedin.selector import (
    NoSuchUser,
    Reading,
    Selector,
    SelectorError,
    Word,
    parse_network,
    parse_selector,
    parse_time,
    select,
    split_terms,
    text_range,
)
from signedin.session import EndedSession

from ..support import DAY, HOUR, MINUTE, SECOND, START
from .test_selector import session

NOW = int(datetime(2026, 11, 23, 8, 0, tzinfo=UTC).timestamp() * 1000)
MIDNIGHT = NOW - 8 * HOUR
USERS = {("user", "ada"): ["1"], ("email", "ada@example.org"): ["1"], ("user", "bob"): ["2"]}


def find_users(how: str, text: str) -> Sequence[str]:
    if (how, text) not in USERS:
        raise NoSuchUser(f"There is no user {text!r}.")
    return USERS[how, text]


def find_word(text: str) -> Iterable[str]:
    return ["1", "3"] if text == "ad" else []


READING = Reading(NOW, find_users, find_word)


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("", {}),
        ("user:ada", {"users": ("1",)}),
        ("user:ada USER:bob user:ada email:ada@example.org", {"users": ("1", "2")}),
        ("session:ABCDEF01", {"session": "abcdef01"}),
        ("ip:203.0.113.24", {"ip": parse_network("203.0.113.24/32")}),
        ("ip:203.0.113.24/24", {"ip": parse_network("203.0.113.0/24")}),
        ("ip:2001:db8::/32", {"ip": parse_network("2001:db8::/32")}),
        ('browser:"Samsung Internet" os:Windows', {"browser": "Samsung Internet", "os": "Windows"}),
        ("type:Phone", {"kind": "phone"}),
        ("idle:>3d", {"idle": 3 * DAY}),
        ("idle:3d", {"idle": 3 * DAY}),
        ("seen:<90s", {"seen": 90 * SECOND}),
        ("seen:90s", {"seen": 90 * SECOND}),
        ("created:<2026-11-23", {"signed_in_before": MIDNIGHT}),
        ("created:>2026-11-23T08:00Z", {"signed_in_after": NOW}),
        ('created:"<2h ago"', {"signed_in_before": NOW - 2 * HOUR}),
        ("created:2026-11-23", {"signed_in_after": MIDNIGHT, "signed_in_before": MIDNIGHT + DAY}),
        ("remembered:yes admin:NO impersonated:no", {"remembered": True, "admin_mode": False, "impersonated": False}),
        ("ad", {"words": (Word("ad", frozenset({"1", "3"})),)}),
        ('"two words" x', {"words": (Word("two words"), Word("x"))}),
    ],
)  # fmt: skip
def test_what_is_meant(text: str, meant: dict[str, Any]) -> None:
    """Each term narrows; users add up; a word without a key is looked for everywhere."""
    selector, wrong = parse_selector(text, READING)
    assert (selector, wrong) == (Selector(**meant), ())
    assert select(split_terms(text), READING) == selector


@pytest.mark.parametrize(
    ("term", "told"),
    [
        ("usr:ada", "usr: is not known. Did you mean user:?"),
        ("qqq:1", "qqq: is not known. Possible: user, email, session, ip, browser, os, type, idle, seen, created, remembered, admin, impersonated."),
        ("user:eve", "There is no user 'eve'."),
        ("session:abcdef0", "'abcdef0' is not a session: give at least its first 8 digits."),
        (f"session:{'a' * 49}", f"'{'a' * 49}' is not a session: give at least its first 8 digits."),
        ("ip:here", "'here' is not an address or a network. Write 203.0.113.24 or 203.0.113.0/24."),
        ("type:phon", "'phon' is not a type of device. Did you mean 'phone'? Possible: desktop, phone, tablet, tv, console, cli, unknown."),
        ("type:q", "'q' is not a type of device. Possible: desktop, phone, tablet, tv, console, cli, unknown."),
        ("idle:<3d", "idle:<3d can't be. Write idle:>3d, or seen:<3d."),
        ("seen:>3d", "seen:>3d can't be. Write seen:<3d, or idle:>3d."),
        ("idle:soon", "idle: 'soon' is not a duration. Write 90s, 15m, 12h, 7d or 2w."),
        ("created:2026-11-23T08:00", "created:2026-11-23T08:00 is a moment. Write created:>2026-11-23T08:00 or created:<2026-11-23T08:00."),
        ("created:<then", "'then' is not a time. Write 2026-11-23, 2026-11-23T08:00Z or '2h ago'."),
        ("remembered:maybe", "'maybe' is neither yes nor no."),
    ],
)  # fmt: skip
def test_what_cannot_be(term: str, told: str) -> None:
    """A wrong term is told with what is possible; the others hold all the same."""
    selector, wrong = parse_selector(f"{term} browser:x", READING)
    assert (selector, wrong) == (Selector(browser="x"), (told,))
    with pytest.raises(SelectorError) as raised:
        select(split_terms(term), READING)
    assert str(raised.value) == told


def test_where_nobody_knows_users() -> None:
    """Without a directory a free word is looked for in what the sessions themselves say."""
    selector, _ = parse_selector("ad", Reading(NOW, find_users))
    assert selector.words == (Word("ad"),)


def test_times() -> None:
    """ISO 8601, UTC where no zone is said, or how long ago."""
    assert parse_time("2026-11-23T08:00", NOW) == NOW
    assert parse_time("2026-11-23T09:00+01:00", NOW) == NOW
    assert parse_time("2026-11-23T08:00:00.250", NOW) == NOW + 250
    assert parse_time("2h ago", NOW) == NOW - 2 * HOUR
    for wrong in ("ago", " ago", "2h  later", "2026-13-01"):
        with pytest.raises(SelectorError, match="2h ago"):
            parse_time(wrong, NOW)


@pytest.mark.parametrize(
    ("selector", "text"),
    [
        (Selector(), "everybody"),
        (Selector(users=("1", "2")), "user:1 user:2"),
        (Selector(session="abcdef01", ip=parse_network("10.0.0.0/8")), "session:abcdef01 ip:10.0.0.0/8"),
        (Selector(browser="Samsung Internet", os=""), 'browser:"Samsung Internet" os:""'),
        (Selector(kind="tv"), "type:tv"),
        (Selector(idle=3 * DAY, seen=2 * HOUR), "idle:>3d seen:<2h"),
        (Selector(idle=90 * MINUTE, seen=61 * SECOND), "idle:>90m seen:<61s"),
        (Selector(idle=0, seen=DAY + HOUR), "idle:>0s seen:<25h"),
        (Selector(signed_in_before=NOW, signed_in_after=MIDNIGHT), "created:<2026-11-23T08:00:00Z created:>2026-11-23T00:00:00Z"),
        (Selector(remembered=True, admin_mode=False, impersonated=True), "remembered:yes admin:no impersonated:yes"),
        (Selector(words=(Word("two words"), Word("x", frozenset({"1"})))), '"two words" x'),
    ],
)  # fmt: skip
def test_written(selector: Selector, text: str) -> None:
    """A selector is written in one way, as the audit trail keeps it."""
    assert str(selector) == text


def test_who_is_meant() -> None:
    """Everybody, all sessions of certain users, or what only the living have: each is told."""
    assert Selector().is_everybody
    assert Selector(users=("1",)).is_whole_users
    assert not Selector(users=("1",), kind="tv").is_whole_users
    assert not Selector().is_whole_users
    for narrow in (
        Selector(idle=0),
        Selector(seen=0),
        Selector(remembered=False),
        Selector(admin_mode=False),
        Selector(impersonated=False),
    ):
        assert narrow.is_of_the_living
        assert not narrow.is_everybody
    assert not Selector(kind="tv", users=("1",)).is_of_the_living


def test_ended_sessions() -> None:
    """The same selector means what has ended, but not by what only the living have."""
    device = replace(UNKNOWN, kind="phone", browser="Safari", os="iOS", model="iPhone")
    gone = EndedSession(
        session().id, "1", START, START, START, "revoked", None, "203.0.113.24", "mine", device
    )
    for selector in (
        Selector(users=("1",)),
        Selector(kind="phone"),
        Selector(signed_in_after=START),
        Selector(words=(Word("iphone"),)),
    ):
        assert selector.matches_ended(gone)
        assert not replace(selector, remembered=False).matches_ended(gone)
    assert not Selector(users=("2",)).matches_ended(gone)
    assert not Selector(signed_in_before=START).matches_ended(gone)


def test_words_are_looked_for_everywhere() -> None:
    """In names, addresses, ids, devices and users, in any case; each word must be found."""
    one = session(name="Kitchen", id="0123456789abcdef" * 3)
    for text in ("kitchEN", "1", "203.0.", one.id[:9], "firefox on", "UBUNTU"):
        assert Selector(words=(Word(text),)).matches(one, START), text
    for text in ("cellar", "0.113", one.id[1:9], "4"):
        assert not Selector(words=(Word(text),)).matches(one, START), text
    assert Selector(words=(Word("ada", frozenset({"1"})),)).matches(one, START)
    assert not Selector(words=(Word("ada", frozenset({"2"})),)).matches(one, START)
    assert not Selector(words=(Word("kitchen"), Word("cellar"))).matches(one, START)
    assert not Selector(words=(Word("x"),)).matches(session(device=UNKNOWN, name=None), START)


@pytest.mark.parametrize(
    ("fields", "selector", "matches"),
    [
        ({}, Selector(idle=HOUR), True),
        ({}, Selector(idle=HOUR + 1), False),
        ({}, Selector(seen=HOUR), True),
        ({}, Selector(seen=HOUR - 1), False),
        ({"admin_until": START + HOUR + 1}, Selector(admin_mode=True), True),
        ({"admin_until": START + HOUR}, Selector(admin_mode=True), False),
        ({"admin_until": None}, Selector(admin_mode=True), False),
        ({"acting_as": "2"}, Selector(impersonated=True), True),
        ({"acting_as": "2"}, Selector(impersonated=False), False),
        ({"acting_as": None}, Selector(impersonated=False), True),
        ({"remembered": True}, Selector(remembered=True), True),
        ({"ip": "unix:"}, Selector(ip=parse_network("0.0.0.0/0")), False),
    ],
)
def test_what_the_living_have(fields: dict[str, Any], selector: Selector, matches: bool) -> None:
    """To the millisecond: unused for, used within, in admin mode, as somebody else."""
    assert selector.matches(session(**fields), START + HOUR) is matches


def test_the_beginning_of_an_id() -> None:
    """A session is named by how its id begins."""
    one = session()
    assert Selector(session=one.id[:8]).matches(one, START)
    assert not Selector(session=one.id[1:9]).matches(one, START)


@pytest.mark.parametrize(
    ("network", "first", "last"),
    [
        ("203.0.113.24", "203.0.113.24", "203.0.113.24"),
        ("2001:db8::1", "2001:db8::1", "2001:db8::1"),
        ("203.0.113.0/24", "203.0.113.", "203.0.113.~"),
        ("203.0.113.128/25", "203.0.113.", "203.0.113.~"),
        ("10.0.0.0/8", "10.", "10.~"),
        ("8.0.0.0/7", "", "~"),
        ("2001:db8::/32", "2001:db8:", "2001:db8:~"),
        ("2001:db8:a::/48", "2001:db8:a:", "2001:db8:a:~"),
        ("2001:0:db8::/48", "2001:", "2001:~"),
        ("2000::/3", "", "~"),
    ],
)
def test_text_range(network: str, first: str, last: str) -> None:
    """Between which texts the addresses of a network are written: what an index narrows by."""
    assert text_range(parse_network(network)) == (first, last)


@given(st.integers(0, 2**128 - 1), st.integers(0, 128))
def test_no_address_is_outside_of_its_range(number: int, length: int) -> None:
    """Every address of a network is written between the two."""
    address = str(ip_address(number)) if number >= 2**32 else str(ip_address(number % 2**32))
    network = parse_network(f"{address}/{min(length, ip_address(address).max_prefixlen)}")
    first, last = text_range(network)
    assert first <= address <= last


@given(st.text())
def test_anything(text: str) -> None:
    """Whatever somebody types, something is meant or something is told."""
    parse_selector(text, READING)
