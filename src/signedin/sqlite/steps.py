"""The store's verbs as operations on a connection: what runs inside one transaction.

Each function is one step; the engine gives it a savepoint. Everything that ends sessions goes
through :func:`_end_rows`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import apsw
import msgspec

from ..policy import BARRIER_KEPT, HISTORY_AGE, HISTORY_LENGTH, SEEN_AFTER
from ..reasons import REASONS, Reason
from ..remember_me import Series
from ..rows import PACKED_UNKNOWN, device_in, ended_session, forgets_all, key_of, why_ended
from ..session import EndedRecord, EndedSession, SessionId, user_tag
from ..sql import statements
from ..steps import (
    Added,
    AllBut,
    Ended,
    Ending,
    Only,
    Refusal,
    Resumption,
    Rotation,
    SignIn,
    Swept,
    Touch,
)
from ..visitor import Visitor

_SQL: Final = statements("sqlite/writing.sql")
_READ: Final = statements("sqlite/reading.sql")
_json = msgspec.json.Encoder().encode


def find_ended(
    connection: apsw.Connection | apsw.Cursor, tag: bytes, random: bytes
) -> EndedRecord | None:
    """The history's entry of a session."""
    row = connection.execute(_READ["find_ended"], (tag, random)).get
    return None if row is None else EndedRecord(ended_session(row), row[11])


# ── beginning ────────────────────────────────────────────────────────────────────────────────


def add(connection: apsw.Connection, sign_in: SignIn) -> Added | Refusal:
    """See :meth:`AsyncStore.add`."""
    record = sign_in.record
    tag, random = key_of(record.id)
    leaving = [] if sign_in.replaces is None else [key_of(sign_in.replaces)[1]]
    refusal = _refusal(connection, tag, sign_in, leaving)
    if refusal is not None:
        return refusal
    ended = _end_ids(connection, tag, record.user_id, leaving, REASONS["replaced"], None, sign_in.now)
    if sign_in.forgets is not None:
        forget(connection, record.user_id, only=sign_in.forgets)
    ended += _admit(connection, tag, random, sign_in)
    if sign_in.series is not None:
        _add_series(connection, tag, random, sign_in.series)
    if sign_in.data is not None:
        connection.execute(_SQL["set_data"], (tag, random, sign_in.now, sign_in.data))
    return Added(tuple(ended))


def resume(connection: apsw.Connection, resumption: Resumption) -> Added | Refusal:
    """See :meth:`AsyncStore.resume`."""
    record, series = resumption.record, resumption.series
    tag, random = key_of(record.id)
    compared = (tag, series.key, record.user_id, resumption.expected_hash)
    before = connection.execute(_SQL["series_session"], compared).get
    if before is None:
        return "lost"
    refusal = _refusal(connection, tag, resumption, [before])
    if refusal is not None:
        return refusal
    ended = _end_ids(connection, tag, record.user_id, [before], REASONS["resumed"], None, resumption.now)
    ended += _admit(connection, tag, random, resumption)
    moved = (series.secret_hash, series.previous_hash, series.nonce, random, series.expires_at)
    connection.execute(_SQL["move_series"], moved + compared)
    return Added(tuple(ended))


def _refusal(
    connection: apsw.Connection, tag: bytes, new: SignIn | Resumption, leaving: list[bytes]
) -> Refusal | None:
    """Why the new session may not be, before anything is written."""
    user_id = new.record.user_id
    barrier = connection.execute(_SQL["barrier"], (tag, user_id)).get
    if barrier is not None and new.started_at < barrier:
        return "barrier"
    if new.cap is not None and new.at_cap == "refuse":
        keeps = (tag, user_id, new.now, leaving[0] if leaving else None)
        if connection.execute(_SQL["count_active"], keeps).get >= new.cap:
            return "limit"
    return None


