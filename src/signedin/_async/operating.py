"""The flow's part for operators: ending many sessions in batches, and the trail of what was done.

What is meant is what :meth:`search` finds, so what is listed is what is revoked. A run can be stopped
between two batches, and simply be run again. Each is in the audit trail from before its first batch.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, Final

from ..audit import AuditEntry, AuditPage, AuditRun, Outcome, new_run
from ..colours import async_call
from ..errors import AnswerUnknown, StoreUnavailable
from ..events import log_wanted
from ..outcomes import RevokedMany
from ..reasons import REASONS
from ..selector import Selector
from ..session import Session, SessionId
from ..steps import AllBut, Ended, Ending, EndingEverybody, Only
from .core import PAGE
from .endings import AsyncEndings
from .listing import AsyncListing

AT_ONCE: Final = 20_000
"""About how many sessions of everybody end in one step."""
REPORT_EVERY: Final = 1000
"""Milliseconds between entries of a run that goes on."""
NAMED: Final = 5
"""How many sessions of a run the trail calls by their ids."""
REASON: Final = REASONS["revoked_by_operator"]


class AsyncOperating(AsyncListing, AsyncEndings):
    """What operators do: see :class:`Run` for what every run is told."""

    async def revoke_matching(
        self,
        selector: Selector,
        *,
        operator: str,
        reason: str | None = None,
        origin: str | None = None,
        spared: Collection[SessionId] = (),
        run: str | None = None,
        progress: Callable[[RevokedMany], object] | None = None,
        stop: Callable[[], object] | None = None,
    ) -> RevokedMany:
        """End all sessions that the selector means, of whichever users, and turn off Remember me for
        those users. Everybody's sign-ins under way are stopped when all sessions of all users end, a
        user's when all of theirs do.

        operator, reason, origin, run: for the audit trail. spared: sessions that go on. progress:
        called after each batch. stop: asked before each; true ends the run. An outage on the way is
        told by the answer; one before anything was done is raised.
        """
        work = await self.begin_matching(
            selector,
            operator=operator,
            reason=reason,
            origin=origin,
            spared=spared,
            run=run,
            progress=progress,
            stop=stop,
        )
        done: RevokedMany = await work()
        return done

    async def begin_matching(
        self, selector: Selector, *, spared: Collection[SessionId] = (), **told: Any
    ) -> Callable[[], Any]:
        """Write the start of :meth:`revoke_matching` into the trail; what comes back does the rest."""
        work = await self._begin("revoke", str(selector), **told)
        spare = tuple(spared)
        if selector.is_everybody and len(spare) < 2:
            return partial(work.through, partial(self._everybody, work, spare[0] if spare else None))
        if selector.is_whole_users and not spare:
            return partial(work.through, partial(self._whole_users, work, selector.users))
        return partial(work.through, partial(self._matching, work, selector, frozenset(spare)))

    async def revoke_these(
        self,
        session_ids: Iterable[SessionId],
        *,
        operator: str,
        reason: str | None = None,
        origin: str | None = None,
        run: str | None = None,
        progress: Callable[[RevokedMany], object] | None = None,
        stop: Callable[[], object] | None = None,
    ) -> RevokedMany:
        """End the sessions with these ids, whoever's they are; see :meth:`revoke_matching`."""
        work = await self.begin_these(
            session_ids,
            operator=operator,
            reason=reason,
            origin=origin,
            run=run,
            progress=progress,
            stop=stop,
        )
        done: RevokedMany = await work()
        return done

    async def begin_these(self, session_ids: Iterable[SessionId], **told: Any) -> Callable[[], Any]:
        """The same of :meth:`revoke_these`."""
        ids = tuple(dict.fromkeys(session_ids))
        more = f" and {len(ids) - NAMED} more" if ids[NAMED:] else ""
        about = " ".join(f"session:{session_id}" for session_id in ids[:NAMED]) + more
        work = await self._begin("revoke", about, **told)
        return partial(work.through, partial(self._these, work, ids))

    async def revoke_everyone(
        self,
        *,
        operator: str,
        reason: str | None = None,
        origin: str | None = None,
        progress: Callable[[RevokedMany], object] | None = None,
    ) -> RevokedMany:
        """End all sessions of all users: :meth:`revoke_matching` with nothing narrowed down."""
        return await self.revoke_matching(
            Selector(), operator=operator, reason=reason, origin=origin, progress=progress
        )

    # ── the trail ────────────────────────────────────────────────────────────────────────────

    async def record(
        self,
        action: str,
        about: str,
        *,
        operator: str,
        reason: str | None = None,
        origin: str | None = None,
        sessions: int = 0,
        users: int = 0,
    ) -> str:
        """Add to the trail what an operator did in one go; the run's name."""
        run = new_run()
        entry = AuditEntry(run, self.clock(), "done", operator, action, about, reason, origin)
        await self.store.audit(replace(entry, sessions=sessions, users=users))
        return run

    async def stop_run(self, run: str) -> bool:
        """Ask a run, in whichever process, to stop before its next batch; False if it is over."""
        found = await self.store.audit_run(run)
        if found is None or found.last.is_over:
            return False
        await self.store.audit(replace(found.last, at=self.clock(), outcome="stopping"))
        return True

    async def audit_run(self, run: str) -> AuditRun | None:
        """A run as its last entry left it."""
        return await self.store.audit_run(run)

    async def audit_trail(self, *, cursor: int | None = None, limit: int = 50) -> AuditPage:
        """What operators did, the latest first."""
        return await self.store.audit_trail(cursor, limit)

    # ── runs ─────────────────────────────────────────────────────────────────────────────────

    async def _begin(
        self,
        action: str,
        about: str,
        *,
        operator: str,
        reason: str | None = None,
        origin: str | None = None,
        run: str | None = None,
        progress: Callable[[RevokedMany], object] | None = None,
        stop: Callable[[], object] | None = None,
    ) -> AsyncRun:
        """A run, written down before it does anything."""
        entry = AuditEntry(
            run or new_run(), self.clock(), "started", operator, action, about, reason, origin
        )
        await self.store.audit(entry)
        return AsyncRun(self, entry, progress, stop)

    async def _everybody(self, work: AsyncRun, spared: SessionId | None) -> None:
        now = self.clock()
        await self.store.raise_everybody_barrier(now)
        cursor, told = None, bool(self._listeners[1:]) or log_wanted()
        while await work.goes_on():
            ending = EndingEverybody(REASON, work.entry.actor, self.clock(), spared)
            batch = await self.store.end_everybody(ending, cursor, AT_ONCE, told=told)
            await self._announce(batch.told)
            await work.did(batch.sessions, 0, batch.users, batch.forgotten)
            cursor = batch.cursor
            if cursor is None:
                return

    async def _whole_users(self, work: AsyncRun, user_ids: Sequence[str]) -> None:
        for start in range(0, len(user_ids), PAGE):
            users = user_ids[start : start + PAGE]
            if not await work.goes_on():
                return
            now = self.clock()
            endings = [Ending(u, AllBut(None), REASON, work.entry.actor, now) for u in users]
            await self._end_batch(work, endings, 0)

    async def _matching(self, work: AsyncRun, selector: Selector, spared: Collection[SessionId]) -> None:
        batch: list[Session] = []
        async for session in self.search(selector):
            if session.id in spared:
                continue
            # A user's sessions come together; a batch is full between two users.
            if len(batch) >= PAGE and batch[-1].user_id != session.user_id:
                if not await work.goes_on():
                    return
                await self._end_sessions(work, batch)
                batch = []
            batch.append(session)
        if batch and await work.goes_on():
            await self._end_sessions(work, batch)

    async def _these(self, work: AsyncRun, ids: Sequence[SessionId]) -> None:
        for start in range(0, len(ids), PAGE):
            part = ids[start : start + PAGE]
            if not await work.goes_on():
                return
            live = {record.id: record.user_id for record in await self.store.find_many(part)}
            owners: dict[SessionId, str] = {}
            for session_id in part:
                if session_id in live:
                    owners[session_id] = live[session_id]
                    continue
                entry = await self.store.find_ended(session_id)
                if entry is None:
                    work.done = replace(work.done, not_found=(*work.done.not_found, session_id))
                else:
                    owners[session_id] = entry.session.user_id
            await self._end_ids(work, owners)

    async def _end_sessions(self, work: AsyncRun, sessions: Sequence[Session]) -> None:
        await self._end_ids(work, {session.id: session.user_id for session in sessions})

    async def _end_ids(self, work: AsyncRun, owners: dict[SessionId, str]) -> None:
        now = self.clock()
        of_user: dict[str, list[SessionId]] = {}
        for session_id, user_id in owners.items():
            of_user.setdefault(user_id, []).append(session_id)
        endings = [
            Ending(user_id, Only(tuple(theirs)), REASON, work.entry.actor, now)
            for user_id, theirs in of_user.items()
        ]
        await self._end_batch(work, endings, len(owners))

    async def _end_batch(self, work: AsyncRun, endings: Sequence[Ending], asked: int) -> None:
        if not endings:
            return
        work.under_way = asked
        ended: list[Ended] = await self.store.end_many(endings)
        for part in ended:
            await self._announce(part.sessions)
        await work.did(
            sum(len(part.sessions) for part in ended),
            sum(len(part.already) for part in ended),
            sum(bool(part.sessions or part.already or part.forgotten) for part in ended),
            sum(part.forgotten for part in ended),
        )


