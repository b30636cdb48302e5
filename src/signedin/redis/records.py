"""The stored form of sessions, series and the history: bytes that the scripts in ``lua/redis`` read too.

Hot fields come first, each at its place; the tail is opaque and comes last. What can't be read is
nobody's session: somebody else wrote it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from itertools import pairwise
from struct import Struct, unpack
from struct import error as StructError
from typing import Any, Final

from ..device import Device
from ..remember_me import Series
from ..session import (
    EndedRecord,
    EndedSession,
    Facts,
    Record,
    SessionId,
    decode_tail,
    encode_tail,
    user_tag,
)
from ..steps import UserRecords, UserSessions
from ..visitor import Visitor
from .client_ips import packed_ip, unpacked_ip
from .user_agents import packed, unpacked

# 0 is no time. A session's are 8 bytes and what follows is read by its lengths: a page lists a hundred.
_SESSION: Final = Struct("<B32s4QHBHBH")
_LENGTHS: Final = slice(65, 73)
_SERIES: Final = Struct("<B32sBBIH12sIHIHH")
_ENTRY: Final = Struct("<BIHBH")
_READABLE, _UNREADABLE = 1, 2
_NONE: Final = 0xFFFF
_LATEST: Final = 2**48 - 1
"""A time that no clock reaches; scripts' numbers are exact far beyond it."""
_UNKNOWN_DEVICE: Final = ("unknown",)
RANDOM: Final = 12
SERIES_KEY: Final = 32


def key_of(session_id: str) -> tuple[bytes, str]:
    """(random, tag in hex) of a session id, or of a series id."""
    return bytes.fromhex(session_id[:24]), session_id[24:]


def id_of(random: bytes, tag: str) -> SessionId:
    """The session id of a field under a tag."""
    return SessionId(random.hex() + tag)


def pairs(flat: Sequence[Any]) -> Iterable[tuple[Any, Any]]:
    """Two by two what a store answers one after the other."""
    return zip(flat[::2], flat[1::2], strict=True)


def _halves(time: int | None) -> tuple[int, int]:
    number = time or 0
    return number & 0xFFFFFFFF, number >> 32


# ── sessions ─────────────────────────────────────────────────────────────────────────────────


def head(secret_hash: bytes, tail: bytes) -> bytes:
    """What leads a session: whether its tail can be read, and its secret's hash."""
    return bytes((_UNREADABLE if decode_tail(tail) is None else _READABLE,)) + secret_hash


def pack_session(r: Record) -> bytes:
    """A session as it is stored."""
    user, ip = r.user_id.encode(), packed_ip(r.ip)
    series, agent = r.series or b"", packed(r.user_agent) if r.user_agent else b""
    name = None if r.name is None else r.name.encode()
    start = _SESSION.pack(
        _UNREADABLE if decode_tail(r.tail) is None else _READABLE,
        r.secret_hash,
        r.signed_in_at,
        r.last_active_at,
        min(r.idle_timeout or 0, _LATEST),
        min(r.expires_at or 0, _LATEST),
        len(user),
        len(ip),
        _NONE if name is None else len(name),
        len(series),
        len(agent),
    )
    return b"".join((start, user, ip, name or b"", series, agent, r.tail))


@lru_cache(4096)
def _shape(lengths: bytes) -> tuple[Callable[[bytes], tuple[Any, ...]], int, bool]:
    """What reads sessions with these lengths, where their tail begins, and whether they have a name."""
    user, ip, name, series, agent = unpack("<HBHBH", lengths)
    named = name != _NONE
    shape = Struct(f"<B32s4Q8x{user}s{ip}s{name if named else 0}s{series}s{agent}s")
    return shape.unpack_from, shape.size, named


def unpack_session(session_id: SessionId, value: bytes) -> Record | None:
    """A stored session, or None for what is none."""
    try:
        read, tail_at, named = _shape(value[_LENGTHS])
        version, secret, signed_in, active, idle, expires, user, ip, name, series, agent = read(value)
        if version != _READABLE and version != _UNREADABLE:
            return None
        return Record(
            session_id,
            user.decode(),
            secret,
            series or None,
            signed_in,
            active,
            idle or None,
            expires or None,
            unpacked_ip(ip),
            unpacked(agent),
            name.decode() if named else None,
            value[tail_at:],
        )
    except (StructError, ValueError):  # a UnicodeDecodeError is a ValueError
        return None