def _admit(
    connection: apsw.Connection, tag: bytes, random: bytes, new: SignIn | Resumption
) -> list[EndedSession]:
    """Add the record; end the least recently active beyond the cap, never the new one (S3)."""
    r = new.record
    row = (
        tag,
        random,
        r.user_id,
        r.secret_hash,
        r.series,
        r.signed_in_at,
        r.last_active_at,
        r.idle_timeout,
        r.expires_at,
        r.ip,
        r.user_agent,
        r.name,
        r.tail,
    )
    try:
        connection.execute(_SQL["add"], row)
    except apsw.ConstraintError:
        raise ValueError("There is a session with this id already; nothing was changed.") from None
    if new.cap is None:
        return []
    limits = (tag, r.user_id, random, new.now, new.cap - 1)
    surplus: list[Any] = [row[0] for row in connection.execute(_SQL["surplus"], limits)]
    return _end_ids(connection, tag, r.user_id, surplus, REASONS["limit"], None, new.now)


def _add_series(connection: apsw.Connection, tag: bytes, random: bytes, s: Series) -> None:
    connection.execute(
        _SQL["add_series"],
        (
            tag,
            s.key,
            s.user_id,
            s.secret_hash,
            s.previous_hash,
            s.nonce,
            s.seen_at,
            random,
            s.created_at,
            s.expires_at,
        ),
    )


# ── going on ─────────────────────────────────────────────────────────────────────────────────


def touch(connection: apsw.Connection, touches: Sequence[Touch], now: int) -> None:
    """See :meth:`AsyncStore.touch`: a statement or two, however many there are."""
    keys = [(t.session_id[24:], t.session_id[:24]) for t in touches]
    told = [(*key, *t.client[:2]) for key, t in zip(keys, touches, strict=True) if t.client]
    same = [key for key, t in zip(keys, touches, strict=True) if t.client is None]
    if same:
        connection.execute(_SQL["touch"], (now, _json(same).decode()))
    if told:
        connection.execute(_SQL["touch_client"], (now, _json(told).decode()))
    connection.execute(_SQL["seen"], (now, _json(keys).decode(), SEEN_AFTER))


def rotate(connection: apsw.Connection, rotation: Rotation, now: int) -> bool:
    """See :meth:`AsyncStore.rotate`."""
    tag, random = key_of(rotation.session_id)
    connection.execute(
        _SQL["rotate"], (rotation.new_hash, rotation.tail, tag, random, rotation.expected_hash, now)
    )
    return connection.changes() > 0


def rename(
    connection: apsw.Connection, user_id: str, session_id: SessionId, name: str | None, now: int
) -> bool:
    """See :meth:`AsyncStore.rename`."""
    connection.execute(_SQL["rename"], (name, *key_of(session_id), user_id, now))
    return connection.changes() > 0


def set_data(connection: apsw.Connection, session_id: SessionId, bag: bytes | None, now: int) -> bool:
    """See :meth:`AsyncStore.set_data`."""
    key = key_of(session_id)
    connection.execute(
        *((_SQL["drop_data"], key) if bag is None else (_SQL["set_data"], (*key, now, bag)))
    )
    return connection.changes() > 0


def keep_visitor(connection: apsw.Connection, visitor: Visitor, *, new: bool) -> bool:
    """See :meth:`AsyncStore.keep_visitor`."""
    statement = _SQL["add_visitor" if new else "set_visitor"]
    connection.execute(statement, (bytes.fromhex(visitor.id), *visitor[1:]))
    return connection.changes() > 0


def drop_visitor(connection: apsw.Connection, visitor_id: str) -> None:
    """See :meth:`AsyncStore.drop_visitor`."""
    connection.execute(_SQL["drop_visitor"], (bytes.fromhex(visitor_id),))


# ── ending ───────────────────────────────────────────────────────────────────────────────────


def end(connection: apsw.Connection, ending: Ending) -> Ended:
    """See :meth:`AsyncStore.end`."""
    user_id, which, reason, actor, now, rotation = ending
    tag = user_tag(user_id)
    already: list[EndedSession] = []
    if isinstance(which, Only):
        # An id with another tag is another user's: the user's own key range can't hold it.
        keys = [random for key_tag, random in map(key_of, which.ids) if key_tag == tag]
        sessions = _end_ids(connection, tag, user_id, keys, reason, actor, now)
        found = {key_of(session.id)[1] for session in sessions}
        for random in keys:
            entry = None if random in found else find_ended(connection, tag, random)
            if entry is not None and entry.session.user_id == user_id:
                already.append(entry.session)
    else:
        kept = None if which.kept is None else key_of(which.kept)[1]
        rows = connection.execute(_SQL["end_all_but"], (tag, kept, user_id)).fetchall()
        sessions = _end_rows(connection, tag, user_id, rows, reason, actor, now)
    forgotten = 0
    if reason.forgets == "all" and forgets_all(ending, sessions, already):
        forgotten = forget(connection, user_id)
    barrier = None
    if reason.barrier == "always" or (reason.barrier == "all" and which == AllBut(None)):
        barrier = connection.execute(_SQL["raise_barrier"], (tag, user_id, now)).get
    rotated = rotation is not None and rotate(connection, rotation, now)
    return Ended(tuple(sessions), tuple(already), forgotten, barrier, rotated)


