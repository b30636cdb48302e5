# Generated from _async by scripts/unasync.py; edit that one.
"""The Active Sessions page and its JSON API as plain functions: a call in, a reply out.

Whose sessions are meant comes from the request's own session only, never from a parameter; every
id is looked up among that user's own.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, tzinfo
from typing import Any, Final
from urllib.parse import quote

from .. import page
from ..api import list_json, revoke_json
from ..colours import call
from ..errors import AnswerUnknown, StoreUnavailable
from ..messages import say
from ..outcomes import Revoked
from ..page import Fragment, Urls
from ..replies import RETRY_AFTER, STORE_DOWN, UNKNOWN_ANSWER, Call, Headers, Reply, problem
from ..session import Session, SessionId, parse_session_id
from .request import Exchange

PRIVATE: Final[Headers] = (("cache-control", "no-store"), ("vary", "Cookie, Accept"))
FLASH_SECONDS: Final = 60


@dataclass(frozen=True)
class Host:
    """What the host application adds to the page for one request.

    layout: ``layout(title, head, body)``, the whole document, or a coroutine of it. time_zone: in
    which the person reads times.
    """

    urls: Urls
    layout: Callable[[str, str, str], object] = page.default_layout
    time_zone: tzinfo = UTC


def answer(call: Call, exchange: Exchange, host: Host) -> Reply:
    """The reply to a call; an outage is told as one."""
    routes = Routes(call, exchange, host)
    try:
        return routes.answer()
    except AnswerUnknown:
        return routes.message(503, "answer_unknown", *UNKNOWN_ANSWER, headers=RETRY_AFTER)
    except StoreUnavailable:
        return routes.message(503, "store_unavailable", *STORE_DOWN, headers=RETRY_AFTER)


class Routes:
    """One call's way through the routes."""

    def __init__(self, call: Call, exchange: Exchange, host: Host) -> None:
        self._call = call
        self._exchange = exchange
        self._sessions = exchange.sessions
        self._host = host

    def answer(self) -> Reply:
        """Find the route; without a session there is nothing to see."""
        current = self._exchange.session
        if current is None:
            return self._sign_in_first()
        match self._call.method, self._call.path.split("/"):
            case (("GET" | "HEAD"), [""]):
                return self._list(current)
            case (("GET" | "HEAD"), ["revoke_others"]):
                return self._confirm_others(current)
            case "POST", ["revoke_others"]:
                return self._revoke_others(current)
            case "POST", ["forget_others"]:
                return self._forget_others(current)
            case "POST", ["sign_out"]:
                return self._sign_out()
            case (("GET" | "HEAD"), [session_id, "revoke"]):
                return self._confirm(current, session_id)
            case ("POST", [session_id, "revoke"]) | ("DELETE", [session_id]):
                return self._revoke(current, session_id)
            case _, [] | [""] | ["revoke_others" | "forget_others" | "sign_out"] | [_, "revoke"] | [_]:
                return self._not_allowed()
        return self._not_found()

    # ── looking ──────────────────────────────────────────────────────────────────────────────

    def _list(self, current: Session) -> Reply:
        listed = self._sessions.overview(current.user_id)
        now = self._sessions.clock()
        others = [session for session in listed.sessions if session.id != current.id]
        if self._call.wants_json:
            return Reply.json(
                list_json([current, *others], current=current.id, now=now), headers=PRIVATE
            )
        flash = self._flash(current)
        fragment = page.active_sessions(
            current,
            others,
            series_elsewhere=listed.remembered + sum(session.remembered for session in others),
            cap=self._sessions.settings.policy.cap_for(current.user_id),
            now=now,
            tz=self._host.time_zone,
            urls=self._host.urls,
            flash=flash,
        )
        return self._page(fragment)

    def _confirm(self, current: Session, text: str) -> Reply:
        session_id = parse_session_id(text)
        if session_id == current.id:
            return self._done("current", None)
        for session in (self._sessions.overview(current.user_id)).sessions:
            if session.id == session_id:
                return self._page(page.confirm_revoke(session, **self._shown()))
        if session_id is not None and self._ended(current, session_id):
            return self._done("already_ended", None)
        return self._not_found()

    def _confirm_others(self, current: Session) -> Reply:
        listed = self._sessions.overview(current.user_id)
        others = [session for session in listed.sessions if session.id != current.id]
        if not others:
            return Reply.redirect(self._host.urls.list, PRIVATE)
        return self._page(page.confirm_revoke_others(others, **self._shown()))

    def _shown(self) -> dict[str, Any]:
        return {
            "now": self._sessions.clock(),
            "tz": self._host.time_zone,
            "urls": self._host.urls,
        }

    # ── ending ───────────────────────────────────────────────────────────────────────────────

    def _revoke(self, current: Session, text: str) -> Reply:
        session_id = parse_session_id(text)
        if session_id is None:
            return self._not_found()
        began = self._sessions.clock()
        revoked = self._sessions.revoke(current.user_id, session_id, current=current.id)
        if revoked.kept:
            if self._call.wants_json:
                flash = page.flash_for("current", None)
                return problem(409, "current_session", f"{flash.title} {flash.text}".strip(), PRIVATE)
            return self._done("current", None)
        if revoked.not_found:
            return self._not_found()
        return self._done("revoked" if revoked.ended else "already_ended", revoked, began)

    def _revoke_others(self, current: Session) -> Reply:
        began = self._sessions.clock()
        revoked = self._sessions.revoke_others(current.user_id, current=current.id)
        return self._done("others", revoked, began)

    def _forget_others(self, current: Session) -> Reply:
        self._sessions.forget(current.user_id, keep=current.id)
        return self._done("forgotten", None)

    def _sign_out(self) -> Reply:
        self._exchange.sign_out()
        if self._call.wants_json:
            return Reply(204, PRIVATE)
        return Reply.redirect(self._sessions.settings.sign_in_path, PRIVATE)

    # ── replying ─────────────────────────────────────────────────────────────────────────────

    def _done(self, code: str, revoked: Revoked | None, began: int = 0) -> Reply:
        """Back to the list, which says what happened, once; or the result as JSON."""
        if self._call.wants_json and revoked is not None:
            took = self._sessions.clock() - began
            told = revoke_json(
                revoked=len(revoked.ended), already=len(revoked.already), users=1, duration_ms=took
            )
            return Reply.json(told, headers=PRIVATE)
        if self._call.wants_json:
            return Reply(204, PRIVATE)
        names = self._sessions.settings.cookies
        ended = () if revoked is None else revoked.ended
        about = ended[0].id if code == "revoked" else ""
        value = f"{code}.{0 if revoked is None else revoked.forgotten}.{about}"
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
        code, _, rest = self._call.flash.partition(".")
        forgotten, _, about = rest.partition(".")
        session_id = parse_session_id(about)
        ended = None if session_id is None else self._ended(current, session_id)
        if code not in page.FLASHES or (code == "revoked" and ended is None):
            return None
        return page.flash_for(code, ended, forgotten=forgotten != "0")

    def _ended(self, current: Session, session_id: SessionId) -> Any:
        entry = self._sessions.store.find_ended(session_id)
        return entry.session if entry is not None and entry.session.user_id == current.user_id else None

    def _page(self, fragment: Fragment, status: int = 200, headers: Headers = PRIVATE) -> Reply:
        html = call(self._host.layout, fragment.title, fragment.head, fragment.body)
        return Reply.html(str(html), status, headers)

    def message(self, status: int, code: str, title: str, text: str, headers: Headers = ()) -> Reply:
        """A problem, as a page or as JSON."""
        if self._call.wants_json:
            return problem(status, code, f"{title} {text}".strip(), (*PRIVATE, *headers))
        fragment = page.message(title, text, urls=self._host.urls)
        return self._page(fragment, status, (*PRIVATE, *headers))

    def _not_found(self) -> Reply:
        return self.message(404, "not_found", say("not_found"), say("not_found_text"))

    def _not_allowed(self) -> Reply:
        return self.message(405, "method_not_allowed", say("not_allowed"), "")

    def _sign_in_first(self) -> Reply:
        if self._call.wants_json:
            return problem(401, "sign_in_required", "Sign in first.", PRIVATE)
        path = self._sessions.settings.sign_in_path
        return Reply.redirect(f"{path}?next={quote(self._host.urls.list, safe='/')}", PRIVATE)