def last_active(value: bytes) -> int:
    """When a stored session was last active; 0 for what is none."""
    return int.from_bytes(value[41:49], "little") if len(value) >= _SESSION.size else 0


# ── series ───────────────────────────────────────────────────────────────────────────────────


def pack_series(s: Series) -> bytes:
    """A series as it is stored, under its key."""
    user = s.user_id.encode()
    previous, nonce = s.previous_hash or b"", s.nonce or b""
    start = _SERIES.pack(
        _READABLE,
        s.secret_hash,
        len(previous),
        len(nonce),
        *_halves(s.seen_at),
        key_of(s.session_id)[0],
        *_halves(s.created_at),
        *_halves(s.expires_at),
        len(user),
    )
    return start + user + previous + nonce


def unpack_series(key: bytes, tag: str, value: bytes) -> Series | None:
    """A stored series, or None for what is none."""
    try:
        version, secret, previous, nonce, a, a2, random, b, b2, c, c2, user = _SERIES.unpack_from(value)
        if version != _READABLE:
            return None
        previous_at = _SERIES.size + user
        nonce_at = previous_at + previous
        return Series(
            key,
            value[_SERIES.size : previous_at].decode(),
            secret,
            value[previous_at:nonce_at] or None,
            value[nonce_at : nonce_at + nonce] or None,
            a | a2 << 32 or None,
            id_of(random, tag),
            b | b2 << 32,
            c | c2 << 32,
        )
    except (StructError, ValueError):
        return None


# ── the history ──────────────────────────────────────────────────────────────────────────────


def pack_ended(ended: EndedRecord) -> bytes:
    """An entry of the history, as the scripts write it: the session without user agent and series."""
    s = ended.session
    reason = s.reason.encode()
    actor = None if s.actor is None else s.actor.encode()
    tail = encode_tail(Facts(1, s.device.parts, (), None))
    record = Record(
        s.id, s.user_id, ended.secret_hash, None, s.signed_in_at, s.last_active_at, None, None, s.ip, "",
        s.name, tail,
    )  # fmt: skip
    start = _ENTRY.pack(
        _READABLE, *_halves(s.ended_at), len(reason), _NONE if actor is None else len(actor)
    )
    return start + reason + (actor or b"") + pack_session(record)


def unpack_ended(random: bytes, tag: str, value: bytes) -> EndedRecord | None:
    """An entry of the history, or None for what is none."""
    try:
        version, low, high, reason, actor = _ENTRY.unpack_from(value)
        actor_at = _ENTRY.size + reason
        record_at = actor_at if actor == _NONE else actor_at + actor
        why = value[_ENTRY.size : actor_at].decode()
        by = None if actor == _NONE else value[actor_at:record_at].decode()
    except (StructError, ValueError):
        return None
    record = unpack_session(id_of(random, tag), value[record_at:])
    if version != _READABLE or record is None:
        return None
    facts = decode_tail(record.tail)
    session = EndedSession(
        id=record.id,
        user_id=record.user_id,
        signed_in_at=record.signed_in_at,
        last_active_at=record.last_active_at,
        ended_at=low | high << 32,
        reason=why,
        actor=by,
        ip=record.ip,
        name=record.name,
        device=Device.of(_UNKNOWN_DEVICE if facts is None else facts.device),
    )
    return EndedRecord(session, record.secret_hash)


def ended_sessions(flat: Sequence[Any], tag: str) -> list[EndedSession]:
    """What a script ended: random, entry, random, entry …"""
    found = (unpack_ended(random, tag, entry) for random, entry in pairs(flat))
    return [ended.session for ended in found if ended is not None]


# ── all of a tag ─────────────────────────────────────────────────────────────────────────────


