"""``signedin users``, ``history``, ``stats``: who is signed in, what has ended, how much there is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import click

from ..api import ended_json, history_json
from ..describe import rfc3339, title
from ..messages import say as message
from ..session import Session
from .failures import Failure
from .frame import Frame, framed, plural
from .listing import why
from .output import Out, ago, print_json, printing
from .people import People
from .selecting import selecting, selector_of


@click.command()
@framed
@selecting
@printing("json", "jsonl", "csv", "plain")
def users(frame: Frame, select: dict[str, Any], out: Out) -> None:
    """Who is signed in, and how often: the last step after a revocation."""
    people = People(frame.directory())
    with frame.sessions() as sessions:
        now = sessions.clock()
        selector = selector_of(select, people.directory, now)
        signed_in = _by_user(sessions.search(selector))
        if out.form in ("json", "jsonl"):
            documents: Iterator[dict[str, Any]] = (
                {
                    "id": user_id,
                    **people.describe(user_id),
                    "sessions": count,
                    "updated_at": rfc3339(active),
                }
                for user_id, count, active in signed_in
            )
            if out.form == "jsonl":
                out.done(out.lines(documents))
                return
            told = list(documents)
            print_json({"schema": "signedin.users/1", "count": len(told), "users": told})
            out.done(len(told))
            return
        headings = ["USER", "NAME", "ID", "SESSIONS", "LAST ACTIVE"]
        count = out.rows(
            headings,
            (
                [
                    people.username(user_id),
                    people.name(user_id),
                    user_id,
                    str(number),
                    ago(active, now) if out.form == "table" else rfc3339(active),
                ]
                for user_id, number, active in signed_in
            ),
        )
        out.say(f"{plural(count, 'user')} signed in." if count else "No users are signed in.")
        out.done(count)


def _by_user(found: Iterable[Session]) -> Iterator[tuple[str, int, int]]:
    """Users, how many sessions each has, and the last activity; a user's sessions come together."""
    user_id, count, active = "", 0, 0
    for session in found:
        if session.user_id != user_id:
            if count:
                yield user_id, count, active
            user_id, count, active = session.user_id, 0, 0
        count, active = count + 1, max(active, session.last_active_at)
    if count:
        yield user_id, count, active


@click.command()
@framed
@selecting
@click.option("--limit", type=click.IntRange(1), default=100, show_default=True, metavar="N")
@click.option("--cursor", metavar="C", help="Go on where a list before ended.")
@printing("json", "jsonl", "csv", "plain")
def history(frame: Frame, select: dict[str, Any], out: Out, limit: int, cursor: str | None) -> None:
    """Sessions that ended in the last 30 days: when, why, by whom; the latest first."""
    people = People(frame.directory())
    with frame.sessions() as sessions:
        selector = selector_of(select, people.directory, sessions.clock())
        if selector.is_of_the_living:
            raise Failure(
                "usage",
                "what has ended is neither idle nor remembered, in no mode, and acts as nobody.",
                "select it by --user, --ip, --browser, --os, --type or the time of the sign-in",
            )
        page = sessions.search_ended(selector, cursor=cursor, limit=limit)
        if out.form == "json":
            print_json(history_json(page.sessions, cursor=page.cursor, user=people.describe))
        elif out.form == "jsonl":
            out.lines(ended_json(ended, user=people.describe) for ended in page.sessions)
        else:
            headings = ["SESSION", "USER", "DEVICE", "IP", "ENDED", "WHY", "BY"]
            out.rows(
                headings,
                (
                    [
                        ended.short_id if out.form == "table" else ended.id,
                        people.username(ended.user_id),
                        title(ended),
                        out.ip(ended.ip),
                        out.time(ended.ended_at) if out.form == "table" else rfc3339(ended.ended_at),
                        why(ended) if out.form == "table" else ended.reason,
                        ended.actor or "",
                    ]
                    for ended in page.sessions
                ),
            )
            out.say(f"{plural(len(page.sessions), 'ended session')}. Times in {out.zone_name}.")
            if page.cursor:
                out.say(f"→ there are more: --cursor {page.cursor}")
        out.done(len(page.sessions))


@click.command()
@framed
@printing("json")
def stats(frame: Frame, out: Out) -> None:
    """How many sessions, of how many users, and what ended lately."""
    with frame.sessions() as sessions:
        counts = sessions.counts()
    if out.form == "json":
        print_json({"schema": "signedin.stats/1"} | counts._asdict())
        return
    rows: list[tuple[str, int]] = [
        ("active sessions", counts.sessions),
        ("users signed in", counts.users),
        ("active in the last 15 minutes", counts.lately),
        ("signed in during the last day", counts.created),
        ("remembered", counts.remembered),
        ("idle", counts.idle),
        ("ended during the last day", sum(counts.ended.values())),
    ]
    for reason, number in sorted(counts.ended.items(), key=lambda item: -item[1]):
        rows.append((f"  {message('ended_' + reason)}", number))
    wide = max(len(f"{number:,}") for _, number in rows)
    for what, number in rows:
        click.echo(f"{number:>{wide},}  {what}")
