# Generated from _async by scripts/unasync.py; edit that one.
"""The admin page and its JSON as plain functions: a call in, a reply out. Start reading here.

The table of routes is in ``admin.py`` of the rules; the method that answers a route has its name.
What a route needs to be allowed is asked of the host at each request.
"""

from __future__ import annotations

from typing import Final

import msgspec

from .. import admin_page
from ..admin import find_admin
from ..admin_api import audit_json, sessions_csv
from ..api import history_json, list_json
from ..errors import StoreUnavailable
from ..messages import say
from ..outcomes import Found
from ..policy import DAY
from ..replies import (
    PRIVATE,
    RETRY_AFTER,
    SECURITY_HEADERS,
    Call,
    Reply,
    outage,
    problem,
)
from ..selector import Selector
from ..session import Session, parse_session_id
from ..steps import Counts
from .admin_acting import AdminActing
from .admin_core import COUNTED_FOR, AdminHost, masked
from .request import Exchange

ROWS: Final = 50
LOOK_THROUGH: Final = 20_000
"""So many sessions a page looks at in vain before it asks whether to go on."""
EXPORT_MOST: Final = 10_000


def admin_answer(call: Call, exchange: Exchange, host: AdminHost) -> Reply:
    """The reply to a call; an outage is told as one."""
    routes = AdminRoutes(call, exchange, host)
    try:
        return routes.answer()
    except StoreUnavailable as error:
        return routes.message(503, *outage(error), headers=RETRY_AFTER)