class AsyncRun:
    """A run under way: what it has done, in the trail and for whoever watches."""

    def __init__(
        self,
        operating: AsyncOperating,
        entry: AuditEntry,
        progress: Callable[[RevokedMany], object] | None,
        stop: Callable[[], object] | None,
    ) -> None:
        self.entry = entry
        self.done = RevokedMany(entry.run)
        self.under_way = 0
        self._operating = operating
        self._progress = progress
        self._stop = stop
        self._stopped = False
        self._reported_at = entry.at

    async def goes_on(self) -> bool:
        """Whether another batch may start."""
        self.under_way = 0
        if self._stop is not None and await async_call(self._stop):
            self._stopped = True
        return not self._stopped and not await self._is_asked_to_stop()

    async def did(self, sessions: int, already: int, users: int, forgotten: int) -> None:
        """A batch is done."""
        self.under_way = 0
        self.done = replace(
            self.done,
            sessions=self.done.sessions + sessions,
            already=self.done.already + already,
            users=self.done.users + users,
            forgotten=self.done.forgotten + forgotten,
        )
        if self._progress is not None:
            await async_call(self._progress, self.done)
        due = self._operating.clock() - self._reported_at >= REPORT_EVERY
        if due and not await self._is_asked_to_stop():
            await self._report("running")

    async def _is_asked_to_stop(self) -> bool:
        """Whether somebody, in whichever process, wrote so into the trail; it is not written over."""
        found = await self._operating.store.audit_run(self.entry.run)
        self._stopped = self._stopped or (found is not None and found.last.outcome == "stopping")
        return self._stopped

    async def through(self, work: Callable[[], Any]) -> RevokedMany:
        """Do the work, and write down how it ended, whatever happens."""
        try:
            await work()
        except StoreUnavailable as trouble:
            doubt = self.under_way if isinstance(trouble, AnswerUnknown) else 0
            self.done = replace(self.done, outcome="failed", trouble=trouble, in_doubt=doubt)
        except BaseException:
            await self._report("failed")
            raise
        else:
            self.done = replace(self.done, outcome="stopped" if self._stopped else "done")
        try:
            await self._report(self.done.outcome)
        except StoreUnavailable as trouble:
            self.done = replace(self.done, outcome="failed", trouble=self.done.trouble or trouble)
        return self.done

    async def _report(self, outcome: Outcome) -> None:
        done = self.done
        self._reported_at = self._operating.clock()
        await self._operating.store.audit(
            replace(
                self.entry,
                at=self._reported_at,
                outcome=outcome,
                sessions=done.sessions,
                already=done.already,
                users=done.users,
                in_doubt=done.in_doubt,
            )
        )
