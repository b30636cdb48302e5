"""The console's two names: ``ActiveSession`` and ``User``, as GitLab's console has them.

A face of the same flow, for scripts and prompts. Whatever it revokes turns off Remember me and is in
the audit trail; what isn't there is None, falsy or empty, but for :meth:`User.find`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Final

from ..colours import async_call, async_in_thread
from ..directory import Directory, NoDirectory, Person, Stranger, nearest, reading_with
from ..displays import ActiveSessionRecord, RevokeResult, SessionList
from ..errors import ReadOnly, UserNotFound
from ..outcomes import RevokedMany
from ..selector import Selector, select
from ..session import SessionId, checked_user_id, parse_session_id
from .sessions import AsyncSessions

Progress = Callable[[RevokedMany], object]
Watch = Callable[[int], AbstractContextManager[tuple[Progress | None, Callable[[], bool] | None]]]
"""Given how many sessions are meant; while it is entered, what is told of progress and asked to stop."""

_BY: Final = ("username", "email", "id")


class AsyncActiveSession:
    """The active sessions of users: list them, destroy them.

    directory: who the users are. operator, origin: for the audit trail, such as ``console:root``.
    read_only: every revocation raises ReadOnly. watch: see :data:`Watch`.
    """

    def __init__(
        self,
        sessions: AsyncSessions,
        directory: Directory[Person],
        *,
        operator: str,
        origin: str | None = None,
        read_only: bool = False,
        watch: Watch | None = None,
    ) -> None:
        self._sessions = sessions
        self._directory = directory
        self._who: dict[str, Any] = {"operator": operator, "origin": origin}
        self._read_only = read_only
        self._watch = watch or _unwatched
        self.last: RevokeResult | None = None
        self.destroy_all = AsyncDestroyAll(self)

    async def list(self, users: Any) -> SessionList:
        """The active sessions of a user, of several, or of ``User.all``; most recently active first.

        A user is one of the directory's, or an id.
        """
        users = users() if callable(users) else users
        chosen = None if isinstance(users, AsyncEveryone) else [_id(user) for user in _several(users)]
        return SessionList(map(ActiveSessionRecord, await self._sessions.list(chosen)))

    def where(self, text: str = "", **terms: object) -> AsyncWhere:
        """What a selector means: ``where(ip="203.0.113.0/24", idle="3d", remembered=True)``.

        terms: the keys of the selector's language; text: free words. Raises ValueError for what can't
        be understood.
        """
        words = [("", word) for word in text.split()]
        pairs = [(key, _term(value)) for key, value in terms.items()]
        reading = reading_with(self._directory, self._sessions.clock())
        return AsyncWhere(self, select(pairs + words, reading))

    async def destroy_session(self, user: Any, session_private_id: str) -> RevokeResult:
        """End one session of the user; falsy if the user has no such session."""
        return await self.destroy_sessions(user, [session_private_id])

    async def destroy_sessions(self, user: Any, session_private_ids: Iterable[str]) -> RevokeResult:
        """End these sessions of the user; others' are left alone."""
        self._check()
        owner, ids = _id(user), []
        for text in session_private_ids:
            session_id = parse_session_id(str(text))
            session = None if session_id is None else await self._sessions.find(session_id)
            if session is not None and session.user_id == owner:
                ids.append(session.id)
        if not ids:
            return self._kept(RevokeResult(0, 0))
        with self._watch(len(ids)) as (progress, stop):
            done = await self._sessions.revoke_these(ids, progress=progress, stop=stop, **self._who)
        return self._kept(RevokeResult.of(done))

    async def destroy_all_but_current(self, user: Any, session: Any) -> RevokeResult:
        """End all sessions of the user but this one."""
        kept = parse_session_id(str(getattr(session, "session_private_id", session)))
        if kept is None:
            raise ValueError(f"{session!r} is not a session.")
        return await self._revoke(Selector(users=(_id(user),)), (kept,))

    # ── for the parts ────────────────────────────────────────────────────────────────────────

    async def _revoke(
        self,
        selector: Selector,
        spared: Sequence[SessionId] = (),
        *,
        dry_run: bool = False,
        reason: str | None = None,
    ) -> RevokeResult:
        matching = await self._sessions.matching(selector, spared=spared)
        if dry_run:
            return RevokeResult.would(matching)
        self._check()
        with self._watch(matching.sessions) as (progress, stop):
            done = await self._sessions.revoke_matching(
                selector, spared=spared, reason=reason, progress=progress, stop=stop, **self._who
            )
        return self._kept(RevokeResult.of(done))

    def _check(self) -> None:
        if self._read_only:
            raise ReadOnly

    def _kept(self, result: RevokeResult) -> RevokeResult:
        self.last = result
        return result


class AsyncDestroyAll:
    """``ActiveSession.destroy_all()``; without the parentheses it does nothing, and says so."""

    def __init__(self, active: AsyncActiveSession) -> None:
        self._active = active

    async def __call__(self, *, dry_run: bool = False, reason: str | None = None) -> RevokeResult:
        """End all sessions of all users."""
        return await self._active._revoke(Selector(), dry_run=dry_run, reason=reason)

    def __repr__(self) -> str:
        return "Call it: ActiveSession.destroy_all()"


