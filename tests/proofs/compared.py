"""A life on a real store beside the oracle's: how it begins and ends, how what the flow tells is compared, and
what is always true. What happens in it is in ``model.py``.
"""

from __future__ import annotations

import os
import sys
import tempfile
from random import Random
from typing import Any, ClassVar
from unittest.mock import patch

import msgspec
from anyio.from_thread import start_blocking_portal
from hypothesis.stateful import RuleBasedStateMachine, invariant

from signedin import Refused, SignedIn
from signedin.config import open_async_sessions, open_sessions
from signedin.remember_me import series_key
from signedin.session import user_tag
from signedin.token import Token

from ..attack.bottoms import kept, spellings, spellings_of_id
from ..engines import Engine, patient
from ..support import LAPTOP, START, Clock
from .oracle import CAP, POLICY, USERS, Oracle, Remembered

SESSION, REMEMBER = "__Host-signedin", "__Host-signedin-remember"


class AsSync:
    """An async flow for a thread that may wait."""

    def __init__(self, portal: Any, wrapped: Any) -> None:
        self._portal, self._wrapped = portal, wrapped

    def __getattr__(self, name: str) -> Any:
        attribute = getattr(self._wrapped, name)
        if not callable(attribute):
            return attribute
        return lambda *args, **kwargs: self._portal.call(lambda: attribute(*args, **kwargs))


