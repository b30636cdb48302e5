"""The SQLite store: reads inline, writes by the engine's one writer thread."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final, TypeVar

import apsw
import msgspec

from ... import cursors
from ...audit import AuditEntry, AuditLog, AuditPage, AuditRun
from ...colours import async_answer, async_in_thread
from ...policy import DAY, HISTORY_LENGTH, LATELY
from ...remember_me import Series, series_key
from ...rows import audit_run, ended_session, id_of, key_of
from ...selector import LAST
from ...session import EndedRecord, EndedSession, Record, SessionId, user_tag
from ...sql import statements
from ...sqlite import copying, operating, steps
from ...sqlite.engine import Engine, broken
from ...steps import (
    Added,
    Batch,
    Counts,
    Ended,
    EndedPage,
    Ending,
    EndingEverybody,
    Exported,
    Imported,
    Page,
    Query,
    Refusal,
    Resumption,
    Rotation,
    SignIn,
    Swept,
    Touch,
    UserRecords,
    UserSessions,
    checked_bag,
)
from ...visitor import Visitor

T = TypeVar("T")

ANSWER_WITHIN: Final = 5.0
"""Seconds that a write may take, its turn among processes included."""

_SQL: Final = statements("sqlite/reading.sql")
_FIND: Final = _SQL["find"]
_FIND_WITH_DATA: Final = _SQL["find_with_data"]
_json = msgspec.json.Encoder().encode
_ALWAYS: Final = 2**63 - 1
_ANY_ADDRESS: Final = ("", LAST)


class AsyncSqliteStore:
    """Keeps sessions in one SQLite file.

    path: of the file, which is made when it is missing; its directory must exist. inline_reads:
    read in the caller's thread, an event loop's included: some microseconds on a local disk.
    answer_within: seconds that a write may take. vfs: an apsw VFS, for tests.
    """

    def __init__(
        self,
        path: str,
        *,
        inline_reads: bool = True,
        answer_within: float = ANSWER_WITHIN,
        vfs: str | None = None,
    ) -> None:
        self._engine = Engine(path, vfs=vfs)
        self._inline = inline_reads
        self._answer_within = answer_within

    # ── reads ────────────────────────────────────────────────────────────────────────────────

    async def find(self, session_id: SessionId) -> Record | None:
        if self._inline:
            return self._find(session_id)
        return await async_in_thread(self._find, session_id)

    def _find(self, session_id: SessionId) -> Record | None:
        raw = bytes.fromhex(session_id)
        try:
            row = self._engine.reader.execute(_FIND, (raw[12:], raw[:12])).get
        except (apsw.Error, OSError) as error:
            raise broken(error) from error
        except UnicodeDecodeError:  # somebody wrote bytes that are no text: not a session
            return None
        return None if row is None else Record(session_id, *row)

    async def find_with_data(self, session_id: SessionId) -> tuple[Record | None, bytes | None]:
        if self._inline:
            return self._find_with_data(session_id)
        return await async_in_thread(self._find_with_data, session_id)

    def _find_with_data(self, session_id: SessionId) -> tuple[Record | None, bytes | None]:
        raw = bytes.fromhex(session_id)
        try:
            row = self._engine.reader.execute(_FIND_WITH_DATA, (raw[12:], raw[:12])).get
        except (apsw.Error, OSError) as error:
            raise broken(error) from error
        except UnicodeDecodeError:
            return None, None
        return (None, None) if row is None else (Record(session_id, *row[:-1]), row[-1])

    async def find_many(self, session_ids: Sequence[SessionId]) -> list[Record]:
        wanted = _json([(i[24:], i[:24]) for i in session_ids]).decode()
        return await async_in_thread(self._records, "find_many", (wanted,))

    async def find_ended(self, session_id: SessionId) -> EndedRecord | None:
        return await self._inline_read(
            lambda: steps.find_ended(self._engine.reader, *key_of(session_id))
        )

    async def find_series(self, series_id: str) -> tuple[Series, Record | EndedRecord | None] | None:
        return await self._inline_read(lambda: self._find_series(series_id))

    def _find_series(self, series_id: str) -> tuple[Series, Record | EndedRecord | None] | None:
        tag, key = bytes.fromhex(series_id[24:]), series_key(series_id)
        connection = self._engine.reader
        row = connection.execute(_SQL["find_series"], (tag, key)).get
        if row is None:
            return None
        user_id, secret_hash, previous_hash, nonce, seen_at, random, created_at, expires_at = row
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
        live = self._find(series.session_id)
        return series, live or steps.find_ended(connection, tag, random)

    async def for_user(self, user_id: str) -> UserSessions:
        return await self._inline_read(lambda: self._for_user(user_id))

    def _for_user(self, user_id: str) -> UserSessions:
        tag = user_tag(user_id)
        records: list[Record] = []
        series: set[bytes] = set()
        suffix = tag.hex()
        rows: list[Any] = self._engine.reader.execute(_SQL["for_user"], (tag, user_id)).fetchall()
        for key, random, *row in rows:
            if key is None:
                records.append(Record(SessionId(random.hex() + suffix), user_id, *row))
            else:
                series.add(key)
        return UserSessions(records, frozenset(series))

    async def history(self, user_id: str, since: int) -> list[EndedSession]:
        values = (user_tag(user_id), user_id, since, HISTORY_LENGTH)
        rows = await self._inline_read(
            lambda: self._engine.reader.execute(_SQL["history"], values).fetchall()
        )
        return [ended_session(row) for row in rows]

    async def search(self, query: Query) -> Page:
        after, more = cursors.place(query.cursor)
        values: tuple[Any, ...] = (
            *after,
            query.limit,
            *cursors.beginning_of(query.beginning),
            query.active_from or 0,
            _ALWAYS if query.active_to is None else query.active_to,
            query.remembered,
            *(query.ip or _ANY_ADDRESS),
        )
        if query.order == "ip":
            values += (more,)
        elif query.order == "recent":
            values += (_ALWAYS if query.cursor is None else cursors.number(more),)
        records = await async_in_thread(self._records, f"search_{query.order}", values)
        if len(records) < query.limit:
            return Page(records, None)
        last = records[-1]
        return Page(records, cursors.position(last.id, self._goes_by(last, query)))

    def _goes_by(self, record: Record, query: Query) -> object:
        """What the order of a query goes by, beside the key."""
        return {"key": "", "recent": record.last_active_at, "ip": record.ip}[query.order]

    async def search_ended(self, since: int, cursor: str | None, limit: int) -> EndedPage:
        after, more = cursors.place(cursor)
        before = _ALWAYS if cursor is None else cursors.number(more)
        rows = await async_in_thread(self._rows, "search_ended", (since, before, *after, limit))
        sessions = [ended_session(row) for row in rows]
        if len(sessions) < limit:
            return EndedPage(sessions, None)
        return EndedPage(sessions, cursors.position(sessions[-1].id, sessions[-1].ended_at))

    async def counts(self, now: int) -> Counts:
        return await async_in_thread(self._counts, now)

    def _counts(self, now: int) -> Counts:
        ((*sums,),) = self._rows("counts", (now, now - LATELY, now - DAY))
        ((users,),) = self._rows("count_users", (now,))
        ((over,),) = self._rows("count_over", (now,))
        ended = dict(self._rows("count_ended", (now - DAY,)))
        sessions, remembered, idle, lately, created = sums
        return Counts(sessions, users, remembered, idle, lately, created, over, ended)

    async def audit_run(self, run: str) -> AuditRun | None:
        rows = await self._inline_read(lambda: self._rows("audit_run", (run,)))
        return audit_run(rows[0]) if rows else None

    async def audit_trail(self, cursor: int | None, limit: int) -> AuditPage:
        values = (_ALWAYS if cursor is None else cursor, limit)
        rows = await async_in_thread(self._rows, "audit_trail", values)
        runs = [audit_run(row) for row in rows]
        return AuditPage(runs, runs[-1].number if len(runs) == limit else None)

    async def audit_log(self, cursor: int | None, limit: int) -> AuditLog:
        rows = await async_in_thread(self._rows, "audit_log", (cursor or 0, limit))
        entries = [AuditEntry(*row[1:]) for row in rows]
        return AuditLog(entries, rows[-1][0] if len(rows) == limit else None)

    async def export(self, cursor: str | None, limit: int) -> Exported:
        return await async_in_thread(self._export, cursor, limit)

    def _export(self, cursor: str | None, limit: int) -> Exported:
        try:
            return copying.export(self._engine.reader, cursor, limit)
        except (apsw.Error, OSError) as error:
            raise broken(error) from error

    async def everybody_barrier(self) -> int:
        rows = await self._inline_read(lambda: self._rows("everybody_barrier", ()))
        return rows[0][0] if rows else 0

    async def newest(self) -> int:
        return (await async_in_thread(self._rows, "newest", ()))[0][0] or 0

    async def data(self, session_id: SessionId) -> bytes | None:
        rows = await self._inline_read(lambda: self._rows("data", key_of(session_id)))
        return rows[0][0] if rows else None

    async def find_visitor(self, visitor_id: str) -> Visitor | None:
        rows = await self._inline_read(lambda: self._rows("find_visitor", (bytes.fromhex(visitor_id),)))
        return Visitor(visitor_id, *rows[0]) if rows else None

    def _records(self, statement: str, values: tuple[Any, ...]) -> list[Record]:
        return [Record(id_of(row[0], row[1]), *row[2:]) for row in self._rows(statement, values)]

    def _rows(self, statement: str, values: tuple[Any, ...]) -> list[Any]:
        try:
            return self._engine.reader.execute(_SQL[statement], values).fetchall()
        except (apsw.Error, OSError) as error:
            raise broken(error) from error

    async def _inline_read(self, read: Callable[[], T]) -> T:
        try:
            return read() if self._inline else await async_in_thread(read)
        except (apsw.Error, OSError) as error:
            raise broken(error) from error

    # ── writes ───────────────────────────────────────────────────────────────────────────────

    async def add(self, sign_in: SignIn) -> Added | Refusal:
        return await self._write(lambda connection: steps.add(connection, sign_in))

    async def resume(self, resumption: Resumption) -> Added | Refusal:
        return await self._write(lambda connection: steps.resume(connection, resumption))

    async def touch(self, touches: Sequence[Touch], now: int) -> None:
        await self._write(lambda connection: steps.touch(connection, touches, now))

    async def rotate(self, rotation: Rotation, now: int) -> bool:
        return await self._write(lambda connection: steps.rotate(connection, rotation, now))

    async def rename(self, user_id: str, session_id: SessionId, name: str | None, now: int) -> bool:
        return await self._write(
            lambda connection: steps.rename(connection, user_id, session_id, name, now)
        )

    async def end(self, ending: Ending) -> Ended:
        return await self._write(lambda connection: steps.end(connection, ending))

    async def end_many(self, endings: Sequence[Ending]) -> list[Ended]:
        return await self._write(
            lambda connection: [steps.end(connection, ending) for ending in endings]
        )

    async def end_everybody(
        self, ending: EndingEverybody, cursor: bytes | None, limit: int, *, told: bool
    ) -> Batch:
        return await self._write(
            lambda connection: operating.end_everybody(connection, ending, cursor, limit, told)
        )

    async def audit(self, entry: AuditEntry, *, once: bool = False) -> None:
        await self._write(lambda connection: operating.audit(connection, entry, once))

    async def import_users(self, users: Sequence[UserRecords]) -> Imported:
        return await self._write(lambda connection: copying.import_users(connection, users))

    async def forget(self, user_id: str, *, only: bytes | None = None, keep: bytes | None = None) -> int:
        return await self._write(
            lambda connection: steps.forget(connection, user_id, only=only, keep=keep)
        )

    async def raise_everybody_barrier(self, now: int) -> int:
        return await self._write(lambda connection: steps.raise_everybody_barrier(connection, now))

    async def sweep(self, now: int, limit: int) -> Swept:
        keys = await async_in_thread(self._rows, "expired", (now, limit))
        return await self._write(lambda connection: steps.sweep(connection, keys, limit, now))

    async def set_data(self, session_id: SessionId, bag: bytes | None, now: int) -> bool:
        checked_bag(bag)
        return await self._write(lambda connection: steps.set_data(connection, session_id, bag, now))

    async def keep_visitor(self, visitor: Visitor, now: int, *, new: bool) -> bool:
        checked_bag(visitor.bag)
        return await self._write(lambda connection: steps.keep_visitor(connection, visitor, new=new))

    async def drop_visitor(self, visitor_id: str) -> None:
        await self._write(lambda connection: steps.drop_visitor(connection, visitor_id))

    async def close(self) -> None:
        await async_in_thread(self._engine.close)

    async def _write(self, operation: Callable[[apsw.Connection], T]) -> T:
        return await async_answer(self._engine.submit(operation), self._answer_within)
