"""What the flow's verbs share: the store, the settings, the clock, records, and telling listeners."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Final, TypeAlias

import msgspec

from ..colours import async_call
from ..cookies import Cookie
from ..device import parse_device
from ..errors import AnswerUnknown, StoreUnavailable
from ..events import Event, Listener, SessionEnded, log, logger
from ..outcomes import SignedIn
from ..reasons import REASONS, Reason
from ..remember_me import Series, judge
from ..session import (
    Client,
    EndedSession,
    Facts,
    Record,
    Session,
    SessionId,
    decode_tail,
    encode_tail,
    rewrite_tail,
    session_of,
)
from ..settings import Settings
from ..steps import Ended, Ending, Only, Rotation, Which
from ..token import Token, new_secret
from .stores.contract import AsyncStore

Clock: TypeAlias = Callable[[], int]
"""The time in milliseconds since the epoch."""

PAGE: Final = 500
"""How many records or users are in memory at a time when all of them are walked through."""
FACTS_VERSION: Final = 1

changed = msgspec.structs.replace


class AsyncCore:
    """A store, under settings, by a clock; see :class:`AsyncSessions`."""

    def __init__(
        self,
        store: AsyncStore,
        settings: Settings,
        clock: Clock,
        *,
        listeners: Iterable[Listener] = (),
        account_active: Callable[[str], object] | None = None,
    ) -> None:
        self.store = store
        self.settings = settings
        self.clock = clock
        self.account_active = account_active
        self._listeners = (log, *listeners)

    def _new_record(
        self,
        token: Token,
        user_id: str,
        client: Client,
        now: int,
        *,
        series: bytes | None,
        authenticated_by: tuple[str, ...],
        authenticated_at: int | None,
    ) -> Record:
        """A session that starts now, as it will be stored (S2)."""
        facts = Facts(
            FACTS_VERSION,
            parse_device(client.user_agent, client.hints).parts,
            authenticated_by,
            authenticated_at,
        )
        return Record(
            id=SessionId(token.id),
            user_id=user_id,
            secret_hash=token.hash(),
            series=series,
            signed_in_at=now,
            last_active_at=now,
            idle_timeout=self.settings.policy.idle_ms,
            expires_at=self.settings.policy.expires_at(now),
            ip=client.ip,
            user_agent=client.user_agent,
            name=None,
            tail=encode_tail(facts),
        )

    def _public(self, record: Record) -> Session:
        """The public session of a record that was made here."""
        facts = decode_tail(record.tail)
        assert facts is not None
        return session_of(record, facts, self.clock())

    def _rotation(self, record: Record, facts: Facts) -> tuple[Rotation, SignedIn]:
        """A new secret for a session whose facts shall be these, and what the browser gets."""
        token = Token(record.id, new_secret())
        tail = rewrite_tail(record.tail, facts)
        rotation = Rotation(record.id, record.secret_hash, token.hash(), tail)
        return rotation, SignedIn(
            session_of(record, facts, self.clock()), (self._session_cookie(token),)
        )

    def _session_cookie(self, token: Token) -> Cookie:
        names = self.settings.cookies
        return names.set(names.session, token.text)

    def _remember_cookie(self, token: Token, series: Series, now: int) -> Cookie:
        """The remember-me cookie, kept for as long as the series is good."""
        names = self.settings.cookies
        return names.set(names.remember, token.text, max((series.expires_at - now) // 1000, 1))

    async def _presented_series(self, remember_token: str | None, now: int) -> Series | None:
        """The series that a remember-me token stands for, if it is a good one."""
        token = Token.parse(remember_token)
        found = None if token is None else await self.store.find_series(token.id)
        if token is None or found is None:
            return None
        return found[0] if judge(found[0], token, now) in ("current", "predecessor") else None

    async def _stopped_for_everybody(self, record: Record, begun: int) -> bool:
        """Whether everybody was signed out after this sign-in began; then its session ends (S6)."""
        with after_a_step():
            if await self.store.everybody_barrier() <= begun:
                return False
            await self._end(record.user_id, Only((record.id,)), REASONS["revoked_by_operator"], None)
            return True

    async def _end(
        self,
        user_id: str,
        which: Which,
        reason: Reason,
        actor: str | None,
        rotation: Rotation | None = None,
    ) -> Ended:
        """The one way out: every ending that somebody asks for goes through here."""
        ended = await self.store.end(Ending(user_id, which, reason, actor, self.clock(), rotation))
        await self._announce(ended.sessions)
        return ended

    async def _announce(self, ended: Sequence[EndedSession]) -> None:
        for session in ended:
            await self._tell(SessionEnded(session))

    async def _tell(self, event: Event) -> None:
        """Tell the listeners; one that fails stops nothing (E9)."""
        for listener in self._listeners:
            try:
                await async_call(listener, event)
            except Exception:
                logger.exception("A listener failed on %s.", type(event).__name__)


@contextmanager
def after_a_step(done: bool = True) -> Iterator[None]:
    """An outage in a verb that has changed something already doesn't say that nothing was (E6)."""
    try:
        yield
    except StoreUnavailable as error:
        if done and not isinstance(error, AnswerUnknown):
            raise AnswerUnknown from error
        raise
