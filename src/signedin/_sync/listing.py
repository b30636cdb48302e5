# Generated from _async by scripts/unasync.py; edit that one.
"""The flow's part that looks: at a user's sessions, at all of them, at what has ended."""

from __future__ import annotations

import builtins
from collections.abc import Collection, Iterable, Iterator
from dataclasses import replace
from operator import attrgetter
from typing import Final, Literal

from ..outcomes import Found, FoundEnded, Listed, Matching
from ..policy import HISTORY_AGE
from ..reasons import REASONS, Reason
from ..selector import Selector, text_range
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
from ..steps import Counts, Query
from ..token import Token
from .core import PAGE, Core

BUSIEST: Final = 5


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

    def find(self, session_id: SessionId) -> Session | None:
        """The active session with this id, whoever's it is: for operators."""
        record = self.store.find(session_id)
        found = [] if record is None else _active((record,), self.clock())
        return found[0] if found else None

    def search(self, selector: Selector) -> Iterator[Session]:
        """The active sessions that the selector means, one page in memory: of named users most recent
        first, else all of a user together.
        """
        if selector.users:
            for session in self.list(selector.users):
                if selector.matches(session, self.clock()):
                    yield session
            return
        query: Query | None = _query(selector, self.clock(), "key", PAGE)
        while query is not None:
            page = self.store.search(query)
            for session in self._meant(selector, page.records):
                yield session
            query = None if page.cursor is None else query._replace(cursor=page.cursor)

    def search_page(
        self,
        selector: Selector,
        *,
        cursor: str | None = None,
        limit: int = 50,
        look_through: int | None = None,
    ) -> Found:
        """A page of what the selector means, in an order that the store has at hand: most recently
        active first where it can find what is meant by itself, else by address or by key; what fits
        on one page is most recent first in any case. cursor: of the page before, for the same
        selector. look_through: about how many sessions to look at before giving a shorter page; None:
        all.

        Raises ValueError for a cursor that is none.
        """
        if selector.users:
            everything = [session for session in self.search(selector)]
            start = _number(cursor)
            end = start + limit
            return Found(tuple(everything[start:end]), str(end) if len(everything) > end else None)
        query = _query(selector, self.clock(), _order(selector), limit)._replace(cursor=cursor)
        found: builtins.list[Session] = []
        looked = 0
        while True:
            page = self.store.search(query)
            meant = self._meant(selector, page.records)
            if len(found) + len(meant) > limit:
                # A long page held more than are wanted: as far as the last wanted one, and no further.
                last = meant[limit - len(found) - 1].id
                place = [record.id for record in page.records].index(last)
                page = self.store.search(query._replace(limit=place + 1))
                meant = self._meant(selector, page.records)
            found += meant
            looked += len(page.records)
            full = len(found) >= limit
            if page.cursor is None or full or (look_through is not None and looked >= look_through):
                if cursor is None and page.cursor is None:
                    found = _recent_first(found)
                return Found(tuple(found), page.cursor, page.cursor is not None and not full)
            query = query._replace(cursor=page.cursor, limit=max(PAGE, limit))

    def search_ended(
        self,
        selector: Selector,
        *,
        cursor: str | None = None,
        limit: int = 50,
        look_through: int | None = None,
    ) -> FoundEnded:
        """A page of what ended in the last 30 days and the selector means, the latest first."""
        since = self.clock() - HISTORY_AGE
        found: builtins.list[EndedSession] = []
        if selector.users:
            for user_id in selector.users:
                found += self.store.history(user_id, since)
            found = [ended for ended in found if selector.matches_ended(ended)]
            found.sort(key=lambda ended: (-ended.ended_at, ended.id))
            start = _number(cursor)
            end = start + limit
            return FoundEnded(tuple(found[start:end]), str(end) if len(found) > end else None)
        looked, size = 0, limit
        while True:
            page = self.store.search_ended(since, cursor, size)
            meant = [ended for ended in page.sessions if selector.matches_ended(ended)]
            if len(found) + len(meant) > limit:
                last = meant[limit - len(found) - 1]
                page = self.store.search_ended(since, cursor, page.sessions.index(last) + 1)
                meant = [ended for ended in page.sessions if selector.matches_ended(ended)]
            found += meant
            looked += len(page.sessions)
            cursor, size = page.cursor, max(PAGE, limit)
            full = len(found) >= limit
            if cursor is None or full or (look_through is not None and looked >= look_through):
                return FoundEnded(tuple(found), cursor, cursor is not None and not full)

    def matching(self, selector: Selector, *, spared: Collection[SessionId] = ()) -> Matching:
        """How many sessions of how many users a selector means now: what a revocation would end."""
        if selector.is_everybody and not spared:
            counts = self.store.counts(self.clock())
            return Matching(counts.sessions, counts.users)
        # A user's sessions come together, so no more than a user at a time is counted.
        sessions, users, last, of_last = 0, 0, "", 0
        busiest: builtins.list[tuple[str, int]] = []
        for session in self.search(selector):
            if session.id not in spared:
                if session.user_id != last:
                    busiest = _busiest(busiest, last, of_last)
                    last, of_last, users = session.user_id, 0, users + 1
                sessions, of_last = sessions + 1, of_last + 1
        return Matching(sessions, users, tuple(_busiest(busiest, last, of_last)))

    def counts(self) -> Counts:
        """How much there is, of everybody; one read, which may take a moment."""
        return self.store.counts(self.clock())

    def _meant(self, selector: Selector, records: Iterable[Record]) -> builtins.list[Session]:
        now = self.clock()
        return [session for session in _active(records, now) if selector.matches(session, now)]

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
                elif facts is not None and since < (facts.acting_until or 0) <= now:
                    word = "acting_ended"
            if word != "active":
                closing[session_id, since] = word
        return closing


