"""The store's verbs as what runs inside one transaction, the user's row locked first.

Everything that ends sessions goes through :meth:`AsyncStep._gone`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
from psycopg import AsyncRawCursor

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
from .postgres_line import AsyncLine, Row


class AsyncStep:
    """One transaction on a connection. What nobody asks the answer of doesn't wait for one."""

    def __init__(self, line: AsyncLine, sql: dict[str, str]) -> None:
        self._line = line
        self._sql = sql

    async def send(self, statement: str, *values: Any) -> AsyncRawCursor[Row]:
        """Run a statement. Who fetches its rows waits for them; if it fails, the next answer says so."""
        return await self._line.execute(self._sql[statement], values, binary=True)

    async def rows(self, statement: str, *values: Any) -> list[Row]:
        """What a statement gives."""
        return await (await self.send(statement, *values)).fetchall()

    async def count(self, statement: str, *values: Any) -> int:
        """How many rows a statement changed."""
        return await self._line.count(await self.send(statement, *values))

    # ── beginning ────────────────────────────────────────────────────────────────────────────

    async def add(self, sign_in: SignIn) -> Added | Refusal:
        """See :meth:`AsyncStore.add`."""
        record = sign_in.record
        tag, random = key_of(record.id)
        leaving = [] if sign_in.replaces is None else [key_of(sign_in.replaces)[1]]
        lock = await self.send("lock", tag, record.user_id)
        refusal = await self._refusal(tag, sign_in, leaving, lock)
        if refusal is not None:
            return refusal
        owner = (tag, record.user_id)
        ended = await self._gone("end_one", owner, leaving, REASONS["replaced"], None, sign_in.now)
        if sign_in.forgets is not None:
            await self._forget(tag, record.user_id, [sign_in.forgets])
        ended += await self._admit(tag, random, sign_in)
        if sign_in.series is not None:
            await self.send("add_series", *row_of_series(sign_in.series))
        if sign_in.data is not None:
            await self.send("set_data", tag, random, sign_in.now, sign_in.data)
        return Added(tuple(ended))

    async def resume(self, resumption: Resumption) -> Added | Refusal:
        """See :meth:`AsyncStore.resume`."""
        record, series = resumption.record, resumption.series
        tag, random = key_of(record.id)
        # The lock first: what is compared must not move until it has been set.
        lock = await self.send("lock", tag, record.user_id)
        compared = (tag, series.key, record.user_id, resumption.expected_hash)
        found = await self.rows("series_session", *compared)
        if not found:
            return "lost"
        before = bytes(found[0][0])
        refusal = await self._refusal(tag, resumption, [before], lock)
        if refusal is not None:
            return refusal
        owner = (tag, record.user_id)
        ended = await self._gone("end_one", owner, [before], REASONS["resumed"], None, resumption.now)
        ended += await self._admit(tag, random, resumption)
        moved = (series.secret_hash, series.previous_hash, series.nonce, random, series.expires_at)
        await self.send("move_series", *moved, *compared)
        return Added(tuple(ended))

    async def _refusal(
        self,
        tag: bytes,
        new: SignIn | Resumption,
        leaving: list[bytes],
        lock: AsyncRawCursor[Row],
    ) -> Refusal | None:
        """Why the new session may not be, before anything is written."""
        user_id = new.record.user_id
        ((barrier,),) = await lock.fetchall()
        if new.started_at < barrier:
            return "barrier"
        if new.cap is not None and new.at_cap == "refuse":
            keeps = (tag, user_id, new.now, leaving[0] if leaving else None)
            if (await self.rows("count_active", *keeps))[0][0] >= new.cap:
                return "limit"
        return None

    async def _admit(self, tag: bytes, random: bytes, new: SignIn | Resumption) -> list[EndedSession]:
        """Add the record; end the least recently active beyond the cap, never the new one (S3)."""
        record = new.record
        await self.send("add", *row_of(record))
        if new.cap is None:
            return []
        surplus = await self.rows("surplus", tag, record.user_id, random, new.now, new.cap - 1)
        randoms = [row[0] for row in surplus]
        return await self._gone(
            "end_one", (tag, record.user_id), randoms, REASONS["limit"], None, new.now
        )

    # ── going on ─────────────────────────────────────────────────────────────────────────────

    async def touch(self, touches: Sequence[Touch], now: int) -> None:
        """See :meth:`AsyncStore.touch`: a few statements, however many there are."""
        ordered = sorted(touches, key=lambda touch: key_of(touch.session_id))
        told = [(*key_of(t.session_id), *t.client[:2]) for t in ordered if t.client]
        same = [key_of(t.session_id) for t in ordered if t.client is None]
        if same:
            await self.send("touch", now, *columns(same))
        if told:
            await self.send("touch_client", now, *columns(told))
        keys = [key_of(t.session_id) for t in ordered]
        await self.send("seen", now, *columns(keys), SEEN_AFTER)

    async def rotate(self, rotation: Rotation, now: int) -> AsyncRawCursor[Row]:
        """See :meth:`AsyncStore.rotate`; the cursor will know of one row, or of none."""
        tag, random = key_of(rotation.session_id)
        values = (rotation.new_hash, rotation.tail, tag, random, rotation.expected_hash, now)
        return await self.send("rotate", *values)

    async def set_data(self, session_id: SessionId, bag: bytes | None, now: int) -> bool:
        """See :meth:`AsyncStore.set_data`."""
        key = key_of(session_id)
        if bag is None:
            return await self.count("drop_data", *key) > 0
        if not await self.rows("hold", *key, now):
            return False
        return await self.count("set_data", *key, now, bag) > 0

    # ── ending ───────────────────────────────────────────────────────────────────────────────

    async def end_many(self, endings: Sequence[Ending]) -> list[Ended]:
        """See :meth:`AsyncStore.end_many`: the users are locked in one order."""
        owners = {(user_tag(ending.user_id), ending.user_id) for ending in endings}
        for owner in sorted(owners):
            await self.send("lock", *owner)
        return [await self._end(ending) for ending in endings]

    async def _end(self, ending: Ending) -> Ended:
        user_id, which, reason, actor, now, rotation = ending
        tag = user_tag(user_id)
        already: list[EndedSession] = []
        if isinstance(which, Only):
            keys = [key_of(session_id) for session_id in which.ids]
            randoms = [random for owner, random in keys if owner == tag]
            sessions = await self._gone("end_one", (tag, user_id), randoms, reason, actor, now)
            here = {session.id for session in sessions}
            for session_id in dict.fromkeys(which.ids):
                if session_id not in here:
                    found = await self.find_ended(session_id)
                    if found is not None and found.session.user_id == user_id:
                        already.append(found.session)
        else:
            kept = None if which.kept is None else key_of(which.kept)[1]
            sessions = await self._gone("end_all_but", (tag, user_id), [kept], reason, actor, now)
        forgetting = barrier = None
        if reason.forgets == "all" and forgets_all(ending, sessions, already):
            forgetting = await self._forget_all_but(tag, user_id, None)
        if reason.barrier == "always" or (reason.barrier == "all" and which == AllBut(None)):
            barrier = (await self.rows("raise_barrier", tag, user_id, now))[0][0]
        rotated = rotation is not None and await self._line.count(await self.rotate(rotation, now)) > 0
        forgotten = 0 if forgetting is None else await self._line.count(forgetting)
        return Ended(tuple(sessions), tuple(already), forgotten, barrier, rotated)

    async def find_ended(self, session_id: SessionId) -> EndedRecord | None:
        """The history's entry of a session."""
        rows = await self.rows("find_ended", *key_of(session_id))
        return EndedRecord(ended_session(rows[0]), rows[0][11]) if rows else None

    async def _gone(
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
        ending = [await self.send(statement, tag, each, *known) for each in which]
        rows = [row for cursor in ending for row in await cursor.fetchall()]
        remembered = ((row[6], row[12]) for row in rows if row[12] is not None)
        series = [key for word, key in remembered if REASONS[word].forgets == "series"]
        if series:
            await self._forget(tag, user_id, series)
        if rows:
            await self.send("bound_history", tag, user_id, HISTORY_LENGTH)
        return [ended_session(row) for row in rows]

    async def forget(
        self, user_id: str, *, only: bytes | None = None, keep: bytes | None = None
    ) -> AsyncRawCursor[Row]:
        """See :meth:`AsyncStore.forget`; the cursor will know of how many."""
        tag = user_tag(user_id)
        if only is not None:
            return await self._forget(tag, user_id, [only])
        return await self._forget_all_but(tag, user_id, keep)

    async def _forget(self, tag: bytes, user_id: str, series: list[bytes]) -> AsyncRawCursor[Row]:
        await self.send("none_remembered_of", tag, user_id, series)
        return await self.send("forget_some", tag, series, user_id)

    async def _forget_all_but(self, tag: bytes, user_id: str, kept: bytes | None) -> AsyncRawCursor[Row]:
        await self.send("none_remembered_but", tag, user_id, kept)
        return await self.send("forget_all_but", tag, user_id, kept)

    async def sweep(self, keys: Sequence[tuple[bytes, str, bytes]], limit: int, now: int) -> Swept:
        """End these if they are still over; remove what is too old, ``limit`` of each at a time."""
        ended: list[EndedSession] = []
        old = await self.rows("old_series", now, limit)
        randoms = defaultdict[tuple[bytes, str], list[bytes]](list)
        for tag, user_id, random in keys:
            randoms[tag, user_id].append(random)
        # In one order, so that nobody waits in a circle.
        for tag, user_id in sorted({*randoms, *old}):
            owner = (tag, user_id)
            await self.send("lock", *owner)
            ended += await self._gone("end_expired", owner, randoms[owner], None, None, now)
            if owner in old:
                series = [key for (key,) in await self.rows("old_series_of", *owner, now)]
                await self._forget(tag, user_id, series)
        removed = max(len(old), await self.count("old_history", now - HISTORY_AGE, limit))
        removed = max(removed, await self.count("old_visitors", now, limit))
        await self.send("old_owners", now - BARRIER_KEPT, limit)
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
