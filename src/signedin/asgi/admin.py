"""The admin page as an ASGI application, and the runs that it starts."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Final

from .._async.admin import admin_answer
from .._async.admin_core import AdminHost, Counted
from ..admin import Admin
from ..admin_page import AdminUrls
from ..events import logger
from ..replies import Reply
from .page import Layout, read_call, shown_by
from .types import Receive, Scope, Send, send_reply
from .verbs import exchange

AT_ONCE: Final = 1.0
"""Seconds that a request waits for the end of the run it starts: most are over by then."""
GRACE: Final = 5.0
"""Seconds that a run has at shutdown to come to the end of its step."""


class Runs:
    """Runs under way in this process. At shutdown they stop after their step, and the trail says so."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[Any]] = set()
        self._stops = False

    def stops(self) -> bool:
        """Whether the process wants its runs to end."""
        return self._stops

    async def start(self, work: Callable[[], Coroutine[Any, Any, Any]]) -> None:
        """Begin, and wait a moment for the end; how it ended is in the trail."""
        task = asyncio.create_task(work())
        self._tasks.add(task)
        task.add_done_callback(self._over)
        await asyncio.wait({task}, timeout=AT_ONCE)

    def _over(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            logger.error("A run of revocations failed.", exc_info=task.exception())

    async def drain(self) -> None:
        """Let them end."""
        self._stops = True
        for patience in (GRACE, None):
            if self._tasks:
                await asyncio.wait(self._tasks, timeout=patience)
            for task in self._tasks:
                task.cancel()


class AdminPage:
    """The page at its path, in the host's layout; see :class:`~signedin.admin.Admin`."""

    def __init__(
        self,
        admin: Admin,
        layout: Layout | None = None,
        time_zone: Callable[[Scope], str | None] | None = None,
    ) -> None:
        self.runs = Runs()
        self._admin = admin
        self._layout = layout
        self._time_zone = time_zone
        self._counted = Counted()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One ASGI connection."""
        await send_reply(send, await self._reply(scope, receive), body=scope["method"] != "HEAD")

    async def _reply(self, scope: Scope, receive: Receive) -> Reply:
        this = exchange(scope)
        call = await read_call(scope, receive, self._admin.path, this.sessions.settings.cookies)
        if isinstance(call, Reply):
            return call
        layout, zone = shown_by(scope, self._layout, self._time_zone)
        urls = AdminUrls(scope.get("root_path", "") + self._admin.path)
        host = AdminHost(
            self._admin, urls, self.runs.start, self.runs.stops, self._counted, layout, zone
        )
        return await admin_answer(call, this, host)
