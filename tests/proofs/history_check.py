"""Whether "revoked is revoked" is true of a history, proved from its logs alone. Pure.

**What a session is here.** A register that goes from alive to dead once. Every operation takes effect at one
moment between its start and its end, the moment being unknown. So an operation that saw the session alive
says that it died *after that operation's start*; one that saw it dead, or must have ended it, says that it
died *before that operation's end*. All of them can be true together exactly if the latest such start is not
after the earliest such end: this is linearizability of that register, and two numbers a session decide it.
Operations that overlap say nothing about each other's order, so they never raise an alarm.

**Who must have ended it.** A revoke that has returned, of a session whose sign-in had returned before that
revoke started (then the session was there in whatever order things happened). "All" and "all but one" reach
further: a sign-in that started in an earlier millisecond than an operation that stops sign-ins is either
refused or ended by it, and what is resumed from a series that was there before is either ended with the
others or finds its series forgotten. Further what an operation told that it ended. An operation whose answer
was lost proves nothing, and may take effect at any later time.

**Who may have ended it.** Only an operation that told so or, where it doesn't tell, one that could: a sign-in
of the same user may evict. One of these must have been under way between the last moment the session is known
to have been alive and the first at which it is known to be dead; else somebody was signed out by nobody.

**A validation that answers "none"** is a sighting of death only if its secret was good all the while: no
rotation from it had started, or its grace of 10 s, counted from that rotation's start, was not over and no
further rotation had started.

**Remember me** is a register of the same kind for each series: alive for whoever resumes by it, dead for
whom it is unknown to, ended by whatever forgets it.

**How many at once.** A session lives for certain from the end of its sign-in to the start of the last
operation that saw it alive. More of these spans at one moment than the cap allows, or than one for a series:
a violation. There may have been more that nobody saw; there were not fewer.

**A list** is such a sighting of each session, of those that it doesn't name as well, if they were there before
it started. And as a whole it must have been true at one moment: after each that it names can have begun and
each that it doesn't name was last alive, before each that it names was dead.

All this holds whatever the store is, for nothing here knows of one. The clock of the flow is the one of the
log (see :class:`.history_log.Stopwatch`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

from .history_log import MS, Operation
from .history_registers import (
    NEVER,
    REVOKES,
    Life,
    Person,
    Register,
    Secret,
    Series,
    is_good,
    is_stale,
    may_end,
    must_end,
    was_under_way,
)

LOOKS: Final = frozenset({"validate", "list", "touch", "write"})

REVIVED = "alive after its end had returned"
BY_NOBODY = "signed out by nobody"
TWICE = "ended twice"
TOO_MANY = "more sessions than the cap at one moment"
LISTED_TOO_MANY = "more sessions than the cap in a list"
STALE = "a secret from before a rotation was still good"
FORKED = "two rotations from one secret"
RESTORED = "Remember me good after it was forgotten"
FORGOTTEN = "Remember me forgotten by nobody"
TWO_OF_A_SERIES = "two live sessions of one remembered browser"
THIEF = "an honest browser taken for a thief"
NO_MOMENT = "a list that was true at no moment"
SOMEBODY_ELSE = "an answer about somebody else's session"
RULES = (
    REVIVED, BY_NOBODY, TWICE, TOO_MANY, LISTED_TOO_MANY, STALE, FORKED, RESTORED, FORGOTTEN, TWO_OF_A_SERIES,
    THIEF, NO_MOMENT, SOMEBODY_ELSE,
)  # fmt: skip


class Violation:
    """A rule that a history breaks, what it is about, and the operations that can't all be true."""

    def __init__(self, rule: str, user: str, session: str | None, *operations: Operation) -> None:
        self.rule = rule
        self.user = user
        self.session = session
        self.operations = operations


@dataclass
class Report:
    """What was checked. counts: operations by kind and outcome; processes: by who asked. soon: how many
    validations started within so many nanoseconds after the end of their session had returned in another process; soonest: the
    shortest such time.
    """

    counts: Counter[tuple[str, str]] = field(default_factory=Counter)
    processes: Counter[str] = field(default_factory=Counter)
    sessions: int = 0
    ended: int = 0
    series: int = 0
    forgotten: int = 0
    seconds: float = 0.0
    soon: dict[int, int] = field(default_factory=lambda: {MS: 0, 10 * MS: 0, 100 * MS: 0})
    soonest: int = NEVER
    violations: list[Violation] = field(default_factory=list)

    def of(self, kind: str) -> int:
        """How many operations of a kind there were."""
        return sum(count for (each, _), count in self.counts.items() if each == kind)

    @property
    def failed(self) -> float:
        """The share of operations that had no answer."""
        failed = sum(count for (_, outcome), count in self.counts.items() if outcome == "failed")
        return failed / max(self.counts.total(), 1)