class Compared(RuleBasedStateMachine):
    """One life; engine and colour are set by the tests."""

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
        self.urls = [self.fresh()]
        self.flow = self.opened(self.urls[-1])
        self.oracle = Oracle(self.clock)
        self.chance: Any = None
        self.went_back = False

    def teardown(self) -> None:
        try:
            if sys.exception() is None:  # what has failed already isn't judged any further
                self.no_token_is_kept()
        finally:
            if self.chance is not None:
                self.chance.stop()
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

    def seed(self, seed: int) -> None:
        """Ids decide who goes of two that are otherwise alike: a life that is lived again must have the same."""
        self.chance = patch("os.urandom", Random(seed).randbytes)
        self.chance.start()

    @property
    def now(self) -> int:
        return self.clock.now

    @property
    def store(self) -> Any:
        return self.flow.store if self.colour == "sync" else AsSync(self.portal, self.flow.store)

    # ── what the flow tells, compared ────────────────────────────────────────────────────────

    def check_ended(self, told: Any, expected: set[str], reason: str) -> None:
        """What the flow says it ended is what the oracle ends, each for its own reason."""
        ended = {key: self.oracle.end(key, reason) for key in expected}
        assert sorted((session.id, session.reason) for session in told) == sorted(ended.items())

    def check_begun(
        self, outcome: Any, user: str, began: int, leaving: str | None, why: str, series: str | None
    ) -> bool:
        """A new session has begun, if nothing stops it (S6): what left with it, and who was evicted.

        One that began before everybody was stopped begins, with all that follows, and ends again at once;
        its id is all that the oracle can't know.
        """
        stop = self.oracle.stop(user, began)
        if stop == "user":
            assert outcome == Refused("barrier")
            return False
        ended = self.oracle.make_room(user, leaving, why)
        if stop == "everybody":
            assert outcome == Refused("barrier")
            (key,) = {session.id for session in self.flow.history(user)} - self.oracle.ended.keys()
            self.oracle.end_unseen(key, "revoked_by_operator")
            self.oracle.forget_all(user)
            return False
        assert isinstance(outcome, SignedIn)
        assert sorted((session.id, session.reason) for session in outcome.ended) == sorted(ended.items())
        key = outcome.session.id
        assert bytes.fromhex(key)[12:] == user_tag(user)
        self.oracle.begin(key, user, cookies_of(outcome)[SESSION], series)
        assert len(self.flow.list(user)) <= CAP
        return True

    def present(self, series: Remembered, token: str) -> None:
        """A token of Remember me comes without a session; whatever follows is as the rules say."""
        meaning = self.oracle.meaning(series, token)
        outcome = self.flow.resume(token, LAPTOP, started_at=self.now)
        if meaning == "accepted":
            self.accepted(series, token, outcome)
        elif meaning == "repeat":
            assert isinstance(outcome, SignedIn)
            assert outcome.ended == ()
            told = cookies_of(outcome)
            assert (told[SESSION], told[REMEMBER]) == (series.session_token, series.tokens[-1])
        elif meaning == "theft":
            assert outcome == Refused("theft")
            if series.session in self.oracle.live:
                self.oracle.end(series.session, "theft")
            self.oracle.forget_all(series.user)
            self.oracle.raise_barrier(series.user)
        else:
            assert outcome == (Refused("lost") if meaning == "lost" else None)

    def accepted(self, series: Remembered, token: str, outcome: Any) -> None:
        """A new session in the old one's place, and the next token (R2)."""
        (key,) = (key for key, one in self.oracle.series.items() if one is series)
        earlier = series.session if series.session in self.oracle.live else None
        if self.check_begun(outcome, series.user, self.now, earlier, "resumed", key):
            self.oracle.move_on(series, token, cookies_of(outcome)[REMEMBER], outcome.session.id)
            self.present(series, token)  # at once again: the very same cookies (R3)

    # ── what is always true ──────────────────────────────────────────────────────────────────

    @invariant()
    def listing_and_validating_agree(self) -> None:
        """What is listed validates, what validates is listed, and there are never too many (L2, S3); unless the
        clock went back, to when what had been idle was not.
        """
        for user in USERS:
            listed = {session.id for session in self.flow.list(user)}
            assert listed == self.oracle.active(user)
            assert len(listed) <= CAP or self.went_back
        for key, life in self.oracle.live.items():
            found = self.flow.validate(life.token)
            assert (found is not None) == (life.verdict(self.now) == "active")
            if found is not None:
                assert (found.id, found.user_id, found.superseded) == (key, life.user, False)
                assert (found.acting_as, found.admin_until) == life.rights

    @invariant()
    def grace_is_short(self) -> None:
        """The secret from before a rotation is good for 10 s, without special rights, and not after (V6)."""
        for key, life in self.oracle.live.items():
            if life.previous is not None:
                found = self.flow.validate(life.previous)
                assert (found is not None) == life.previous_is_good(self.now)
                if found is not None:
                    assert (found.id, found.superseded) == (key, True)
                    rights = (found.acting_as, found.admin_until, found.authenticated_at)
                    assert rights == (None, None, None)

    @invariant()
    def dead_stays_dead(self) -> None:
        """No secret of an ended session, and none from before a rotation without grace, is ever good again
        (E5).
        """
        for token in self.oracle.dead:
            assert self.flow.validate(token) is None

    @invariant()
    def forgotten_stays_forgotten(self) -> None:
        """No token of a series that was forgotten starts anything, whichever it was, nor is it taken for theft
        (E2, R4); that nothing has begun and nobody else's Remember me went is what the others look at.
        """
        for token in self.oracle.forgotten:
            assert self.flow.resume(token, LAPTOP, started_at=self.now) is None

    @invariant()
    def nothing_else_is_remembered(self) -> None:
        """The store has the series that were not forgotten and no other, and the list tells how many (L1)."""
        for user in USERS:
            keys = {series_key(series) for series in self.oracle.series_of(user)}
            assert self.store.for_user(user).series == keys
            told = self.flow.overview(user)
            assert told.remembered == self.oracle.remembered_beside(user)
            for session in told.sessions:
                series = self.oracle.live[session.id].series
                assert session.remembered == (series is not None)

    @invariant()
    def one_entry_an_ending(self) -> None:
        """The history has each ending once, with its reason (E9)."""
        told = [(s.id, s.reason) for user in USERS for s in self.flow.history(user)]
        assert sorted(told) == sorted(self.oracle.ended.items())

    def no_token_is_kept(self) -> None:
        """At the end of a life: no token that was ever given out lies in a store that it was in, in no
        spelling, nor does a series' id, which is confidential (R1, TOK-2); nor are they in what the store reads
        there, of which some is packed. What must lie there does.
        """
        read = self.store.export(None, 1000)
        assert read.cursor is None
        dump = b"".join([*map(kept, self.urls), msgspec.msgpack.encode(read.users)])
        for text in self.oracle.given:
            token = Token.parse(text)
            assert token is not None
            assert not [spelled for spelled in spellings(token.secret) if spelled in dump]
        for series in self.oracle.confidential:
            assert not [spelled for spelled in spellings_of_id(series) if spelled in dump]
        for life in self.oracle.live.values():
            token = Token.parse(life.token)
            assert token is not None
            assert token.hash() in dump


def cookies_of(outcome: SignedIn) -> dict[str, str]:
    """The values that the browser gets, by the cookies' names."""
    return {cookie.name: cookie.value for cookie in outcome.cookies if not cookie.clears}
