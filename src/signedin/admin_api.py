"""What the admin page says to programs: JSON documents of runs and of the trail, and CSV. Pure."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping
from typing import Final, Literal

from msgspec import Struct

from .audit import AuditPage, AuditRun
from .describe import is_idle, rfc3339, title
from .directory import Person
from .session import Session

RUN: Final = "signedin.run/1"
AUDIT: Final = "signedin.audit/1"
COLUMNS: Final = (
    "session",
    "user_id",
    "username",
    "name",
    "device",
    "ip_address",
    "last_active",
    "signed_in",
    "remembered",
    "idle",
    "acting_as",
)
FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
"""What a spreadsheet takes for the beginning of a formula."""


class RunDocument(Struct):
    """What an operator did, or is doing: a run as the trail shows it."""

    schema: Literal["signedin.run/1"]
    run: str
    outcome: str
    over: bool
    began_at: str
    updated_at: str
    operator: str
    action: str
    about: str
    reason: str | None
    origin: str | None
    revoked: int
    already_ended: int
    in_doubt: int
    users: int


class AuditDocument(Struct):
    """A page of the trail, the latest first."""

    schema: Literal["signedin.audit/1"]
    next_cursor: str | None
    runs: list[RunDocument]


def run_json(run: AuditRun) -> RunDocument:
    """One run."""
    last = run.last
    return RunDocument(
        schema=RUN,
        run=last.run,
        outcome=last.outcome,
        over=last.is_over,
        began_at=rfc3339(run.began_at),
        updated_at=rfc3339(last.at),
        operator=last.actor,
        action=last.action,
        about=last.about,
        reason=last.reason,
        origin=last.origin,
        revoked=last.sessions,
        already_ended=last.already,
        in_doubt=last.in_doubt,
        users=last.users,
    )


def audit_json(page: AuditPage) -> AuditDocument:
    """A page of the trail."""
    cursor = None if page.cursor is None else str(page.cursor)
    return AuditDocument(AUDIT, cursor, [run_json(run) for run in page.runs])


def sessions_csv(sessions: Iterable[Session], people: Mapping[str, Person], now: int) -> str:
    """The sessions as a table for spreadsheets, which take no cell of it for a formula."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(COLUMNS)
    for session in sessions:
        person = people.get(session.user_id)
        cells = (
            session.id,
            session.user_id,
            "" if person is None else person.username,
            "" if person is None else person.name,
            title(session),
            session.ip,
            rfc3339(session.last_active_at),
            rfc3339(session.signed_in_at),
            "yes" if session.remembered else "no",
            "yes" if is_idle(session, now) else "no",
            session.acting_as or "",
        )
        writer.writerow(["'" + cell if cell.startswith(FORMULA) else cell for cell in cells])
    return out.getvalue()
