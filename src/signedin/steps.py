"""What a store's verbs are asked and what they answer. Pure records, the same for every store."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, NamedTuple

from .errors import DataTooLarge
from .reasons import Reason
from .remember_me import Series
from .session import Client, EndedRecord, EndedSession, Record, SessionId

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


DATA_BYTES: Final = 65_536
"""A data bag's size, at most (64 kB)."""


def checked_bag(bag: bytes | None) -> bytes | None:
    """The bag, if it is small enough to be kept. Raises DataTooLarge."""
    if bag is not None and len(bag) > DATA_BYTES:
        raise DataTooLarge(
            f"A session's data is at most {DATA_BYTES} bytes, not {len(bag)}; nothing was changed. Keep"
            " what is large elsewhere, and its key here."
        )
    return bag


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


class EndingEverybody(NamedTuple):
    """The same for all users. spared: a session that goes on, without Remember me."""

    reason: Reason
    actor: str | None
    now: int
    spared: SessionId | None = None


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


class Query(NamedTuple):
    """What a store narrows a search by; what comes back is judged by the selector itself.

    order: ``key``, all that belongs to a user together, complete whatever is written meanwhile;
    ``recent``, most recently active first; ``ip``, along the index on addresses. cursor: of the page
    before. beginning: of the session's id, an even number of digits. ip: the first and the last text
    of the addresses meant. active_from, active_to: last activity, milliseconds. remembered: or not.
    """

    limit: int
    order: Literal["key", "recent", "ip"] = "key"
    cursor: str | None = None
    beginning: str = ""
    ip: tuple[str, str] | None = None
    active_from: int | None = None
    active_to: int | None = None
    remembered: bool | None = None


class Page(NamedTuple):
    """A page of records in the order asked for, and where the next one starts; None at the end."""

    records: list[Record]
    cursor: str | None


class EndedPage(NamedTuple):
    """A page of the history of all users, the latest first, and where the next one starts."""

    sessions: list[EndedSession]
    cursor: str | None


class Counts(NamedTuple):
    """How much there is. sessions: active ones; users: who have them; remembered, idle: of those;
    lately: last active in the last quarter of an hour; created: signed in during the last day; over:
    sessions that have passed their limits and wait for the sweep; ended: by reason, how many in the
    last day.
    """

    sessions: int
    users: int
    remembered: int
    idle: int
    lately: int
    created: int
    over: int
    ended: dict[str, int]


class Batch(NamedTuple):
    """What one batch of ending everybody did. told: the sessions, where they were asked for. cursor:
    where the next batch starts; None at the end.
    """

    sessions: int
    users: int
    forgotten: int
    told: tuple[EndedSession, ...]
    cursor: bytes | None


class Swept(NamedTuple):
    """What one batch of a sweep ended; more: whether another batch is needed."""

    ended: tuple[EndedSession, ...]
    more: bool


class UserRecords(NamedTuple):
    """All that a store keeps of one user, to be moved to another store. Confidential, as records are.

    barrier: milliseconds, or 0. data: the bags by session.
    """

    user_id: str
    barrier: int
    ended: list[EndedRecord]
    records: list[Record]
    series: list[Series]
    data: dict[SessionId, bytes]


class Exported(NamedTuple):
    """A page of users, and where the next one starts; None at the end."""

    users: list[UserRecords]
    cursor: str | None


class Imported(NamedTuple):
    """What an import changed: sessions and series written, endings that were not known before, and
    sessions that were left out because they have ended here.
    """

    sessions: int
    series: int
    ended: int
    refused: int
