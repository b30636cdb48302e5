"""A clock that is set forwards and back while people live by it (TIME-1).

``python -m tests.proofs.clocks`` prints the whole table, ``… clocks sqlite 10`` some lines of it. What
is compared is the time that really goes by: a clock set back lets a session live longer by that step at the
most, one set forwards ends it earlier by no more; what is recorded of a session never decreases; and
nothing is swept while records lie ahead of the clock.
"""

from __future__ import annotations

import os
import random
import tempfile
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from signedin import Policy, Refused, SignedIn
from signedin.errors import ClockError
from signedin.policy import BARRIER_KEPT, SWEEP_CLOCK_TOLERANCE
from signedin.session import judge
from signedin.steps import Touch

from ..engines import ENGINES, patient
from ..support import HOUR, MINUTE, SECOND, START
from .books import CLIENT
from .processes import opened
from .table import print_table

STEPS = 80
IDLE, ABSOLUTE = HOUR, 5 * HOUR
POLICY = Policy(
    cap=1000,
    idle_timeout=timedelta(milliseconds=IDLE),
    absolute_timeout=timedelta(milliseconds=ABSOLUTE),
)
JUMPS = (SECOND, MINUTE, 4 * MINUTE, 20 * MINUTE, 2 * HOUR, 7 * HOUR)
TABLE = tuple(
    ("jumps", name, colour, 100 if name == "sqlite" else 20)
    for name in ENGINES
    for colour in ("sync", "async")
)


@dataclass
class Count:
    """What happened in some lives."""

    sessions: int = 0
    requests: int = 0
    jumps: int = 0
    sweeps: int = 0
    refused: int = 0

    def __str__(self) -> str:
        return (
            f"{self.sessions} sessions, {self.requests} requests, {self.jumps} jumps of the clock,"
            f" {self.sweeps} sweeps, {self.refused} refused; none lived too long or too short"
        )


@dataclass
class Lived:
    """A session. began, used: when it really did; set_back: how far the clock was, since it began; active:
    what was recorded last; signed_in, seen: what the clock showed when it began and was used.
    """

    id: str
    token: str
    began: int
    used: int
    signed_in: int
    seen: int
    active: int
    set_back: int = 0


class Life:
    """Of one user, under a clock that isn't the time."""

    def __init__(self, url: str, colour: str, dice: random.Random, count: Count) -> None:
        self._dice = dice
        self._count = count
        self._time = START
        self._ahead = 0
        self._live: list[Lived] = []
        self._barrier = self._kept = 0
        with opened(url, colour, cap=None, policy=POLICY, clock=self.clock) as self._flow:
            for _ in range(STEPS):
                self._time += dice.choice((SECOND, MINUTE, 10 * MINUTE, 50 * MINUTE))
                dice.choice(
                    (
                        self._sign_in,
                        self._use,
                        self._use,
                        self._use,
                        self._set,
                        self._sweep,
                        self._change,
                    )
                )()
            history = [ended.id for ended in self._flow.history("1")]
            assert len(set(history)) == len(history), "a session ended twice"

    def clock(self) -> int:
        return self._time + self._ahead

    def _sign_in(self) -> None:
        now = self.clock()
        outcome = self._flow.sign_in("1", CLIENT, started_at=now)
        if outcome == Refused("barrier"):
            assert now - 2 * SECOND < self._barrier, "nothing forbids it"
            return
        assert isinstance(outcome, SignedIn)
        session = outcome.session
        self._live.append(
            Lived(session.id, outcome.cookies[0].value, self._time, self._time, now, now, now)
        )
        self._count.sessions += 1

    def _use(self) -> None:
        """A request of each session."""
        now = self.clock()
        for one in list(self._live):
            self._count.requests += 1
            session = self._flow.validate(one.token)
            if session is None:
                assert now >= min(one.seen - MINUTE + IDLE, one.signed_in + ABSOLUTE), "ended early"
                continue
            assert self._time - one.used < IDLE + MINUTE + one.set_back, "idle for too long"
            assert self._time - one.began < ABSOLUTE + one.set_back, "lived for too long"
            assert session.last_active_at >= session.signed_in_at
            # Due or not: another process may have thought so, by an older clock.
            if self._flow.touch_due(session, CLIENT) or self._dice.random() < 0.5:
                self._flow.touch(Touch(session.id, CLIENT))
            record = next(each for each in self._flow.list("1") if each.id == session.id)
            assert record.last_active_at >= one.active, "a recorded time has decreased"
            assert record.signed_in_at == one.signed_in
            one.used, one.seen, one.active = self._time, now, record.last_active_at

    def _set(self) -> None:
        """The clock, by a step forwards or back."""
        step = self._dice.choice(JUMPS) * self._dice.choice((1, -1))
        self._ahead += step
        self._count.jumps += 1
        for one in self._live:
            one.set_back += max(-step, 0)

    def _sweep(self) -> None:
        now = self.clock()
        ahead = max((one.active for one in self._live), default=0) > now + SWEEP_CLOCK_TOLERANCE
        over = {one.id for one in self._live if self._is_over(one, now)}
        self._count.sweeps += 1
        try:
            swept = self._flow.sweep()
        except ClockError:
            assert ahead, "nothing lies ahead of the clock"
            self._count.refused += 1
            return
        assert not ahead, "it swept although records lie ahead of the clock"
        assert swept == len(over), "not what is over"
        self._live = [one for one in self._live if one.id not in over]
        if self._kept < now - BARRIER_KEPT:
            self._kept = 0

    def _change(self) -> None:
        """Of the password, sometimes: all ends, and who began to sign in before is stopped."""
        if self._dice.random() < 0.7:
            return
        barrier = self._flow.credentials_changed("1").barrier
        assert barrier >= self._kept, "a barrier has moved back"
        self._barrier, self._kept = max(self._barrier, barrier), barrier
        self._live = []

    def _is_over(self, one: Lived, now: int) -> bool:
        return judge(one.active, IDLE, one.signed_in + ABSOLUTE, now) != "active"


def proof(what: str, name: str, colour: str, count: int) -> Any:
    """So many lives."""
    total = Count()
    for _ in range(count):
        with tempfile.TemporaryDirectory() as folder:
            url = ENGINES[name].fresh(os.path.join(folder, "sessions.db"))
            seed = random.randrange(2**32)
            try:
                Life(patient(url, 20), colour, random.Random(seed), total)
            except AssertionError as error:
                error.add_note(f"The dice had the seed {seed}.")
                raise
    return total


if __name__ == "__main__":
    print_table("clock  ", TABLE, proof)
