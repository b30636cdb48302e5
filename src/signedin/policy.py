"""How long sessions live and how many a user may have.

Pure: a policy is a frozen value, and the functions here take ``now`` as an argument. Durations are
``timedelta`` where people write them and integer milliseconds where the rules read them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from typing import Final, Literal

from .errors import SettingsError
from .session import Client, Session

TOUCH_AT_MOST: Final = 60_000
CHANGED_CLIENT_INTERVAL: Final = 10_000
ROTATION_GRACE: Final = 10_000
SEEN_AFTER: Final = 60_000
REPEAT_GRACE: Final = 30_000
STARTED_AT_MOST: Final = 3_600_000
BARRIER_KEPT: Final = 2 * 3_600_000
DAY: Final = 86_400_000
LATELY: Final = 15 * 60_000
HISTORY_AGE: Final = 30 * DAY
HISTORY_LENGTH: Final = 200
SWEEP_CLOCK_TOLERANCE: Final = 5 * 60_000
LONGEST: Final = timedelta(days=36_525)
"""Of what is meant as no limit the end would be a time that no store and no calendar has."""


def milliseconds(duration: timedelta) -> int:
    """A duration as whole milliseconds."""
    return duration // timedelta(milliseconds=1)


@dataclass(frozen=True)
class Policy:
    """The limits of a session. The defaults are GitLab's.

    cap: most active sessions of a user, or None for no limit. at_cap: end the least recently
    active one, or refuse the new one. cap_of: another cap for some users, by user id; None from it
    means no limit. idle_timeout: longest time without activity; None to expire from sign-in only.
    absolute_timeout: longest time since sign-in; None for no limit. remember_me: how long an unused
    remember-me token is good for; None to have no Remember me. remember_me_limit: how long a series
    may be renewed in all (browsers keep a cookie for 400 days at most).
    """

    cap: int | None = 100
    at_cap: Literal["evict", "refuse"] = "evict"
    idle_timeout: timedelta | None = timedelta(minutes=10080)
    absolute_timeout: timedelta | None = timedelta(days=365)
    remember_me: timedelta | None = timedelta(days=14)
    remember_me_limit: timedelta = timedelta(days=400)
    cap_of: Callable[[str], int | None] | None = None

    def __post_init__(self) -> None:
        for name in ("idle_timeout", "absolute_timeout", "remember_me", "remember_me_limit"):
            value = getattr(self, name)
            if value is not None and milliseconds(value) <= 0:
                raise SettingsError(f"{name} must be longer than zero; leave it None for no limit.")
            if value is not None and value > LONGEST:
                raise SettingsError(f"{name} is at most 100 years; leave it None for no limit.")
        if self.cap is not None and self.cap < 1:
            raise SettingsError("cap must be at least 1; leave it None for no limit.")
        if self.at_cap not in ("evict", "refuse"):
            raise SettingsError(f"at_cap is 'evict' or 'refuse', not {self.at_cap!r}.")
        if self.remember_me_limit > timedelta(days=400):
            raise SettingsError("remember_me_limit is at most 400 days: browsers keep no cookie longer.")

    @classmethod
    def gitlab(cls) -> Policy:
        """GitLab's: 100 sessions, 7 days without activity, Remember me for 2 weeks."""
        return cls()

    @classmethod
    def aal1(cls) -> Policy:
        """NIST SP 800-63B-4, assurance level 1: 30 days, no limit without activity."""
        return cls(idle_timeout=None, absolute_timeout=timedelta(days=30))

    @classmethod
    def aal2(cls) -> Policy:
        """NIST SP 800-63B-4, assurance level 2: 24 hours, 1 hour without activity, no Remember me."""
        return cls(
            idle_timeout=timedelta(hours=1), absolute_timeout=timedelta(hours=24), remember_me=None
        )

    @classmethod
    def aal3(cls) -> Policy:
        """NIST SP 800-63B-4, assurance level 3: 12 hours, 15 minutes unused; no Remember me."""
        return cls(
            idle_timeout=timedelta(minutes=15), absolute_timeout=timedelta(hours=12), remember_me=None
        )

    @cached_property
    def idle_ms(self) -> int | None:
        """The idle timeout in milliseconds."""
        return None if self.idle_timeout is None else milliseconds(self.idle_timeout)

    def expires_at(self, signed_in_at: int) -> int | None:
        """The absolute limit of a session that starts now, in milliseconds since the epoch."""
        return (
            None if self.absolute_timeout is None else signed_in_at + milliseconds(self.absolute_timeout)
        )

    def cap_for(self, user_id: str) -> int | None:
        """Most active sessions of this user, or None for no limit."""
        cap = self.cap if self.cap_of is None else self.cap_of(user_id)
        if cap is not None and cap < 1:
            raise SettingsError(
                f"cap_of gave {cap} for a user: a cap is at least 1, or None for no limit."
            )
        return cap


NAMED: Final[dict[str, Callable[[], Policy]]] = {
    "gitlab": Policy.gitlab,
    "aal1": Policy.aal1,
    "aal2": Policy.aal2,
    "aal3": Policy.aal3,
}


def touch_due(session: Session, client: Client | None, now: int, passive: bool) -> bool:
    """Whether this activity should be recorded (V3, and R3 for a session that was resumed)."""
    since = now - session.last_active_at
    if since <= 0:
        return False
    if client is not None and (client.ip != session.ip or client.user_agent != session.user_agent):
        return since >= CHANGED_CLIENT_INTERVAL or session.last_active_at == session.signed_in_at
    if session.remembered and session.last_active_at < session.signed_in_at + SEEN_AFTER <= now:
        return True
    if passive:
        return False
    idle = session.idle_timeout
    interval = TOUCH_AT_MOST if idle is None else min(TOUCH_AT_MOST, idle // 10)
    return since >= interval or session.last_active_at == session.signed_in_at


def surplus(last_active: list[tuple[int, int, bytes]], cap: int | None) -> list[tuple[int, int, bytes]]:
    """Which of a user's other active sessions go when one more is added (S3): the least recently
    active beyond the cap, ties by sign-in, then by id. Items are (last active, signed in, id).
    """
    if cap is None:
        return []
    return sorted(last_active, reverse=True)[cap - 1 :]
