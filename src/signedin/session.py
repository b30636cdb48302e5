"""What a session is: ids, the public records, and the one rule of when a session is over.

Pure: no clock, no I/O, no framework. Times are integers, milliseconds since the epoch, UTC.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field, fields, make_dataclass
from datetime import UTC, datetime
from functools import lru_cache
from hashlib import sha256
from typing import Any, Final, Literal, NamedTuple, NewType, cast

import msgspec

from .device import Device

SessionId = NewType("SessionId", str)
"""48 lower-case hex digits: 12 random bytes, then the user's tag. Names a session; not secret."""

Verdict = Literal["active", "idle", "expired"]

SHORT_ID: Final = 8
USER_AGENT_CHARACTERS: Final = 256
TAIL_BYTES: Final = 4096
LATEST: Final = 253_402_214_400_000
"""The last day of the year 9999, milliseconds since the epoch: behind it are no dates."""
_NEVER: Final = 2**63 - 1

_is_id = re.compile(r"[0-9a-f]{48}").fullmatch
# C0, DEL and C1 controls, bidirectional marks, lone surrogates: what could act in a terminal, a
# log or a page.
_unsafe = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


# ── ids ──────────────────────────────────────────────────────────────────────────────────────


def user_tag(user_id: str) -> bytes:
    """The 12 bytes that lead every key of a user, so that all that is theirs lies together."""
    return sha256(b"signedin user\0" + user_id.encode()).digest()[:12]


def checked_user_id(user_id: object) -> str:
    """The user id as an opaque string of 1 to 255 characters; ``1`` and ``"1"`` are the same user.

    Raises ValueError for anything that can't name a user.
    """
    text = str(user_id) if isinstance(user_id, (str, int)) and not isinstance(user_id, bool) else ""
    if not 1 <= len(text) <= 255 or _unsafe.search(text):
        raise ValueError(
            "A user id is a string (or an integer) of 1 to 255 characters without control characters."
        )
    return text


def new_session_id(user_id: str) -> SessionId:
    """A fresh id for a session of this user."""
    return SessionId((os.urandom(12) + user_tag(user_id)).hex())


def parse_session_id(text: str) -> SessionId | None:
    """The session id that the text spells, or None for anything else."""
    return SessionId(text) if _is_id(text) else None


def short_id(session_id: str) -> str:
    """The first 8 digits, as people see them."""
    return session_id[:SHORT_ID]


# ── the facts of a request ───────────────────────────────────────────────────────────────────


class Client(NamedTuple):
    """Facts of the request that a session is made or used by.

    ip: canonical text of the client's address. user_agent: as :func:`clean_text` leaves it.
    hints: the client-hint headers, ``{"sec-ch-ua-platform": '"Windows"'}``; read at sign-in only.
    """

    ip: str
    user_agent: str
    hints: dict[str, str] = {}  # noqa: RUF012 - a NamedTuple's default; never written to


def clean_text(text: str, characters: int) -> str:
    """Untrusted text without control and direction characters, at most so many characters long."""
    return _unsafe.sub("", text)[:characters]


@lru_cache(4096)
def clean_user_agent(header: bytes) -> str:
    """A ``User-Agent`` header as it is kept: 512 bytes are read, 256 characters kept."""
    return clean_text(header[:512].decode("utf-8", "replace"), USER_AGENT_CHARACTERS)


# ── the public records ───────────────────────────────────────────────────────────────────────


def at(ms: int) -> datetime:
    """A recorded time as a datetime in UTC; one that can't be, as somebody else may have written it, is
    the nearest that can.
    """
    return datetime.fromtimestamp(min(max(ms, 0), LATEST) / 1000, UTC)


@dataclass(frozen=True, slots=True)
class Session:
    """One sign-in of one user on one client, as it stands now.

    id: its name; not secret. signed_in_at, last_active_at, expires_at, authenticated_at,
    acting_until, admin_until: milliseconds since the epoch. idle_timeout: milliseconds, or None for
    no limit. expires_at: the absolute limit, or None. remembered: a remember-me series stands behind it.
    device: what the user agent and the client hints told at sign-in. name: the user's own word for
    it. authenticated_at: when credentials were last given; None when they were not (a session
    resumed by Remember me). acting_as: the user id that an operator impersonates, until
    acting_until at the latest. superseded: the
    request came with the secret from before a rotation, and so without special rights.
    """

    id: SessionId
    user_id: str
    signed_in_at: int
    last_active_at: int
    idle_timeout: int | None
    expires_at: int | None
    ip: str
    user_agent: str
    name: str | None
    remembered: bool
    device: Device
    authenticated_by: tuple[str, ...]
    authenticated_at: int | None
    acting_as: str | None
    acting_until: int | None
    admin_until: int | None
    superseded: bool

    @property
    def short_id(self) -> str:
        """The first 8 digits of the id."""
        return short_id(self.id)

    @property
    def ends_at(self) -> int | None:
        """When the session ends if it is not used again: milliseconds, or None for never."""
        end = deadline(self.last_active_at, self.idle_timeout, self.expires_at)
        return None if end == _NEVER else end

    def is_fresh(self, now: int, fresh_for: int) -> bool:
        """Whether credentials were given less than ``fresh_for`` milliseconds ago."""
        return self.authenticated_at is not None and now - self.authenticated_at < fresh_for


