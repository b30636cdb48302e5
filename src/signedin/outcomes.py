"""What the flow's verbs answer: values, also where nothing came of it. Pure records."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from .cookies import Cookie
from .errors import StoreUnavailable
from .session import EndedSession, Session

Why = Literal["barrier", "limit", "too_old", "account", "theft", "lost", "cross_site"]


class Presented(NamedTuple):
    """The cookies as a browser sent them, unchecked; None for one that it didn't send."""

    session: str | None = None
    remember: str | None = None
    visitor: str | None = None

    def __repr__(self) -> str:
        return "Presented(<redacted>)"


@dataclass(frozen=True)
class SignedIn:
    """A new session (or the same one with a new secret), and the cookies that the browser must get.

    ended: the sessions that ended in the same step: replaced, resumed, beyond the cap.
    """

    session: Session
    cookies: tuple[Cookie, ...] = field(repr=False)
    ended: tuple[EndedSession, ...] = ()


@dataclass(frozen=True)
class Refused:
    """No session came of it. why: ``barrier`` (something happened meanwhile that stops sign-ins),
    ``limit`` (the cap refuses), ``too_old`` (it began over an hour ago), ``account`` (the host says
    the account is not active), ``theft`` (a used-up token), ``lost`` (another request was faster),
    ``cross_site`` (it came from another site).
    """

    why: Why


@dataclass(frozen=True)
class SignedOut:
    """The browser's cookies to clear, and what ended."""

    cookies: tuple[Cookie, ...]
    ended: tuple[EndedSession, ...]


@dataclass(frozen=True)
class Revoked:
    """What a revocation did. ended: now; already: had ended before, and is in the user's history;
    not_found: is nobody's or another user's; kept: the current session was among the asked ones,
    and goes on; forgotten: how many remembered browsers must now give their password.
    """

    ended: tuple[EndedSession, ...] = ()
    already: tuple[EndedSession, ...] = ()
    not_found: tuple[str, ...] = ()
    kept: bool = False
    forgotten: int = 0


@dataclass(frozen=True)
class RevokedMany:
    """What a run of revocations has done so far, or in the end.

    run: its name in the audit trail. outcome: ``running``, then ``done``, ``stopped`` (it was asked to
    stop) or ``failed`` (see trouble). sessions: how many ended, of how many users; already: of those
    meant, how many had ended before; forgotten: how many remembered browsers must now give their
    password; in_doubt: how many were under way when the store's answer stayed out; not_found: ids
    that are no sessions. It can simply be run again: what has ended stays ended.
    """

    run: str
    outcome: Literal["running", "done", "stopped", "failed"] = "running"
    sessions: int = 0
    already: int = 0
    users: int = 0
    forgotten: int = 0
    in_doubt: int = 0
    not_found: tuple[str, ...] = ()
    trouble: StoreUnavailable | None = None


@dataclass(frozen=True)
class Matching:
    """What a selector means now. busiest: user ids with the most sessions, and how many."""

    sessions: int
    users: int
    busiest: tuple[tuple[str, int], ...] = ()


class Found(NamedTuple):
    """A page of sessions. cursor: where the next one starts; None at the end. looked_through: whether
    the page is shorter only because so many sessions were looked at in vain; then go on from cursor.
    """

    sessions: tuple[Session, ...]
    cursor: str | None
    looked_through: bool = False


class FoundEnded(NamedTuple):
    """The same of ended sessions."""

    sessions: tuple[EndedSession, ...]
    cursor: str | None
    looked_through: bool = False


@dataclass(frozen=True)
class CredentialsChanged:
    """What a change of credentials did. signed_in: the current session with its new secret, if there
    was one. barrier: to be given to :meth:`sign_in` by a reset that signs in.
    """

    ended: tuple[EndedSession, ...]
    barrier: int
    signed_in: SignedIn | None


@dataclass(frozen=True)
class Listed:
    """A user's active sessions, most recently active first; remembered: the number of browsers with
    Remember me that have no session in the list.
    """

    sessions: tuple[Session, ...]
    remembered: int


@dataclass(frozen=True)
class Copied:
    """What a copy of a store did. users: whose records were gone through; sessions: of theirs that are
    in the target; ended: endings that the target hadn't known; refused: sessions that have ended
    there; entries: of the audit trail; differences: what a comparison found afterwards.
    """

    users: int = 0
    sessions: int = 0
    ended: int = 0
    refused: int = 0
    entries: int = 0
    differences: int = 0
    outcome: Literal["running", "stopped", "done"] = "running"
