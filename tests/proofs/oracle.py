"""What must be true of sessions, as a small model in memory that knows nothing of stores.

It holds what a person could write down: who signed in where, which secrets were given out, and what was
ended. From the rules alone it says what follows from each step; ``model.py`` takes the same step
with the real flow, and ``compared.py`` compares.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, Literal

from signedin import Policy

from ..support import HOUR, MINUTE, SECOND, Clock

CAP: Final = 3
IDLE, ABSOLUTE = HOUR, 5 * HOUR
REMEMBER, REMEMBER_LIMIT = 10 * HOUR, 30 * HOUR
SKEW: Final = 2 * SECOND
GRACE: Final = 10 * SECOND
"""So long the secret from before a rotation is good (V6)."""
SEEN_AFTER, REPEAT = MINUTE, 30 * SECOND
"""From when on a resumed session's use tells that its cookies arrived, and how long the token from before
is good after that (R3)."""

POLICY: Final = Policy(
    cap=CAP,
    idle_timeout=timedelta(milliseconds=IDLE),
    absolute_timeout=timedelta(milliseconds=ABSOLUTE),
    remember_me=timedelta(milliseconds=REMEMBER),
    remember_me_limit=timedelta(milliseconds=REMEMBER_LIMIT),
)
USERS: Final = ("1", "2", "Ada")
OVER: Final = ("idle", "expired")
RESUMABLE: Final = ("limit", "idle", "expired", "resumed")
"""After these endings Remember me still brings its user back (R4)."""

Stop = Literal["user", "everybody"]
Meaning = Literal["nothing", "theft", "accepted", "repeat", "lost"]


@dataclass
class Life:
    """A session that has not been ended; whether its time is over is judged when asked.

    series: of Remember me, if it has one. previous: the secret from before the last rotation, if that one
    left it any grace. rights: whom it acts as, and until when it is in admin mode.
    """

    user: str
    token: str
    signed_in_at: int
    active_at: int
    series: str | None
    previous: str | None = None
    rotated_at: int = 0
    rights: tuple[str | None, int | None] = (None, None)

    def verdict(self, now: int) -> str:
        if now >= self.signed_in_at + ABSOLUTE:
            return "expired"
        return "idle" if now >= self.active_at + IDLE else "active"

    def previous_is_good(self, now: int) -> bool:
        """Whether the secret from before a rotation still validates (V6)."""
        return self.verdict(now) == "active" and now < self.rotated_at + GRACE


@dataclass
class Remembered:
    """A series that has not been forgotten. tokens: all it ever had, the last two being the one that was
    accepted last and the current one. session: the one that this came with, and its secret then. seen_at:
    when that was first used a minute later.
    """

    user: str
    tokens: list[str]
    session: str
    session_token: str
    created_at: int
    expires_at: int
    seen_at: int | None = None

    def is_over(self, now: int) -> bool:
        return now >= self.expires_at


class Oracle:
    """All users, by a clock. live, ended: by session id; the latter with its reason. series: by its id.
    dead: tokens of sessions that are never good again. forgotten: those of Remember me that never are.
    given: every token that anybody ever got. confidential: the ids of all series that ever were.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.live: dict[str, Life] = {}
        self.ended: dict[str, str] = {}
        self.series: dict[str, Remembered] = {}
        self.dead: list[str] = []
        self.forgotten: list[str] = []
        self.given: list[str] = []
        self.confidential: list[str] = []
        self.barriers = dict.fromkeys(USERS, 0)
        self.everybody = 0

    @property
    def now(self) -> int:
        return self._clock.now

    # ── what is so ───────────────────────────────────────────────────────────────────────────

    def of(self, user: str) -> set[str]:
        return {key for key, life in self.live.items() if life.user == user}

    def active(self, user: str) -> set[str]:
        return {key for key in self.of(user) if self.live[key].verdict(self.now) == "active"}

    def series_of(self, user: str) -> set[str]:
        return {key for key, series in self.series.items() if series.user == user}

    def remembered_beside(self, user: str) -> int:
        """How many browsers of the user are remembered and have no active session (L1)."""
        return len(self.series_of(user) - {self.live[key].series for key in self.active(user)})

    def stop(self, user: str, began: int) -> Stop | None:
        """What stops a sign-in that began then (S6). One for everybody is seen when it has happened."""
        if began - SKEW < self.barriers[user]:
            return "user"
        return "everybody" if began - SKEW < self.everybody else None

    def meaning(self, series: Remembered, token: str) -> Meaning:
        """What presenting this token of the series comes to, if nothing stops it (R2–R5)."""
        if series.is_over(self.now):
            return "nothing"
        if token == series.tokens[-1]:
            return "accepted"
        is_seen = series.seen_at is not None and self.now >= series.seen_at + REPEAT
        if token != series.tokens[-2] or is_seen:
            return "theft"
        life = self.live.get(series.session)
        if life is not None and life.verdict(self.now) == "active":
            return "repeat" if life.token == series.session_token else "lost"
        return "accepted" if life or self.ended[series.session] in RESUMABLE else "nothing"

    # ── what begins and goes on ──────────────────────────────────────────────────────────────

    def make_room(self, user: str, leaving: str | None, why: str) -> dict[str, str]:
        """One more session of the user begins: what ends with it, and why (S1, R2, S3)."""
        ended = {} if leaving is None else {leaving: self.end(leaving, why)}

        def place(key: str) -> tuple[int, int, str]:
            return self.live[key].active_at, self.live[key].signed_in_at, key

        others = sorted(self.active(user), key=place)
        return ended | {key: self.end(key, "limit") for key in others[: max(len(others) + 1 - CAP, 0)]}

    def begin(self, key: str, user: str, token: str, series: str | None) -> None:
        assert key not in self.live
        assert key not in self.ended
        self.live[key] = Life(user, token, self.now, self.now, series)
        self.given.append(token)

    def remember(self, key: str, user: str, token: str, session: str) -> None:
        """A new series begins with this session."""
        first = self.live[session].token
        self.series[key] = Remembered(user, [token], session, first, self.now, self.now + REMEMBER)
        self.given.append(token)
        self.confidential.append(key)

    def move_on(self, series: Remembered, presented: str, token: str, session: str) -> None:
        """The series has been accepted, with a new token and a new session (R2). Where the token from before
        was presented, the one after it never arrived, and counts as older (R4).
        """
        series.tokens.remove(presented)
        series.tokens += [presented, token]
        series.session, series.session_token = session, self.live[session].token
        series.expires_at = min(self.now + REMEMBER, series.created_at + REMEMBER_LIMIT)
        series.seen_at = None
        self.given.append(token)

    def touch(self, key: str) -> None:
        """Activity is noted of what lives, and never backwards (V3)."""
        life = self.live.get(key)
        if life is None or life.verdict(self.now) != "active" or life.active_at >= self.now:
            return
        life.active_at = self.now
        series = self.series.get(life.series or "")
        if series is not None and series.seen_at is None and self.now >= life.signed_in_at + SEEN_AFTER:
            series.seen_at = self.now

    def rotate(self, life: Life, token: str, *, grace: bool) -> None:
        """A new secret; only the one from just before it is good a little longer, if at all (V6, E7)."""
        self.dead += [life.previous] if life.previous else []
        self.dead += [] if grace else [life.token]
        life.previous, life.rotated_at = (life.token if grace else None), self.now
        life.token = token
        self.given.append(token)

    # ── what ends ────────────────────────────────────────────────────────────────────────────

    def end(self, key: str, reason: str) -> str:
        """It is over, once and for ever; what had passed its limit ended for that. The reason."""
        life = self.live.pop(key)
        verdict = life.verdict(self.now)
        assert key not in self.ended
        self.ended[key] = reason if verdict == "active" else verdict
        self.dead += [token for token in (life.token, life.previous) if token is not None]
        if self.ended[key] in ("replaced", "signed_out") and life.series is not None:
            self.forget((life.series,))
        return self.ended[key]

    def end_unseen(self, key: str, reason: str) -> None:
        """It ended before anybody got its token."""
        assert key not in self.live
        assert key not in self.ended
        self.ended[key] = reason

    def forget(self, keys: Iterable[str]) -> int:
        """These series are nothing any more, and never again (E2). How many there were."""
        gone = [key for key in keys if key in self.series]
        for key in gone:
            self.forgotten += self.series.pop(key).tokens
        for life in self.live.values():
            life.series = None if life.series in gone else life.series
        return len(gone)

    def forget_all(self, user: str) -> int:
        return self.forget(self.series_of(user))

    def raise_barrier(self, user: str) -> None:
        self.barriers[user] = max(self.barriers[user], self.now)

    def raise_everybody_barrier(self) -> None:
        self.everybody = max(self.everybody, self.now)
