"""Why a session ended, and what follows from it: the one table of reasons.

Pure data. Whatever ends a session names a row of this table, and the store obeys the row in the
same atomic step, so no path can forget the remember-me tokens, the history or the barrier.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Forgets = Literal["none", "series", "all"]
Barrier = Literal["never", "all", "always"]
Told = Literal["no", "others", "yes"]


@dataclass(frozen=True)
class Reason:
    """One row: what an ending for this reason does besides ending.

    forgets: which remember-me series go with it: none, the session's own, or all of the user's.
    barrier: whether sign-ins under way are stopped: never, when all of a user's sessions end, always.
    told: whether the browser that held the session is told why on the sign-in page.
    message: the sentence it is told.
    """

    name: str
    forgets: Forgets
    barrier: Barrier
    told: Told
    message: str = ""


_TABLE = (
    Reason("signed_out", "series", "never", "no"),
    Reason("revoked", "all", "never", "yes", "You were signed out because this session was revoked."),
    Reason("revoked_by_operator", "all", "all", "yes", "An administrator signed you out."),
    Reason(
        "credentials_changed",
        "all",
        "always",
        "yes",
        "You were signed out because your sign-in details changed.",
    ),
    Reason(
        "theft",
        "all",
        "always",
        "yes",
        "We signed you out because a saved sign-in may have been copied. Check your sessions.",
    ),
    Reason("account_disabled", "all", "always", "yes", "This account is disabled."),
    Reason("signed_out_everywhere", "all", "always", "others", "You signed out on all devices."),
    Reason("replaced", "series", "never", "no"),
    Reason("resumed", "none", "never", "no"),
    Reason(
        "limit", "none", "never", "yes", "You were signed out because you reached the session limit."
    ),
    Reason("idle", "none", "never", "yes", "You were signed out after a time without activity."),
    Reason("expired", "none", "never", "yes", "Your session reached its time limit."),
    Reason("unreadable", "none", "never", "no"),
)

REASONS: dict[str, Reason] = {reason.name: reason for reason in _TABLE}
"""Every reason by its name. The order is that of the table in the documentation."""

RESUMABLE = frozenset({"limit", "idle", "expired", "resumed"})
"""After these endings the series lives on, and its token may start a new session."""
