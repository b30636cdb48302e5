"""What a store's verbs are asked and what they answer. Pure records, the same for every store."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

from .reasons import Reason
from .remember_me import Series
from .session import Client, EndedSession, Record, SessionId

Refusal = Literal["barrier", "limit", "lost"]
"""barrier: sign-ins that began then are stopped. limit: the cap is reached and refuses. lost: the
compare-and-set found another value."""


class SignIn(NamedTuple):
    """A sign-in: the record to add and all that happens in the same step.

    now: milliseconds. started_at: when its first credential was given, the skew already allowed
    for. cap, at_cap: the policy's. replaces: the same user's earlier session in this browser.
    forgets: key of that user's remember-me series in this browser. series: the one to start.
    data: the data bag that moves over.
    """

    record: Record
    now: int
    started_at: int
    cap: int | None
    at_cap: str
    replaces: SessionId | None = None
    forgets: bytes | None = None
    series: Series | None = None
    data: bytes | None = None


class Resumption(NamedTuple):
    """A resume: the series as it shall be, if its hash is still ``expected_hash``."""

    record: Record
    now: int
    started_at: int
    cap: int | None
    at_cap: str
    expected_hash: bytes
    series: Series


class Rotation(NamedTuple):
    """A new secret for a session, if its hash is still ``expected_hash``, and its new tail."""

    session_id: SessionId
    expected_hash: bytes
    new_hash: bytes
    tail: bytes


class Touch(NamedTuple):
    """Activity of a session; client: None leaves address and user agent as they are."""

    session_id: SessionId
    client: Client | None


@dataclass(frozen=True)
class Only:
    """These sessions of the user."""

    ids: tuple[SessionId, ...]


@dataclass(frozen=True)
class AllBut:
    """All sessions of the user but this one; ``AllBut(None)`` is all of them."""

    kept: SessionId | None


Which = Only | AllBut


class Ending(NamedTuple):
    """What to end, why, and by whom. rotation: a new secret for the session that stays."""

    user_id: str
    which: Which
    reason: Reason
    actor: str | None
    now: int
    rotation: Rotation | None = None


@dataclass(frozen=True)
class Ended:
    """What a step ended. sessions: those it ended, each with its own reason (one that had passed
    its limit is ``idle``). already: those of the asked ids that were in the user's history.
    forgotten: how many remember-me series went. barrier: the time written, if one was. rotated:
    whether the rotation happened.
    """

    sessions: tuple[EndedSession, ...] = ()
    already: tuple[EndedSession, ...] = ()
    forgotten: int = 0
    barrier: int | None = None
    rotated: bool = False


class Added(NamedTuple):
    """A sign-in or a resume that happened, and the sessions that it ended."""

    ended: tuple[EndedSession, ...]


class UserSessions(NamedTuple):
    """All records of a user, dead ones included, and the keys of the user's series."""

    records: list[Record]
    series: frozenset[bytes]


class Page(NamedTuple):
    """A page of records in key order, and where the next one starts; None at the end."""

    records: list[Record]
    cursor: SessionId | None


class UsersPage(NamedTuple):
    """A page of user ids in key order, and where the next one starts; None at the end."""

    user_ids: list[str]
    cursor: tuple[bytes, str] | None


class Swept(NamedTuple):
    """What one batch of a sweep ended; more: whether another batch is needed."""

    ended: tuple[EndedSession, ...]
    more: bool
