"""``signedin list`` and ``show``: looking changes nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import chain, islice
from typing import TYPE_CHECKING, Any, Final

import click

from ..api import ended_json, list_json, session_json
from ..describe import is_idle, rfc3339, title
from ..directory import NoDirectory, reading_with
from ..messages import say as message
from ..reasons import REASONS
from ..selector import Selector, SelectorError
from ..selector import select as select_terms
from ..session import EndedSession, Session, parse_session_id
from .failures import Failure
from .frame import Frame, framed, plural
from .output import Out, ago, print_json, print_table, printing
from .people import People
from .selecting import selecting, selector_of

if TYPE_CHECKING:
    from .._sync.sessions import Sessions

AT_MOST: Final = 10_000
"""Most sessions that are sorted, and that a table or one document shows."""
SORTS: Final[dict[str, Callable[[Session], Any]]] = {
    "last-active": lambda session: (-session.last_active_at, -session.signed_in_at, session.id),
    "signed-in": lambda session: (-session.signed_in_at, session.id),
    "user": lambda session: (session.user_id, -session.last_active_at, session.id),
    "ip": lambda session: (session.ip, -session.last_active_at, session.id),
}

Column = Callable[[Session, People, Out, int], str]
COLUMNS: Final[dict[str, tuple[str, Column]]] = {
    "session": ("SESSION", lambda s, people, out, now: s.short_id),
    "id": ("ID", lambda s, people, out, now: s.id),
    "user": ("USER", lambda s, people, out, now: people.username(s.user_id)),
    "user-id": ("USER ID", lambda s, people, out, now: s.user_id),
    "name": ("NAME", lambda s, people, out, now: people.name(s.user_id)),
    "device": ("DEVICE", lambda s, people, out, now: title(s)),
    "browser": ("BROWSER", lambda s, people, out, now: s.device.browser or ""),
    "os": ("OS", lambda s, people, out, now: s.device.os or ""),
    "type": ("TYPE", lambda s, people, out, now: s.device.kind),
    "ip": ("IP", lambda s, people, out, now: out.ip(s.ip)),
    "last-active": (
        "LAST ACTIVE",
        lambda s, people, out, now: (
            ago(s.last_active_at, now) if out.form == "table" else rfc3339(s.last_active_at)
        ),
    ),
    "signed-in": (
        "SIGNED IN",
        lambda s, people, out, now: (
            out.time(s.signed_in_at) if out.form == "table" else rfc3339(s.signed_in_at)
        ),
    ),
    "expires": ("EXPIRES", lambda s, people, out, now: "" if s.ends_at is None else rfc3339(s.ends_at)),
    "flags": ("FLAGS", lambda s, people, out, now: flags(s, people, now)),
    "user-agent": ("USER AGENT", lambda s, people, out, now: s.user_agent),
}
USUAL: Final = ("session", "device", "ip", "last-active", "signed-in", "flags")
FOR_PROGRAMS: Final = ("id", "user-id", "user", *USUAL[1:], "expires", "user-agent")


@click.command("list")
@framed
@selecting
@click.option("--sort", type=click.Choice(tuple(SORTS)), help="[default: last-active]")
@click.option("--reverse", is_flag=True, help="The other way round.")
@click.option("--limit", type=click.IntRange(1), metavar="N", help="So many at most.")
@click.option("--cursor", metavar="C", help="Go on where a list before ended.")
@printing("json", "jsonl", "csv", "plain")
def list_(
    frame: Frame,
    select: dict[str, Any],
    out: Out,
    sort: str | None,
    reverse: bool,
    limit: int | None,
    cursor: str | None,
) -> None:
    """The active sessions of a user, of several, or of everybody."""
    if cursor is not None and (sort or reverse):
        raise Failure(
            "usage", "--cursor goes on in the store's own order.", "leave out --sort and --reverse"
        )
    people = People(frame.directory())
    with frame.sessions() as sessions:
        now = sessions.clock()
        selector = selector_of(select, people.directory, now)
        found, more = _gathered(sessions, selector, sort, reverse, limit, cursor, out)
        if out.form == "json":
            held = list(found)
            told = list_json(held, current=None, now=now, user=people.describe)
            told.next_cursor = more
            told.total = None if more else len(held)
            print_json(told)
            out.done(len(held))
            return
        if out.form == "jsonl":
            documents = (session_json(s, current=None, now=now, user=people.describe) for s in found)
            out.done(out.lines(documents))
            return
        count = print_sessions(found, people, out, now, sort_users=selector.users)
        _tell_count(count, more, selector, people, out)
        out.done(count)


def _gathered(
    sessions: Sessions,
    selector: Selector,
    sort: str | None,
    reverse: bool,
    limit: int | None,
    cursor: str | None,
    out: Out,
) -> tuple[Iterable[Session], str | None]:
    """What to print, and the cursor where a next list goes on. Few enough are sorted; of more, pages
    come in the store's order, and for programs all of them, one page in memory.
    """
    if cursor is None:
        found = sessions.search(selector)
        held = list(islice(found, AT_MOST + 1))
        if len(held) <= AT_MOST:
            held.sort(key=SORTS[sort or "last-active"], reverse=reverse)
            if limit is None or len(held) <= limit:
                return held, None
            if sort or reverse:
                return held[:limit], None
        elif sort or reverse:
            raise Failure(
                "usage",
                f"there are more than {AT_MOST:,} to sort.",
                "narrow it down, or leave out --sort and --reverse",
            )
        elif limit is None and out.form not in ("table", "json"):
            return chain(held, found), None
    page = sessions.search_page(selector, cursor=cursor, limit=limit or AT_MOST)
    return page.sessions, page.cursor


def print_sessions(
    found: Iterable[Session],
    people: People,
    out: Out,
    now: int,
    *,
    sort_users: Sequence[str] = (),
) -> int:
    """Rows of sessions; the column of users only where there are several."""
    names: Sequence[str] = out.columns or (USUAL if out.form == "table" else FOR_PROGRAMS)
    if out.form == "table":
        found = list(found)
        if out.columns is None and len({session.user_id for session in found}) > 1:
            names = ("user", *USUAL)
    unknown = [name for name in names if name not in COLUMNS]
    if unknown:
        raise Failure("usage", f"there is no column {unknown[0]!r}. There are: {', '.join(COLUMNS)}.")
    chosen = [COLUMNS[name] for name in names]
    rows = ([value(session, people, out, now) for _, value in chosen] for session in found)
    return out.rows([heading for heading, _ in chosen], rows)


def flags(session: Session, people: People, now: int) -> str:
    """What is special about a session, in words."""
    words = ["remembered"] * session.remembered + ["idle"] * is_idle(session, now)
    words += ["admin mode"] * (session.admin_until is not None and now < session.admin_until)
    words += [f"acting as {people.username(session.acting_as)}"] if session.acting_as else []
    return ", ".join(words)


def _tell_count(count: int, more: str | None, selector: Selector, people: People, out: Out) -> None:
    whose = f" of {people.called(selector.users[0])}" if len(selector.users) == 1 else ""
    out.say(f"{plural(count, 'session')}{whose}. Times in {out.zone_name}.")
    if more:
        out.say(f"→ there are more: --cursor {more}, or all of them with --jsonl")


# ── one ──────────────────────────────────────────────────────────────────────────────────────


@click.command()
@framed
@click.argument("session", metavar="SESSION")
@printing("json")
def show(frame: Frame, session: str, out: Out) -> None:
    """All that is known of a session; the first 8 digits of its id are enough."""
    people = People(frame.directory())
    with frame.sessions() as sessions:
        now = sessions.clock()
        found = one_session(sessions, session)
        if isinstance(found, EndedSession):
            if out.form == "json":
                print_json(ended_json(found, user=people.describe))
            else:
                print_table(("", ""), _facts_of_ended(found, people, out))
                out.say(f"It has ended. Times in {out.zone_name}.")
            return
        if out.form == "json":
            print_json(session_json(found, current=None, now=now, user=people.describe))
            return
        print_table(("", ""), facts_of(found, people, out, now))
        out.say(f"Times in {out.zone_name}.")
        out.say(f"→ signedin revoke {found.short_id}")


def one_session(sessions: Sessions, text: str) -> Session | EndedSession:
    """The session that a whole id or its beginning names: active, or else ended."""
    whole = parse_session_id(text)
    if whole is not None:
        live = sessions.find(whole)
        if live is not None:
            return live
        entry = sessions.store.find_ended(whole)
        if entry is None:
            raise Failure("not_found", f"no session {text!r}.", "signedin list")
        return entry.session
    (found,) = named_sessions(sessions, [text]).values()
    return found


def named_sessions(sessions: Sessions, texts: Sequence[str]) -> dict[str, Session]:
    """The active sessions that beginnings of ids name, by the texts. Failure where it isn't one."""
    found = {}
    for text in texts:
        try:
            terms = (("session", text),)
            selector = select_terms(terms, reading_with(NoDirectory(), sessions.clock()))
        except SelectorError as error:
            raise Failure("usage", str(error)) from error
        alike = list(islice(sessions.search(selector), 10))
        if not alike:
            raise Failure("not_found", f"no active session {text!r}.", "signedin list")
        if len(alike) > 1:
            raise Failure("usage", f"{text!r} could be any of {', '.join(s.id for s in alike)}.")
        found[text] = alike[0]
    return found


