"""What operators did: the records of the audit trail. Pure.

A trail is only ever added to. What takes time is a run with several entries: one when it starts, more
on its way, one when it ends; whoever reads the trail sees each run once, as its last entry left it, so
one that was killed shows as started and never as done.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Literal, NamedTuple

Outcome = Literal["started", "running", "stopping", "done", "stopped", "failed"]
ENDINGS: frozenset[str] = frozenset({"done", "stopped", "failed"})


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One entry of a run. at: milliseconds. actor: who, such as ``cli:root`` or ``web:3``. action:
    what, such as ``revoke``. about: on whom or what, a selector's text or a user id. reason: in the
    operator's words. origin: where it came from, such as an address or a host's name. sessions,
    already, users: how many ended, had ended before, and of how many users. in_doubt: how many were
    under way when the answer stayed out.
    """

    run: str
    at: int
    outcome: Outcome
    actor: str
    action: str
    about: str
    reason: str | None = None
    origin: str | None = None
    sessions: int = 0
    already: int = 0
    users: int = 0
    in_doubt: int = 0

    @property
    def is_over(self) -> bool:
        """Whether nothing more will come of the run."""
        return self.outcome in ENDINGS


class AuditRun(NamedTuple):
    """A run as the trail shows it: number: its place; began_at: milliseconds; last: its last entry."""

    number: int
    began_at: int
    last: AuditEntry


class AuditPage(NamedTuple):
    """A page of the trail, the latest first, and where the next one starts; None at the end."""

    runs: list[AuditRun]
    cursor: int | None


class AuditLog(NamedTuple):
    """The trail's entries as they were written, the earliest first, and where the next page starts."""

    entries: list[AuditEntry]
    cursor: int | None


def new_run() -> str:
    """A fresh name for a run: 16 hex digits."""
    return os.urandom(8).hex()
