# Generated from _async by scripts/unasync.py; edit that one.
"""The store's verbs as what runs inside one transaction, the user's row locked first.

Everything that ends sessions goes through :meth:`Step._gone`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
from psycopg import RawCursor

from ...policy import BARRIER_KEPT, HISTORY_AGE, HISTORY_LENGTH, SEEN_AFTER
from ...reasons import REASONS, Reason
from ...remember_me import Series
from ...rows import PACKED_UNKNOWN, device_in, ended_session, forgets_all, key_of
from ...session import EndedRecord, EndedSession, Record, SessionId, user_tag
from ...steps import (
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
from .postgres_line import Line, Row


class Step:
    """One transaction on a connection. What nobody asks the answer of doesn't wait for one."""

    def __init__(self, line: Line, sql: dict[str, str]) -> None:
        self._line = line
        self._sql = sql

    def send(self, statement: str, *values: Any) -> RawCursor[Row]:
        """Run a statement. Who fetches its rows waits for them; if it fails, the next answer says so."""
        return self._line.execute(self._sql[statement], values, binary=True)

    def rows(self, statement: str, *values: Any) -> list[Row]:
        """What a statement gives."""
        return (self.send(statement, *values)).fetchall()

    def count(self, statement: str, *values: Any) -> int:
        """How many rows a statement changed."""
        return self._line.count(self.send(statement, *values))

    # ── beginning ────────────────────────────────────────────────────────────────────────────

    def add(self, sign_in: SignIn) -> Added | Refusal:
        """See :meth:`Store.add`."""
        record = sign_in.record
        tag, random = key_of(record.id)
        leaving = [] if sign_in.replaces is None else [key_of(sign_in.replaces)[1]]
        lock = self.send("lock", tag, record.user_id)
        refusal = self._refusal(tag, sign_in, leaving, lock)
        if refusal is not None:
            return refusal
        owner = (tag, record.user_id)
        ended = self._gone("end_one", owner, leaving, REASONS["replaced"], None, sign_in.now)
        if sign_in.forgets is not None:
            self._forget(tag, record.user_id, [sign_in.forgets])
        ended += self._admit(tag, random, sign_in)
        if sign_in.series is not None:
            self.send("add_series", *row_of_series(sign_in.series))
        if sign_in.data is not None:
            self.send("set_data", tag, random, sign_in.now, sign_in.data)
        return Added(tuple(ended))

    def resume(self, resumption: Resumption) -> Added | Refusal:
        """See :meth:`Store.resume`."""
        record, series = resumption.record, resumption.series
        tag, random = key_of(record.id)
        # The lock first: what is compared must not move until it has been set.
        lock = self.send("lock", tag, record.user_id)
        compared = (tag, series.key, record.user_id, resumption.expected_hash)
        found = self.rows("series_session", *compared)
        if not found:
            return "lost"
        before = bytes(found[0][0])
        refusal = self._refusal(tag, resumption, [before], lock)
        if refusal is not None:
            return refusal
        owner = (tag, record.user_id)
        ended = self._gone("end_one", owner, [before], REASONS["resumed"], None, resumption.now)
        ended += self._admit(tag, random, resumption)
        moved = (series.secret_hash, series.previous_hash, series.nonce, random, series.expires_at)
        self.send("move_series", *moved, *compared)
        return Added(tuple(ended))

    def _refusal(
        self,
        tag: bytes,
        new: SignIn | Resumption,
        leaving: list[bytes],
        lock: RawCursor[Row],
    ) -> Refusal | None:
        """Why the new session may not be, before anything is written."""
        user_id = new.record.user_id
        ((barrier,),) = lock.fetchall()
        if new.started_at < barrier:
            return "barrier"
        if new.cap is not None and new.at_cap == "refuse":
            keeps = (tag, user_id, new.now, leaving[0] if leaving else None)
            if (self.rows("count_active", *keeps))[0][0] >= new.cap:
                return "limit"
        return None

    def _admit(self, tag: bytes, random: bytes, new: SignIn | Resumption) -> list[EndedSession]:
        """Add the record; end the least recently active beyond the cap, never the new one (S3)."""
        record = new.record
        self.send("add", *row_of(record))
        if new.cap is None:
            return []
        surplus = self.rows("surplus", tag, record.user_id, random, new.now, new.cap - 1)
        randoms = [row[0] for row in surplus]
        return self._gone("end_one", (tag, record.user_id), randoms, REASONS["limit"], None, new.now)

    # ── going on ─────────────────────────────────────────────────────────────────────────────

    def touch(self, touches: Sequence[Touch], now: int) -> None:
        """See :meth:`Store.touch`: a few statements, however many there are."""
        ordered = sorted(touches, key=lambda touch: key_of(touch.session_id))
        told = [(*key_of(t.session_id), *t.client[:2]) for t in ordered if t.client]
        same = [key_of(t.session_id) for t in ordered if t.client is None]
        if same:
            self.send("touch", now, *columns(same))
        if told:
            self.send("touch_client", now, *columns(told))
        keys = [key_of(t.session_id) for t in ordered]
        self.send("seen", now, *columns(keys), SEEN_AFTER)

    def rotate(self, rotation: Rotation, now: int) -> RawCursor[Row]:
        """See :meth:`Store.rotate`; the cursor will know of one row, or of none."""
        tag, random = key_of(rotation.session_id)
        values = (rotation.new_hash, rotation.tail, tag, random, rotation.expected_hash, now)
        return self.send("rotate", *values)

    def set_data(self, session_id: SessionId, bag: bytes | None, now: int) -> bool:
        """See :meth:`Store.set_data`."""
        key = key_of(session_id)
        if bag is None:
            return self.count("drop_data", *key) > 0
        if not self.rows("hold", *key, now):
            return False
        return self.count("set_data", *key, now, bag) > 0

    # ── ending ───────────────────────────────────────────────────────────────────────────────

    def end_many(self, endings: Sequence[Ending]) -> list[Ended]:
        """See :meth:`Store.end_many`: the users are locked in one order."""
        owners = {(user_tag(ending.user_id), ending.user_id) for ending in endings}
        for owner in sorted(owners):
            self.send("lock", *owner)
        return [self._end(ending) for ending in endings]

    def _end(self, ending: Ending) -> Ended:
        user_id, which, reason, actor, now, rotation = ending
        tag = user_tag(user_id)
        already: list[EndedSession] = []
        if isinstance(which, Only):
            keys = [key_of(session_id) for session_id in which.ids]
            randoms = [random for owner, random in keys if owner == tag]
            sessions = self._gone("end_one", (tag, user_id), randoms, reason, actor, now)
            here = {session.id for session in sessions}
            for session_id in dict.fromkeys(which.ids):
                if session_id not in here:
                    found = self.find_ended(session_id)
                    if found is not None and found.session.user_id == user_id:
                        already.append(found.session)
        else:
            kept = None if which.kept is None else key_of(which.kept)[1]
            sessions = self._gone("end_all_but", (tag, user_id), [kept], reason, actor, now)
        forgetting = barrier = None
        if reason.forgets == "all" and forgets_all(ending, sessions, already):
            forgetting = self._forget_all_but(tag, user_id, None)
        if reason.barrier == "always" or (reason.barrier == "all" and which == AllBut(None)):
            barrier = (self.rows("raise_barrier", tag, user_id, now))[0][0]
        rotated = rotation is not None and self._line.count(self.rotate(rotation, now)) > 0
        forgotten = 0 if forgetting is None else self._line.count(forgetting)
        return Ended(tuple(sessions), tuple(already), forgotten, barrier, rotated)

    def find_ended(self, session_id: SessionId) -> EndedRecord | None:
        """The history's entry of a session."""
        rows = self.rows("find_ended", *key_of(session_id))
        return EndedRecord(ended_session(rows[0]), rows[0][11]) if rows else None

    def _gone(
        self,
        statement: str,
        owner: tuple[bytes, str],
        which: Iterable[bytes | None],
        reason: Reason | None,
        actor: str | None,
        now: int,
    ) -> list[EndedSession]:
        """What every ending comes to: the history is written, data bags and series go (E8, E9).

        statement: one that ends sessions of this user, for each of ``which``. reason: None in a sweep.
        """
        tag, user_id = owner
        why = None if reason is None else reason.name
        known = (user_id, now, why, actor, PACKED_UNKNOWN)
        ending = [self.send(statement, tag, each, *known) for each in which]
        rows = [row for cursor in ending for row in cursor.fetchall()]
        remembered = ((row[6], row[12]) for row in rows if row[12] is not None)
        series = [key for word, key in remembered if REASONS[word].forgets == "series"]
        if series:
            self._forget(tag, user_id, series)
        if rows:
            self.send("bound_history", tag, user_id, HISTORY_LENGTH)
        return [ended_session(row) for row in rows]

    def forget(
        self, user_id: str, *, only: bytes | None = None, keep: bytes | None = None
    ) -> RawCursor[Row]:
        """See :meth:`Store.forget`; the cursor will know of how many."""
        tag = user_tag(user_id)
        if only is not None:
            return self._forget(tag, user_id, [only])
        return self._forget_all_but(tag, user_id, keep)

    def _forget(self, tag: bytes, user_id: str, series: list[bytes]) -> RawCursor[Row]:
        self.send("none_remembered_of", tag, user_id, series)
        return self.send("forget_some", tag, series, user_id)

    def _forget_all_but(self, tag: bytes, user_id: str, kept: bytes | None) -> RawCursor[Row]:
        self.send("none_remembered_but", tag, user_id, kept)
        return self.send("forget_all_but", tag, user_id, kept)

    def sweep(self, keys: Sequence[tuple[bytes, str, bytes]], limit: int, now: int) -> Swept:
        """End these if they are still over; remove what is too old, ``limit`` of each at a time."""
        ended: list[EndedSession] = []
        old = self.rows("old_series", now, limit)
        randoms = defaultdict[tuple[bytes, str], list[bytes]](list)
        for tag, user_id, random in keys:
            randoms[tag, user_id].append(random)
        # In one order, so that nobody waits in a circle.
        for tag, user_id in sorted({*randoms, *old}):
            owner = (tag, user_id)
            self.send("lock", *owner)
            ended += self._gone("end_expired", owner, randoms[owner], None, None, now)
            if owner in old:
                series = [key for (key,) in self.rows("old_series_of", *owner, now)]
                self._forget(tag, user_id, series)
        removed = max(len(old), self.count("old_history", now - HISTORY_AGE, limit))
        removed = max(removed, self.count("old_visitors", now, limit))
        self.send("old_owners", now - BARRIER_KEPT, limit)
        return Swept(tuple(ended), more=len(keys) >= limit or removed >= limit)


def row_of(record: Record) -> tuple[Any, ...]:
    """A session's row."""
    return (*key_of(record.id), *msgspec.structs.astuple(record)[1:], device_in(record.tail))


def row_of_series(s: Series) -> tuple[Any, ...]:
    """A series' row."""
    tag, random = key_of(s.session_id)
    hashes = (s.secret_hash, s.previous_hash, s.nonce, s.seen_at)
    return tag, s.key, s.user_id, *hashes, random, s.created_at, s.expires_at


def columns(rows: Sequence[Sequence[Any]]) -> list[list[Any]]:
    """Rows as the arrays that ``unnest`` takes."""
    return [list(column) for column in zip(*rows, strict=True)]
