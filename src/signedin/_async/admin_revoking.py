"""The admin page's part that ends sessions: one, those selected, all that match, all of a user.

Each POST does again what the page before it asked: a selection that can't be understood, or that has
grown meanwhile, is not ended but asked for again.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import Final

from .. import admin_page
from ..admin_api import run_json
from ..api import FailedDocument, revoke_json
from ..audit import AuditRun, new_run
from ..colours import async_call
from ..messages import say
from ..outcomes import Matching, RevokedMany
from ..replies import PRIVATE, Reply, problem
from ..selector import Selector
from ..session import SessionId, clean_text, parse_session_id
from .admin_core import AsyncAdminCore, masked

REASON_CHARACTERS: Final = 500
BUSIEST: Final = 5
LOOK_AGAIN: Final = (("refresh", "3"),)
"""As a header, so that a page that looks again needs no script and nothing in its head."""

_is_run = re.compile("[0-9a-f]{16}").fullmatch


class AsyncAdminRevoking(AsyncAdminCore):
    """Asking, ending, and telling how it goes on."""

    # ── one ──────────────────────────────────────────────────────────────────────────────────

    async def _ask_one(self) -> Reply:
        session_id = SessionId(self._ids["session"])
        session = await self._sessions.find(session_id)
        if session is None:
            return await self._already_ended(session_id)
        if session.id == self._own.id:
            return self._flashed(self._urls.sessions, "admin_own")
        view = await self._view([session.user_id])
        return await self._page(admin_page.ask_one(view, *masked([session])))

    async def _already_ended(self, session_id: SessionId) -> Reply:
        entry = await self._sessions.store.find_ended(session_id)
        if entry is None:
            return await self._not_found()
        return self._flashed(self._urls.user(entry.session.user_id), "admin_already_ended")

    async def _revoke_one(self) -> Reply:
        session_id = SessionId(self._ids["session"])
        if session_id == self._own.id:
            if self._call.wants_json:
                detail = f"{say('flash_admin_own')} {say('flash_admin_own_text')}"
                return problem(409, "current_session", detail)
            return self._flashed(self._urls.sessions, "admin_own")
        if not self._call.wants_json and await self._sessions.find(session_id) is None:
            return await self._already_ended(session_id)
        if await self._owner(session_id) is None:
            return await self._not_found()
        done = await self._sessions.revoke_these([session_id], **self._by(), reason=self._reason())
        if done.trouble is not None:
            raise done.trouble
        if self._call.wants_json:
            return self._revoked(done)
        owner = await self._owner(session_id)
        to = self._urls.sessions if owner is None else self._urls.user(owner)
        return self._flashed(to, "admin_revoked" if done.sessions else "admin_already_ended", session_id)

    async def _owner(self, session_id: SessionId) -> str | None:
        """Whose session this is, or was."""
        session = await self._sessions.find(session_id)
        if session is not None:
            return session.user_id
        entry = await self._sessions.store.find_ended(session_id)
        return None if entry is None else entry.session.user_id

    # ── many ─────────────────────────────────────────────────────────────────────────────────

    async def _ask_matching(self) -> Reply:
        text = self._text()
        selector, hints = await self._read(text)
        if hints:
            return await self._refused(hints)
        return await self._ask(selector, text=text)

    async def _revoke_matching(self) -> Reply:
        text = self._text()
        selector, hints = await self._read(text)
        if hints:
            return await self._refused(hints)
        return await self._answered(selector, text=text)

    async def _ask_user(self) -> Reply:
        user_id = self._ids["user"]
        if await self._person(user_id) is None:
            return await self._not_found()
        return await self._ask(Selector(users=(user_id,)), user_id=user_id)

    async def _revoke_user(self) -> Reply:
        user_id = self._ids["user"]
        if await self._person(user_id) is None:
            return await self._not_found()
        return await self._answered(Selector(users=(user_id,)), user_id=user_id)

    async def _revoke_selected(self) -> Reply:
        ids = tuple(dict.fromkeys(i for text in self._call.ids if (i := parse_session_id(text))))
        wanted = tuple(session_id for session_id in ids if session_id != self._own.id)
        if not wanted:
            if self._call.wants_json:
                return problem(422, "nothing_selected", say("flash_admin_nothing"))
            code = "admin_own" if ids else "admin_nothing"
            return self._flashed(self._urls.search(self._text()), code)
        if self._call.form.get("confirm") == "1" or self._call.wants_json:
            return await self._answered(wanted)
        return await self._ask(wanted)

    async def _refused(self, hints: tuple[str, ...]) -> Reply:
        text = f"{say('admin_search_refused')} {' '.join(hints)}"
        return await self.message(422, "search_not_understood", say("admin_search_wrong"), text)

    async def _ask(
        self,
        meant: Selector | tuple[SessionId, ...],
        *,
        text: str = "",
        user_id: str | None = None,
        trouble: str = "",
    ) -> Reply:
        matching = await self._matching(meant)
        if self._call.wants_json:
            document = revoke_json(
                revoked=matching.sessions, already=0, users=matching.users, duration_ms=0, dry_run=True
            )
            return Reply.json(document, headers=PRIVATE)
        view = await self._view([user for user, _ in matching.busiest] + [user_id or self._own.user_id])
        urls = self._urls
        action, back = urls.to("active_sessions", "revoke"), urls.search(text)
        if isinstance(meant, tuple):
            action, about = f"{action}_selected", say("admin_selected", n=len(meant))
            spared = self._own.id in self._call.ids
        else:
            about, spared = text or say("admin_everybody"), meant.matches(self._own, self._now)
        if user_id is not None:
            action, back = urls.user(user_id, "active_sessions", "revoke"), urls.user(user_id)
            about = view.who(user_id).handle or user_id
        fragment = admin_page.ask_many(
            view,
            matching,
            action=action,
            back=back,
            about=about,
            spared=spared,
            run=new_run(),
            text=text,
            ids=meant if isinstance(meant, tuple) else (),
            reason=self._reason() or "",
            trouble=trouble,
        )
        return await self._page(fragment, 422 if trouble else 200)

    async def _answered(
        self,
        meant: Selector | tuple[SessionId, ...],
        *,
        text: str = "",
        user_id: str | None = None,
    ) -> Reply:
        """Do what was asked, if the answer fits what would end now."""
        form, run = self._call.form, self._call.form.get("run", "")
        if not _is_run(run):
            run = new_run()
        elif await self._sessions.audit_run(run) is not None:
            return self._to_run(run, 0)  # the same form, sent twice
        matching = await self._matching(meant)
        trouble = self._trouble(matching, form.get("number", ""), form.get("shown"))
        if trouble:
            if self._call.wants_json:
                detail = f"{trouble} {say('admin_n_sessions', n=matching.sessions)}."
                return problem(422, "confirmation_required", detail)
            return await self._ask(meant, text=text, user_id=user_id, trouble=trouble)
        more = self._by() | {"reason": self._reason(), "run": run, "stop": self._host.stops}
        if isinstance(meant, tuple):
            work = await self._sessions.begin_these(meant, **more)
        else:
            work = await self._sessions.begin_matching(meant, spared=self._spared(meant), **more)
        await async_call(self._host.start, work)
        return self._to_run(run, matching.sessions)

    def _trouble(self, matching: Matching, number: str, shown: str | None) -> str:
        """What is wrong with the answer, or nothing. What moves may have grown by a tenth."""
        typed = _count(number)
        seen = typed if shown is None else _count(shown)
        if not self._reason():
            return say("admin_reason_missing")
        if typed is None or seen is None or typed != seen:
            return say("admin_type_wrong", n=matching.sessions)
        if matching.sessions > seen + seen // 10:
            return say("admin_grown")
        return ""

    async def _matching(self, meant: Selector | tuple[SessionId, ...]) -> Matching:
        if isinstance(meant, Selector):
            return await self._sessions.matching(meant, spared=self._spared(meant))
        found = [session for i in meant if (session := await self._sessions.find(i)) is not None]
        users = Counter(session.user_id for session in found)
        return Matching(len(found), len(users), tuple(users.most_common(BUSIEST)))

    def _spared(self, selector: Selector) -> tuple[SessionId, ...]:
        """The operator's own session, where the selector could come to mean it while it is worked on:
        this very request makes it one that was seen just now.
        """
        is_of_others = selector.users and self._own.user_id not in selector.users
        return () if is_of_others else (self._own.id,)

    def _reason(self) -> str | None:
        return clean_text(self._call.form.get("reason", "").strip(), REASON_CHARACTERS) or None

    # ── how it goes on ───────────────────────────────────────────────────────────────────────

    async def _found_run(self) -> AuditRun | None:
        found = await self._sessions.audit_run(self._ids["run"])
        return found if found is not None and found.last.action == "revoke" else None

    async def _run(self) -> Reply:
        found = await self._found_run()
        if found is None:
            return await self._not_found()
        if self._call.wants_json:
            return Reply.json(run_json(found), headers=PRIVATE)
        view = await self._view(admin_page.told_of([found]))
        total = _count(self._call.query.get("of", "")) or 0
        moving = not found.last.is_over and self._now - found.last.at <= admin_page.STALE
        headers = (*PRIVATE, *LOOK_AGAIN) if moving else PRIVATE
        return await self._page(admin_page.run_page(view, found, total=total), headers=headers)

    async def _result(self) -> Reply:
        found = await self._found_run()
        if found is None:
            return await self._not_found()
        named = ("content-disposition", f'attachment; filename="revoked-{found.last.run}.json"')
        return Reply.json(run_json(found), headers=(*PRIVATE, named))

    async def _stop_run(self) -> Reply:
        found = await self._found_run()
        if found is None:
            return await self._not_found()
        await self._sessions.stop_run(found.last.run)
        return self._to_run(found.last.run, _count(self._call.form.get("of", "")) or 0)

    def _to_run(self, run: str, total: int) -> Reply:
        """Where the progress is: 303 for a person, 202 for a program."""
        address = self._urls.run(run)
        if self._call.wants_json:
            return Reply.json({"run": run, "url": address}, 202, (*PRIVATE, ("location", address)))
        return Reply.redirect(f"{address}?of={total}" if total else address, PRIVATE)

    def _revoked(self, done: RevokedMany) -> Reply:
        document = revoke_json(
            revoked=done.sessions,
            already=done.already,
            users=done.users,
            duration_ms=self._sessions.clock() - self._now,
            failed=[FailedDocument(text, "not_found") for text in done.not_found],
            reason=self._reason(),
        )
        return Reply.json(document, headers=PRIVATE)


def _count(text: str) -> int | None:
    """A number as a person types one."""
    digits = text.strip().replace(",", "")
    return int(digits) if digits.isascii() and digits.isdigit() and len(digits) < 12 else None
