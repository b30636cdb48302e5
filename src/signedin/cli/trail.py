"""``signedin audit``: what operators did."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

import click

from ..audit import AuditEntry, AuditRun
from ..describe import rfc3339
from ..directory import named
from ..session import user_tag
from .frame import Frame, framed
from .output import Out, print_json, printing

if TYPE_CHECKING:
    from .._sync.sessions import Sessions

PAGE: Final = 500


@click.command()
@framed
@click.option("--user", "users", multiple=True, metavar="USER", help="On this user; repeatable.")
@click.option("--by", metavar="ACTOR", help="Whose acts: cli:root, web:3; a part is enough.")
@click.option("--limit", type=click.IntRange(1), default=100, show_default=True, metavar="N")
@click.option("--cursor", type=int, metavar="C", help="Go on where a list before ended.")
@printing("json", "jsonl", "csv", "plain")
def audit(
    frame: Frame,
    users: tuple[str, ...],
    by: str | None,
    limit: int,
    cursor: int | None,
    out: Out,
) -> None:
    """What operators did, the latest first: who, what, on whom, why, and what came of it."""
    directory = frame.directory()
    ids = [named(directory, text).id for text in users]
    with frame.sessions() as sessions:
        meant = (run for run in _trail(sessions, cursor) if _is_meant(run.last, ids, by))
        runs = list(islice(meant, limit + 1))
    more = runs[limit - 1].number if len(runs) > limit else None
    runs = runs[:limit]
    if out.form == "json":
        told = [document(run) for run in runs]
        print_json({"schema": "signedin.audit/1", "count": len(told), "next_cursor": more, "runs": told})
    elif out.form == "jsonl":
        out.lines(document(run) for run in runs)
    else:
        headings = ["WHEN", "WHO", "WHAT", "ABOUT", "REASON", "SESSIONS", "USERS", "OUTCOME", "FROM"]
        out.rows(headings, (_row(run, out) for run in runs))
        out.say(f"{len(runs):,} {'entry' if len(runs) == 1 else 'entries'}. Times in {out.zone_name}.")
        if more is not None:
            out.say(f"→ there are more: --cursor {more}")
    out.done(len(runs))


def _trail(sessions: Sessions, cursor: int | None) -> Iterator[AuditRun]:
    """All runs, the latest first, a page in memory."""
    while True:
        page = sessions.audit_trail(cursor=cursor, limit=PAGE)
        yield from page.runs
        cursor = page.cursor
        if cursor is None:
            return


def document(run: AuditRun) -> dict[str, Any]:
    """A run of the trail for programs."""
    last = run.last
    return {
        "run": last.run,
        "began_at": rfc3339(run.began_at),
        "updated_at": rfc3339(last.at),
        "outcome": last.outcome,
        "actor": last.actor,
        "action": last.action,
        "about": last.about,
        "reason": last.reason,
        "origin": last.origin,
        "sessions": last.sessions,
        "already_ended": last.already,
        "users": last.users,
        "in_doubt": last.in_doubt,
    }


def _is_meant(entry: AuditEntry, user_ids: list[str], by: str | None) -> bool:
    if by is not None and by not in entry.actor:
        return False
    # A session's id ends with its user's tag.
    return not user_ids or any(
        term == f"user:{user_id}"
        or (term.startswith("session:") and term.endswith(user_tag(user_id).hex()))
        for user_id in user_ids
        for term in entry.about.split()
    )


def _row(run: AuditRun, out: Out) -> list[str]:
    last = run.last
    return [
        out.time(run.began_at) if out.form == "table" else rfc3339(run.began_at),
        last.actor,
        last.action,
        last.about,
        last.reason or "",
        str(last.sessions),
        str(last.users),
        last.outcome,
        last.origin or "",
    ]
