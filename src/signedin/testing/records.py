"""Records as a store is given them, made in one line: what the conformance suite is written with."""

from __future__ import annotations

from typing import Any

import msgspec

from ..remember_me import Series, series_key
from ..session import Client, Facts, Record, SessionId, encode_tail, new_session_id
from ..steps import SignIn
from ..token import Token, new_secret

START = 1_800_000_000_000
SECOND = 1_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR

FIREFOX = "Mozilla/5.0 (X11; Ubuntu; Linux x86_64; rv:144.0) Gecko/20100101 Firefox/144.0"
IPHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko)"
    " Version/26.1 Mobile/15E148 Safari/604.1"
)
LAPTOP = Client("203.0.113.24", FIREFOX)
PHONE = Client("2001:db8:4f::1c7", IPHONE)


def make_record(
    user_id: str = "1",
    now: int = START,
    *,
    series: bytes | None = None,
    active: int | None = None,
    idle: int | None = 7 * DAY,
    expires: int | None = None,
    session_id: SessionId | None = None,
    tail: bytes | None = None,
    ip: str = "203.0.113.24",
) -> tuple[Record, Token]:
    """A record as a store is given it, and its token."""
    token = Token(session_id or new_session_id(user_id), new_secret())
    facts = Facts(1, ("desktop", "Firefox", "144", "Ubuntu", None, None), ("password",), now)
    record = Record(
        id=SessionId(token.id),
        user_id=user_id,
        secret_hash=token.hash(),
        series=series,
        signed_in_at=now,
        last_active_at=now if active is None else active,
        idle_timeout=idle,
        expires_at=expires,
        ip=ip,
        user_agent=FIREFOX,
        name=None,
        tail=encode_tail(facts) if tail is None else tail,
    )
    return record, token


def make_series(
    user_id: str, session_id: SessionId, now: int = START, *, days: int = 14
) -> tuple[Series, Token]:
    """A remember-me series as a store is given it, and its first token."""
    token = Token(new_session_id(user_id), new_secret())
    series = Series(
        key=series_key(token.id),
        user_id=user_id,
        secret_hash=token.hash(),
        previous_hash=None,
        nonce=None,
        seen_at=None,
        session_id=session_id,
        created_at=now,
        expires_at=now + days * DAY,
    )
    return series, token


def step(record: Record, **changes: Any) -> SignIn:
    """A sign-in that begins and ends when its record does."""
    values: dict[str, Any] = {
        "now": record.signed_in_at,
        "started_at": record.signed_in_at,
        "cap": 100,
        "at_cap": "evict",
    }
    return SignIn(record, **(values | changes))


async def signed_in(store: Any, user_id: str = "1", now: int = START, **fields: Any) -> Record:
    """A session of this user in the store, with a remember-me series if ``remember`` asks for it."""
    remember = fields.pop("remember", False)
    record, _ = make_record(user_id, now, **fields)
    series = None
    if remember:
        series, _ = make_series(user_id, record.id, now)
        record = msgspec.structs.replace(record, series=series.key)
    answer = await store.add(step(record, series=series, cap=None, started_at=2**50))
    assert not isinstance(answer, str)
    return record


def ids(items: Any) -> set[str]:
    """The ids of sessions, records or ended sessions."""
    return {item.id for item in items}
