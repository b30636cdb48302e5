"""What must be true of sessions, as a small model in memory that knows nothing of stores.

The model holds what a person could write down: who signed in where, and what was ended. It is compared
with the real flow after every step of a random life (Hypothesis).
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, ClassVar

from anyio.from_thread import start_blocking_portal
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from signedin import Policy, Refused, SignedIn
from signedin._async.copying import copy_store as async_copy_store
from signedin._sync.copying import copy_store
from signedin.config import open_async_sessions, open_sessions
from signedin.errors import ClockError
from signedin.outcomes import Presented
from signedin.session import judge, user_tag
from signedin.steps import Touch

from ..engines import Engine, patient
from ..support import HOUR, LAPTOP, MINUTE, PHONE, SECOND, START, Clock

CAP, SKEW = 3, 2 * SECOND
POLICY = Policy(
    cap=CAP,
    idle_timeout=timedelta(hours=1),
    absolute_timeout=timedelta(hours=5),
    remember_me=timedelta(hours=10),
    remember_me_limit=timedelta(hours=30),
)
USERS = ("1", "2", "Ada")
SESSION, REMEMBER = "__Host-signedin", "__Host-signedin-remember"
OVER = ("idle", "expired")


@dataclass
class Life:
    """A session that has not been ended; whether its time is over is judged when asked."""

    user: str
    token: str
    signed_in_at: int
    active_at: int
    series: str | None

    def verdict(self, now: int) -> str:
        return judge(self.active_at, HOUR, self.signed_in_at + 5 * HOUR, now)


@dataclass
class Remembered:
    """A series that has not been forgotten. tokens: all it ever had, the current one last."""

    user: str
    tokens: list[str]
    session: str
    created_at: int
    expires_at: int


class AsSync:
    """An async flow for a thread that may wait."""

    def __init__(self, portal: Any, wrapped: Any) -> None:
        self._portal, self._wrapped = portal, wrapped

    def __getattr__(self, name: str) -> Any:
        attribute = getattr(self._wrapped, name)
        if not callable(attribute):
            return attribute
        return lambda *args, **kwargs: self._portal.call(lambda: attribute(*args, **kwargs))


class Lives(RuleBasedStateMachine):
    """Random lives of a few users; engine and colour are set by the tests."""

    engine: ClassVar[Engine]
    colour: ClassVar[str]

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.clock = Clock(START)
        self.portal_open: Any = None
        if self.colour == "async":
            self.portal_open = start_blocking_portal()
            self.portal = self.portal_open.__enter__()
        self.url = self.fresh()
        self.flow = self.opened(self.url)
        self.live: dict[str, Life] = {}
        self.series: dict[str, Remembered] = {}
        self.ended: dict[str, str] = {}
        self.dead: set[str] = set()
        self.barriers = dict.fromkeys(USERS, 0)
        self.everybody = 0

    def teardown(self) -> None:
        self.flow.close()
        if self.portal_open is not None:
            self.portal_open.__exit__(None, None, None)
        self.folder.cleanup()

    def fresh(self) -> str:
        return patient(self.engine.fresh(os.path.join(self.folder.name, f"{os.urandom(4).hex()}.db")))

    def opened(self, url: str) -> Any:
        values: dict[str, Any] = {"store": url, "clock": self.clock, "policy": POLICY}
        if self.colour == "sync":
            return open_sessions(**values)
        return AsSync(self.portal, self.portal.call(lambda: open_async_sessions(**values)))

    # ── what the model says ──────────────────────────────────────────────────────────────────

    @property
    def now(self) -> int:
        return self.clock.now

    def active(self, user: str | None = None) -> set[str]:
        return {
            key
            for key, life in self.live.items()
            if user in (None, life.user) and life.verdict(self.now) == "active"
        }

    def of(self, user: str) -> set[str]:
        return {key for key, life in self.live.items() if life.user == user}

    def end(self, key: str, reason: str) -> None:
        """It is over, once and for ever; what had passed its limit ended for that."""
        life = self.live.pop(key)
        verdict = life.verdict(self.now)
        assert key not in self.ended
        self.ended[key] = reason if verdict == "active" else verdict
        self.dead.add(life.token)

    def forget(self, user: str, but: str | None = None) -> None:
        for key in [k for k, s in self.series.items() if s.user == user and k != but]:
            self.forget_one(key)

    def forget_one(self, key: str) -> None:
        self.series.pop(key, None)
        for life in self.live.values():
            if life.series == key:
                life.series = None

    def raise_barrier(self, *users: str) -> None:
        for user in users:
            self.barriers[user] = max(self.barriers[user], self.now)

    def check_ended(self, told: Any, expected: set[str], reason: str) -> None:
        """What the flow says it ended is what the model ends, each for its own reason."""
        assert {session.id for session in told} == expected
        for key in expected:
            self.end(key, reason)
        for session in told:
            assert session.reason == self.ended[session.id], session

    def begin(self, outcome: Any, user: str, leaving: set[str], why: str, series: str | None) -> None:
        """A new session has begun: what left with it, and who was evicted (S3)."""
        told = {session.id: session for session in outcome.ended}
        assert leaving <= told.keys()
        self.check_ended([told.pop(key) for key in leaving], leaving, why)
        others = self.active(user)
        surplus = max(len(others) + 1 - CAP, 0)
        assert len(told) == surplus
        assert told.keys() <= others
        kept = [self.live[key].active_at for key in others - told.keys()]
        assert all(self.live[key].active_at <= min(kept, default=self.now * 2) for key in told)
        self.check_ended(told.values(), set(told), "limit")
        cookies = {cookie.name: cookie.value for cookie in outcome.cookies if not cookie.clears}
        key = outcome.session.id
        assert key not in self.live
        assert key not in self.ended
        assert bytes.fromhex(key)[12:] == user_tag(user)
        self.live[key] = Life(user, cookies[SESSION], self.now, self.now, series)

    def is_stopped(self, outcome: Any, user: str, began: int) -> bool:
        """Whether something stopped this sign-in (S6). What was for everybody is seen only when it has
        happened, and ends it again, with an entry in the history.
        """
        if began - SKEW >= max(self.barriers[user], self.everybody):
            assert isinstance(outcome, SignedIn)
            return False
        assert outcome == Refused("barrier")
        if began - SKEW >= self.barriers[user]:
            for session in self.flow.history(user):
                if session.id in self.live:
                    self.end(session.id, session.reason)
                elif session.id not in self.ended:
                    assert session.reason == "revoked_by_operator"
                    self.ended[session.id] = session.reason
            self.forget(user)
        return True

    # ── what happens ─────────────────────────────────────────────────────────────────────────

    @rule(user=st.sampled_from(USERS), remember=st.booleans(), late=st.sampled_from([0, SECOND, MINUTE]))
    def sign_in(self, user: str, remember: bool, late: int) -> None:
        """In a browser of its own; refused where something stops sign-ins that began then (S6)."""
        began = self.now - late
        outcome = self.flow.sign_in(user, LAPTOP, started_at=began, remember=remember)
        if self.is_stopped(outcome, user, began):
            return
        cookies = {cookie.name: cookie.value for cookie in outcome.cookies if not cookie.clears}
        series = None
        if remember:
            series = cookies[REMEMBER].partition(".")[0]
            self.series[series] = Remembered(
                user, [cookies[REMEMBER]], outcome.session.id, self.now, self.now + 10 * HOUR
            )
        self.begin(outcome, user, set(), "", series)

    @precondition(lambda self: self.live)
    @rule(data=st.data(), user=st.sampled_from(USERS))
    def sign_in_again(self, data: st.DataObject, user: str) -> None:
        """In a browser that is signed in: what it presented ends (S1)."""
        key = data.draw(st.sampled_from(list(self.live)))
        life = self.live[key]
        presented = Presented(life.token, life.series and self.series[life.series].tokens[-1])
        outcome = self.flow.sign_in(user, PHONE, started_at=self.now, presented=presented)
        same = life.user == user
        series, expired = life.series, self.series_is_over(life.series)
        if self.is_stopped(outcome, user, self.now):
            if not same:
                self.replace_other(life, key)
            return
        if not same:
            self.replace_other(life, key)
        elif series is not None and not expired:
            self.series.pop(series)
        self.begin(outcome, user, {key} if same else set(), "replaced", None)
        if same and series is not None and not expired:
            self.forget_one(series)

    def replace_other(self, life: Life, key: str) -> None:
        series = life.series
        self.end(key, "replaced")
        if series is not None and not self.series_is_over(series):
            self.forget_one(series)

    def series_is_over(self, series: str | None) -> bool:
        return series is not None and self.series[series].expires_at <= self.now

    @precondition(lambda self: self.series)
    @rule(data=st.data())
    def resume(self, data: st.DataObject) -> None:
        """A browser comes back with its Remember me: a new session in the old one's place (R2)."""
        key = data.draw(st.sampled_from(list(self.series)))
        series = self.series[key]
        outcome = self.flow.resume(series.tokens[-1], LAPTOP, started_at=self.now)
        if series.expires_at <= self.now:
            assert outcome is None
        elif not self.is_stopped(outcome, series.user, self.now):
            earlier = {series.session} & self.live.keys()
            self.begin(outcome, series.user, earlier, "resumed", key)
            cookies = {cookie.name: cookie.value for cookie in outcome.cookies}
            series.tokens.append(cookies[REMEMBER])
            series.session = outcome.session.id
            series.expires_at = min(self.now + 10 * HOUR, series.created_at + 30 * HOUR)
            self.repeat(series, outcome)

    def repeat(self, series: Remembered, first: SignedIn) -> None:
        """The predecessor at once again gives the very same cookies (R3)."""
        again = self.flow.resume(series.tokens[-2], LAPTOP, started_at=self.now)
        assert isinstance(again, SignedIn)
        assert [c.value for c in again.cookies] == [c.value for c in first.cookies]
        assert again.ended == ()

    @precondition(lambda self: any(len(series.tokens) > 2 for series in self.series.values()))
    @rule(data=st.data())
    def replay(self, data: st.DataObject) -> None:
        """A token from long ago is theft: its session ends, nobody is remembered (R5)."""
        keys = [key for key, series in self.series.items() if len(series.tokens) > 2]
        series = self.series[data.draw(st.sampled_from(keys))]
        outcome = self.flow.resume(
            data.draw(st.sampled_from(series.tokens[:-2])), LAPTOP, started_at=self.now
        )
        if series.expires_at <= self.now:
            assert outcome is None
            return
        assert outcome == Refused("theft")
        if series.session in self.live:
            self.end(series.session, "theft")
        self.forget(series.user)
        self.raise_barrier(series.user)

    @precondition(lambda self: self.live)
    @rule(data=st.data())
    def touch(self, data: st.DataObject) -> None:
        """Activity is noted of what lives, and never backwards (V3)."""
        key = data.draw(st.sampled_from([*self.live, *self.ended]))
        self.flow.touch(Touch(key, PHONE))
        life = self.live.get(key)
        if life is not None and life.verdict(self.now) == "active":
            life.active_at = max(life.active_at, self.now)

    @precondition(lambda self: self.live)
    @rule(data=st.data())
    def rotate(self, data: st.DataObject) -> None:
        """A new secret; the old one can never do it again."""
        key = data.draw(st.sampled_from(list(self.live)))
        life = self.live[key]
        outcome = self.flow.rotate(life.token, acting_as=f"user {len(self.dead)}")
        if life.verdict(self.now) != "active":
            assert outcome is None
            return
        assert isinstance(outcome, SignedIn)
        self.dead.add(life.token)
        assert self.flow.rotate(life.token) is None
        life.token = outcome.cookies[0].value

    @precondition(lambda self: self.live)
    @rule(data=st.data(), others=st.booleans(), by_operator=st.booleans())
    def revoke(self, data: st.DataObject, others: bool, by_operator: bool) -> None:
        """One, or all others; no series of the user survives (E1-E4)."""
        key = data.draw(st.sampled_from(list(self.live)))
        user, operator = self.live[key].user, "root" if by_operator else None
        reason = "revoked_by_operator" if by_operator else "revoked"
        stranger = next(other for other in USERS if other != user)
        assert self.flow.revoke(stranger, key, current=None).not_found == (key,)
        self.forget(stranger)
        if others:
            told = self.flow.revoke_others(user, current=key, operator=operator)
            self.check_ended(told.ended, self.of(user) - {key}, reason)
        else:
            assert self.flow.revoke(user, key, current=key, operator=operator).kept
            told = self.flow.revoke(user, key, current=None, operator=operator)
            self.check_ended(told.ended, {key}, reason)
            again = self.flow.revoke(user, key, current=None, operator=operator)
            assert [session.id for session in again.already] == [key]
        self.forget(user)

    @rule(
        user=st.sampled_from(USERS),
        how=st.sampled_from(["revoke_all", "sign_out_everywhere", "account_disabled"]),
    )
    def all_of_one(self, user: str, how: str) -> None:
        """All sessions of a user, and the sign-ins under way."""
        told = (
            self.flow.revoke_all(user, operator="root")
            if how == "revoke_all"
            else getattr(self.flow, how)(user)
        )
        reason = {"revoke_all": "revoked_by_operator", "sign_out_everywhere": "signed_out_everywhere"}
        self.check_ended(told.ended, self.of(user), reason.get(how, how))
        self.forget(user)
        self.raise_barrier(user)

    @rule()
    def everyone(self) -> None:
        """All sessions of all users (GitLab's destroy_all)."""
        result = self.flow.revoke_everyone(operator="root", reason="test")
        assert result.outcome == "done"
        for key in list(self.live):
            self.end(key, "revoked_by_operator")
        for user in USERS:
            self.forget(user)
        self.everybody = max(self.everybody, self.now)

    @precondition(lambda self: self.live)
    @rule(data=st.data())
    def credentials_changed(self, data: st.DataObject) -> None:
        """The current session goes on with a new secret, all others end (E7)."""
        key = data.draw(st.sampled_from(list(self.live)))
        life = self.live[key]
        outcome = self.flow.credentials_changed(life.user, token=life.token)
        kept = {key} if life.verdict(self.now) == "active" else set()
        self.check_ended(outcome.ended, self.of(life.user) - kept, "credentials_changed")
        assert (outcome.signed_in is not None) == bool(kept)
        if outcome.signed_in is not None:
            self.dead.add(life.token)
            life.token = outcome.signed_in.cookies[0].value
        self.forget(life.user)
        self.raise_barrier(life.user)

    @precondition(lambda self: self.live)
    @rule(data=st.data())
    def sign_out(self, data: st.DataObject) -> None:
        """One's own session, and this browser's Remember me."""
        key = data.draw(st.sampled_from(list(self.live)))
        life = self.live[key]
        series = life.series
        is_over = series is None or self.series_is_over(series)
        token = None if series is None else self.series[series].tokens[-1]
        told = self.flow.sign_out(Presented(life.token, token))
        active = {key} if life.verdict(self.now) == "active" else set()
        self.check_ended(told.ended, active, "signed_out")
        if series is not None and (active or not is_over):
            self.forget_one(series)

    @rule(step=st.sampled_from([SECOND, MINUTE, 20 * MINUTE, HOUR, 6 * HOUR, -SECOND, -20 * MINUTE]))
    def time(self, step: int) -> None:
        """Time goes on, and now and then back."""
        self.clock.tick(step)

    @rule()
    def sweep(self) -> None:
        """What is over ends, once; refused while records lie ahead of the clock (TIME-1)."""
        newest = max((life.active_at for life in self.live.values()), default=0)
        over = {key for key, life in self.live.items() if life.verdict(self.now) in OVER}
        try:
            assert self.flow.sweep() == len(over)
        except ClockError:
            assert newest > self.now + 5 * MINUTE
            return
        for key in over:
            self.end(key, "")
        for key in [key for key, series in self.series.items() if series.expires_at <= self.now]:
            self.series.pop(key)
            for life in self.live.values():
                life.series = None if life.series == key else life.series

    @rule()
    def restart(self) -> None:
        """The process ends and another one begins."""
        self.flow.close()
        self.flow = self.opened(self.url)

    @rule()
    def move(self) -> None:
        """All of it moves to another store, twice, as when writers are stopped in between."""
        url = self.fresh()
        target = self.opened(url)
        for _ in range(2):
            done = self.copied(target)
            assert (done.outcome, done.differences) == ("done", 0)
        self.flow.close()
        self.url, self.flow = url, target

    def copied(self, target: Any) -> Any:
        if self.colour == "sync":
            return copy_store(self.flow.store, target.store)
        here, there = self.flow._wrapped.store, target._wrapped.store
        return self.portal.call(lambda: async_copy_store(here, there))

    # ── what is always true ──────────────────────────────────────────────────────────────────

    @invariant()
    def listing_and_validating_agree(self) -> None:
        """What is listed validates, what validates is listed, and there are never too many (L2, S3)."""
        for user in USERS:
            listed = {session.id for session in self.flow.list(user)}
            assert listed == self.active(user)
            assert len(listed) <= CAP
        for key, life in self.live.items():
            found = self.flow.validate(life.token)
            assert (found is not None) == (life.verdict(self.now) == "active")
            assert found is None or (found.id, found.user_id) == (key, life.user)

    @invariant()
    def dead_stays_dead(self) -> None:
        """No token of an ended session, and none from before a rotation, is ever good again (E5)."""
        for token in self.dead:
            assert self.flow.validate(token) is None

    @invariant()
    def one_entry_an_ending(self) -> None:
        """The history has each ending once, with its reason (E9)."""
        told = [(s.id, s.reason) for user in USERS for s in self.flow.history(user)]
        assert sorted(told) == sorted(self.ended.items())


def machine(engine: Engine, colour: str) -> Callable[[], Lives]:
    """The machine for an engine in a colour."""
    return type("Lives", (Lives,), {"engine": engine, "colour": colour})
