# Generated from _async by scripts/unasync.py; edit that one.
"""The Active Sessions page and its JSON API as plain functions: a call in, a reply out.

Whose sessions are meant comes from the request's own session only, never from a parameter; every
id is looked up among that user's own. The table of routes is in ``routing.py``; the method that
answers a route has its name.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, tzinfo
from hashlib import sha256
from typing import Any, Final
from urllib.parse import quote

import msgspec

from .. import page
from ..api import FailedDocument, current_json, history_json, list_json, revoke_json, session_json
from ..colours import call
from ..errors import StoreUnavailable
from ..messages import say
from ..openapi import document
from ..outcomes import Revoked
from ..page import Fragment, Urls
from ..replies import (
    PRIVATE,
    RETRY_AFTER,
    Call,
    Headers,
    Reply,
    outage,
    problem,
)
from ..routing import Route, find
from ..session import EndedSession, Session, SessionId, parse_session_id
from .request import Exchange

FLASH_SECONDS: Final = 60
ASKS_FRESH: Final = frozenset(
    {"confirm_others", "revoke_others", "revoke_selected", "confirm_everywhere", "sign_out_everywhere"}
)
"""What ends several sessions at once: with the setting ``reauth``, only from a fresh session."""


@dataclass(frozen=True)
class Host:
    """What the host application adds to the page for one request.

    layout: ``layout(title, head, body)``, the whole document, or a coroutine of it. time_zone: in
    which the person reads times; None: not known, so the browser's, and UTC where it can't tell.
    """

    urls: Urls
    layout: Callable[[str, str, str], object] = page.default_layout
    time_zone: tzinfo | None = None
    admin: str | None = None


def answer(call: Call, exchange: Exchange, host: Host) -> Reply:
    """The reply to a call; an outage is told as one."""
    routes = Routes(call, exchange, host)
    try:
        return routes.answer()
    except StoreUnavailable as error:
        return routes.message(503, *outage(error), headers=RETRY_AFTER)


class Routes:
    """One call's way through the routes."""

    def __init__(self, call: Call, exchange: Exchange, host: Host) -> None:
        self._call = call
        self._exchange = exchange
        self._sessions = exchange.sessions
        self._host = host
        self._began = exchange.started_at
        self._id: SessionId | None = None

    def answer(self) -> Reply:
        """Find the route; without a session there is nothing to see."""
        current = self._exchange.session
        if current is None:
            return self._sign_in_first()
        found = find(self._call.method, self._call.path)
        if len(found) == 2 and isinstance(found[0], Route):
            route, text = found
            if current.acting_as is not None and route.name != "sign_out":
                return self._while_acting(current.acting_as)
            self._id = parse_session_id(text)
            if text and self._id is None:
                return self._not_found()
            if route.name in ASKS_FRESH and not self._is_fresh(current):
                return self._credentials_first()
            reply: Reply = getattr(self, f"_{route.name}")(current)
            return reply
        allowed = tuple(str(method) for method in found)
        if not allowed:
            return self._not_found()
        allow = (("allow", ", ".join(allowed)),)
        return self.message(405, "method_not_allowed", say("not_allowed"), "", allow)

    # ── looking ──────────────────────────────────────────────────────────────────────────────

    def _overview(self, current: Session) -> Reply:
        listed = self._sessions.overview(current.user_id)
        now = self._sessions.clock()
        others = [session for session in listed.sessions if session.id != current.id]
        if len(others) == len(listed.sessions):  # it has ended since this request began
            return self._sign_in_first()
        if self._call.wants_json:
            everything = list_json([current, *others], current=current.id, now=now)
            return self._unless_known(everything, msgspec.structs.replace(everything, generated_at=""))
        flash = self._flash(current)
        fragment = page.active_sessions(
            current,
            others,
            chosen=self._call.query.get("filter", "all"),
            series_elsewhere=listed.remembered + sum(session.remembered for session in others),
            cap=self._sessions.settings.policy.cap_for(current.user_id),
            flash=flash,
            **self._shown(),
        )
        return self._page(fragment)

    def _current(self, current: Session) -> Reply:
        now, settings = self._sessions.clock(), self._sessions.settings
        return Reply.json(current_json(current, now=now, fresh_for=settings.fresh_ms), headers=PRIVATE)

    def _history(self, current: Session) -> Reply:
        ended = self._sessions.history(current.user_id)
        if self._call.wants_json:
            return Reply.json(history_json(ended), headers=PRIVATE)
        return self._page(page.history(ended, **self._shown()))

    def _openapi(self, current: Session) -> Reply:
        return Reply.json(document(self._host.urls.list), headers=PRIVATE)

    def _show(self, current: Session) -> Reply:
        session = self._own(current, self._id)
        if session is None:
            return self._not_found()
        if not self._call.wants_json:
            return Reply.redirect(self._host.urls.list, PRIVATE)
        now = self._sessions.clock()
        return Reply.json(session_json(session, current=current.id, now=now), headers=PRIVATE)

    def _confirm(self, current: Session) -> Reply:
        if self._id == current.id:
            return self._flashed("current")
        session = self._own(current, self._id)
        if session is not None:
            return self._page(page.confirm_revoke(session, **self._shown()))
        if self._ended(current, self._id) is not None:
            return self._flashed("already_ended")
        return self._not_found()

    def _confirm_others(self, current: Session) -> Reply:
        listed = self._sessions.overview(current.user_id)
        others = [session for session in listed.sessions if session.id != current.id]
        if not others:
            return Reply.redirect(self._host.urls.list, PRIVATE)
        return self._page(page.confirm_many("others", others, **self._shown()))

    def _confirm_everywhere(self, current: Session) -> Reply:
        listed = self._sessions.overview(current.user_id)
        return self._page(page.confirm_many("everywhere", listed.sessions, **self._shown()))

    def _shown(self) -> dict[str, Any]:
        return {
            "now": self._sessions.clock(),
            "tz": self._host.time_zone or UTC,
            "urls": self._host.urls,
            "zone_known": self._host.time_zone is not None,
        }

    # ── changing ─────────────────────────────────────────────────────────────────────────────

    def _revoke(self, current: Session) -> Reply:
        assert self._id is not None
        revoked = self._sessions.revoke(current.user_id, self._id, current=current.id)
        if revoked.kept:
            if self._call.wants_json:
                flash = page.flash_for("current")
                return problem(409, "current_session", f"{flash.title} {flash.text}")
            return self._flashed("current")
        if revoked.not_found:
            return self._not_found()
        return self._revoked("revoked" if revoked.ended else "already_ended", revoked)

    def _revoke_others(self, current: Session) -> Reply:
        revoked = self._sessions.revoke_others(current.user_id, current=current.id)
        return self._revoked("others", revoked)

    def _revoke_selected(self, current: Session) -> Reply:
        ids = [session_id for text in self._call.ids if (session_id := parse_session_id(text))]
        if not self._call.wants_json:
            if not ids:
                return self._flashed("nothing")
            if ids == [current.id]:
                return self._flashed("current")
            if self._call.form.get("confirm") != "1":
                listed = self._sessions.overview(current.user_id)
                chosen = [s for s in listed.sessions if s.id in ids and s.id != current.id]
                if chosen:
                    return self._page(page.confirm_many("selected", chosen, **self._shown()))
        revoked = self._sessions.revoke(current.user_id, ids, current=current.id)
        return self._revoked("selected", revoked)

    def _forget_others(self, current: Session) -> Reply:
        self._sessions.forget(current.user_id, keep=current.id)
        return self._flashed("forgotten")

    def _rename(self, current: Session) -> Reply:
        assert self._id is not None
        name = self._call.form.get("name", "")
        if not self._sessions.rename(current.user_id, self._id, name):
            return self._not_found()
        if self._call.wants_json:
            return self._show(current)
        return self._flashed("renamed")

    def _sign_out(self, current: Session) -> Reply:
        self._exchange.sign_out()
        return self._left()

    def _sign_out_everywhere(self, current: Session) -> Reply:
        self._exchange.sign_out_everywhere()
        return self._left()

    # ── replying ─────────────────────────────────────────────────────────────────────────────

    def _revoked(self, code: str, revoked: Revoked) -> Reply:
        """What ended: as JSON, or told by the list."""
        if self._call.wants_json:
            failed = [FailedDocument(text, "not_found") for text in revoked.not_found]
            if revoked.kept:
                assert self._exchange.session is not None
                failed.append(FailedDocument(self._exchange.session.id, "current_session"))
            told = revoke_json(
                revoked=len(revoked.ended),
                already=len(revoked.already),
                users=1,
                duration_ms=self._sessions.clock() - self._began,
                failed=failed,
            )
            return Reply.json(told, headers=PRIVATE)
        about: Sequence[object] = ()
        if code == "revoked":
            about = (revoked.ended[0].id,)
        elif code == "selected":
            about = (len(revoked.ended), int(revoked.kept), len(revoked.not_found))
        return self._flashed(code, revoked.forgotten, *about)

    def _flashed(self, code: str, *about: object) -> Reply:
        """Back to the list, which says what happened, once."""
        if self._call.wants_json:
            return Reply(204, PRIVATE)
        names = self._sessions.settings.cookies
        value = ".".join(map(str, (code, *about)))
        self._exchange.cookies.append(names.set(names.flash, value, FLASH_SECONDS))
        return Reply.redirect(self._host.urls.list + "#flash", PRIVATE)

    def _flash(self, current: Session) -> page.Flash | None:
        """What the last call did. The cookie only points: the words are ours, the name is looked up
        in the person's own history.
        """
        if self._call.flash is None:
            return None
        names = self._sessions.settings.cookies
        self._exchange.cookies.append(names.clear(names.flash))
        code, *about = self._call.flash[:100].split(".")
        numbers = [int(text) if text.isascii() and text.isdigit() else 0 for text in about]
        ended = None
        if code == "revoked":
            ended = self._ended(current, parse_session_id(about[1]) if len(about) > 1 else None)
            if ended is None:
                return None
        if code not in page.FLASHES:
            return None
        return page.flash_for(code, *numbers[:4], ended=ended)

    def _own(self, current: Session, session_id: SessionId | None) -> Session | None:
        listed = self._sessions.overview(current.user_id)
        return next((session for session in listed.sessions if session.id == session_id), None)

    def _ended(self, current: Session, session_id: SessionId | None) -> EndedSession | None:
        entry = None if session_id is None else self._sessions.store.find_ended(session_id)
        return entry.session if entry is not None and entry.session.user_id == current.user_id else None

    def _unless_known(self, value: object, without_time: object) -> Reply:
        """The document, or 304 when the caller has it: who asks every half minute reads it once."""
        tag = f'W/"{sha256(msgspec.json.encode(without_time)).hexdigest()[:24]}"'
        headers = (*PRIVATE, ("etag", tag))
        if tag in self._call.if_none_match:
            return Reply(304, headers)
        return Reply.json(value, headers=headers)

    def _page(self, fragment: Fragment, status: int = 200, headers: Headers = PRIVATE) -> Reply:
        html = call(self._host.layout, fragment.title, fragment.head, fragment.body)
        return Reply.html(str(html), status, headers)

    def message(self, status: int, code: str, title: str, text: str, headers: Headers = ()) -> Reply:
        """A problem, as a page or as JSON."""
        if self._call.wants_json:
            return problem(status, code, f"{title} {text}".strip(), headers)
        fragment = page.message(title, text, urls=self._host.urls)
        return self._page(fragment, status, (*PRIVATE, *headers))

    def _not_found(self) -> Reply:
        return self.message(404, "not_found", say("not_found"), say("not_found_text"))

    def _left(self) -> Reply:
        """After a sign-out."""
        if self._call.wants_json:
            return Reply(204, PRIVATE)
        return Reply.redirect(self._sessions.settings.sign_in_path, PRIVATE)

    def _while_acting(self, user_id: str) -> Reply:
        """The page is about the operator's own sessions, and looks as if it were about the other's."""
        if self._host.admin is None or self._call.wants_json or self._call.method != "GET":
            return problem(403, "acting_as", say("while_acting"))
        to = f"{self._host.admin}/users/{quote(user_id, safe='')}/active_sessions"
        return Reply.redirect(to, PRIVATE)

    def _is_fresh(self, current: Session) -> bool:
        settings = self._sessions.settings
        return settings.reauth == "never" or current.is_fresh(self._sessions.clock(), settings.fresh_ms)

    def _credentials_first(self) -> Reply:
        if self._call.wants_json:
            return problem(403, "reauthentication_required", "Give your credentials again.")
        return self._sign_in_first()

    def _sign_in_first(self) -> Reply:
        if self._call.wants_json:
            return problem(401, "sign_in_required", "Sign in first.")
        path = self._sessions.settings.sign_in_path
        return Reply.redirect(f"{path}?next={quote(self._host.urls.list, safe='/')}", PRIVATE)
