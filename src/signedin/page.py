"""The Active Sessions page as HTML: sessions in, a fragment for the host's layout out. Pure.

The fragment stands on its own: every class begins with ``as-``, every colour is a custom property
``--as-*`` that a host may set, and nothing in it is inline, so the strictest policy allows it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import tzinfo
from functools import cache, lru_cache
from hashlib import sha256
from importlib.resources import files
from json import dumps
from typing import Any, Final, Literal, NamedTuple

import msgspec
from jinja2 import PackageLoader

from . import describe
from .html import Templates
from .messages import ENGLISH, say
from .reasons import REASONS
from .session import EndedSession, Session

STYLESHEET: Final = "active_sessions.css"
NAMED: Final = 5
"""How many sessions a question about many of them calls by name."""
NEAR_CAP: Final = 0.9

SCRIPT: Final = "active_sessions.js"
FILTERS_FROM: Final = 4
"""From how many other sessions on filters are of use."""

Kind = Literal["ok", "info", "bad"]
FLASHES: Final[dict[str, Kind]] = {
    "revoked": "ok",
    "others": "ok",
    "selected": "ok",
    "renamed": "ok",
    "nothing": "info",
    "forgotten": "ok",
    "already_ended": "info",
    "current": "bad",
}
"""What a page can be told of by the call before it, and how it takes it."""


SCRIPT_SAYS: Final = (
    "active_now",
    "just_now",
    "dismiss",
    "minutes_ago",
    "hours_ago",
    "yesterday",
    "days_ago",
    "signed_in_today",
    "signed_in_yesterday",
    "signed_in_on",
    "selected",
    "flash_revoked",
    "flash_forgot",
    "flash_stay",
    "flash_already_ended",
    "unknown_answer",
    "unknown_answer_text",
    "is_signed_out",
    "new_sessions",
    "show_them",
    "ended_tag",
)
"""The messages that the page's script says, too."""


class Fragment(NamedTuple):
    """A page for a layout: the title as text, what goes into the head, and the body, as HTML."""

    title: str
    head: str
    body: str


class Flash(NamedTuple):
    """What the last call did."""

    kind: Kind
    title: str
    text: str


class Urls:
    """Where the page's parts are. prefix: its own path, as a browser sees it; a slash may end it."""

    def __init__(self, prefix: str) -> None:
        self.list = prefix
        self.below = prefix.rstrip("/")

    def to(self, *parts: str) -> str:
        """A route below the page: ``to(session_id, "revoke")``."""
        return "/".join((self.below, *parts))

    def static(self, name: str) -> str:
        """A file of ours; its address changes with its content, so it is kept for ever."""
        return f"{self.below}/static/{name}?v={_digest(name)}"


class Row(msgspec.Struct, frozen=True, gc=False):
    """A session as the page shows it; every text is of unknown origin until it is escaped.

    call: what its buttons call it, as no other on the page is called. ago, since: when it was active and
    when it signed in, as seen from now. ends: None when it has no limit.
    """

    session: Session
    picture: str
    title: str
    call: str
    badges: tuple[str, ...]
    sub: str
    method: str
    ago: str
    since: str
    active: describe.Moment
    signed_in: describe.Moment
    ends: describe.Moment | None
    idle: bool
    live: bool


class EndedRow(NamedTuple):
    """An entry of the history as the page shows it."""

    picture: str
    title: str
    ip: str
    why: str
    ended: str
    ended_at: str
    ended_iso: str
    since: str
    since_iso: str


@dataclass(frozen=True)
class Chip:
    """A filter with how many sessions it shows."""

    key: str
    label: str
    count: int
    here: bool


def active_sessions(
    current: Session,
    others: Sequence[Session],
    *,
    chosen: str = "all",
    series_elsewhere: int,
    cap: int | None,
    flash: Flash | None,
    now: int,
    tz: tzinfo,
    urls: Urls,
    zone_known: bool = True,
) -> Fragment:
    """The list. chosen: the filter. series_elsewhere: how many other browsers are remembered. cap: the
    user's, or None. zone_known: whether ``tz`` is the person's own; if not, a script may know better.
    """
    first, *rest = _rows((current, *others), now, tz)
    filters = {
        "all": rest,
        "remembered": [row for row in rest if row.session.remembered],
        "idle": [row for row in rest if row.idle],
    }
    chosen = chosen if chosen in filters else "all"
    useful = len(rest) >= FILTERS_FROM and any(len(rows) < len(rest) for rows in filters.values())
    chips = [Chip(key, say(f"filter_{key}"), len(rows), key == chosen) for key, rows in filters.items()]
    return _fragment(
        say("title"),
        "active_sessions.html",
        urls,
        current=first,
        others=rest,
        shown=filters[chosen],
        chosen=chosen,
        chips=chips if useful or chosen != "all" else [],
        series_elsewhere=series_elsewhere,
        cap=cap,
        count=len(others) + 1,
        near=cap is not None and len(others) + 1 >= cap * NEAR_CAP,
        zone=_zone_name(tz, now),
        flash=flash,
        script=_script(str(tz) if zone_known else "", urls.list),
    )


def history(
    ended: Sequence[EndedSession], *, now: int, tz: tzinfo, urls: Urls, zone_known: bool = True
) -> Fragment:
    """What has ended: the device, when and why."""
    rows = [ended_row(session, now, tz) for session in ended]
    script = _script(str(tz) if zone_known else "", urls.list)
    return _fragment(say("history"), "history.html", urls, rows=rows, script=script)


