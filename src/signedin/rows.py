"""What the SQL stores' rows mean: keys, the history's entries, and why a session ended. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, Final

import msgspec

from .audit import AuditEntry, AuditRun
from .device import Device
from .reasons import RESUMABLE, Reason
from .session import EndedSession, SessionId, decode_tail, judge
from .steps import AllBut, Ending

UNKNOWN_DEVICE: Final = ("unknown",)
_pack = lru_cache(4096)(msgspec.msgpack.Encoder().encode)
_unpack = msgspec.msgpack.Decoder(tuple[str | None, ...]).decode
PACKED_UNKNOWN: Final = _pack(UNKNOWN_DEVICE)


def key_of(session_id: str) -> tuple[bytes, bytes]:
    """(tag, random) of a session id, or of a series id."""
    raw = bytes.fromhex(session_id)
    return raw[12:], raw[:12]


def id_of(tag: bytes, random: bytes) -> SessionId:
    """The session id of a key."""
    return SessionId((random + tag).hex())


def device_in(tail: bytes) -> bytes | None:
    """The device out of a tail, as the history keeps it; None when the tail can't be read."""
    facts = decode_tail(tail)
    return None if facts is None else _pack(facts.device)


def packed_device(device: Device) -> bytes:
    """A device as the history keeps it."""
    return _pack(device.parts)


def why_ended(
    reason: Reason | None, active: int, idle: int | None, expires: int | None, now: int, readable: bool
) -> tuple[str, bool]:
    """Why a session ended, and whether somebody's doing is the cause. One that had passed a limit of its
    own before ends for that, whoever ends it now. reason: None in a sweep.
    """
    verdict = judge(active, idle, expires, now)
    alive = verdict == "active"
    if not readable and (reason is None or not alive):
        return "unreadable", alive
    return (reason.name if reason is not None and alive else verdict), alive


def forgets_all(
    ending: Ending, sessions: Sequence[EndedSession], already: Sequence[EndedSession]
) -> bool:
    """Whether an ending turns off all Remember me. Not for ids that are no sessions of the user, nor
    for what was revoked before. One that ended of itself may still come back by its series, and
    whoever revokes it means that too.
    """
    return (
        isinstance(ending.which, AllBut)
        or ending.reason.barrier == "always"
        or bool(sessions)
        or any(session.reason in RESUMABLE for session in already)
    )


def ended_session(row: Sequence[Any]) -> EndedSession:
    """A row of the history."""
    tag, random, user_id, signed_in_at, last_active_at, ended_at, reason, actor, ip, name, device = row[
        :11
    ]
    try:
        parts = _unpack(device)
    except (msgspec.DecodeError, UnicodeDecodeError):
        parts = UNKNOWN_DEVICE
    return EndedSession(
        id=id_of(tag, random),
        user_id=user_id,
        signed_in_at=signed_in_at,
        last_active_at=last_active_at,
        ended_at=ended_at,
        reason=reason,
        actor=actor,
        ip=ip,
        name=name,
        device=Device.of(parts),
    )


def audit_run(row: Sequence[Any]) -> AuditRun:
    """A row of the trail."""
    number, began_at, *entry = row
    return AuditRun(number, began_at, AuditEntry(*entry))
