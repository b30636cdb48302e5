"""Ids, texts and the rule of life and death."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from signedin import session as rules
from signedin.session import (
    Facts,
    Session,
    checked_user_id,
    clean_text,
    clean_user_agent,
    deadline,
    decode_tail,
    encode_tail,
    judge,
    new_session_id,
    parse_session_id,
    rewrite_tail,
    session_of,
    user_tag,
)

from ..support import DAY, START, make_record

FACTS = Facts(1, ("phone", "Safari", "26.1", "iOS", None, "iPhone"), ("password", "otp"), START)
TIMES = st.integers(0, 2**45)
LIMITS = st.none() | st.integers(1, 2**42)


def test_session_ids() -> None:
    """12 random bytes and the user's tag, in lower-case hex; nothing else is one."""
    one = new_session_id("1")
    assert parse_session_id(one) == one
    assert one.endswith(user_tag("1").hex())
    assert user_tag("1") != user_tag("2")
    assert rules.short_id(one) == one[:8]
    for wrong in (one.upper(), one[:-1], one + "0", "g" * 48, "", "../" * 16):
        assert parse_session_id(wrong) is None


def test_the_tag_is_for_ever() -> None:
    """Keys are made of it, so another one would lose what is stored."""
    assert user_tag("1").hex() == "34d53af2e0649693b1beab9a"


def test_user_ids() -> None:
    """1 and "1" are the same user; what can't name one is refused."""
    assert checked_user_id(1) == checked_user_id("1") == "1"
    assert checked_user_id("x" * 255) == "x" * 255
    for wrong in ("", "x" * 256, "a\x00b", "\ud800", None, True, 1.5, b"1"):
        with pytest.raises(ValueError, match="user id"):
            checked_user_id(wrong)


@given(st.text())
def test_clean_text_is_inert(text: str) -> None:
    """No control, no direction character, and no more than asked (INP-1)."""
    clean = clean_text(text, 64)
    assert len(clean) <= 64
    assert not any(
        ord(c) < 32 or 0x202A <= ord(c) <= 0x202E or 0xD800 <= ord(c) <= 0xDFFF for c in clean
    )
    clean.encode()


@given(st.binary())
def test_user_agent(header: bytes) -> None:
    """512 bytes are read, 256 characters kept (S2)."""
    assert len(clean_user_agent(header)) <= 256
    assert clean_user_agent(b"\x00" * 500 + b"ab\xff" * 10) == "ab\ufffd" * 4


@given(TIMES, LIMITS, LIMITS, TIMES)
def test_deadline_and_judge_agree(active: int, idle: int | None, expires: int | None, now: int) -> None:
    """A session is over from its deadline on, and not a millisecond before (V2)."""
    alive = judge(active, idle, expires, now) == "active"
    assert alive == (now < deadline(active, idle, expires))


def test_verdicts() -> None:
    """The absolute limit is told before the idle one; no limit never ends."""
    assert judge(0, 10, 20, 9) == "active"
    assert judge(0, 10, 20, 10) == "idle"
    assert judge(0, 10, 20, 20) == "expired"
    assert judge(0, None, None, 2**50) == "active"


def test_tail_round_trip_and_the_future() -> None:
    """Fields that a newer version wrote survive a rewrite by this one (S2)."""
    newer = msgspec.msgpack.encode([*msgspec.structs.astuple(FACTS), "new", {"x": 1}])
    assert decode_tail(newer) == FACTS
    changed = msgspec.structs.replace(FACTS, acting_as="2")
    kept = rewrite_tail(newer, changed)
    assert decode_tail(kept) == changed
    assert msgspec.msgpack.decode(kept)[-2:] == ["new", {"x": 1}]


def test_tail_of_an_older_version() -> None:
    """A record that an older version wrote, with fewer fields, is read: what it lacks is nothing."""
    older = decode_tail(msgspec.msgpack.encode([1, ["cli"], ["password"], None]))
    assert older is not None
    assert msgspec.structs.astuple(older) == (
        1, ("cli",), ("password",), None, None, None, None, 0, 0, None,
    )  # fmt: skip


def test_the_longest_tail() -> None:
    """4 kB are read, and not a byte more (TOK-3)."""
    fits = encode_tail(msgspec.structs.replace(FACTS, acting_as="x" * 4032))
    assert len(fits) == 4096
    assert decode_tail(fits) is not None
    assert decode_tail(encode_tail(msgspec.structs.replace(FACTS, acting_as="x" * 4033))) is None


@given(st.binary(max_size=300))
def test_bombs(tail: bytes) -> None:
    """What doesn't decode is not a session, and raises nothing (TOK-3)."""
    decode_tail(tail)


@pytest.mark.parametrize(
    "tail",
    [
        b"",
        b"\x00",
        b"\x91" * 4000,
        msgspec.msgpack.encode([1, "x", 2, 3]),
        b"\xdd\xff\xff\xff\xff",
        b"a" * 9999,
        # behind the known fields, and in a text
        b"\x9b" + msgspec.msgpack.encode(FACTS)[1:] + b"\x91" * 2000 + b"\xc0",
        encode_tail(FACTS).replace(b"Safari", b"\xff" * 6),
    ],
)
def test_known_bombs(tail: bytes) -> None:
    """Deep nesting, wrong types, huge lengths: None."""
    assert decode_tail(tail) is None


def test_when_a_session_ends() -> None:
    """By the earlier of its limits; never without any."""
    for idle, expires, end in (
        (DAY, None, START + DAY),
        (DAY, START + 1, START + 1),
        (None, START + DAY, START + DAY),
        (None, None, None),
    ):
        record, _ = make_record(idle=idle, expires=expires)
        assert session_of(record, FACTS, START).ends_at == end


def test_times_as_datetimes() -> None:
    """In UTC, to the millisecond."""
    assert rules.at(1_500) == datetime(1970, 1, 1, 0, 0, 1, 500_000, UTC)


@pytest.mark.parametrize(
    ("until", "superseded", "acts"),
    [(None, False, True), (START + 1, False, True), (START, False, False), (None, True, False)],
)
def test_acting_as(until: int | None, superseded: bool, acts: bool) -> None:
    """Until its time, and not by a secret from before (S4, V6)."""
    record, _ = make_record()
    facts = msgspec.structs.replace(FACTS, acting_as="2", acting_until=until)
    session = session_of(record, facts, START, superseded=superseded)
    assert (session.acting_as, session.acting_until) == (("2", until) if acts else (None, None))
    assert session.superseded is superseded


def test_public_session() -> None:
    """The public record is the frozen dataclass, and shows no hash."""
    record, token = make_record(series=b"s" * 32, idle=7 * DAY)
    session = session_of(record, FACTS, START)
    assert type(session) is Session
    assert session.remembered
    assert session.ends_at == START + 7 * DAY
    with pytest.raises(AttributeError):
        session.name = "x"  # type: ignore[misc]
    assert token.hash().hex() not in repr(session)
    assert record.secret_hash.hex() not in repr(record)
    assert rules.short_id(session.id) == session.short_id
    superseded = session_of(
        record, msgspec.structs.replace(FACTS, acting_as="2"), START, superseded=True
    )
    assert (superseded.acting_as, superseded.authenticated_at, superseded.admin_until) == (
        None,
        None,
        None,
    )