def _end_ids(
    connection: apsw.Connection,
    tag: bytes,
    user_id: str,
    randoms: Sequence[bytes],
    reason: Reason,
    actor: str | None,
    now: int,
) -> list[EndedSession]:
    rows: list[Any] = []
    for random in randoms:
        rows += connection.execute(_SQL["end_one"], (tag, random, user_id)).fetchall()
    return _end_rows(connection, tag, user_id, rows, reason, actor, now)


def _end_rows(
    connection: apsw.Connection,
    tag: bytes,
    user_id: str,
    rows: Sequence[Any],
    reason: Reason | None,
    actor: str | None,
    now: int,
) -> list[EndedSession]:
    """What every ending comes to: the history is written, data bags and series go (E8, E9).

    rows: just deleted, as ``end_one`` returns them. reason: None in a sweep. A session that had
    passed a limit of its own before ends for that, whoever ends it now.
    """
    ended = []
    for random, secret_hash, series, signed_in, active, idle, expires, ip, name, tail in rows:
        device = device_in(tail)
        why, alive = why_ended(reason, active, idle, expires, now, device is not None)
        by, known = actor if alive else None, device or PACKED_UNKNOWN
        entry = (tag, random, user_id, signed_in, active, now, why, by, ip, name, known)
        connection.execute(_SQL["remember_ended"], (*entry, secret_hash))
        connection.execute(_SQL["drop_data"], (tag, random))
        if series is not None and REASONS[why].forgets == "series":
            forget(connection, user_id, only=series)
        ended.append(ended_session(entry))
    if ended:
        connection.execute(_SQL["bound_history"], (tag, user_id, HISTORY_LENGTH))
    return ended


def forget(
    connection: apsw.Connection, user_id: str, *, only: bytes | None = None, keep: bytes | None = None
) -> int:
    """See :meth:`AsyncStore.forget`."""
    tag = user_tag(user_id)
    if only is not None:
        connection.execute(_SQL["forget_one"], (tag, only, user_id))
        count = connection.changes()
        connection.execute(_SQL["not_remembered"], (tag, user_id, only))
    else:
        connection.execute(_SQL["forget_all_but"], (tag, user_id, keep))
        count = connection.changes()
        connection.execute(_SQL["none_remembered_but"], (tag, user_id, keep))
    return count


def raise_everybody_barrier(connection: apsw.Connection, now: int) -> int:
    """See :meth:`AsyncStore.raise_everybody_barrier`."""
    return int(connection.execute(_SQL["raise_everybody_barrier"], (now,)).get)


def sweep(
    connection: apsw.Connection, keys: Sequence[tuple[bytes, str, bytes]], limit: int, now: int
) -> Swept:
    """End these if they are still over; remove what is too old, ``limit`` of each at a time."""
    ended: list[EndedSession] = []
    for tag, user_id, random in keys:
        rows = connection.execute(_SQL["end_expired"], (tag, random, now)).fetchall()
        ended += _end_rows(connection, tag, user_id, rows, None, None, now)
    connection.execute(_SQL["old_history"], (now - HISTORY_AGE, limit))
    removed = connection.changes()
    old = connection.execute(_SQL["old_series"], (now, limit)).fetchall()
    connection.executemany(_SQL["not_remembered"], old)
    removed = max(removed, len(old))
    connection.execute(_SQL["old_visitors"], (now, limit))
    removed = max(removed, connection.changes())
    connection.execute(_SQL["old_barriers"], (now - BARRIER_KEPT,))
    return Swept(tuple(ended), more=len(keys) >= limit or removed >= limit)
