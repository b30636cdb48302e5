# Generated from _async by scripts/unasync.py; edit that one.
"""The admin page's part for acting as a user: a mode of the operator's own session (S4)."""

from __future__ import annotations

from typing import Final

from .. import admin_page
from ..colours import call
from ..directory import Person, Stranger
from ..messages import say
from ..replies import PRIVATE, Reply, problem
from ..selector import Selector
from .admin_revoking import AdminRevoking

ACTING_FOR: Final = 3_600_000
"""So long at most, milliseconds."""


class AdminActing(AdminRevoking):
    """Begin and stop. Both are in the trail before they happen."""

    def _may_be_acted_as(self, user_id: str, person: Person | None) -> bool:
        """Whether operators may act as this user: never as themselves, as somebody whom the directory
        doesn't know, or as somebody disabled.
        """
        may, active = self._host.admin.may_be_acted_as, self._sessions.account_active
        if person is None or may is None or user_id == self._own.user_id:
            return False
        if isinstance(person, Stranger) and self._host.admin.directory is not None:
            return False
        if active is not None and not call(active, user_id):
            return False
        return bool(call(may, user_id))

    def _ask_to_act(self) -> Reply:
        return self._refusal() or self._act_question()

    def _act(self) -> Reply:
        refusal = self._refusal()
        if refusal is not None:
            return refusal
        user_id, reason = self._ids["user"], self._reason()
        if reason is None:
            if self._call.wants_json:
                return problem(422, "reason_required", say("admin_reason_missing"))
            return self._act_question(reason_missing=True)
        self._record("act_as", str(Selector(users=(user_id,))), reason=reason)
        if self._exchange.act_as(user_id, until=self._now + ACTING_FOR) is None:
            return self._refused_to_act("admin_try_again")
        return self._done(self._host.admin.home)

    def _act_question(self, *, reason_missing: bool = False) -> Reply:
        user_id = self._ids["user"]
        view = self._view([user_id])
        fragment = admin_page.ask_to_act(view, user_id, reason_missing=reason_missing)
        return self._page(fragment, 422 if reason_missing else 200)

    def _refusal(self) -> Reply | None:
        """Why the operator can't act as the user of the path, or None."""
        user_id = self._ids["user"]
        person = self._person(user_id)
        if person is None:
            return self._not_found()
        if not self._may_be_acted_as(user_id, person):
            return self._refused_to_act("admin_cannot_act")
        return None if self._own.acting_as is None else self._refused_to_act("admin_acting_already")

    def _stop_acting(self) -> Reply:
        user_id = self._own.acting_as
        if user_id is None:
            return self._not_found()
        self._record("stop_acting", str(Selector(users=(user_id,))))
        home = self._host.admin.home
        if self._exchange.act_as(None) is None:
            return self._refused_to_act("admin_try_again")
        return self._done(self._urls.user(user_id) if "list" in self._rights else home)

    def _refused_to_act(self, code: str) -> Reply:
        if self._call.wants_json:
            return problem(409, code.removeprefix("admin_"), say(f"flash_{code}"))
        to = self._urls.user(self._ids["user"]) if "user" in self._ids else self._host.admin.home
        return self._flashed(to, code)

    def _done(self, to: str) -> Reply:
        return Reply(204, PRIVATE) if self._call.wants_json else Reply.redirect(to, PRIVATE)