def ended_row(session: EndedSession, now: int, tz: tzinfo) -> EndedRow:
    """An entry of the history."""
    ended, since = describe.moment(session.ended_at, tz), describe.moment(session.signed_in_at, tz)
    return EndedRow(
        picture=session.device.kind,
        title=describe.title(session),
        ip=session.ip,
        why=say(f"ended_{session.reason}") if session.reason in REASONS else session.reason,
        ended=describe.past(session.ended_at, now, tz),
        ended_iso=ended.iso,
        since_iso=since.iso,
        ended_at=ended.full,
        since=describe.signed_in(session.signed_in_at, now, tz),
    )


def confirm_revoke(
    session: Session, *, now: int, tz: tzinfo, urls: Urls, zone_known: bool = True
) -> Fragment:
    """The question before one session is revoked."""
    (row,) = _rows((session,), now, tz)
    return _fragment(say("confirm_one"), "confirm_one.html", urls, row=row)


def confirm_many(
    what: Literal["others", "selected", "everywhere"],
    sessions: Sequence[Session],
    *,
    now: int,
    tz: tzinfo,
    urls: Urls,
    zone_known: bool = True,
) -> Fragment:
    """The question before several sessions end: all others, those selected, or all."""
    rows = _rows(sessions[:NAMED], now, tz)
    count = len(sessions)
    routes = {
        "others": "revoke_others",
        "selected": "revoke_selected",
        "everywhere": "sign_out_everywhere",
    }
    return _fragment(
        say(f"confirm_{what}", n=count),
        "confirm_many.html",
        urls,
        action=urls.to(routes[what]),
        text=say(f"confirm_{what}_text"),
        button=say("everywhere") if what == "everywhere" else say("revoke_n", n=count),
        ids=[session.id for session in sessions] if what == "selected" else [],
        rows=rows,
        more=count - len(rows),
    )


def message(heading: str, text: str, *, urls: Urls) -> Fragment:
    """A page that says one thing, and leads back to the list."""
    return _fragment(heading, "message.html", urls, text=text)


def flash_for(
    code: str,
    forgotten: int = 0,
    count: int = 0,
    kept: int = 0,
    missing: int = 0,
    *,
    ended: EndedSession | None = None,
) -> Flash:
    """What a code of :data:`FLASHES` says. forgotten: how many remembered browsers were. For
    ``revoked``, ended: the session; for ``selected``, count: how many ended, kept: whether the current
    one was among them, missing: how many are not the person's.
    """
    kind = FLASHES[code]
    if code == "revoked":
        assert ended is not None
        heading = say("flash_revoked", title=describe.title(ended))
    else:
        heading = say(f"flash_{code}", n=count)
    lines = []
    if code in ("revoked", "others", "selected"):
        lines.append(say("flash_forgot" if forgotten else "flash_stay"))
    elif f"flash_{code}_text" in ENGLISH:
        lines.append(say(f"flash_{code}_text"))
    if kept:
        lines.append(say("flash_kept"))
    if missing:
        lines.append(say("flash_missing", n=missing))
    return Flash(kind, heading, " ".join(lines))


def default_layout(title: str, head: str, body: str) -> str:
    """The whole document for a host that has no layout of its own. title: text; the rest: HTML."""
    return render("layout.html", title=title, head=head, body=body)


def render(template: str, **values: Any) -> str:
    """One of our templates as HTML."""
    return _templates().get_template(template).render(**values)


# ── rows ─────────────────────────────────────────────────────────────────────────────────────


def _rows(sessions: Sequence[Session], now: int, zone: tzinfo) -> list[Row]:
    calls = [(describe.title(session), session.ip) for session in sessions]
    looks_like = Counter(calls)
    return [
        _row(session, call[0], now, zone, alone=looks_like[call] == 1)
        for session, call in zip(sessions, calls, strict=True)
    ]


def _row(session: Session, title: str, now: int, zone: tzinfo, *, alone: bool) -> Row:
    admin = session.admin_until is not None and now < session.admin_until
    idle = describe.is_idle(session, now)
    end = session.ends_at
    # A button's name must tell its session from every other on the page.
    call = f"{title}, {session.ip}"
    return Row(
        session=session,
        picture=session.device.kind,
        title=title,
        call=call if alone else f"{call}, {say('session_of', short_id=session.short_id)}",
        badges=(say("idle"),) * idle + (say("admin_mode"),) * admin,
        sub=describe.subline(session),
        method=describe.method(session),
        ago=describe.ago(session.last_active_at, now, zone),
        since=describe.signed_in(session.signed_in_at, now, zone),
        active=describe.moment(session.last_active_at, zone),
        signed_in=describe.moment(session.signed_in_at, zone),
        ends=None if end is None else describe.moment(end, zone),
        idle=idle,
        live=describe.is_live(session, now),
    )


@lru_cache(256)
def _script(zone: str, list_url: str) -> str:
    """What the script is told, as JSON: the words that it says, the zone if it is known, the list."""
    return dumps({key: ENGLISH[key] for key in SCRIPT_SAYS} | {"zone": zone, "list": list_url})


def _zone_name(zone: tzinfo, now: int) -> str:
    return str(zone) or describe.moment(now, zone).full.rpartition(" ")[2]


# ── templates ────────────────────────────────────────────────────────────────────────────────


def _fragment(title: str, template: str, urls: Urls, **values: Any) -> Fragment:
    body = render(template, title=title, urls=urls, **values)
    head = (
        f'<link rel="stylesheet" href="{urls.static(STYLESHEET)}">'
        f'<script type="module" src="{urls.static(SCRIPT)}"></script>'
    )
    return Fragment(title, head, body)


@cache
def _templates() -> Templates:
    return Templates(PackageLoader("signedin"))


@cache
def _digest(name: str) -> str:
    return sha256(files("signedin").joinpath("static", name).read_bytes()).hexdigest()[:12]