def _order(selector: Selector) -> Literal["key", "recent", "ip"]:
    """In which order a page is found without looking at everything each time."""
    if selector.ip is not None:
        return "ip"
    by_store = replace(selector, session=None, idle=None, seen=None, remembered=None)
    return "recent" if by_store.is_everybody else "key"


def _query(selector: Selector, now: int, order: Literal["key", "recent", "ip"], limit: int) -> Query:
    """What a store can narrow the search for a selector by."""
    return Query(
        limit,
        order,
        beginning=selector.session or "",
        ip=None if selector.ip is None else text_range(selector.ip),
        active_from=None if selector.seen is None else now - selector.seen,
        active_to=None if selector.idle is None else now - selector.idle,
        remembered=selector.remembered,
    )


def _number(cursor: str | None) -> int:
    if cursor is None:
        return 0
    if not (cursor.isascii() and cursor.isdigit()):
        raise ValueError(f"{cursor!r} is not a cursor of this list.")
    return int(cursor)


def _busiest(
    busiest: builtins.list[tuple[str, int]], user_id: str, count: int
) -> builtins.list[tuple[str, int]]:
    """These and one more user, if there is one: the few with most sessions."""
    if not count:
        return busiest
    return sorted([*busiest, (user_id, count)], key=lambda pair: -pair[1])[:BUSIEST]


def _active(records: Iterable[Record], now: int) -> builtins.list[Session]:
    """The public sessions of those records that would validate now."""
    sessions = []
    for record in records:
        if judge(record.last_active_at, record.idle_timeout, record.expires_at, now) == "active":
            facts = decode_tail(record.tail)
            if facts is not None:
                sessions.append(session_of(record, facts, now))
    return sessions


def _recent_first(sessions: builtins.list[Session]) -> builtins.list[Session]:
    """Sorted by last activity, the latest first; ties by sign-in, then by id."""
    sessions.sort(key=_BY_ID)
    sessions.sort(key=_BY_ACTIVITY, reverse=True)
    return sessions


_BY_ID = attrgetter("id")
_BY_ACTIVITY = attrgetter("last_active_at", "signed_in_at")
