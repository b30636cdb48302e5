"""A series, and what a presented token of it means (R2–R5)."""

from __future__ import annotations

import hmac
from hashlib import sha256

import msgspec

from signedin.remember_me import Series, derive, judge, renewed_until, series_key
from signedin.session import new_session_id
from signedin.token import Token, encode_secret, new_secret

from ..support import DAY, MINUTE, SECOND, START

SERIES_ID = new_session_id("1")


def make(**changes: object) -> tuple[Series, Token, Token]:
    """A series after its first acceptance, its current token and its predecessor."""
    first = Token(SERIES_ID, new_secret())
    nonce = b"n" * 32
    current = Token(SERIES_ID, derive(first.secret, nonce).successor)
    series = Series(
        key=series_key(SERIES_ID),
        user_id="1",
        secret_hash=current.hash(),
        previous_hash=first.hash(),
        nonce=nonce,
        seen_at=None,
        session_id=new_session_id("1"),
        created_at=START,
        expires_at=START + 14 * DAY,
    )
    return msgspec.structs.replace(series, **changes), current, first


def test_current_and_predecessor() -> None:
    """The predecessor is good as long as its session was not seen again (R3)."""
    series, current, first = make()
    assert judge(series, current, START) == "current"
    assert judge(series, first, START + 13 * DAY) == "predecessor"


def test_the_predecessors_grace() -> None:
    """30 s after the session was seen, the predecessor is stolen (R3)."""
    series, _, first = make(seen_at=START + MINUTE)
    assert judge(series, first, START + MINUTE + 30 * SECOND - 1) == "predecessor"
    assert judge(series, first, START + MINUTE + 30 * SECOND) == "stolen"


def test_any_other_secret_is_theft() -> None:
    """An older generation, or an invented secret (R5)."""
    series, _, _ = make()
    assert judge(series, Token(SERIES_ID, new_secret()), START) == "stolen"


def test_expired() -> None:
    """After its time a series is nothing, whoever presents what: no alarm (R1)."""
    series, current, first = make()
    for token in (current, first, Token(SERIES_ID, new_secret())):
        assert judge(series, token, START + 14 * DAY) == "expired"


def test_derivation_repeats_itself() -> None:
    """The same secret and nonce give the same two secrets; another nonce gives others (R3)."""
    secret = new_secret()
    once, again, other = derive(secret, b"a" * 32), derive(secret, b"a" * 32), derive(secret, b"b" * 32)
    assert once == again
    assert len({once.successor, once.session_secret, other.successor, other.session_secret, secret}) == 5
    assert Token.parse(Token(SERIES_ID, once.successor).text) is not None


def test_what_is_stored_is_for_ever() -> None:
    """Another derivation or key would lose every remembered browser (R1, R3)."""
    secret, nonce = new_secret(), b"n" * 32
    for purpose, derived in (
        (b"remember", derive(secret, nonce).successor),
        (b"session", derive(secret, nonce).session_secret),
    ):
        mac = hmac.digest(secret.encode(), purpose + nonce, "sha256")
        assert derived == encode_secret(mac)
    raw = bytes.fromhex(SERIES_ID)[:12]
    assert series_key(SERIES_ID) == sha256(b"signedin series\0" + raw).digest()


def test_a_series_that_was_never_accepted() -> None:
    """It has no predecessor: any other secret is stolen (R5)."""
    series, current, first = make(previous_hash=None, nonce=None)
    assert judge(series, current, START) == "current"
    assert judge(series, first, START) == "stolen"


def test_renewal() -> None:
    """14 days from each use, 400 days in all (R1)."""
    assert renewed_until(START, START + DAY, 14 * DAY, 400 * DAY) == START + 15 * DAY
    assert renewed_until(START, START + 395 * DAY, 14 * DAY, 400 * DAY) == START + 400 * DAY


def test_series_key_hides_the_id() -> None:
    """Of the series id's random part only a hash is kept (R1)."""
    key = series_key(SERIES_ID)
    assert len(key) == 32
    assert bytes.fromhex(SERIES_ID[:24]) not in key
    series, current, _ = make()
    assert SERIES_ID not in repr(series)
    assert current.secret not in repr(series) + repr(derive(current.secret, b"x"))
