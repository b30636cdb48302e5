"""The admin page as HTML: sessions of everybody in, a fragment for the host's layout out. Pure.

Like the page of a user: classes begin with ``as-``, colours are ``--as-*``, nothing is inline. A script
only selects all rows of a page at once.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import tzinfo
from typing import Any, Final
from urllib.parse import quote, urlencode

from . import describe
from .admin import Action
from .audit import AuditPage, AuditRun
from .directory import Person
from .messages import say
from .outcomes import Matching
from .page import STYLESHEET, Flash, Fragment, Kind, Urls, ended_row, render
from .selector import Selector, split_terms
from .session import EndedSession, Session
from .steps import Counts

STYLESHEETS: Final = (STYLESHEET, "admin.css")
SCRIPT: Final = "admin.js"
TYPED_OVER: Final = 25
"""Over so many sessions, or more than one user, the number must be typed."""
STALE: Final = 120_000
"""After so long without a word a run's process may be gone, milliseconds."""

ADMIN_FLASHES: Final[dict[str, Kind]] = {
    "admin_revoked": "ok",
    "admin_already_ended": "info",
    "admin_nothing": "info",
    "admin_own": "bad",
    "admin_cannot_act": "bad",
    "admin_acting_already": "bad",
    "admin_try_again": "bad",
}
"""What an admin page can be told of by the call before it, and how it takes it."""


class AdminUrls(Urls):
    """Where the admin page's parts are."""

    @property
    def sessions(self) -> str:
        """The sessions of everybody."""
        return self.to("active_sessions")

    def session(self, session_id: str) -> str:
        """A session's revocation."""
        return self.to("active_sessions", session_id, "revoke")

    def user(self, user_id: str, *parts: str) -> str:
        """What is about one user."""
        return self.to("users", quote(user_id, safe=""), *(parts or ("active_sessions",)))

    def run(self, run: str, *parts: str) -> str:
        """A run's progress."""
        return self.to("active_sessions", "runs", run, *parts)

    def search(self, text: str = "", cursor: str | None = None) -> str:
        """The sessions that a selector means, from a cursor on."""
        values = [("q", text), ("cursor", cursor or "")]
        query = urlencode([pair for pair in values if pair[1]])
        return f"{self.sessions}?{query}" if query else self.sessions


@dataclass(frozen=True)
class View:
    """What every page needs. people: those known, by id. rights: what the operator may do."""

    urls: AdminUrls
    now: int
    tz: tzinfo
    own: Session
    people: Mapping[str, Person]
    rights: Collection[Action]
    flash: Flash | None = None

    def who(self, user_id: str) -> Who:
        """A user as the pages call one."""
        person = self.people.get(user_id)
        if person is None:
            return Who(user_id, user_id, "", describe.initials(user_id))
        return Who(user_id, person.name, f"@{person.username}", describe.initials(person.name))


@dataclass(frozen=True)
class Who:
    """A user: id, display name, ``@username`` or nothing, initials."""

    id: str
    name: str
    handle: str
    initials: str


@dataclass(frozen=True)
class AdminRow:
    """A session as the table shows it; every value is text of unknown origin until it is escaped."""

    id: str
    who: Who
    picture: str
    title: str
    call: str
    badges: tuple[str, ...]
    ip: str
    ago: str
    active: str
    active_at: str
    signed_in: str
    since: str
    since_at: str
    own: bool
    live: bool
    idle: bool


@dataclass(frozen=True)
class RunRow:
    """A run as the trail shows it."""

    run: str
    when: str
    began: str
    actor: str
    action: str
    about: str
    reason: str
    origin: str
    counts: str
    outcome: str
    outcome_text: str


@dataclass(frozen=True)
class Chip:
    """A filter, what it searches for, and how many sessions that is."""

    label: str
    text: str
    count: int
    here: bool


