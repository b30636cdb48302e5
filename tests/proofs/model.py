"""Random lives of a few users, taken with the real flow on a real store; after every step the oracle in
``oracle.py`` says what must be so, and ``compared.py`` compares (Hypothesis).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import initialize, precondition, rule

from signedin import SignedIn
from signedin._async.copying import copy_store as async_copy_store
from signedin._sync.copying import copy_store
from signedin.errors import ClockError
from signedin.outcomes import Presented
from signedin.session import SessionId
from signedin.steps import Touch

from ..engines import Engine
from ..support import HOUR, LAPTOP, MINUTE, PHONE, SECOND
from .compared import REMEMBER, SESSION, Compared, cookies_of
from .oracle import CAP, GRACE, IDLE, OVER, REPEAT, SEEN_AFTER, SKEW, USERS, Life

STEPS = (SECOND, GRACE - 1, GRACE, MINUTE, 20 * MINUTE, HOUR, 6 * HOUR, -SECOND, -20 * MINUTE)

LATER = st.sampled_from([0, 0, IDLE])


class Lives(Compared):
    """What happens: each rule takes a step with the flow and with the oracle."""

    def drawn(self, data: st.DataObject, remembered: bool = False) -> tuple[str, Life]:
        """A session that has not been ended. remembered: one with Remember me, if there is any; few are."""
        live = self.oracle.live
        with_series = [key for key, life in live.items() if life.series in self.oracle.series]
        key = data.draw(st.sampled_from((remembered and with_series) or list(live)))
        return key, live[key]

    def presented(self, life: Life, both: bool) -> tuple[Presented, tuple[str, ...]]:
        """The cookies of the session's browser, both of them or only the session's; and the series that is
        forgotten for being among them.
        """
        series = self.oracle.series.get(life.series or "") if both else None
        if series is None or life.series is None:
            return Presented(life.token), ()
        forgets = () if series.is_over(self.now) else (life.series,)
        return Presented(life.token, series.tokens[-1]), forgets

    @initialize(seed=st.integers(0, 2**32 - 1))
    def begin(self, seed: int) -> None:
        """Some are there already, in two browsers each, one of which is remembered."""
        self.seed(seed)
        for user in USERS[:2]:
            for remember in (True, False):
                self.sign_in_once(user, remember, self.now)

    @rule(
        user=st.sampled_from(USERS),
        remember=st.sampled_from([True, True, False]),
        later=st.sampled_from([SKEW, 0]),
        late=st.sampled_from([0, SECOND, MINUTE]),
        browsers=st.integers(1, CAP),
    )
    def sign_in(self, user: str, remember: bool, later: int, late: int, browsers: int) -> None:
        """In some browsers, each of its own; refused where something stops sign-ins that began then (S6). Mostly
        late enough after what was just done, for else nobody would be signed in for long.
        """
        self.clock.tick(later)
        for _ in range(browsers):
            self.sign_in_once(user, remember, self.now - late)

    def sign_in_once(self, user: str, remember: bool, began: int) -> None:
        outcome = self.flow.sign_in(user, LAPTOP, started_at=began, remember=remember)
        token = cookies_of(outcome)[REMEMBER] if remember and isinstance(outcome, SignedIn) else None
        series = token and token.partition(".")[0]
        if self.check_begun(outcome, user, began, None, "", series) and token and series:
            self.oracle.remember(series, user, token, outcome.session.id)

    @precondition(lambda self: self.oracle.live)
    @rule(
        data=st.data(),
        user=st.sampled_from((None, None, *USERS)),
        later=LATER,
        both=st.booleans(),
        remembered=st.booleans(),
    )
    def sign_in_again(
        self, data: st.DataObject, user: str | None, later: int, both: bool, remembered: bool
    ) -> None:
        """In a browser that is signed in, or was till lately: what it presented ends (S1), another user's in any
        case, the same user's if the sign-in isn't stopped.
        """
        key, life = self.drawn(data, remembered)
        user = user or life.user
        self.clock.tick(later)
        presented, forgets = self.presented(life, both)
        outcome = self.flow.sign_in(user, PHONE, started_at=self.now, presented=presented)
        same = life.user == user
        if not same:
            self.oracle.end(key, "replaced")
        if not (same and self.oracle.stop(user, self.now) == "user"):
            self.oracle.forget(forgets)
        self.check_begun(outcome, user, self.now, key if same else None, "replaced", None)

    @precondition(lambda self: self.oracle.series)
    @rule(data=st.data(), times=st.integers(1, 3), before=st.booleans())
    def resume(self, data: st.DataObject, times: int, before: bool) -> None:
        """A browser comes back with its Remember me, some times, or with the token from before (R2–R4)."""
        key = data.draw(st.sampled_from(list(self.oracle.series)))
        for _ in range(times):
            series = self.oracle.series.get(key)
            if series is not None:
                self.present(series, series.tokens[max(-2 if before else -1, -len(series.tokens))])

    @precondition(lambda self: self.oracle.series)
    @rule(
        data=st.data(),
        used=st.sampled_from([SEEN_AFTER - 1, SEEN_AFTER]),
        later=st.sampled_from([REPEAT - 1, REPEAT]),
    )
    def repeat(self, data: st.DataObject, used: int, later: int) -> None:
        """A session is resumed and in use for about a minute; then the token from before comes again, about when
        it stops being good (R3).
        """
        key = data.draw(st.sampled_from(list(self.oracle.series)))
        series = self.oracle.series[key]
        self.present(series, series.tokens[-1])
        self.clock.tick(used)
        self.flow.touch(Touch(SessionId(series.session), PHONE))
        self.oracle.touch(series.session)
        self.clock.tick(later)
        if key in self.oracle.series and len(series.tokens) > 1:
            self.present(series, series.tokens[-2])

    @precondition(lambda self: any(len(series.tokens) > 2 for series in self.oracle.series.values()))
    @rule(data=st.data())
    def replay(self, data: st.DataObject) -> None:
        """A token from long ago is theft: its session ends, nobody is remembered (R5)."""
        keys = [key for key, series in self.oracle.series.items() if len(series.tokens) > 2]
        series = self.oracle.series[data.draw(st.sampled_from(keys))]
        self.present(series, data.draw(st.sampled_from(series.tokens[:-2])))

    @precondition(lambda self: self.oracle.live)
    @rule(data=st.data())
    def touch(self, data: st.DataObject) -> None:
        """Activity is noted of what lives, and never backwards (V3)."""
        key = data.draw(st.sampled_from([*self.oracle.live, *self.oracle.ended]))
        self.flow.touch(Touch(SessionId(key), PHONE))
        self.oracle.touch(key)

    @precondition(lambda self: self.oracle.live)
    @rule(
        data=st.data(),
        how=st.sampled_from(["step-up", "admin mode", "acting as"]),
        later=st.sampled_from([0, GRACE - 1, GRACE]),
    )
    def rotate(self, data: st.DataObject, how: str, later: int) -> None:
        """A new secret; the old one can never do it again, and is good for 10 s, if the session doesn't act as
        somebody else now (V6). What is always true is looked at so much later.
        """
        _, life = self.drawn(data)
        acting_as, admin_until = life.rights
        rights: dict[str, Any] = {"authenticated_by": ("otp",)}
        if how == "admin mode":
            admin_until = self.now + HOUR
            rights = {"admin_until": admin_until}
        elif how == "acting as":
            acting_as = f"user {len(self.oracle.given)}"
            rights = {"acting_as": acting_as}
        if life.previous is not None:
            assert self.flow.rotate(life.previous) is None
        outcome = self.flow.rotate(life.token, **rights)
        if life.verdict(self.now) != "active":
            assert outcome is None
            return
        assert isinstance(outcome, SignedIn)
        assert self.flow.rotate(life.token) is None
        self.oracle.rotate(life, cookies_of(outcome)[SESSION], grace=how != "acting as")
        life.rights = acting_as, admin_until
        self.clock.tick(later)

    @precondition(lambda self: self.oracle.live)
    @rule(data=st.data(), others=st.booleans(), by_operator=st.booleans())
    def revoke(self, data: st.DataObject, others: bool, by_operator: bool) -> None:
        """One, or all others; no series of the user survives (E1-E3), and of a stranger's nothing ends (E4)."""
        key, life = self.drawn(data)
        user, operator = life.user, "root" if by_operator else None
        reason = "revoked_by_operator" if by_operator else "revoked"
        stranger = next(other for other in USERS if other != user)
        told = self.flow.revoke(stranger, key, current=None)
        assert (told.not_found, told.forgotten) == ((key,), 0)
        if others:
            told = self.flow.revoke_others(user, current=key, operator=operator)
            self.check_ended(told.ended, self.oracle.of(user) - {key}, reason)
        else:
            assert self.flow.revoke(user, key, current=key, operator=operator).kept
            told = self.flow.revoke(user, key, current=None, operator=operator)
            self.check_ended(told.ended, {key}, reason)
            again = self.flow.revoke(user, key, current=None, operator=operator)
            assert [session.id for session in again.already] == [key]
        assert told.forgotten == self.oracle.forget_all(user)

    @precondition(lambda self: len(self.oracle.live) > 1)
    @rule(
        user=st.sampled_from(USERS),
        how=st.sampled_from(["revoke_all", "sign_out_everywhere", "account_disabled", "everyone"]),
    )
    def all_of_one(self, user: str, how: str) -> None:
        """All sessions of a user, or of everybody, and the sign-ins under way."""
        if how == "everyone":
            self.everyone()
            return
        told = (
            self.flow.revoke_all(user, operator="root")
            if how == "revoke_all"
            else getattr(self.flow, how)(user)
        )
        reason = {"revoke_all": "revoked_by_operator", "sign_out_everywhere": "signed_out_everywhere"}
        self.check_ended(told.ended, self.oracle.of(user), reason.get(how, how))
        self.oracle.forget_all(user)
        self.oracle.raise_barrier(user)

    def everyone(self) -> None:
        """All sessions of all users (GitLab's destroy_all)."""
        result = self.flow.revoke_everyone(operator="root", reason="test")
        told = (result.outcome, result.sessions, result.forgotten)
        assert told == ("done", len(self.oracle.live), len(self.oracle.series))
        for key in list(self.oracle.live):
            self.oracle.end(key, "revoked_by_operator")
        self.oracle.forget(list(self.oracle.series))
        self.oracle.raise_everybody_barrier()

    @precondition(lambda self: self.oracle.live)
    @rule(data=st.data())
    def credentials_changed(self, data: st.DataObject) -> None:
        """The current session goes on with a new secret and no grace, all others end (E7)."""
        key, life = self.drawn(data)
        outcome = self.flow.credentials_changed(life.user, token=life.token)
        kept_on = {key} if life.verdict(self.now) == "active" else set()
        self.check_ended(outcome.ended, self.oracle.of(life.user) - kept_on, "credentials_changed")
        assert (outcome.signed_in is not None) == bool(kept_on)
        if outcome.signed_in is not None:
            self.oracle.rotate(life, cookies_of(outcome.signed_in)[SESSION], grace=False)
        self.oracle.forget_all(life.user)
        self.oracle.raise_barrier(life.user)
        assert outcome.barrier == self.oracle.barriers[life.user]

    @precondition(lambda self: self.oracle.live)
    @rule(data=st.data(), later=LATER, both=st.booleans(), remembered=st.booleans())
    def sign_out(self, data: st.DataObject, later: int, both: bool, remembered: bool) -> None:
        """One's own session, if it isn't over, and this browser's Remember me."""
        key, life = self.drawn(data, remembered)
        self.clock.tick(later)
        presented, forgets = self.presented(life, both)
        told = self.flow.sign_out(presented)
        active = {key} if life.verdict(self.now) == "active" else set()
        self.check_ended(told.ended, active, "signed_out")
        self.oracle.forget(forgets)

    @rule(step=st.sampled_from(STEPS))
    def time(self, step: int) -> None:
        """Time goes on, and now and then back."""
        self.went_back = self.went_back or step < 0
        self.clock.tick(step)

    @rule()
    def sweep(self) -> None:
        """What is over ends, once; refused while records lie ahead of the clock (TIME-1)."""
        live = self.oracle.live
        if any(life.active_at > self.now + 5 * MINUTE for life in live.values()):
            with pytest.raises(ClockError):
                self.flow.sweep()
            return
        over = {key for key, life in live.items() if life.verdict(self.now) in OVER}
        assert self.flow.sweep() == len(over)
        for key in over:
            self.oracle.end(key, "")
        self.oracle.forget([key for key, one in self.oracle.series.items() if one.is_over(self.now)])

    @rule()
    def restart(self) -> None:
        """The process ends and another one begins."""
        self.flow.close()
        self.flow = self.opened(self.urls[-1])

    @rule()
    def move(self) -> None:
        """All of it moves to another store, twice, as when writers are stopped in between."""
        self.urls.append(self.fresh())
        target = self.opened(self.urls[-1])
        for _ in range(2):
            done = self.copied(target)
            assert (done.outcome, done.differences) == ("done", 0)
        self.flow.close()
        self.flow = target

    def copied(self, target: Any) -> Any:
        if self.colour == "sync":
            return copy_store(self.flow.store, target.store)
        here, there = self.flow._wrapped.store, target._wrapped.store
        return self.portal.call(lambda: async_copy_store(here, there))


def machine(engine: Engine, colour: str) -> Callable[[], Lives]:
    """The machine for an engine in a colour."""
    return type("Lives", (Lives,), {"engine": engine, "colour": colour})
