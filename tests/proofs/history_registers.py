"""What a history says of the things that live once: sessions, and remembered browsers. Pure.

The logic of intervals is explained in :mod:`.history_check`.
"""

from __future__ import annotations

from typing import Final

from .history_log import MS, Operation

GRACE: Final = 10_000 * MS
"""How long the secret from before a rotation is good (V6)."""
SEEN_AFTER: Final = 60_000 * MS
"""How long after a resume a repeat is harmless at least (R3)."""
NEVER: Final = 2**63
REVOKES: Final = frozenset({"revoke", "revoke_others", "revoke_all", "everywhere"})
STOPS_SIGN_INS: Final = frozenset({"revoke_all", "everywhere"})


class Register:
    """What lives once: when it began, when it was seen alive last and dead first, and by whom."""

    __slots__ = (
        "alive",
        "alive_by",
        "begun_by",
        "born_end",
        "born_start",
        "dead",
        "dead_by",
        "name",
        "user",
    )

    def __init__(self, name: str, begun_by: Operation) -> None:
        self.name = name
        self.user = begun_by.user
        self.begun_by = self.alive_by = begun_by
        self.born_start = self.alive = begun_by.start
        self.born_end = begun_by.end
        self.dead = NEVER
        self.dead_by: Operation | None = None

    def seen_alive(self, operation: Operation) -> None:
        if operation.start > self.alive:
            self.alive, self.alive_by = operation.start, operation

    def seen_dead(self, operation: Operation) -> None:
        if operation.end < self.dead:
            self.dead, self.dead_by = operation.end, operation

    def begun_again(self, operation: Operation) -> None:
        """The same answer to a repeat: it was there by the earlier of both."""
        self.born_start = min(self.born_start, operation.start)
        self.born_end = min(self.born_end, operation.end)
        self.seen_alive(operation)

    def is_older_than(self, ending: Operation) -> bool:
        """Whether it was there, in whatever order things happened, when this ending came; or was to be
        refused by it.
        """
        if self.born_end <= ending.start:
            return True
        stops = ending.kind in STOPS_SIGN_INS or ending.outcome == "theft"
        signed_in = self.begun_by.kind == "sign_in"
        return stops and signed_in and self.born_start // MS < ending.start // MS


class Life(Register):
    """A session."""

    __slots__ = ("over", "over_by", "series", "told")

    def __init__(self, name: str, begun_by: Operation, series: Series | None) -> None:
        super().__init__(name, begun_by)
        self.series = series
        self.told: list[Operation] = []
        self.over = NEVER
        self.over_by = ""


class Series(Register):
    """A remembered browser. secrets: when each of them was made, first start and first end; and from which
    one. lost, thefts: resumes whose answer was lost, that were taken for a thief's.
    """

    __slots__ = ("lives", "lost", "secrets", "thefts")

    def __init__(self, name: str, begun_by: Operation) -> None:
        super().__init__(name, begun_by)
        self.lives: list[Life] = []
        self.lost: list[Operation] = []
        self.thefts: list[Operation] = []
        self.secrets: dict[str, tuple[int, int, str | None]] = {}

    def made(self, secret: str, operation: Operation) -> None:
        start, end, _ = self.secrets.get(secret, (NEVER, NEVER, None))
        self.secrets[secret] = (min(start, operation.start), min(end, operation.end), operation.remember)

    def is_honest(self, operation: Operation) -> bool:
        """Whether a browser that presented this secret can only have had the current one or the one before,
        in time for a repeat.
        """
        if any(lost.start <= operation.end for lost in self.lost):
            return False
        begun = self.secrets[operation.remember or ""][0]
        return all(
            made_from == operation.remember and operation.end < start + SEEN_AFTER
            for start, end, made_from in self.secrets.values()
            if begun < end and start <= operation.end and start != begun
        )


class Secret:
    """A secret of a session, and the rotations that started from it."""

    __slots__ = ("life", "rotations")

    def __init__(self, life: Life) -> None:
        self.life = life
        self.rotations: list[Operation] = []


class Person:
    """What there is of a user. untold: operations that may have ended sessions without telling which;
    forgetters: that may have forgotten series; lost: that may have begun sessions without telling.
    """

    def __init__(self) -> None:
        self.lives: list[Life] = []
        self.series: list[Series] = []
        self.untold: list[Operation] = []
        self.forgetters: list[Operation] = []
        self.lost: list[Operation] = []


def is_good(secret: Secret, secrets: dict[str, Secret], operation: Operation) -> bool:
    """Whether the secret was good all through this operation, if its session was alive. To rotate it must
    have been the current one; for anything else it has the grace.
    """
    for rotation in secret.rotations:
        if rotation.start > operation.end:
            continue
        if operation.kind == "rotate" or operation.end // MS >= (rotation.start + GRACE) // MS:
            return False
        following = [] if rotation.made is None else secrets[rotation.made.secret].rotations
        if any(each.start <= operation.end for each in following):
            return False
    return True


def is_stale(secret: Secret, secrets: dict[str, Secret], operation: Operation) -> bool:
    """Whether the secret can't have been good at any moment of this operation."""
    for rotation in secret.rotations:
        if rotation.made is None:
            continue
        if operation.start // MS >= (rotation.end + GRACE) // MS:
            return True
        following = secrets[rotation.made.secret].rotations
        if any(each.made is not None and each.end < operation.start for each in following):
            return True
    return False


def was_under_way(operation: Operation, register: Register) -> bool:
    """Whether it may have taken effect between the last sign of life and the first of death. One whose
    answer was lost may do so later.
    """
    return operation.start <= register.dead and (
        operation.end >= register.alive or operation.outcome == "failed"
    )


def must_end(revoke: Operation, life: Life) -> bool:
    """Whether this session is dead when the revoke has returned, in whatever order things happened."""
    if revoke.kind == "revoke" and life.name not in revoke.ids:
        return False
    if revoke.kind == "revoke_others" and life.name == revoke.session:
        return False
    if life.is_older_than(revoke):
        return True
    # What was resumed meanwhile came first, and ended with the others. Later the series is forgotten.
    return (
        revoke.kind != "revoke"
        and life.begun_by.kind == "resume"
        and life.born_start < revoke.end
        and life.series is not None
        and life.series.is_older_than(revoke)
    )


def may_end(operation: Operation, life: Life) -> bool:
    """Whether an operation that doesn't tell what it ended could have ended this session."""
    match operation.kind:
        case "revoke":
            return life.name in operation.ids
        case "revoke_others":
            return life.name != operation.session
        case "sign_out":
            return life.name == operation.session
        case "sign_in" | "resume":  # it evicts, or replaces
            return operation.made is None or life.name != operation.made.session
    return operation.kind in STOPS_SIGN_INS