def sessions_page(
    view: View,
    sessions: Sequence[Session],
    *,
    text: str,
    hints: Sequence[str],
    counts: Counts,
    counted_at: int,
    idle_after: int,
    cursor: str | None,
    next_cursor: str | None,
    looked_through: bool,
    open_ips: bool,
) -> Fragment:
    """Everybody's sessions. text: what was searched for. idle_after: milliseconds. open_ips: the
    addresses are shown in full, this once.
    """
    idle, remembered = str(Selector(idle=idle_after)), str(Selector(remembered=True))
    chips = [
        Chip(say("filter_all"), "", counts.sessions, not text),
        Chip(say("filter_idle"), idle, counts.idle, text == idle),
        Chip(say("filter_remembered"), remembered, counts.remembered, text == remembered),
    ]
    return _fragment(
        view,
        say("title"),
        "admin_sessions.html",
        rows=_rows(view, sessions),
        text=text,
        hints=hints,
        chips=chips,
        counts=counts,
        counted=describe.moment(counted_at, view.tz).clock,
        updated=describe.moment(view.now, view.tz).clock,
        cursor=cursor,
        next_cursor=next_cursor,
        looked_through=looked_through,
        open_ips=open_ips,
    )


def user_page(
    view: View,
    user_id: str,
    sessions: Sequence[Session],
    ended: Sequence[EndedSession],
    *,
    open_ips: bool,
    may_act: bool,
) -> Fragment:
    """One user's sessions, and what ended. may_act: this operator may act as the user."""
    who = view.who(user_id)
    return _fragment(
        view,
        say("admin_user", name=who.name),
        "admin_user.html",
        who=who,
        email=getattr(view.people.get(user_id), "email", None),
        rows=_rows(view, sessions),
        ended=[ended_row(each, view.now, view.tz) for each in ended],
        open_ips=open_ips,
        may_act=may_act,
    )


def ask_one(view: View, session: Session) -> Fragment:
    """The question before somebody's session is revoked."""
    (row,) = _rows(view, [session])
    return _fragment(view, say("confirm_one"), "admin_ask_one.html", row=row)


def ask_many(
    view: View,
    matching: Matching,
    *,
    action: str,
    back: str,
    about: str,
    spared: bool,
    run: str,
    text: str = "",
    ids: Sequence[str] = (),
    reason: str = "",
    trouble: str = "",
) -> Fragment:
    """The question before many sessions are revoked. action: where it is answered. back: where Cancel
    leads. about: what is meant, in words. spared: the operator's own session is left out. trouble: what
    was wrong with the answer before.
    """
    count = say("admin_n_sessions", n=matching.sessions)
    users = say("admin_n_users", n=matching.users)
    return _fragment(
        view,
        say("admin_ask_many", sessions=count, users=users),
        "admin_ask_many.html",
        action=action,
        back=back,
        about=about,
        spared=spared,
        run=run,
        text=text,
        ids=ids,
        reason=reason,
        trouble=trouble,
        matching=matching,
        busiest=[(view.who(user_id), count) for user_id, count in matching.busiest],
        typed=must_type(matching),
    )


def must_type(matching: Matching) -> bool:
    """Whether so much is meant that the number must be typed."""
    return matching.sessions > TYPED_OVER or matching.users > 1


def ask_to_act(view: View, user_id: str, *, reason_missing: bool) -> Fragment:
    """The question before an operator acts as somebody."""
    who = view.who(user_id)
    heading = say("admin_ask_act", name=who.name)
    return _fragment(view, heading, "admin_ask_act.html", who=who, reason_missing=reason_missing)


def run_page(view: View, run: AuditRun, *, total: int) -> Fragment:
    """A run: its progress while it lasts, then its result. total: how many sessions were meant."""
    last = run.last
    stale = not last.is_over and view.now - last.at > STALE
    headings = {
        "done": say("admin_run_done"),
        "stopped": say("admin_run_stopped"),
        "failed": say("admin_run_failed"),
    }
    heading = say("admin_run_stale") if stale else headings.get(last.outcome, say("admin_run_on"))
    return _fragment(
        view,
        heading,
        "admin_run.html",
        run=_run_row(run, view),
        last=last,
        stale=stale,
        moving=not last.is_over and not stale,
        stopping=last.outcome == "stopping",
        total=max(total, last.sessions + last.already),
        updated=describe.moment(view.now, view.tz).clock,
    )


