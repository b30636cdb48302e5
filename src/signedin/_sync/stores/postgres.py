# Generated from _async by scripts/unasync.py; edit that one.
"""The PostgreSQL store: a statement for what reads, a transaction for what writes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from ...policy import HISTORY_LENGTH
from ...remember_me import Series, series_key
from ...rows import ended_session, id_of, key_of
from ...session import EndedRecord, EndedSession, Record, SessionId, user_tag
from ...steps import (
    Added,
    Ended,
    Ending,
    Refusal,
    Resumption,
    Rotation,
    SignIn,
    Swept,
    Touch,
    UserSessions,
    checked_bag,
)
from ...together import MOST, Together
from ...visitor import Visitor
from .postgres_line import Line
from .postgres_link import PostgresLink
from .postgres_operating import PostgresOperating
from .postgres_steps import Step

CONNECT_WITHIN: Final = 1.0
ANSWER_WITHIN: Final = 0.25
"""Seconds, by default."""


class PostgresStore(PostgresOperating):
    """Keeps sessions in a schema of a PostgreSQL database.

    where: a URL, see :class:`~signedin.postgres.address.Address`, or a psycopg_pool.ConnectionPool.
    schema: as in the URL, for a pool. connect_within, answer_within: seconds.
    """

    def __init__(
        self,
        where: Any,
        *,
        schema: str | None = None,
        connect_within: float = CONNECT_WITHIN,
        answer_within: float = ANSWER_WITHIN,
    ) -> None:
        self._link = PostgresLink(where, schema, connect_within, answer_within)
        self._together: Together[SessionId, Record | None] = Together(self._find_all)
        self._with_data: Together[SessionId, tuple[Record | None, bytes | None]] = Together(
            self._find_all_with_data
        )

    # ── reads ────────────────────────────────────────────────────────────────────────────────

    def find(self, session_id: SessionId) -> Record | None:
        return self._together.ask(session_id)

    def _find_all(self, session_ids: Sequence[SessionId]) -> list[Record | None]:
        """In the order asked for."""
        if len(session_ids) == 1:
            rows = self._link.rows("find_one", key_of(session_ids[0]))
            return [record_of(rows[0]) if rows else None]
        found: dict[SessionId, Record] = {}
        for start in range(0, len(session_ids), MOST):
            raw = bytes.fromhex("".join(session_ids[start : start + MOST]))
            rows = self._link.rows("find", (raw,))
            found |= {record.id: record for record in map(record_of, rows)}
        return [found.get(i) for i in session_ids]

    def find_with_data(self, session_id: SessionId) -> tuple[Record | None, bytes | None]:
        return self._with_data.ask(session_id)

    def _find_all_with_data(
        self, session_ids: Sequence[SessionId]
    ) -> list[tuple[Record | None, bytes | None]]:
        """In the order asked for; at most ``MOST``, as they travel together."""
        if len(session_ids) == 1:
            rows = self._link.rows("find_one_with_data", key_of(session_ids[0]))
        else:
            raw = bytes.fromhex("".join(session_ids))
            rows = self._link.rows("find_with_data", (raw,))
        found = {id_of(row[0], row[1]): (record_of(row[:-1]), row[-1]) for row in rows}
        return [found.get(i, (None, None)) for i in session_ids]

    def find_many(self, session_ids: Sequence[SessionId]) -> list[Record]:
        if not session_ids:
            return []
        return [record for record in self._find_all(session_ids) if record is not None]

    def find_ended(self, session_id: SessionId) -> EndedRecord | None:
        rows = self._link.rows("find_ended", key_of(session_id))
        return EndedRecord(ended_session(rows[0]), rows[0][11]) if rows else None

    def find_series(self, series_id: str) -> tuple[Series, Record | EndedRecord | None] | None:
        tag, key = bytes.fromhex(series_id[24:]), series_key(series_id)
        rows = self._link.rows("find_series", (tag, key))
        if not rows:
            return None
        user_id, secret_hash, previous_hash, nonce, seen_at, random, created_at, expires_at = rows[0]
        series = Series(
            key,
            user_id,
            secret_hash,
            previous_hash,
            nonce,
            seen_at,
            id_of(tag, random),
            created_at,
            expires_at,
        )
        live = (self._find_all((series.session_id,)))[0]
        return series, live or self.find_ended(series.session_id)

    def for_user(self, user_id: str) -> UserSessions:
        tag = user_tag(user_id)
        records: list[Record] = []
        series: set[bytes] = set()
        for key, random, *row in self._link.rows("for_user", (tag, user_id)):
            if key is None:
                records.append(Record(id_of(tag, random), user_id, *row))
            else:
                series.add(key)
        return UserSessions(records, frozenset(series))

    def history(self, user_id: str, since: int) -> list[EndedSession]:
        values = (user_tag(user_id), user_id, since, HISTORY_LENGTH)
        return [ended_session(row) for row in self._link.rows("history", values)]

    def everybody_barrier(self) -> int:
        rows = self._link.rows("everybody_barrier", ())
        return rows[0][0] if rows else 0

    def data(self, session_id: SessionId) -> bytes | None:
        rows = self._link.rows("data", key_of(session_id))
        return rows[0][0] if rows else None

    def find_visitor(self, visitor_id: str) -> Visitor | None:
        rows = self._link.rows("find_visitor", (bytes.fromhex(visitor_id),))
        return Visitor(visitor_id, *rows[0]) if rows else None

    # ── writes ───────────────────────────────────────────────────────────────────────────────

    def add(self, sign_in: SignIn) -> Added | Refusal:
        return self._link.step(lambda line: self._step(line).add(sign_in))

    def resume(self, resumption: Resumption) -> Added | Refusal:
        return self._link.step(lambda line: self._step(line).resume(resumption))

    def touch(self, touches: Sequence[Touch], now: int) -> None:
        self._link.step(lambda line: self._step(line).touch(touches, now), lasting=False)

    def rotate(self, rotation: Rotation, now: int) -> bool:
        cursor = self._link.step(lambda line: self._step(line).rotate(rotation, now))
        return cursor.rowcount > 0

    def rename(self, user_id: str, session_id: SessionId, name: str | None, now: int) -> bool:
        values = (name, *key_of(session_id), user_id, now)
        cursor = self._link.step(lambda line: self._step(line).send("rename", *values))
        return cursor.rowcount > 0

    def end(self, ending: Ending) -> Ended:
        return (self.end_many((ending,)))[0]

    def end_many(self, endings: Sequence[Ending]) -> list[Ended]:
        return self._link.step(lambda line: self._step(line).end_many(endings), patient=len(endings) > 1)

    def forget(self, user_id: str, *, only: bytes | None = None, keep: bytes | None = None) -> int:
        cursor = self._link.step(lambda line: self._step(line).forget(user_id, only=only, keep=keep))
        return cursor.rowcount

    def raise_everybody_barrier(self, now: int) -> int:
        rows = self._link.step(lambda line: self._step(line).rows("raise_everybody_barrier", now))
        return int(rows[0][0])

    def sweep(self, now: int, limit: int) -> Swept:
        rows = self._link.rows("expired", (now, limit), patient=True)
        return self._link.step(lambda line: self._step(line).sweep(rows, limit, now), patient=True)

    def set_data(self, session_id: SessionId, bag: bytes | None, now: int) -> bool:
        checked_bag(bag)
        return self._link.step(lambda line: self._step(line).set_data(session_id, bag, now))

    def keep_visitor(self, visitor: Visitor, now: int, *, new: bool) -> bool:
        checked_bag(visitor.bag)
        values = (bytes.fromhex(visitor.id), *visitor[1:])
        statement = "add_visitor" if new else "set_visitor"
        count = self._link.step(lambda line: self._step(line).count(statement, *values), lasting=False)
        return count > 0

    def drop_visitor(self, visitor_id: str) -> None:
        self._link.step(lambda line: self._step(line).send("drop_visitor", bytes.fromhex(visitor_id)))

    def close(self) -> None:
        self._link.close()

    def _step(self, line: Line) -> Step:
        return Step(line, self._link.sql)


def record_of(row: Sequence[Any]) -> Record:
    """A session's row: its key, then the record's fields."""
    return Record(id_of(row[0], row[1]), *row[2:])