class Checker:
    """Reads a history twice: what was changed first, then what was seen."""

    def __init__(self, cap: int) -> None:
        self.cap = cap
        self.report = Report()
        self.people: dict[str, Person] = {}
        self.lives: dict[str, Life] = {}
        self.series: dict[str, Series] = {}
        self.secrets: dict[str, Secret] = {}
        self.lists: list[Operation] = []

    def check(self, history: Callable[[], Iterable[Operation]]) -> Report:
        self.read_changes(history())
        for life in self.lives.values():
            if life.dead_by is not None:
                life.over, life.over_by = life.dead, life.dead_by.process
        self.read_looks(history())
        for life in self.lives.values():
            self.judge_life(life)
        for series in self.series.values():
            self.judge_series(series)
        for operation in self.lists:
            self.judge_list(operation)
        for user, person in self.people.items():
            self.judge_number(TOO_MANY, user, person.lives, self.cap)
        self.report.sessions = len(self.lives)
        self.report.ended = sum(life.dead < NEVER for life in self.lives.values())
        self.report.series = len(self.series)
        self.report.forgotten = sum(series.dead < NEVER for series in self.series.values())
        return self.report

    def broken(self, rule: str, about: Register | None, *operations: Operation | None) -> None:
        known = [operation for operation in operations if operation is not None]
        user = known[0].user if about is None else about.user
        session = about.name if isinstance(about, Life) else None
        self.report.violations.append(Violation(rule, user, session, *known))

    def person(self, user: str) -> Person:
        return self.people.setdefault(user, Person())

    # ── what was changed ─────────────────────────────────────────────────────────────────────

    def read_changes(self, operations: Iterable[Operation]) -> None:
        changes = []
        for operation in operations:
            self.report.counts[operation.kind, operation.outcome] += 1
            self.report.processes[operation.process] += 1
            if operation.end > self.report.seconds:
                self.report.seconds = operation.end
            if operation.kind not in LOOKS:
                changes.append(operation)
        self.report.seconds /= 1e9
        # Each process has a log of its own, so what begins a thing may stand behind what ends it.
        changes.sort(key=lambda operation: operation.end)
        for operation in changes:
            if operation.made is not None and operation.kind != "rotate":
                self.begin(operation)
        for operation in changes:
            if operation.made is not None:
                self.secrets.setdefault(
                    operation.made.secret, Secret(self.lives[operation.made.session])
                )
        presented = []
        for operation in changes:
            match operation.kind:
                case "rotate":
                    presented += self.rotate(operation)
                case "resume":
                    self.resume(operation)
                case "sign_out" if operation.outcome == "in":
                    presented.append(operation)
            self.end(operation)
        for operation in presented:
            secret = self.secrets[operation.secret or ""]
            if is_good(secret, self.secrets, operation):
                secret.life.seen_dead(operation)

    def begin(self, operation: Operation) -> None:
        """A sign-in, or a resume; a repeat gives the same session again."""
        made, person = operation.made, self.person(operation.user)
        assert made is not None
        series = None if made.series is None else self.series.get(made.series)
        if made.series is not None and series is None:
            series = self.series[made.series] = Series(made.series, operation)
            person.series.append(series)
        life = self.lives.get(made.session)
        if life is not None:
            life.begun_again(operation)
        else:
            life = self.lives[made.session] = Life(made.session, operation, series)
            person.lives.append(life)
            if series is not None:
                series.lives.append(life)
        if series is not None and made.remember is not None:
            series.made(made.remember, operation)

    def rotate(self, operation: Operation) -> Iterator[Operation]:
        """Yields it if it may have seen the session dead."""
        secret = self.secrets[operation.secret or ""]
        if operation.outcome == "none":
            yield operation
            return
        secret.rotations.append(operation)
        if operation.made is not None:
            secret.life.seen_alive(operation)
            done = [each for each in secret.rotations if each.made is not None]
            if len(done) == 2:
                self.broken(FORKED, secret.life, *done)

    def resume(self, operation: Operation) -> None:
        series = self.series[operation.series or ""]
        match operation.outcome:
            case "in":
                series.seen_alive(operation)
            case "none":
                series.seen_dead(operation)
            case "theft":
                series.seen_alive(operation)
                series.thefts.append(operation)
            case "failed":
                series.lost.append(operation)
                for life in series.lives:  # a repeat may have given what this one began
                    if life.begun_by.kind == "resume":
                        life.born_start = min(life.born_start, operation.start)

    def end(self, operation: Operation) -> None:
        """Which sessions and series an operation ended: told, must have, may have."""
        kind, person = operation.kind, self.person(operation.user)
        done, stolen = operation.outcome == "in", operation.outcome == "theft"
        left = self.lives.get(operation.session or "")  # what this browser presented
        for name in operation.ended or ():
            if (life := self.lives.get(name)) is not None:
                life.told.append(operation)
                life.seen_alive(operation)
                life.seen_dead(operation)
                if life is left and life.series is not None:
                    life.series.seen_dead(operation)
        if done and kind in REVOKES:
            for life in person.lives:
                if must_end(operation, life):
                    life.seen_dead(operation)
        if stolen or (done and kind in REVOKES and (kind != "revoke" or operation.ended)):
            for series in person.series:
                if series.is_older_than(operation):
                    series.seen_dead(operation)
        if operation.outcome == "failed" and kind in ("sign_in", "resume"):
            person.lost.append(operation)
        # A service doesn't tell a thief from somebody who is too late.
        refused = kind == "resume" and operation.outcome == "refused"
        if kind != "rotate" and (done or stolen or refused or operation.outcome == "failed"):
            person.forgetters.append(operation)
            if operation.ended is None:
                person.untold.append(operation)

    # ── what was seen ────────────────────────────────────────────────────────────────────────

    def read_looks(self, operations: Iterable[Operation]) -> None:
        for operation in operations:
            match operation.kind:
                case "validate":
                    self.validate(operation)
                case "list" if operation.outcome == "in":
                    self.list(operation)
                case "write":
                    life = self.lives[operation.session or ""]
                    if operation.outcome == "in":
                        life.seen_alive(operation)
                    elif operation.outcome == "none":
                        life.seen_dead(operation)

    def validate(self, operation: Operation) -> None:
        secret = self.secrets[operation.secret or ""]
        life = secret.life
        match operation.outcome:
            case "in":
                life.seen_alive(operation)
                if secret.rotations and is_stale(secret, self.secrets, operation):
                    self.broken(STALE, life, *secret.rotations, operation)
            case "none":
                if not secret.rotations or is_good(secret, self.secrets, operation):
                    life.seen_dead(operation)
            case "other":
                self.broken(SOMEBODY_ELSE, life, operation)
        after = operation.start - life.over
        if after > 0 and operation.process != life.over_by:
            self.report.soonest = min(self.report.soonest, after)
            for within in self.report.soon:
                self.report.soon[within] += after <= within

    def list(self, operation: Operation) -> None:
        person, listed = self.person(operation.user), set(operation.ids)
        self.lists.append(operation)
        if len(listed) > self.cap:
            self.broken(LISTED_TOO_MANY, None, operation)
        for name in listed:
            life = self.lives.get(name)
            if life is not None and life.user == operation.user:
                life.seen_alive(operation)
            elif life is not None or not any(each.start <= operation.end for each in person.lost):
                self.broken(SOMEBODY_ELSE, life, operation)
        for life in person.lives:
            if life.born_end <= operation.start and life.name not in listed:
                life.seen_dead(operation)

    # ── what follows ─────────────────────────────────────────────────────────────────────────

    def judge_life(self, life: Life) -> None:
        person = self.people[life.user]
        if life.alive > life.dead:
            self.broken(REVIVED, life, life.dead_by, life.alive_by)
        elif life.dead < NEVER and not any(
            was_under_way(each, life)
            for each in (*life.told, *(each for each in person.untold if may_end(each, life)))
        ):
            self.broken(BY_NOBODY, life, life.alive_by, life.dead_by)
        if len(life.told) > 1:
            self.broken(TWICE, life, *life.told)

    def judge_list(self, operation: Operation) -> None:
        """There is a moment at which what it names was alive, and what it doesn't name was not."""
        first, last = operation.start, operation.end
        early = late = operation
        for life in self.people[operation.user].lives:
            if life.alive > life.dead:
                return  # that has been told
            if life.name in operation.ids:
                if life.born_start > first:
                    first, early = life.born_start, life.begun_by
                if life.dead < last and life.dead_by is not None:
                    last, late = life.dead, life.dead_by
            elif life.born_end <= operation.start and life.alive > first:
                first, early = life.alive, life.alive_by
        if first > last:
            self.broken(NO_MOMENT, None, operation, early, late)

    def judge_series(self, series: Series) -> None:
        if series.alive > series.dead:
            self.broken(RESTORED, series, series.dead_by, series.alive_by)
        elif series.dead < NEVER and not any(
            was_under_way(each, series) and self.may_forget(each, series)
            for each in self.people[series.user].forgetters
        ):
            self.broken(FORGOTTEN, series, series.alive_by, series.dead_by)
        for operation in series.thefts:
            if series.is_honest(operation):
                self.broken(THIEF, series, operation)
        self.judge_number(TWO_OF_A_SERIES, series.user, series.lives, 1)

    def may_forget(self, operation: Operation, series: Series) -> bool:
        if operation.kind in REVOKES or operation.outcome in ("theft", "failed", "refused"):
            return True
        left = self.lives.get(operation.session or "")
        is_leaving = operation.kind in ("sign_in", "sign_out")
        return is_leaving and (
            operation.series == series.name or (left is not None and left.series is series)
        )

    def judge_number(self, rule: str, user: str, lives: list[Life], most: int) -> None:
        """At one moment, of the sessions that were alive for certain."""
        spans = [(life.born_end, life.alive, life) for life in lives if life.born_end < life.alive]
        # At the same moment those that go, go first.
        moments = sorted(
            [(end, 0, id(life), life) for _, end, life in spans]
            + [(start, 1, id(life), life) for start, _, life in spans]
        )
        here: dict[int, Life] = {}
        for _, comes, key, life in moments:
            if not comes:
                here.pop(key)
                continue
            here[key] = life
            if len(here) > most:
                last = [each.alive_by for each in here.values()]
                self.report.violations.append(Violation(rule, user, None, life.begun_by, *last))
                return
