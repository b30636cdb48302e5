"""What the checker of histories takes for true and for false."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from signedin.config import open_sessions

from ..engines import ENGINES
from ..support import START
from .history_check import (
    BY_NOBODY,
    FORGOTTEN,
    FORKED,
    LISTED_TOO_MANY,
    NO_MOMENT,
    RESTORED,
    REVIVED,
    SOMEBODY_ELSE,
    STALE,
    THIEF,
    TOO_MANY,
    TWICE,
    TWO_OF_A_SERIES,
    Checker,
    Report,
)
from .history_clients import Client, Totals
from .history_log import MS, Made, Operation, Stopwatch, read
from .history_ways import Answer, Library

CAP = 2


def did(kind: str, start: float, end: float, outcome: str = "in", **told: Any) -> Operation:
    """An operation of one user, at these milliseconds."""
    return Operation("here", kind, int(start * MS), int(end * MS), "ada", outcome, **told)


def sign_in(
    start: float, end: float, name: str = "s", series: str | None = None, **told: Any
) -> Operation:
    made = Made(name, f"{name}1", series, None if series is None else f"{series}1")
    return did("sign_in", start, end, made=made, **({"ended": ()} | told))


def look(start: float, end: float, outcome: str = "in", secret: str = "s1") -> Operation:
    return did("validate", start, end, outcome, session=secret[0], secret=secret)


def listed(start: float, end: float, *names: str) -> Operation:
    return did("list", start, end, ids=names)


def revoke(start: float, end: float, name: str = "s", outcome: str = "in", **told: Any) -> Operation:
    return did("revoke", start, end, outcome, **({"ids": (name,), "ended": (name,)} | told))


def rotate(start: float, end: float, old: str, new: str) -> Operation:
    return did("rotate", start, end, session="s", secret=old, made=Made("s", new))


def resume(start: float, end: float, old: str, made: str, new: str, *ended: str) -> Operation:
    made_ = Made(made, f"{made}1", old[0], new)
    return did("resume", start, end, series=old[0], remember=old, made=made_, ended=ended)


def no_resume(start: float, end: float, outcome: str, old: str = "r1") -> Operation:
    return did("resume", start, end, outcome, series=old[0], remember=old)


BEGUN = sign_in(0, 1)
REMEMBERED = sign_in(0, 1, series="r")
GRACE_OVER = 20_000

TRUE: dict[str, list[Operation]] = {
    "a validation under way when the revoke returns": [BEGUN, revoke(2, 5), look(4, 6)],
    "a revoke under way when a validation finds nothing": [BEGUN, revoke(2, 9), look(4, 6, "none")],
    "two that overlap the revoke see different things": [
        BEGUN, revoke(2, 9), look(3, 7, "none"), look(4, 8),
    ],
    "a revoke whose answer was lost takes effect late": [
        BEGUN, revoke(2, 3, outcome="failed", ended=None), look(4, 5), look(50, 51, "none"),
    ],
    "a revoke whose answer was lost never takes effect": [
        BEGUN, revoke(2, 3, outcome="failed", ended=None), look(4, 5), look(50, 51),
    ],
    "one that was revoked while it began goes on": [
        sign_in(0, 5), did("revoke_others", 1, 2, session="x", ended=()), look(6, 7),
    ],
    "somebody who signs in may evict without telling": [
        BEGUN, sign_in(2, 3, "t", ended=None), look(4, 5, "none"),
    ],
    "a list that overlaps the sign-in": [sign_in(0, 5), listed(1, 2), look(6, 7)],
    "a session that a lost sign-in began": [did("sign_in", 0, 1, "failed"), listed(5, 6, "x")],
    "the secret from before a rotation": [
        BEGUN, rotate(2, 3, "s1", "s2"), look(4, 5), look(4, 5, secret="s2"),
    ],
    "the secret from before a rotation, too late": [
        BEGUN, rotate(2, 3, "s1", "s2"), look(GRACE_OVER, GRACE_OVER + 1, "none"), look(4, 5, secret="s2"),
        look(GRACE_OVER + 2, GRACE_OVER + 3, secret="s2"),
    ],
    "the secret from before two rotations, the second under way": [
        BEGUN, rotate(2, 3, "s1", "s2"), rotate(4, 9, "s2", "s3"), look(5, 6, "none"), look(5, 6), look(10, 11, secret="s3"),
    ],
    "one too many, whose end nobody saw": [
        BEGUN, sign_in(2, 3, "t"), sign_in(4, 5, "u", ended=None), look(6, 7, secret="u1"), look(4, 5),
        look(6, 7, secret="t1"),
    ],
    "two tabs resume": [
        REMEMBERED, resume(2, 5, "r1", "t", "r2", "s"), resume(3, 4, "r1", "t", "r2"), look(6, 7, secret="t1"),
    ],
    "a resume under way when everything is revoked": [
        REMEMBERED, did("everywhere", 2, 6, ended=("t",)), resume(3, 5, "r1", "t", "r2", "s"), look(4, 7, secret="t1"),
        look(7, 8, "none", "t1"), no_resume(8, 9, "none", "r2"),
    ],
    "somebody presents a remember-me token from long before": [
        REMEMBERED, resume(2, 3, "r1", "t", "r2", "s"), resume(4, 5, "r2", "u", "r3", "t"), no_resume(6, 7, "theft"),
        look(8, 9, "none", "u1"), no_resume(8, 9, "none", "r3"),
    ],
    "what a lost resume began is listed, and then given to a repeat": [
        REMEMBERED, no_resume(2, 3, "failed"), listed(5, 6, "t"), resume(8, 9, "r1", "t", "r2"), look(9, 10, secret="t1"),
    ],
    "two tabs resume, and between them the session is evicted": [
        REMEMBERED, resume(2, 3, "r1", "t", "r2", "s"), sign_in(4, 5, "x", ended=("t",)), resume(6, 7, "r1", "u", "r3"),
        resume(8, 9, "r1", "u", "r3"), look(9, 10, secret="u1"), no_resume(11, 12, "theft", "r2"),
    ],
    "somebody presents it again, and an answer in between was lost": [
        REMEMBERED, no_resume(2, 3, "failed"), resume(4, 5, "r1", "t", "r3"), no_resume(6, 7, "theft"),
    ],
    "a service doesn't tell that it took somebody for a thief": [
        REMEMBERED, resume(2, 3, "r1", "t", "r2", "s"), resume(4, 5, "r2", "u", "r3", "t"), no_resume(6, 7, "refused"),
        look(8, 9, "none", "u1"), no_resume(8, 9, "none", "r3"),
    ],
    "Remember me, which goes with its session's sign-out": [
        REMEMBERED, did("sign_out", 2, 3, session="s", secret="s1", ended=("s",)), no_resume(4, 5, "none"),
    ],
}  # fmt: skip

FALSE: dict[str, tuple[str, list[Operation]]] = {
    "a validation after the revoke has returned": (REVIVED, [BEGUN, revoke(2, 3), look(4, 5)]),
    "a list after the revoke has returned": (REVIVED, [BEGUN, revoke(2, 3), listed(4, 5, "s")]),
    "data written after the revoke has returned": (
        REVIVED, [BEGUN, revoke(2, 3), did("write", 4, 5, session="s")],
    ),
    "a revoke that told of nothing": (REVIVED, [BEGUN, revoke(2, 3, ended=()), look(4, 5)]),
    "one validation finds nothing, a later one finds it": (
        REVIVED, [BEGUN, revoke(2, 90), look(4, 5, "none"), look(6, 7)],
    ),
    "a list without it, and then it validates": (
        REVIVED, [BEGUN, revoke(2, 90), listed(4, 5), look(6, 7)],
    ),
    "it was evicted, and validates": (REVIVED, [BEGUN, sign_in(2, 3, "t", ended=("s",)), look(4, 5)]),
    "it signed out, and validates": (
        REVIVED, [BEGUN, did("sign_out", 2, 3, session="s", secret="s1", ended=()), look(4, 5)],
    ),
    "the others were revoked, and it validates": (
        REVIVED, [BEGUN, did("revoke_others", 2, 3, session="x"), look(4, 5)],
    ),
    "a sign-in under way when everything was ended": (
        REVIVED, [sign_in(0, 5), did("everywhere", 2, 3), look(6, 7)],
    ),
    "a resume under way when the others were revoked": (
        REVIVED,
        [
            REMEMBERED, sign_in(0, 1, "x"), resume(2, 6, "r1", "t", "r2", "s"),
            did("revoke_others", 3, 5, session="x"), look(7, 8, secret="t1"),
        ],
    ),
    "a good secret is refused, and then it is good": (
        REVIVED, [BEGUN, rotate(2, 3, "s1", "s2"), look(4, 5, "none"), look(6, 7)],
    ),
    "nobody ended it": (BY_NOBODY, [BEGUN, look(4, 5, "none")]),
    "what could have ended it had come before": (
        BY_NOBODY, [BEGUN, sign_in(2, 3, "t", ended=None), look(4, 5), look(6, 7, "none")],
    ),
    "what could have ended it came after": (
        BY_NOBODY, [BEGUN, look(4, 5, "none"), revoke(6, 7, ended=None)],
    ),
    "somebody else's was revoked": (
        BY_NOBODY, [BEGUN, sign_in(0, 1, "t"), revoke(2, 9, "t", ended=None), look(4, 5, "none")],
    ),
    "the secret from before a rotation is refused at once": (
        BY_NOBODY, [BEGUN, rotate(2, 3, "s1", "s2"), look(4, 5, "none")],
    ),
    "two revokes say that they ended it": (TWICE, [BEGUN, revoke(2, 9), revoke(3, 8)]),
    "three live under a cap of two": (
        TOO_MANY,
        [
            BEGUN, sign_in(0, 1, "t"), sign_in(2, 3, "u"), look(4, 5), look(4, 5, secret="t1"),
            look(4, 5, secret="u1"),
        ],
    ),
    "three in a list under a cap of two": (
        LISTED_TOO_MANY, [BEGUN, sign_in(0, 1, "t"), sign_in(0, 1, "u"), listed(0, 2, "s", "t", "u")],
    ),
    "a list of what went and of what came after that": (
        NO_MOMENT, [BEGUN, revoke(2, 3), sign_in(4, 5, "t"), listed(1.5, 6, "s", "t")],
    ),
    "a list of what went first, without what went later": (
        NO_MOMENT, [BEGUN, sign_in(0, 1, "t"), revoke(3, 4), revoke(6, 7, "t"), listed(2, 9, "s")],
    ),
    "a secret from before two rotations": (
        STALE, [BEGUN, rotate(2, 3, "s1", "s2"), rotate(4, 5, "s2", "s3"), look(6, 7)],
    ),
    "a secret from before a rotation, too late": (
        STALE, [BEGUN, rotate(2, 3, "s1", "s2"), look(GRACE_OVER, GRACE_OVER + 1)],
    ),
    "two rotations from one secret": (FORKED, [BEGUN, rotate(2, 9, "s1", "s2"), rotate(2, 9, "s1", "s3")]),
    "Remember me after a revoke": (
        RESTORED, [REMEMBERED, revoke(2, 3), resume(4, 5, "r1", "t", "r2")],
    ),
    "Remember me after the others were revoked": (
        RESTORED,
        [REMEMBERED, did("revoke_others", 2, 3, session="s"), resume(4, 5, "r1", "t", "r2", "s")],
    ),
    "Remember me after its browser signed out": (
        RESTORED,
        [
            REMEMBERED, did("sign_out", 2, 3, session="s", secret="s1", ended=("s",)),
            resume(4, 5, "r1", "t", "r2"),
        ],
    ),
    "Remember me is forgotten, and nobody revoked": (FORGOTTEN, [REMEMBERED, no_resume(4, 5, "none")]),
    "two tabs get two sessions": (
        TWO_OF_A_SERIES,
        [
            REMEMBERED, resume(2, 5, "r1", "t", "r2", "s"), resume(2, 5, "r1", "u", "r3"),
            look(6, 7, secret="t1"), look(6, 7, secret="u1"),
        ],
    ),
    "a repeat is taken for a thief's": (
        THIEF, [REMEMBERED, resume(2, 3, "r1", "t", "r2", "s"), no_resume(4, 5, "theft")],
    ),
    "a repeat is taken for a thief's, after the session was evicted": (
        THIEF,
        [
            REMEMBERED, resume(2, 3, "r1", "t", "r2", "s"), sign_in(4, 5, "x", ended=("t",)),
            resume(6, 7, "r1", "u", "r3"), no_resume(8, 9, "theft"),
        ],
    ),
    "a validation answers about somebody else": (SOMEBODY_ELSE, [BEGUN, look(2, 3, "other")]),
    "a list names what nobody began": (SOMEBODY_ELSE, [BEGUN, listed(2, 3, "s", "x")]),
}  # fmt: skip


def judged(operations: list[Operation]) -> Report:
    return Checker(CAP).check(lambda: operations)


@pytest.mark.parametrize("story", TRUE)
def test_what_can_be_true(story: str) -> None:
    """What can be explained by some order of what overlaps is no violation, in whatever order it was logged."""
    operations = TRUE[story]
    assert [each.rule for each in judged(operations).violations] == []
    assert [each.rule for each in judged(operations[::-1]).violations] == []


@pytest.mark.parametrize("story", FALSE)
def test_what_cant_be_true(story: str) -> None:
    """What no order explains is a violation, of that rule and of no other."""
    rule, operations = FALSE[story]
    assert {each.rule for each in judged(operations).violations} == {rule}
    assert {each.rule for each in judged(operations[::-1]).violations} == {rule}


# ── histories that are true by construction ──────────────────────────────────────────────────


class Widened(Stopwatch):
    """A time in which each operation is done at one point, and is said to have taken longer: to have
    started earlier and ended later, so that it overlaps with its neighbours. Now and then much time passes.
    """

    def __init__(self, dice: random.Random) -> None:
        self.dice = dice
        self.epoch = START
        self.point = 1_000 * MS
        self.is_under_way = False

    def __call__(self) -> int:
        """A start, or the end after the clock was read."""
        width = self.dice.randrange(20 * MS)
        if self.is_under_way:
            self.is_under_way = False
            return self.point + width
        self.point += self.dice.choice(
            [MS // 3, MS, 10 * MS] * 30 + [4_000 * MS, 9_000 * MS, 40_000 * MS]
        )
        return self.point - width

    def clock(self) -> int:
        self.is_under_way = True
        return self.clock_at(self.point)


class AtOnce:
    """A sync object behind an async face, in the same thread."""

    def __init__(self, wrapped: Any) -> None:
        self.wrapped = wrapped

    def __getattr__(self, name: str) -> Any:
        async def call(*args: Any, **kwargs: Any) -> Any:
            return getattr(self.wrapped, name)(*args, **kwargs)

        return call


class Lossy(Library):
    """Some answers are lost; what was asked happens then, later, or never."""

    def __init__(self, flow: Any, time: Widened) -> None:
        super().__init__(AtOnce(flow))
        self.time = time
        self.late: list[Callable[[], Any]] = []
        self.crowd = 8
        for name in ("sign_in", "resume", "rotate", "revoke", *self.endings):
            setattr(self, name, partial(self.perhaps, getattr(self, name)))

    async def perhaps(self, verb: Callable[..., Awaitable[Answer]], *args: Any, **kwargs: Any) -> Answer:
        chance = self.time.dice.random()
        if chance > 0.06:
            return await verb(*args, **kwargs)
        if chance < 0.02:
            await verb(*args, **kwargs)
        elif chance < 0.04:
            self.late.append(partial(verb, *args, **kwargs))
        self.time.clock()
        raise self.failure


def test_what_had_no_answer() -> None:
    """Is told as a share of all: no answers, no violations."""
    assert Report().failed == 0
    counts = Counter({("validate", "in"): 7, ("touch", "failed"): 1, ("validate", "failed"): 2})
    assert Report(counts).failed == 0.3


@pytest.mark.parametrize("number", range(8))
async def test_one_after_the_other(number: int, tmp_path: Path) -> None:
    """What is done one after the other is no violation, however long each is said to have taken, and
    whatever answers are lost.
    """
    time = Widened(random.Random(number))
    store = ENGINES["redis"].fresh("")
    flow = open_sessions(store=store, cap=CAP + 4, clock=time.clock, clock_skew=timedelta(0))
    way, folder = Lossy(flow, time), str(tmp_path)
    clients = [Client(name, way, time, folder, Totals(1, 1), 1) for name in ("a", "b", "c")]
    while not clients[0].steady:
        await clients[0].sign_in("steady-0")
        clients[0].hear()
    acts = [*way.acts, *["sign_in", "validate", "validate", "validate"] * 4, "revoke", "end", "crowd"]
    for _ in range(500):
        client = time.dice.choice(clients)
        client.hear()
        await getattr(client, f"do_{time.dice.choice(acts)}")()
        if way.late and time.dice.random() < 0.2:
            await way.late.pop(0)()
            time()
    for client in clients:
        client.log.close()
    flow.close()
    report = Checker(CAP + 4).check(lambda: read(folder))
    assert report.of("validate") > 100
    assert [each.rule for each in report.violations] == []