def audit_page(view: View, page: AuditPage, *, cursor: int | None) -> Fragment:
    """The trail."""
    rows = [_run_row(run, view) for run in page.runs]
    return _fragment(
        view, say("admin_audit"), "admin_audit.html", rows=rows, cursor=cursor, next_cursor=page.cursor
    )


def admin_message(heading: str, text: str, urls: AdminUrls) -> Fragment:
    """A page that says one thing and leads nowhere in particular: whoever reads it may be nobody."""
    return Fragment(heading, _head(urls), render("admin_message.html", title=heading, text=text))


def told_of(runs: Sequence[AuditRun]) -> list[str]:
    """The ids of the users who acted in these runs, and of those who alone were acted on."""
    ids = []
    for run in runs:
        kind, _, user_id = run.last.actor.partition(":")
        ids += [user_id] if kind == "web" else []
        ids += _only_user(run.last.about)
    return ids


def _only_user(about: str) -> list[str]:
    """The user's id, where a selector means all of one user and nothing else."""
    terms = split_terms(about)
    return [terms[0][1]] if len(terms) == 1 and terms[0][0] == "user" else []


# ── rows ─────────────────────────────────────────────────────────────────────────────────────


def _rows(view: View, sessions: Sequence[Session]) -> list[AdminRow]:
    return [_row(view, session) for session in sessions]


def _row(view: View, session: Session) -> AdminRow:
    now, tz = view.now, view.tz
    who, title = view.who(session.user_id), describe.title(session)
    idle, own = describe.is_idle(session, now), session.id == view.own.id
    badges = [say("idle")] * idle + [say("remembered")] * session.remembered
    if session.admin_until is not None and now < session.admin_until:
        badges.append(say("admin_mode"))
    if session.acting_as is not None:
        acted = view.who(session.acting_as)
        badges.append(say("admin_acting_badge", name=acted.handle or acted.name))
    active, since = (
        describe.moment(session.last_active_at, tz),
        describe.moment(session.signed_in_at, tz),
    )
    return AdminRow(
        id=session.id,
        who=who,
        picture=session.device.kind,
        title=title,
        call=f"{who.name}, {title}, {say('session_of', short_id=session.short_id)}",
        badges=tuple(badges),
        ip=session.ip,
        ago=describe.ago(session.last_active_at, now, tz),
        active=active.iso,
        active_at=active.full,
        signed_in=describe.past(session.signed_in_at, now, tz),
        since=since.iso,
        since_at=since.full,
        own=own,
        live=describe.is_live(session, now),
        idle=idle,
    )


def _run_row(run: AuditRun, view: View) -> RunRow:
    last = run.last
    kind, _, user_id = last.actor.partition(":")
    who, about = view.who(user_id), [view.who(each) for each in _only_user(last.about)]
    began = describe.moment(run.began_at, view.tz)
    counts = say("admin_counts", n=last.sessions, users=say("admin_n_users", n=last.users))
    return RunRow(
        run=last.run,
        when=began.full,
        began=began.iso,
        actor=(who.handle or who.name) if kind == "web" else last.actor,
        action=last.action.replace("_", " "),
        about=last.about + "".join(f" ({other.handle})" for other in about if other.handle),
        reason=last.reason or "",
        origin=last.origin or "",
        counts=counts if last.sessions or last.users else "",
        outcome=last.outcome,
        outcome_text=say(f"admin_outcome_{last.outcome}"),
    )


# ── templates ────────────────────────────────────────────────────────────────────────────────


def _fragment(view: View, title: str, template: str, **values: Any) -> Fragment:
    body = render(template, title=title, urls=view.urls, view=view, rights=view.rights, **values)
    return Fragment(title, _head(view.urls), body)


def _head(urls: Urls) -> str:
    styles = [f'<link rel="stylesheet" href="{urls.static(name)}">' for name in STYLESHEETS]
    return "".join(styles) + f'<script type="module" src="{urls.static(SCRIPT)}"></script>'
