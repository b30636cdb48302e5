# Generated from _async by scripts/unasync.py; edit that one.
"""What every store does: the contract on one page.

Each verb is one atomic step: all of it happens or none. Times are integers, milliseconds since the
epoch, passed in; a store has no clock. What is missing is None, False, zero or empty; an exception
means that the system is broken: :class:`~signedin.errors.StoreUnavailable` when nothing was
changed, :class:`~signedin.errors.AnswerUnknown` when that can't be told.

Creating never overwrites, and touching never creates: every write to an existing session is
conditional on its still being there, so a slow request brings nothing back. Every verb that takes a
user compares the stored user id, for two users may have equal tags.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from ...audit import AuditEntry, AuditLog, AuditPage, AuditRun
from ...remember_me import Series
from ...session import EndedRecord, EndedSession, Record, SessionId
from ...steps import (
    Added,
    Batch,
    Counts,
    Ended,
    EndedPage,
    Ending,
    EndingEverybody,
    Exported,
    Imported,
    Page,
    Query,
    Refusal,
    Resumption,
    Rotation,
    SignIn,
    Swept,
    Touch,
    UserRecords,
    UserSessions,
)
from ...visitor import Visitor


class Store(Protocol):
    """Keeps sessions."""

    def find(self, session_id: SessionId) -> Record | None:
        """The record, dead or alive. The hot path: one read, no write."""

    def find_with_data(self, session_id: SessionId) -> tuple[Record | None, bytes | None]:
        """The record and its data bag, in one read."""

    def find_many(self, session_ids: Sequence[SessionId]) -> list[Record]:
        """Those of the records that are there, in one read."""

    def find_ended(self, session_id: SessionId) -> EndedRecord | None:
        """The history's entry of a session."""

    def find_series(self, series_id: str) -> tuple[Series, Record | EndedRecord | None] | None:
        """A series by its id (48 hex digits), and its session or what remains of it."""

    def for_user(self, user_id: str) -> UserSessions:
        """All records of a user and the keys of the user's series, in one read."""

    def history(self, user_id: str, since: int) -> list[EndedSession]:
        """What ended at or after ``since``: the latest first, 200 at most."""

    def search(self, query: Query) -> Page:
        """Records that the query doesn't exclude, dead ones included, a page at a time."""

    def search_ended(self, since: int, cursor: str | None, limit: int) -> EndedPage:
        """What ended at or after ``since`` for anybody, the latest first, a page at a time."""

    def counts(self, now: int) -> Counts:
        """How much there is; one read, which may take a moment."""

    def add(self, sign_in: SignIn) -> Added | Refusal:
        """Refuse if the barrier forbids it; end the replaced session and evict beyond the cap (the
        new one always survives); add the record and its series.
        """

    def resume(self, resumption: Resumption) -> Added | Refusal:
        """As ``add``, if the series' hash is as expected; the series' earlier session ends."""

    def touch(self, touches: Sequence[Touch], now: int) -> None:
        """Note activity of those that are alive and were last active before ``now``; a session's
        first touch a minute after it was resumed sets its series' ``seen_at``.
        """

    def rotate(self, rotation: Rotation, now: int) -> bool:
        """A new secret and tail, if the session is alive and its hash is as expected."""

    def rename(self, user_id: str, session_id: SessionId, name: str | None, now: int) -> bool:
        """The user's own name for a live session, or None for none."""

    def end(self, ending: Ending) -> Ended:
        """End sessions of a user, forget what the reason's row says, write the history, and the
        barrier where the reason asks for it.
        """

    def end_many(self, endings: Sequence[Ending]) -> list[Ended]:
        """``end``, several at a time: one step each, or one for all."""

    def end_everybody(
        self, ending: EndingEverybody, cursor: bytes | None, limit: int, *, told: bool
    ) -> Batch:
        """End the sessions and forget the series of the next users in key order, about ``limit``
        sessions in one step, with the history. Sign-ins are stopped by the barrier for everybody. told:
        whether the ended sessions are wanted back.
        """

    def forget(self, user_id: str, *, only: bytes | None = None, keep: bytes | None = None) -> int:
        """Forget the user's series: one by its key, or all but one. How many went."""

    def raise_everybody_barrier(self, now: int) -> int:
        """Stop all sign-ins that began before ``now``, of all users. The barrier now in force."""

    def everybody_barrier(self) -> int:
        """The barrier for all users, or 0."""

    def sweep(self, now: int, limit: int) -> Swept:
        """End what has expired, at most so many; remove old history, series, barriers and visitors.
        A session whose series is removed goes on without it.
        """

    def newest(self) -> int:
        """When the most recently active session was active, or 0."""

    def data(self, session_id: SessionId) -> bytes | None:
        """The data bag of a session."""

    def set_data(self, session_id: SessionId, bag: bytes | None, now: int) -> bool:
        """Write the data bag (64 kB at most) of a live session, or remove it."""

    def find_visitor(self, visitor_id: str) -> Visitor | None:
        """A visitor by its id (48 hex digits), in time or not."""

    def keep_visitor(self, visitor: Visitor, now: int, *, new: bool) -> bool:
        """Write a visitor and its data bag (64 kB at most). new: it must not be there yet; else it must
        still be. Whether it was written.
        """

    def drop_visitor(self, visitor_id: str) -> None:
        """Remove a visitor."""

    def audit(self, entry: AuditEntry, *, once: bool = False) -> None:
        """Add an entry to the audit trail; none is ever changed or removed. once: unless its run has
        the very same entry.
        """

    def audit_run(self, run: str) -> AuditRun | None:
        """A run of the trail by its name."""

    def audit_trail(self, cursor: int | None, limit: int) -> AuditPage:
        """The runs, the latest first, a page at a time."""

    def audit_log(self, cursor: int | None, limit: int) -> AuditLog:
        """The trail's entries, the earliest first, a page at a time."""

    def export(self, cursor: str | None, limit: int) -> Exported:
        """All that is kept of about so many users, a page at a time; each user whole, whatever is
        written meanwhile.
        """

    def import_users(self, users: Sequence[UserRecords]) -> Imported:
        """Bring what is kept of each user to what another store keeps, one step a user. A barrier only
        moves forwards. What has ended in either has ended; of two records of a session the one that
        was active later stays, of two of a series the one that expires later. Series that are not
        among the given ones are forgotten: they may have been, there.
        """

    def close(self) -> None:
        """Finish what is under way and let go of the files or connections."""