class AsyncWhere:
    """What a selector means, looked up when it is asked for."""

    def __init__(self, active: AsyncActiveSession, selector: Selector) -> None:
        self._active = active
        self.selector = selector

    async def list(self) -> SessionList:
        """The sessions; of all users in the store's own order."""
        found = [session async for session in self._active._sessions.search(self.selector)]
        return SessionList(map(ActiveSessionRecord, found))

    async def count(self) -> int:
        """How many there are."""
        return (await self._active._sessions.matching(self.selector)).sessions

    async def revoke(self, *, dry_run: bool = False, reason: str | None = None) -> RevokeResult:
        """End them."""
        return await self._active._revoke(self.selector, dry_run=dry_run, reason=reason)

    def __repr__(self) -> str:
        return f"<sessions where {self.selector}: .list(), .count(), .revoke(dry_run=True), .revoke()>"


class AsyncEveryone:
    """All users: to be given to ``ActiveSession.list``, called, or gone through."""

    def __init__(self, users: AsyncUser) -> None:
        self._users = users

    def __call__(self) -> AsyncEveryone:
        """Itself: ``User.all`` and ``User.all()`` are the same."""
        return self

    def __aiter__(self) -> AsyncIterator[AsyncUserRecord]:
        return self._users._each()

    def __repr__(self) -> str:
        return "<all users>"


class AsyncUserRecord:
    """A user, with the sessions."""

    def __init__(self, person: Person, active: AsyncActiveSession) -> None:
        self.id = person.id
        self.username = person.username
        self.name = person.name
        self.email = person.email
        self._active = active

    @property
    def sessions(self) -> Any:
        """The user's active sessions, a :class:`SessionList`."""
        return self._active.list(self)

    def __repr__(self) -> str:
        return f"<user {self.id}: {ascii(self.username)[1:-1]}>"


class AsyncUser:
    """The users: find them, go through them. hint: told who was nearest to a name nobody has."""

    def __init__(
        self,
        active: AsyncActiveSession,
        hint: Callable[[str], object] = lambda text: None,
    ) -> None:
        self._active = active
        self._directory = active._directory
        self._hint = hint
        self.all = AsyncEveryone(self)

    async def find(self, user_id: str | int) -> AsyncUserRecord:
        """The user with this id. Raises UserNotFound."""
        person = await async_in_thread(self._directory.find, str(user_id))
        if person is None:
            raise UserNotFound(f"No user with id {user_id}.")
        return AsyncUserRecord(person, self._active)

    async def find_by_username(self, username: str) -> AsyncUserRecord | None:
        """The user who signs in with this name, or None."""
        return await self.find_by(username=username)

    async def find_by(self, **by: str | int) -> AsyncUserRecord | None:
        """The user with this ``username=``, ``email=`` or ``id=``, or None."""
        if len(by) != 1 or not set(by) <= set(_BY):
            raise ValueError(f"find_by takes one of {', '.join(_BY)}.")
        ((key, value),) = by.items()
        directory, text = self._directory, str(value)
        ways: dict[str, Callable[[str], Person | None]] = {
            "username": directory.find_by_username,
            "email": directory.find_by_email,
            "id": directory.find,
        }
        person = await async_in_thread(ways[key], text)
        if person is None:
            near = (await async_in_thread(nearest, directory, text)).strip()
            if near:
                self._hint(near)
            return None
        return AsyncUserRecord(person, self._active)

    def find_each(self, do: Callable[[AsyncUserRecord], object] | None = None) -> Any:
        """Every user, few in memory at a time; with ``do``, it is called with each."""
        return self._each() if do is None else self._do(do)

    async def _do(self, do: Callable[[AsyncUserRecord], object]) -> None:
        async for user in self._each():
            await async_call(do, user)

    async def _each(self) -> AsyncIterator[AsyncUserRecord]:
        if not isinstance(self._directory, NoDirectory):
            for person in self._directory.all():
                yield AsyncUserRecord(person, self._active)
            return
        # Nobody knows the users: then they are those who are signed in. A user's sessions come together.
        last = None
        async for session in self._active._sessions.search(Selector()):
            if session.user_id != last:
                last = session.user_id
                yield AsyncUserRecord(Stranger(last), self._active)

    def __repr__(self) -> str:
        return "User: .find(123), .find_by_username('ada'), .find_by(email='…'), .find_each(), .all"


def _unwatched(
    sessions: int,
) -> AbstractContextManager[tuple[Progress | None, Callable[[], bool] | None]]:
    return nullcontext((None, None))


def _several(users: Any) -> Iterable[Any]:
    alone = isinstance(users, (str, int)) or hasattr(users, "id")
    if users is None or (not alone and not isinstance(users, Iterable)):
        raise ValueError("Give a user, several, or User.all.")
    return (users,) if alone else users


def _id(user: Any) -> str:
    if user is None:
        raise ValueError("There is no such user: None was given.")
    return checked_user_id(getattr(user, "id", user))


def _term(value: object) -> str:
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)
