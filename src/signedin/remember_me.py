"""Remember me: what a series is, and what a presented token of it means.

Pure: the judgement is a function of the series, the presented secret and ``now``. At each
acceptance the successor and the new session's secret are derived from the presented secret and a
stored nonce (RFC 2104's HMAC), so that asking again gives the same answer and nothing secret is
kept at rest.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from hashlib import sha256
from typing import Literal

import msgspec

from .policy import REPEAT_GRACE
from .session import SessionId
from .token import Token, encode_secret


class Series(msgspec.Struct, frozen=True):
    """One remembered browser, as a store keeps it. Confidential: it never leaves the flow.

    key: SHA-256 of the series id's random part. secret_hash, previous_hash: of the current token
    and of its predecessor. nonce: what the current token was derived with. seen_at: when the
    session that the current token came with was first used a minute later. session_id: that
    session. created_at, expires_at: milliseconds since the epoch.
    """

    key: bytes
    user_id: str
    secret_hash: bytes
    previous_hash: bytes | None
    nonce: bytes | None
    seen_at: int | None
    session_id: SessionId
    created_at: int
    expires_at: int

    def __repr__(self) -> str:
        return "Series(<redacted>)"


Presented = Literal["current", "predecessor", "expired", "stolen"]


def series_key(series_id: str) -> bytes:
    """What a store knows a series by; the id itself is confidential and is kept nowhere (R1)."""
    return sha256(b"signedin series\0" + bytes.fromhex(series_id[:24])).digest()


def judge(series: Series, token: Token, now: int) -> Presented:
    """What presenting this token of the series means at ``now`` (R2, R3, R5)."""
    if now >= series.expires_at:
        return "expired"
    presented = token.hash()
    if hmac.compare_digest(series.secret_hash, presented):
        return "current"
    if (
        series.previous_hash is not None
        and hmac.compare_digest(series.previous_hash, presented)
        and (series.seen_at is None or now < series.seen_at + REPEAT_GRACE)
    ):
        return "predecessor"
    return "stolen"


@dataclass(frozen=True)
class Derived:
    """What a presented secret and a nonce become: the next remember-me secret and the session's."""

    successor: str
    session_secret: str

    def __repr__(self) -> str:
        return "Derived(<redacted>)"


def derive(secret: str, nonce: bytes) -> Derived:
    """The successor and the session secret of an acceptance; the same again for a repeat (R3)."""

    def mac(purpose: bytes) -> str:
        return encode_secret(hmac.digest(secret.encode(), purpose + nonce, "sha256"))

    return Derived(mac(b"remember"), mac(b"session"))


def renewed_until(created_at: int, now: int, remember_me: int, limit: int) -> int:
    """Until when a series accepted now is good: so long unused, so long in all (R1). Milliseconds."""
    return min(now + remember_me, created_at + limit)