class AdminRoutes(AdminActing):
    """Looking: at everybody's sessions, at one user's, at the trail."""

    def answer(self) -> Reply:
        """Find the route. Without the right to it, it isn't there."""
        own = self._exchange.session
        if own is None:
            return self._sign_in_first()
        self._rights = self._find_rights(own)
        found = find_admin(self._call.method, self._call.path)
        if found is None:
            return self._not_found()
        route, self._ids = found
        if route.action is not None and route.action not in self._rights:
            return self._not_found()
        if route.fresh and not own.is_fresh(self._now, self._sessions.settings.fresh_ms):
            return self._credentials_first()
        reply: Reply = getattr(self, f"_{route.name}")()
        return reply

    def _entrance(self) -> Reply:
        return Reply.redirect(self._urls.sessions, PRIVATE)

    # ── everybody's sessions ─────────────────────────────────────────────────────────────────

    def _overview(self) -> Reply:
        return self._list(self._call.query.get("cursor") or None, shown=None)

    def _show_ips(self) -> Reply:
        """The same page with the addresses of the chosen rows, or of all: once, and written down."""
        chosen = frozenset(filter(None, map(parse_session_id, self._call.ids)))
        return self._list(self._call.form.get("cursor") or None, shown=chosen)

    def _list(self, cursor: str | None, *, shown: frozenset[str] | None) -> Reply:
        """shown: whose addresses are shown, none in it for all; None: nobody's."""
        text = self._text()
        selector, hints = self._read(text)
        try:
            found = self._sessions.search_page(
                selector, cursor=cursor, limit=ROWS, look_through=LOOK_THROUGH
            )
        except ValueError:  # a cursor that somebody made up, or of another search
            if self._call.wants_json:
                return self._bad_cursor()
            return Reply.redirect(self._urls.search(text), PRIVATE)
        sessions = self._with_ips(found.sessions, shown, str(selector))
        if self._call.wants_json:
            return self._list_json(found, sessions)
        counts = self._counts()
        view = self._view(_everyone(sessions))
        fragment = admin_page.sessions_page(
            view,
            sessions,
            text=text,
            hints=hints,
            counts=counts,
            counted_at=self._host.counted.at,
            idle_after=self._idle_after(),
            cursor=cursor,
            next_cursor=found.cursor,
            looked_through=found.looked_through,
            open_ips=shown is not None,
        )
        return self._page(fragment)

    def _with_ips(
        self, sessions: tuple[Session, ...], shown: frozenset[str] | None, about: str
    ) -> list[Session]:
        """The sessions as they may be shown; what is shown of addresses is in the trail first."""
        if shown is None:
            return masked(sessions)
        opened = [session for session in sessions if not shown or session.id in shown]
        about = " ".join(f"session:{session.id}" for session in opened[:5]) if shown else about
        users = len({session.user_id for session in opened})
        self._record("reveal_ip", about, sessions=len(opened), users=users)
        ids = {session.id for session in opened}
        return [s if s.id in ids else masked([s])[0] for s in sessions]

    def _list_json(self, found: Found, sessions: list[Session]) -> Reply:
        people = self._people(_everyone(sessions))

        def describe(user_id: str) -> dict[str, str | None]:
            person = people.get(user_id)
            return {} if person is None else {"username": person.username, "name": person.name}

        document = list_json(sessions, current=self._own.id, now=self._now, user=describe)
        return Reply.json(msgspec.structs.replace(document, next_cursor=found.cursor), headers=PRIVATE)

    def _counts(self) -> Counts:
        """How much there is, as of half a minute ago at most."""
        known = self._host.counted
        if known.counts is None or not 0 <= self._now - known.at < COUNTED_FOR:
            known.counts, known.at = self._sessions.counts(), self._now
        return known.counts

    def _idle_after(self) -> int:
        """After how long a session counts as idle, by the policy of today; see ``is_idle``."""
        policy = self._sessions.settings.policy
        lifetime = policy.idle_ms
        if lifetime is None:
            lifetime = policy.expires_at(0) or 0
        return max(DAY, lifetime // 2)

    def _export(self) -> Reply:
        selector, hints = self._read(self._text())
        if hints:
            return self._refused(hints)
        sessions: list[Session] = []
        for session in self._sessions.search(selector):
            if len(sessions) == EXPORT_MOST:
                heading = say("admin_export_too_many", most=EXPORT_MOST)
                detail = say("admin_export_too_many_text")
                return self.message(422, "too_many_sessions", heading, detail)
            sessions.append(session)
        users = {session.user_id for session in sessions}
        if "reveal_ip" in self._rights:
            self._record("export", str(selector), sessions=len(sessions), users=len(users))
        else:
            sessions = masked(sessions)
        text = sessions_csv(sessions, self._people(users), self._now)
        headers = (
            ("content-type", "text/csv; charset=utf-8"),
            ("content-disposition", 'attachment; filename="active-sessions.csv"'),
        )
        # The mark at the beginning tells spreadsheets that it is UTF-8.
        return Reply(200, (*headers, *SECURITY_HEADERS, *PRIVATE), ("\ufeff" + text).encode())

    # ── one user ─────────────────────────────────────────────────────────────────────────────

    def _user(self) -> Reply:
        return self._of_user(shown=None)

    def _show_user_ips(self) -> Reply:
        return self._of_user(shown=frozenset(filter(None, map(parse_session_id, self._call.ids))))

    def _of_user(self, *, shown: frozenset[str] | None) -> Reply:
        user_id = self._ids["user"]
        person = self._person(user_id)
        if person is None:
            return self._not_found()
        listed = self._sessions.overview(user_id)
        sessions = self._with_ips(listed.sessions, shown, str(Selector(users=(user_id,))))
        if self._call.wants_json:
            return self._list_json(Found(tuple(sessions), None), sessions)
        ended = self._sessions.history(user_id) if "history" in self._rights else []
        fragment = admin_page.user_page(
            self._view([user_id, *_everyone(sessions)]),
            user_id,
            sessions,
            masked(ended),
            open_ips=shown is not None,
            may_act="act_as" in self._rights and self._may_be_acted_as(user_id, person),
        )
        return self._page(fragment)

    def _user_history(self) -> Reply:
        user_id = self._ids["user"]
        if self._person(user_id) is None:
            return self._not_found()
        ended = masked(self._sessions.history(user_id))
        return Reply.json(history_json(ended), headers=PRIVATE)

    # ── the trail ────────────────────────────────────────────────────────────────────────────

    def _audit(self) -> Reply:
        text = self._call.query.get("cursor", "")
        if text and not (text.isascii() and text.isdigit() and len(text) < 16):
            return self._bad_cursor()
        cursor = int(text) if text else None
        page = self._sessions.audit_trail(cursor=cursor, limit=ROWS)
        if self._call.wants_json:
            return Reply.json(audit_json(page), headers=PRIVATE)
        view = self._view(admin_page.told_of(page.runs))
        return self._page(admin_page.audit_page(view, page, cursor=cursor))

    def _bad_cursor(self) -> Reply:
        return problem(422, "bad_cursor", say("admin_bad_cursor"))


def _everyone(sessions: list[Session]) -> list[str]:
    """The ids of all users whom these sessions tell of."""
    acted = [session.acting_as for session in sessions if session.acting_as is not None]
    return [session.user_id for session in sessions] + acted
