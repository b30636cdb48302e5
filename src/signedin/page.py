"""The Active Sessions page as HTML: sessions in, a fragment for the host's layout out. Pure.

The fragment stands on its own: every class begins with ``as-``, every colour is a custom property
``--as-*`` that a host may set, and nothing in it is inline, so the strictest policy allows it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import tzinfo
from functools import cache
from hashlib import sha256
from importlib.resources import files
from typing import Any, Final, Literal, NamedTuple

from jinja2 import Environment, PackageLoader, StrictUndefined

from . import describe
from .device import device_name
from .messages import say
from .session import EndedSession, Session

STYLESHEET: Final = "active_sessions.css"
NAMED: Final = 5
"""How many sessions a question about many of them calls by name."""
NEAR_CAP: Final = 0.9

Kind = Literal["ok", "info", "bad"]
FLASHES: Final[dict[str, Kind]] = {
    "revoked": "ok",
    "others": "ok",
    "forgotten": "ok",
    "already_ended": "info",
    "current": "bad",
}
"""What a page can be told of by the call before it, and how it takes it."""


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
    """Where the page's parts are. prefix: its own path, as a browser sees it."""

    def __init__(self, prefix: str) -> None:
        self.list = prefix
        self.revoke_others = f"{prefix}/revoke_others"
        self.forget_others = f"{prefix}/forget_others"
        self.sign_out = f"{prefix}/sign_out"

    def revoke(self, session_id: str) -> str:
        """Of one session: asked by GET, done by POST."""
        return f"{self.list}/{session_id}/revoke"

    def static(self, name: str) -> str:
        """A file of ours; its address changes with its content, so it is kept for ever."""
        return f"{self.list}/static/{name}?v={_digest(name)}"


@dataclass(frozen=True)
class Row:
    """A session as the page shows it; every value is text of unknown origin until it is escaped."""

    id: str
    short_id: str
    picture: str
    title: str
    call: str
    badges: tuple[str, ...]
    sub: str
    ip: str
    ago: str
    active: str
    active_at: str
    since: str
    signed_in: str
    expires: str
    method: str
    device: str
    user_agent: str
    idle: bool
    live: bool


def active_sessions(
    current: Session,
    others: Sequence[Session],
    *,
    series_elsewhere: int,
    cap: int | None,
    now: int,
    tz: tzinfo,
    urls: Urls,
    flash: Flash | None,
) -> Fragment:
    """The list. series_elsewhere: how many other browsers are remembered. cap: the user's, or None."""
    first, *rest = _rows((current, *others), now, tz)
    return _fragment(
        say("title"),
        "active_sessions.html",
        urls,
        current=first,
        others=rest,
        series_elsewhere=series_elsewhere,
        cap=cap,
        count=len(others) + 1,
        near=cap is not None and len(others) + 1 >= cap * NEAR_CAP,
        zone=_zone_name(tz, now),
        flash=flash,
    )


def confirm_revoke(session: Session, *, now: int, tz: tzinfo, urls: Urls) -> Fragment:
    """The question before one session is revoked."""
    (row,) = _rows((session,), now, tz)
    return _fragment(say("confirm_one"), "confirm_one.html", urls, row=row)


def confirm_revoke_others(sessions: Sequence[Session], *, now: int, tz: tzinfo, urls: Urls) -> Fragment:
    """The question before all other sessions are revoked."""
    rows = _rows(sessions[:NAMED], now, tz)
    heading = say("confirm_others", n=len(sessions))
    return _fragment(
        heading,
        "confirm_others.html",
        urls,
        rows=rows,
        count=len(sessions),
        more=len(sessions) - len(rows),
    )


def message(heading: str, text: str, *, urls: Urls) -> Fragment:
    """A page that says one thing, and leads back to the list."""
    return _fragment(heading, "message.html", urls, text=text)


def flash_for(code: str, ended: EndedSession | None, *, forgotten: bool = False) -> Flash:
    """What a code of :data:`FLASHES` says. ended: the session it is about, for ``revoked``."""
    kind = FLASHES[code]
    if code == "revoked":
        assert ended is not None
        heading = say("flash_revoked", title=describe.title(ended))
    else:
        heading = say(f"flash_{code}")
    if code in ("revoked", "others"):
        return Flash(kind, heading, say("flash_forgot" if forgotten else "flash_stay"))
    return Flash(kind, heading, "" if code == "already_ended" else say(f"flash_{code}_text"))


def default_layout(title: str, head: str, body: str) -> str:
    """The whole document for a host that has no layout of its own. title: text; the rest: HTML."""
    return _environment().get_template("layout.html").render(title=title, head=head, body=body)


# ── rows ─────────────────────────────────────────────────────────────────────────────────────


def _rows(sessions: Sequence[Session], now: int, zone: tzinfo) -> list[Row]:
    looks_like = Counter((describe.title(s), s.ip) for s in sessions)
    return [_row(s, now, zone, alone=looks_like[describe.title(s), s.ip] == 1) for s in sessions]


def _row(session: Session, now: int, zone: tzinfo, *, alone: bool) -> Row:
    title = describe.title(session)
    admin = session.admin_until is not None and now < session.admin_until
    idle = describe.is_idle(session, now)
    badges = [say("idle")] * idle + [say("admin_mode")] * admin
    end = session.ends_at
    # A button's name must tell its session from every other on the page.
    call = f"{title}, {session.ip}"
    return Row(
        id=session.id,
        short_id=session.short_id,
        picture=session.device.kind,
        title=title,
        call=call if alone else f"{call}, {say('session_of', short_id=session.short_id)}",
        badges=tuple(badges),
        sub=describe.subline(session),
        ip=session.ip,
        ago=describe.ago(session.last_active_at, now, zone),
        active=describe.rfc3339(session.last_active_at),
        active_at=describe.when(session.last_active_at, zone),
        since=describe.signed_in(session.signed_in_at, now, zone),
        signed_in=describe.when(session.signed_in_at, zone),
        expires=say("no_limit") if end is None else describe.when(end, zone),
        method=describe.method(session),
        device=device_name(session.device),
        user_agent=session.user_agent,
        idle=idle,
        live=describe.is_live(session, now),
    )


def _zone_name(zone: tzinfo, now: int) -> str:
    return str(zone) or describe.when(now, zone).rpartition(" ")[2]


# ── templates ────────────────────────────────────────────────────────────────────────────────


def _fragment(title: str, template: str, urls: Urls, **values: Any) -> Fragment:
    body = _environment().get_template(template).render(title=title, urls=urls, **values)
    return Fragment(title, f'<link rel="stylesheet" href="{urls.static(STYLESHEET)}">', body)


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("signedin"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    environment.globals["say"] = say
    return environment


@cache
def _digest(name: str) -> str:
    return sha256(files("signedin").joinpath("static", name).read_bytes()).hexdigest()[:12]
