# Generated from _async by scripts/unasync.py; edit that one.
"""The flow's part that looks: at a user's sessions, at all of them, at what has ended."""

from __future__ import annotations

import builtins
from collections.abc import Collection, Iterable, Iterator
from operator import attrgetter

from ..outcomes import Listed
from ..policy import HISTORY_AGE
from ..reasons import REASONS, Reason
from ..selector import Selector
from ..session import (
    EndedSession,
    Record,
    Session,
    SessionId,
    checked_user_id,
    decode_tail,
    judge,
    session_of,
)
from ..token import Token
from .core import PAGE, Core


class Listing(Core):
    """Looking has no side effects, and what is listed is what would validate (L2)."""

    def overview(self, user_id: str | int) -> Listed:
        """A user's active sessions and the number of remembered browsers beside them; one read (L2)."""
        found, now = self.store.for_user(checked_user_id(user_id)), self.clock()
        sessions = _recent_first(_active(found.records, now))
        ids = {session.id for session in sessions}
        with_session = {record.series for record in found.records if record.id in ids}
        return Listed(tuple(sessions), len(found.series - with_session))

    def list(self, users: str | int | Iterable[str | int] | None) -> builtins.list[Session]:
        """The active sessions of one user, of several, or (None) of all users: most recently active
        first. For all users of a large site take :meth:`search`, which holds one page in memory.
        """
        if users is None:
            everything = [session for session in self.search(Selector())]
            return _recent_first(everything)
        if isinstance(users, (str, int)):
            users = (users,)
        several = []
        for user in users:
            found = self.store.for_user(checked_user_id(user))
            several += _active(found.records, self.clock())
        return _recent_first(several)

    def search(self, selector: Selector) -> Iterator[Session]:
        """The active sessions that the selector means: of named users most recent first, else in
        the store's order.
        """
        if selector.users:
            for session in self.list(selector.users):
                if selector.matches(session, self.clock()):
                    yield session
            return
        cursor = None
        while True:
            page = self.store.search(cursor, PAGE)
            for session in _active(page.records, self.clock()):
                if selector.matches(session, self.clock()):
                    yield session
            cursor = page.cursor
            if cursor is None:
                return

    def history(self, user_id: str | int) -> builtins.list[EndedSession]:
        """What ended for a user in the last 30 days, the latest first, 200 at most (E8)."""
        return self.store.history(checked_user_id(user_id), self.clock() - HISTORY_AGE)

    def why_ended(self, token: str | None) -> Reason | None:
        """Why the session of a dead token ended, for the browser that holds it and only for it (E8).

        None when there is nothing to tell: an unknown or wrong token, a sign-out of one's own.
        """
        parsed = Token.parse(token)
        if parsed is None:
            return None
        session_id = SessionId(parsed.id)
        record = self.store.find(session_id)
        if record is not None:
            verdict: str = record.judge(self.clock())
            secret_hash = record.secret_hash
        else:
            entry = self.store.find_ended(session_id)
            if entry is None:
                return None
            verdict, secret_hash = entry.session.reason, entry.secret_hash
        reason = REASONS.get(verdict)
        told = reason is not None and reason.told != "no" and parsed.matches(secret_hash)
        return reason if told else None

    def connections_to_close(
        self, opened: Collection[tuple[SessionId, int]]
    ) -> dict[tuple[SessionId, int], str]:
        """Which of these connections, each a session and the time since when it is open, must be
        closed, and the word for why (E10). One read for all of them; no touch.
        """
        found = self.store.find_many(tuple({session_id for session_id, _ in opened}))
        records, now = {record.id: record for record in found}, self.clock()
        closing: dict[tuple[SessionId, int], str] = {}
        for session_id, since in opened:
            record = records.get(session_id)
            if record is None:
                entry = self.store.find_ended(session_id)
                word: str = "ended" if entry is None else entry.session.reason
            else:
                facts = decode_tail(record.tail)
                word = "unreadable" if facts is None else record.judge(now)
                if facts is not None and facts.connections_cut_at >= since:
                    word = "credentials_changed"
            if word != "active":
                closing[session_id, since] = word
        return closing


def _active(records: Iterable[Record], now: int) -> builtins.list[Session]:
    """The public sessions of those records that would validate now."""
    sessions = []
    for record in records:
        if judge(record.last_active_at, record.idle_timeout, record.expires_at, now) == "active":
            facts = decode_tail(record.tail)
            if facts is not None:
                sessions.append(session_of(record, facts))
    return sessions


def _recent_first(sessions: builtins.list[Session]) -> builtins.list[Session]:
    """Sorted by last activity, the latest first; ties by sign-in, then by id."""
    sessions.sort(key=_BY_ID)
    sessions.sort(key=_BY_ACTIVITY, reverse=True)
    return sessions


_BY_ID = attrgetter("id")
_BY_ACTIVITY = attrgetter("last_active_at", "signed_in_at")
