"""What the middleware does beside requests: touches, open connections, the sweep. asyncio only."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import Final

from .._async.sessions import AsyncSessions
from ..errors import SignedinError, StoreUnavailable
from ..events import logger
from ..session import SessionId
from ..steps import Touch

WATCH_EVERY: Final = 1.0
KEPT_WITHOUT_STORE: Final = 10
END_OF_SESSION: Final = 1008
TRY_AGAIN_LATER: Final = 1013
TOLD_WITHIN: Final = 1.0
"""Seconds that a peer has to take the end of its connection."""


class TouchQueue:
    """Activity on its way to the store: what gathers while one write is under way leaves with the
    next, so a busy process writes once for many requests.
    """

    def __init__(self, sessions: AsyncSessions) -> None:
        self._sessions = sessions
        self._waiting: dict[SessionId, Touch] = {}
        self._writing: dict[SessionId, Touch] = {}
        self._task: asyncio.Task[None] | None = None

    def add(self, touch: Touch) -> None:
        """Note activity soon; a session that is being noted is not noted again."""
        if touch.session_id in self._writing:
            return
        self._waiting[touch.session_id] = touch
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._write())

    async def _write(self) -> None:
        while self._waiting:
            self._writing, self._waiting = self._waiting, {}
            try:
                await self._sessions.touch(*self._writing.values())
            except StoreUnavailable as error:
                # The next validation finds the touch still due.
                logger.warning(
                    "The activity of %d sessions was not recorded: %s", len(self._writing), error
                )
            except Exception:
                logger.exception("The activity of %d sessions was not recorded.", len(self._writing))
            finally:
                self._writing = {}

    async def drain(self) -> None:
        """Wait until all activity is recorded."""
        if self._task is not None:
            await self._task


class Connection:
    """An open WebSocket or event stream. close: what ends it, given a close code and a word."""

    def __init__(
        self, session_id: SessionId, since: int, close: Callable[[int, str], Awaitable[None]]
    ) -> None:
        self.key = (session_id, since)
        self.close = close


class OpenConnections:
    """Closes connections within about a second of the end of their sessions (E10).

    Once a second all of them are looked up in one read, and never two reads at a time.
    """

    def __init__(self, sessions: AsyncSessions, every: float = WATCH_EVERY) -> None:
        self._sessions = sessions
        self._every = every
        self._open: set[Connection] = set()
        self._task: asyncio.Task[None] | None = None

    def add(self, connection: Connection) -> None:
        """Watch this connection."""
        self._open.add(connection)
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._watch())

    def remove(self, connection: Connection) -> None:
        """It is closed."""
        self._open.discard(connection)

    async def _watch(self) -> None:
        failures = 0
        while self._open:
            await asyncio.sleep(self._every)
            watched = list(self._open)
            try:
                closing = await self._sessions.connections_to_close({each.key for each in watched})
                failures = 0
            except StoreUnavailable:
                failures += 1
                if failures * self._every >= KEPT_WITHOUT_STORE:
                    told = [(each, TRY_AGAIN_LATER, "store unavailable") for each in watched]
                    await self._close(told)
                continue
            except Exception:
                logger.exception("Open connections could not be looked at.")
                continue
            ended = [each for each in watched if each.key in closing]
            await self._close([(each, END_OF_SESSION, closing[each.key]) for each in ended])

    async def _close(self, told: list[tuple[Connection, int, str]]) -> None:
        """All side by side: a peer that doesn't read holds up nobody else's."""
        self._open.difference_update(connection for connection, _, _ in told)
        await asyncio.gather(*(self._tell(*each) for each in told))

    async def _tell(self, connection: Connection, code: int, word: str) -> None:
        try:
            async with asyncio.timeout(TOLD_WITHIN):
                await connection.close(code, word)
        except Exception:
            logger.debug("A connection's peer has gone, or doesn't read.", exc_info=True)


class Sweeper:
    """Sweeps at the settings' pace, with jitter, so that several processes take turns."""

    def __init__(self, sessions: AsyncSessions) -> None:
        self._sessions = sessions
        self._every = sessions.settings.sweep_every
        self._task: asyncio.Task[None] | None = None

    @property
    def is_running(self) -> bool:
        """Whether there is nothing to start."""
        return self._every is None or (self._task is not None and not self._task.done())

    def start(self) -> None:
        """Begin, unless it has begun or cron does it."""
        if self._every is not None and not self.is_running:
            self._task = asyncio.create_task(self._run(self._every.total_seconds()))

    async def _run(self, every: float) -> None:
        while True:
            await asyncio.sleep(every * random.uniform(0.5, 1.5))  # noqa: S311 - jitter, no secret
            try:
                await self._sessions.sweep()
            except SignedinError as error:
                logger.warning("Expired sessions were not swept: %s", error)
            except Exception:
                logger.exception("Expired sessions were not swept.")

    def stop(self) -> None:
        """End it."""
        if self._task is not None:
            self._task.cancel()
            self._task = None