def sessions_of(flat: Sequence[Any], tag: str) -> list[Record]:
    """The sessions under a tag, of whatever user: field, value, field, value …"""
    found = (unpack_session(id_of(f, tag), v) for f, v in pairs(flat) if len(f) == RANDOM)
    return [record for record in found if record is not None]


def series_of(flat: Sequence[Any], tag: str) -> list[Series]:
    """The series under a tag, of whatever user."""
    found = (unpack_series(f, tag, v) for f, v in pairs(flat) if len(f) == SERIES_KEY)
    return [series for series in found if series is not None]


def of_user(flat: Sequence[Any], tag: str, user_id: str) -> UserSessions:
    """What of it is this user's."""
    records: list[Record] = []
    keys: list[bytes] = []
    for key, value in pairs(flat):
        size = len(key)
        if size == RANDOM:
            record = unpack_session(key.hex() + tag, value)
            if record is not None and record.user_id == user_id:
                records.append(record)
        elif size == SERIES_KEY:
            series = unpack_series(key, tag, value)
            if series is not None and series.user_id == user_id:
                keys.append(key)
    return UserSessions(records, frozenset(keys))


def when_and_why(entry: bytes) -> tuple[int, str] | None:
    """When and why a session of the history ended, without the rest of it; None for what is none."""
    if len(entry) < _ENTRY.size or entry[0] != _READABLE:
        return None
    reason = entry[_ENTRY.size : _ENTRY.size + entry[7]]
    return int.from_bytes(entry[1:7], "little"), reason.decode("ascii", "replace")


# ── moving to another store, and from one ────────────────────────────────────────────────────


def tag_of(user_id: str) -> str:
    """The user's tag in hex."""
    return user_tag(user_id).hex()


def users_of(answer: Sequence[Any], tag: str) -> list[UserRecords]:
    """What ``export.lua`` tells of a tag; nearly always one user."""
    if not answer:
        return []
    ends = [4]
    for count in answer[:4]:
        ends.append(ends[-1] + count)
    kept, history, bags, barriers = (answer[a:b] for a, b in pairwise(ends))
    found: dict[str, UserRecords] = {}

    def of(user_id: str) -> UserRecords:
        return found.setdefault(user_id, UserRecords(user_id, 0, [], [], [], {}))

    for user, barrier in pairs(barriers):
        user_id = user.decode()
        found[user_id] = of(user_id)._replace(barrier=int(barrier))
    for random, entry in pairs(history):
        ended = unpack_ended(random, tag, entry)
        if ended is not None:
            of(ended.session.user_id).ended.append(ended)
    data = dict(pairs(bags))
    for record in sessions_of(kept, tag):
        of(record.user_id).records.append(record)
        bag = data.get(key_of(record.id)[0])
        if bag is not None:
            of(record.user_id).data[record.id] = bag
    for series in series_of(kept, tag):
        of(series.user_id).series.append(series)
    return list(found.values())


def import_args(user: UserRecords) -> list[Any]:
    """What ``import.lua`` is told of a user."""
    args: list[Any] = [user.user_id, user.barrier, len(user.ended)]
    for entry in user.ended:
        args += (key_of(entry.session.id)[0], pack_ended(entry))
    args.append(len(user.series))
    for series in user.series:
        args += (series.key, pack_series(series))
    args.append(len(user.records))
    for record in user.records:
        bag = user.data.get(record.id)
        args += (key_of(record.id)[0], pack_session(record))
        args += ("0", b"") if bag is None else ("1", bag)
    return args


# ── visitors ─────────────────────────────────────────────────────────────────────────────────


def pack_visitor(visitor: Visitor) -> bytes:
    """The hash, the time, the bag."""
    return visitor.secret_hash + visitor.expires_at.to_bytes(6, "little") + visitor.bag


def unpack_visitor(visitor_id: str, value: bytes) -> Visitor | None:
    """The visitor; None for what somebody else wrote."""
    if len(value) < 38:
        return None
    return Visitor(visitor_id, value[:32], int.from_bytes(value[32:38], "little"), value[38:])
