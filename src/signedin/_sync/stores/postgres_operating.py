# Generated from _async by scripts/unasync.py; edit that one.
"""The PostgreSQL store's verbs for operators: searching, ending everybody in sets, the trail, moving."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple
from typing import Any, Final

from ... import cursors
from ...audit import AuditEntry, AuditLog, AuditPage, AuditRun
from ...policy import DAY, HISTORY_LENGTH, LATELY
from ...remember_me import Series
from ...rows import PACKED_UNKNOWN, audit_run, ended_session, id_of, key_of, packed_device
from ...selector import LAST
from ...session import EndedRecord, Record, SessionId, user_tag
from ...steps import (
    Batch,
    Counts,
    EndedPage,
    EndingEverybody,
    Exported,
    Imported,
    Page,
    Query,
    UserRecords,
)
from .postgres_link import PostgresLink
from .postgres_steps import Step, row_of, row_of_series

_ALWAYS: Final = 2**63 - 1
_ANY_ADDRESS: Final = ("", LAST)
_LAST_TAG: Final = b"\xff" * 13
_COUNTED: Final = ("counts", "count_users", "count_over", "count_ended")


class PostgresOperating:
    """The half of the store that walks."""

    _link: PostgresLink

    # ── looking ──────────────────────────────────────────────────────────────────────────────

    def search(self, query: Query) -> Page:
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
        rows = self._link.rows(f"search_{query.order}", values, patient=True)
        records = [Record(id_of(row[0], row[1]), *row[2:]) for row in rows]
        if len(records) < query.limit:
            return Page(records, None)
        last = records[-1]
        goes_by = {"key": "", "recent": last.last_active_at, "ip": last.ip}[query.order]
        return Page(records, cursors.position(last.id, goes_by))

    def search_ended(self, since: int, cursor: str | None, limit: int) -> EndedPage:
        after, more = cursors.place(cursor)
        before = _ALWAYS if cursor is None else cursors.number(more)
        rows = self._link.rows("search_ended", (since, before, *after, limit), patient=True)
        sessions = [ended_session(row) for row in rows]
        if len(sessions) < limit:
            return EndedPage(sessions, None)
        return EndedPage(sessions, cursors.position(sessions[-1].id, sessions[-1].ended_at))

    def counts(self, now: int) -> Counts:
        values = ((now, now - LATELY, now - DAY), (now,), (now,), (now - DAY,))
        found = []
        for statement, of in zip(_COUNTED, values, strict=True):
            found.append(self._link.rows(statement, of, patient=True))
        ((sums,), ((users,),), ((over,),), ended) = found
        sessions, remembered, idle, lately, created = sums
        return Counts(sessions, users, remembered, idle, lately, created, over, dict(ended))

    def newest(self) -> int:
        return (self._link.rows("newest", (), patient=True))[0][0] or 0

    # ── everybody ────────────────────────────────────────────────────────────────────────────

    def end_everybody(
        self, ending: EndingEverybody, cursor: bytes | None, limit: int, *, told: bool
    ) -> Batch:
        return self._link.step(
            lambda line: self._end_range(Step(line, self._link.sql), ending, cursor or b"", limit, told),
            patient=True,
        )

    def _end_range(
        self, step: Step, ending: EndingEverybody, start: bytes, limit: int, told: bool
    ) -> Batch:
        reason, actor, now, spared = ending
        kept = (b"", b"") if spared is None else key_of(spared)
        ends = [end for end in (step.rows("everybody_until", start, limit - 1))[0] if end]
        until = min(ends, default=_LAST_TAG)
        within = (start, until)
        step.send("everybody_memory")
        step.send("everybody_lock", *within)
        history = (*within, now, reason.name, actor, *kept, PACKED_UNKNOWN)
        rows: list[Any] = []
        if told:
            ((users,),) = step.rows("everybody_users", *within, *kept)
            rows = step.rows("everybody_told", *history)
            sessions = len(rows)
        else:
            ((sessions, users),) = step.rows("everybody_counted", *history)
        step.send("everybody_data", *within, *kept)
        forgotten = step.count("everybody_series", *within)
        if spared is not None:
            step.send("everybody_spared", *within)
        for (long,) in step.rows("everybody_long", *within, HISTORY_LENGTH):
            for (user_id,) in step.rows("everybody_long_users", long):
                step.send("bound_history", long, user_id, HISTORY_LENGTH)
        ended = tuple(ended_session(row) for row in rows)
        return Batch(sessions, users, forgotten, ended, until if ends else None)

    # ── the trail ────────────────────────────────────────────────────────────────────────────

    def audit(self, entry: AuditEntry, *, once: bool = False) -> None:
        statement = "audit_once" if once else "audit"
        self._link.step(lambda line: Step(line, self._link.sql).send(statement, *astuple(entry)))

    def audit_run(self, run: str) -> AuditRun | None:
        rows = self._link.rows("audit_run", (run,))
        return audit_run(rows[0]) if rows else None

    def audit_trail(self, cursor: int | None, limit: int) -> AuditPage:
        values = (_ALWAYS if cursor is None else cursor, limit)
        rows = self._link.rows("audit_trail", values, patient=True)
        runs = [audit_run(row) for row in rows]
        return AuditPage(runs, runs[-1].number if len(runs) == limit else None)

    def audit_log(self, cursor: int | None, limit: int) -> AuditLog:
        rows = self._link.rows("audit_log", (cursor or 0, limit), patient=True)
        entries = [AuditEntry(*row[1:]) for row in rows]
        return AuditLog(entries, rows[-1][0] if len(rows) == limit else None)

    # ── moving ───────────────────────────────────────────────────────────────────────────────

    def export(self, cursor: str | None, limit: int) -> Exported:
        start = bytes.fromhex(cursor or "")
        return self._link.step(
            lambda line: self._export(Step(line, self._link.sql), start, limit),
            patient=True,
            snapshot=True,
        )

    def _export(self, step: Step, start: bytes, limit: int) -> Exported:
        whose = step.rows("export_users", start, limit)
        if not whose:
            return Exported([], None)
        until = whose[-1][0]
        found: dict[str, UserRecords] = {}

        def of(user_id: str) -> UserRecords:
            return found.setdefault(user_id, UserRecords(user_id, 0, [], [], [], {}))

        for user_id, barrier in step.rows("export_barriers", start, until):
            found[user_id] = of(user_id)._replace(barrier=barrier)
        for row in step.rows("export_ended", start, until):
            of(row[2]).ended.append(EndedRecord(ended_session(row), row[11]))
        bags = {(tag, random): bag for tag, random, bag in step.rows("export_data", start, until)}
        for row in step.rows("export_sessions", start, until):
            record = Record(id_of(row[0], row[1]), *row[2:])
            of(record.user_id).records.append(record)
            if (row[0], row[1]) in bags:
                of(record.user_id).data[record.id] = bags[row[0], row[1]]
        for row in step.rows("export_series", start, until):
            tag, key, user_id, secret, previous, nonce, seen_at, random, created, expires = row
            session_id = id_of(tag, random)
            series = Series(key, user_id, secret, previous, nonce, seen_at, session_id, created, expires)
            of(user_id).series.append(series)
        return Exported(list(found.values()), until.hex() if len(whose) == limit else None)

    def import_users(self, users: Sequence[UserRecords]) -> Imported:
        return self._link.step(
            lambda line: self._import_all(Step(line, self._link.sql), users),
            patient=True,
        )

    def _import_all(self, step: Step, users: Sequence[UserRecords]) -> Imported:
        ordered = sorted(users, key=lambda user: (user_tag(user.user_id), user.user_id))
        done = [self._import(step, user) for user in ordered]
        return Imported(*map(sum, zip((0,) * 4, *done, strict=True)))

    def _import(self, step: Step, user: UserRecords) -> Imported:
        tag = user_tag(user.user_id)
        owner = (tag, user.user_id)
        step.rows("raise_barrier", *owner, user.barrier)
        ended = 0
        for entry in user.ended:
            ended += step.count("import_ended", *_row_of_ended(entry))
            key = key_of(entry.session.id)
            if step.count("drop_session", *key, user.user_id):
                step.send("drop_data", *key)
        step.send("bound_history", *owner, HISTORY_LENGTH)
        step.send("forget_others", *owner, [series.key for series in user.series])
        series = 0
        for each in user.series:
            series += step.count("import_series", *row_of_series(each))
        sessions = refused = 0
        for record in user.records:
            key = key_of(record.id)
            if step.rows("has_ended", *key):
                refused += 1
            elif step.count("import_session", *row_of(record)):
                sessions += 1
                self._import_data(step, record.id, user.data.get(record.id))
        step.send("not_remembered", *owner)
        return Imported(sessions, series, ended, refused)

    def _import_data(self, step: Step, session_id: SessionId, bag: bytes | None) -> None:
        key = key_of(session_id)
        if bag is None:
            step.send("drop_data", *key)
        else:
            step.send("import_data", *key, bag)


def _row_of_ended(entry: EndedRecord) -> tuple[Any, ...]:
    s = entry.session
    times = (s.signed_in_at, s.last_active_at, s.ended_at)
    told = (s.reason, s.actor, s.ip, s.name, packed_device(s.device), entry.secret_hash)
    return (*key_of(s.id), s.user_id, *times, *told)
