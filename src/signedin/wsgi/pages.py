"""The Active Sessions page and the admin page, for whoever has an environ and a body."""

from __future__ import annotations

import atexit
import threading
import time
from collections.abc import Callable
from functools import partial
from typing import Any, Final, TypeAlias
from zoneinfo import ZoneInfo

from .._sync.admin import admin_answer
from .._sync.admin_core import AdminHost, Counted
from .._sync.request import Exchange
from .._sync.routes import Host, answer
from ..admin import Admin
from ..admin_page import AdminUrls
from ..events import logger
from ..messages import say
from ..origin import SAFE_METHODS
from ..page import Urls, default_layout, message
from ..replies import PRIVATE, Headers, Reply, problem
from .environ import Environ, read_call, text_of

Layout: TypeAlias = Callable[[Environ, str, str, str], object]
TimeZone: TypeAlias = Callable[[Environ], str | None]

AT_ONCE: Final = 1.0
"""Seconds that a request waits for the end of the run it starts: most are over by then."""
GRACE: Final = 5.0
"""Seconds that runs have at shutdown to come to the end of their step."""


class Runs:
    """Runs under way in this process. At shutdown they stop after their step, and the trail says so."""

    def __init__(self) -> None:
        self._threads: set[threading.Thread] = set()
        self._stops = False

    def stops(self) -> bool:
        """Whether the process wants its runs to end."""
        return self._stops

    def start(self, work: Callable[[], Any]) -> None:
        """Begin, and wait a moment for the end; how it ended is in the trail."""
        if not self._threads:
            atexit.register(self.drain)
        thread = threading.Thread(target=self._run, args=(work,), name="signedin-run", daemon=True)
        self._threads.add(thread)
        thread.start()
        thread.join(AT_ONCE)

    def _run(self, work: Callable[[], Any]) -> None:
        try:
            work()
        except Exception:
            logger.exception("A run of revocations failed.")
        finally:
            self._threads.discard(threading.current_thread())

    def drain(self) -> None:
        """Let them end."""
        self._stops = True
        until = time.monotonic() + GRACE
        for thread in list(self._threads):
            thread.join(max(0.0, until - time.monotonic()))
        atexit.unregister(self.drain)


class Pages:
    """Both pages, put into the host's ``layout(environ, title, head, body)``.

    page, admin: their paths; None: there is none. time_zone: the IANA name of the zone in which the
    person of this request reads times, or None. limit: asked before a change on the Active Sessions
    page; how many seconds the caller must wait, or None to go on.
    """

    def __init__(
        self,
        page: str | None,
        admin: Admin | None = None,
        layout: Layout | None = None,
        time_zone: TimeZone | None = None,
        limit: Callable[[Environ], int | None] | None = None,
    ) -> None:
        self.runs = Runs()
        self._page = page
        self._admin = admin
        self._layout = layout
        self._time_zone = time_zone
        self._limit = limit
        self._counted = Counted()

    def active_sessions(self, environ: Environ, this: Exchange, body: bytes | None) -> Reply:
        """The reply of the Active Sessions page."""
        assert self._page is not None
        if self._limit is not None and environ["REQUEST_METHOD"] not in SAFE_METHODS:
            wait = self._limit(environ)
            if wait is not None:
                return problem(429, "too_many", say("too_many", n=wait), (("retry-after", str(wait)),))
        call = read_call(environ, body, self._page, this.sessions.settings.cookies)
        if isinstance(call, Reply):
            return call
        root = text_of(environ, "SCRIPT_NAME")
        admin = None if self._admin is None else root + self._admin.path
        return answer(call, this, Host(Urls(root + self._page), *self._shown(environ), admin))

    def admin(self, environ: Environ, this: Exchange, body: bytes | None) -> Reply:
        """The reply of the admin page."""
        assert self._admin is not None
        call = read_call(environ, body, self._admin.path, this.sessions.settings.cookies)
        if isinstance(call, Reply):
            return call
        urls = AdminUrls(text_of(environ, "SCRIPT_NAME") + self._admin.path)
        shown = self._shown(environ)
        host = AdminHost(self._admin, urls, self.runs.start, self.runs.stops, self._counted, *shown)
        return admin_answer(call, this, host)

    def trouble(
        self, environ: Environ, status: int, code: str, title: str, text: str, more: Headers = ()
    ) -> Reply:
        """What went wrong: a page for a person, in a layout that needs nothing of the host's, and a
        problem for a program.
        """
        if self._page is None or "text/html" not in environ.get("HTTP_ACCEPT", ""):
            return problem(status, code, f"{title} {text}".strip(), more)
        fragment = message(title, text, urls=Urls(text_of(environ, "SCRIPT_NAME") + self._page))
        return Reply.html(default_layout(*fragment), status, (*PRIVATE, *more))

    def _shown(self, environ: Environ) -> tuple[Callable[[str, str, str], object], ZoneInfo | None]:
        name = None if self._time_zone is None else self._time_zone(environ)
        layout = default_layout if self._layout is None else partial(self._layout, environ)
        return layout, None if name is None else ZoneInfo(name)