def facts_of(session: Session, people: People, out: Out, now: int) -> list[list[str]]:
    """Everything of a session, as pairs of a name and a value."""
    end = session.ends_at
    device = session.device
    pairs = (
        ("Session", session.id),
        ("User", people.called(session.user_id)),
        ("Device", title(session)),
        ("Browser", " ".join(filter(None, (device.browser, device.browser_version)))),
        ("System", " ".join(filter(None, (device.os, device.os_version)))),
        ("Type", device.kind),
        ("IP", out.ip(session.ip)),
        ("Last active", f"{out.time(session.last_active_at)} ({ago(session.last_active_at, now)})"),
        ("Signed in", out.time(session.signed_in_at)),
        ("Expires", "never" if end is None else out.time(end)),
        ("Sign-in by", ", ".join(session.authenticated_by)),
        ("Flags", flags(session, people, now)),
        ("User agent", session.user_agent),
    )
    return [[name, value] for name, value in pairs if value]


def _facts_of_ended(ended: EndedSession, people: People, out: Out) -> list[list[str]]:
    return [
        ["Session", ended.id],
        ["User", people.called(ended.user_id)],
        ["Device", title(ended)],
        ["IP", out.ip(ended.ip)],
        ["Signed in", out.time(ended.signed_in_at)],
        ["Ended", out.time(ended.ended_at)],
        ["Why", why(ended)],
        ["By", ended.actor or "nobody"],
    ]


def why(ended: EndedSession) -> str:
    """Why it ended, in words."""
    return message(f"ended_{ended.reason}") if ended.reason in REASONS else ended.reason