@dataclass(frozen=True, slots=True)
class EndedSession:
    """What remains of a session: when it ended, why, and by whom. Kept for 30 days, 200 a user."""

    id: SessionId
    user_id: str
    signed_in_at: int
    last_active_at: int
    ended_at: int
    reason: str
    actor: str | None
    ip: str
    name: str | None
    device: Device

    @property
    def short_id(self) -> str:
        """The first 8 digits of the id."""
        return short_id(self.id)


# ── the rule of life and death ───────────────────────────────────────────────────────────────


def deadline(last_active_at: int, idle_timeout: int | None, expires_at: int | None) -> int:
    """The first millisecond at which the session is over; stores repeat this rule (V2)."""
    idle_end = _NEVER if idle_timeout is None else last_active_at + idle_timeout
    return idle_end if expires_at is None else min(idle_end, expires_at)


def judge(last_active_at: int, idle_timeout: int | None, expires_at: int | None, now: int) -> Verdict:
    """Whether a session is active at ``now``, or which of its limits it has passed (V2)."""
    if expires_at is not None and now >= expires_at:
        return "expired"
    if idle_timeout is not None and now >= last_active_at + idle_timeout:
        return "idle"
    return "active"


# ── the stored form ──────────────────────────────────────────────────────────────────────────


class Facts(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """The part of a record that scripts never read: an array, only ever appended to.

    Fields that a newer version wrote behind these are kept by :func:`rewrite_tail` (S2).
    """

    version: int
    device: tuple[str | None, ...]
    authenticated_by: tuple[str, ...]
    authenticated_at: int | None
    acting_as: str | None = None
    admin_until: int | None = None
    previous_hash: bytes | None = None
    rotated_at: int = 0
    connections_cut_at: int = 0
    acting_until: int | None = None


class Record(msgspec.Struct, frozen=True, gc=False):
    """A session as a store keeps it. Confidential: it holds hashes, so it never leaves the flow."""

    id: SessionId
    user_id: str
    secret_hash: bytes
    series: bytes | None
    signed_in_at: int
    last_active_at: int
    idle_timeout: int | None
    expires_at: int | None
    ip: str
    user_agent: str
    name: str | None
    tail: bytes

    def __repr__(self) -> str:
        return f"Record({short_id(self.id)})"

    def judge(self, now: int) -> Verdict:
        """Whether it is active at ``now``."""
        return judge(self.last_active_at, self.idle_timeout, self.expires_at, now)


class EndedRecord(NamedTuple):
    """An ended session as a store keeps it, with the hash that its browser can prove."""

    session: EndedSession
    secret_hash: bytes

    def __repr__(self) -> str:
        return f"EndedRecord({self.session.short_id}, {self.session.reason})"


_PLAIN = len(Facts.__struct_fields__) - len(Facts.__struct_defaults__)
_decode = msgspec.msgpack.Decoder(Facts).decode
_encode = msgspec.msgpack.Encoder().encode
_decode_list = msgspec.msgpack.Decoder(list[msgspec.Raw]).decode


def encode_tail(facts: Facts) -> bytes:
    """The facts as they are stored: without the last ones where nothing is told by them."""
    values = msgspec.structs.astuple(facts)
    return _encode(values[:_PLAIN] if values[_PLAIN:] == Facts.__struct_defaults__ else values)


def decode_tail(tail: bytes) -> Facts | None:
    """The facts of a record, or None when they can't be read: then it is not a session (TOK-3)."""
    if len(tail) > TAIL_BYTES:
        return None
    try:
        return _decode(tail)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def rewrite_tail(tail: bytes, facts: Facts) -> bytes:
    """The facts in the place of the old ones; what a newer version wrote behind them stays."""
    known = len(Facts.__struct_fields__)
    return _encode([*_decode_list(_encode(facts)), *_decode_list(tail)[known:]])


_device = lru_cache(4096)(Device.of)

# A frozen dataclass sets each field through object.__setattr__, which costs ten times as much as a
# plain one, and one is made for every request: so it is made plain and then frozen.
_Draft = make_dataclass("_Draft", [(f.name, Any, field()) for f in fields(Session)], slots=True)


def session_of(record: Record, facts: Facts, now: int, *, superseded: bool = False) -> Session:
    """The public session of a stored record, as it stands at ``now``."""
    acting = facts.acting_as is not None and not superseded
    if acting and facts.acting_until is not None and now >= facts.acting_until:
        acting = False
    draft = _Draft(
        record.id,
        record.user_id,
        record.signed_in_at,
        record.last_active_at,
        record.idle_timeout,
        record.expires_at,
        record.ip,
        record.user_agent,
        record.name,
        record.series is not None,
        _device(facts.device),
        facts.authenticated_by,
        None if superseded else facts.authenticated_at,
        facts.acting_as if acting else None,
        facts.acting_until if acting else None,
        None if superseded else facts.admin_until,
        superseded,
    )
    draft.__class__ = Session
    return cast(Session, draft)
