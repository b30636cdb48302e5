"""The middleware: each request's session in, its cookies and headers out.

A request's way: the exchange finds the session, the application answers, and on the way out the
response gets its cookies, its ``Vary`` and its ``Cache-Control``. Activity is recorded by a thread
beside. An outage is told where the session is used.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any

from .._sync.request import Exchange
from .._sync.sessions import Sessions
from ..admin import Admin
from ..config import now_ms, open_sessions
from ..errors import SettingsError, StoreUnavailable
from ..events import Listener
from ..messages import say
from ..replies import RETRY_AFTER, Headers, Reply, outage, problem
from ..routing import is_below
from ..static_files import static_file
from ..threads import Background
from .environ import (
    KEY,
    Environ,
    Requests,
    StartResponse,
    WSGIApp,
    dress,
    read_body,
    send_reply,
    text_of,
)
from .streams import EventStream

if TYPE_CHECKING:
    from .pages import Pages


class SignedinMiddleware:
    """Finds the session of each request, and binds the response to it.

    sessions: the flow; without it, one is opened under the settings that the keywords name (see
    :class:`~signedin.settings.Settings`). layout: ``layout(environ, title, head, body)`` puts the Active
    Sessions page into the host's own. time_zone: the IANA name of the zone in which the person of an
    environ reads times. limit: asked with the environ before a change on the page; how many seconds to
    wait, or None. admin: the admin page, if there shall be one. listeners, account_active, clock: as
    :func:`~signedin.config.open_sessions` takes them.

    Using the session in an outage raises StoreUnavailable, which becomes 503 with ``Retry-After``.
    """

    def __init__(
        self,
        app: WSGIApp,
        *,
        sessions: Sessions | None = None,
        layout: Callable[[Environ, str, str, str], object] | None = None,
        time_zone: Callable[[Environ], str | None] | None = None,
        limit: Callable[[Environ], int | None] | None = None,
        clock: Callable[[], int] = now_ms,
        listeners: Iterable[Listener] = (),
        account_active: Callable[[str], object] | None = None,
        admin: Admin | None = None,
        **settings: Any,
    ) -> None:
        if sessions is not None and not isinstance(sessions, Sessions):
            raise SettingsError(
                "SignedinMiddleware of signedin.wsgi doesn't await its sessions: give it"
                " open_sessions(...), not open_async_sessions(...)."
            )
        self.app = app
        self.sessions = sessions or open_sessions(
            clock=clock, listeners=listeners, account_active=account_active, **settings
        )
        self.settings = self.sessions.settings
        self.background = Background(self.sessions)
        self._requests = Requests(self.sessions)
        self._page = self.settings.page
        self._admin = None if admin is None else admin.path
        self._static = tuple(f"{path}/static/" for path in (self._page, self._admin) if path)
        self.pages = self._open_pages(admin, layout, time_zone, limit)

    def _open_pages(self, admin: Admin | None, *shown: Any) -> Pages | None:
        if self._page is None and admin is None:
            return None
        try:
            from .pages import Pages
        except ModuleNotFoundError as missing:
            raise SettingsError(
                f"The page needs {missing.name}: pip install 'signedin[page]'. Or do without the"
                " page: page=None."
            ) from missing
        return Pages(self._page, admin, *shown)

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """One request."""
        path = text_of(environ, "PATH_INFO")
        if path.startswith(self.settings.exclude):
            return self.app(environ, start_response)
        body = environ["REQUEST_METHOD"] != "HEAD"
        is_admin = is_below(path, self._admin)
        is_page = is_admin or is_below(path, self._page)
        if is_page and path.startswith(self._static):
            return send_reply(start_response, static_file(path.rpartition("/static/")[2]), body=body)
        self.background.start()
        this = self._requests.exchange(environ)
        presented = this.presented
        brings_cookie = presented.session is not None or presented.remember is not None
        if not this.from_ours and (brings_cookie or is_page or path == self.settings.sign_in_path):
            reply = self._trouble(environ, 403, "cross_site", say("cross_site"), "")
            return send_reply(start_response, reply, body=body)
        if brings_cookie:
            this.open(may_resume=True)
        environ[KEY] = this
        response = _Response(self, environ, start_response, this, session_read=brings_cookie)
        if self.pages is None or not is_page:
            return response.of(self.app)
        answered = self.pages.admin if is_admin else self.pages.active_sessions
        reply = answered(environ, this, read_body(environ))
        return response.of(lambda _, start: send_reply(start, reply, body=body))

    def outage(self, environ: Environ, error: StoreUnavailable) -> Reply:
        """What is told where the session was needed and couldn't be known."""
        return self._trouble(environ, 503, *outage(error), RETRY_AFTER)

    def _trouble(
        self, environ: Environ, status: int, code: str, title: str, text: str, more: Headers = ()
    ) -> Reply:
        if self.pages is None:
            return problem(status, code, f"{title} {text}".strip(), more)
        return self.pages.trouble(environ, status, code, title, text, more)

    def touch(self, this: Exchange) -> None:
        """Let this request's activity be recorded, if it is due."""
        touch = this.due_touch()
        if touch is not None:
            self.background.touch(touch)

    def close(self) -> None:
        """At the end of the process: record activity, end runs, let go of the store."""
        if self.pages is not None:
            self.pages.runs.drain()
        self.background.close()
        self.sessions.close()


class _Response:
    """One response on its way out. Its head waits for the first piece of the body, for an application
    may still sign somebody in, or find the store gone, while it makes that.
    """

    def __init__(
        self,
        middleware: SignedinMiddleware,
        environ: Environ,
        start: StartResponse,
        exchange: Exchange,
        *,
        session_read: bool,
    ) -> None:
        self._middleware = middleware
        self._environ = environ
        self._start = start
        self._exchange = exchange
        self._session_read = session_read
        self._head: tuple[Any, ...] | None = None
        self._kind = ""
        self._is_begun = False
        self._write: Callable[[bytes], object] = _nowhere
        self._iterable: Iterable[bytes] = ()

    def of(self, app: WSGIApp) -> Iterable[bytes]:
        """What the application answers."""
        try:
            self._iterable = app(self._environ, self.start)
        except StoreUnavailable as error:
            return self._outage(error)
        if self._head is not None and not self._is_begun and isinstance(self._iterable, (list, tuple)):
            self.begin()
            return self._iterable
        self._chunks = iter(self._iterable)
        return self

    def start(self, status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
        """What the application is given as ``start_response``."""
        if exc_info is not None and self._is_begun:
            try:
                raise exc_info[1].with_traceback(exc_info[2])
            finally:
                exc_info = None
        self._head = (status, list(headers), exc_info)
        return self.write

    def write(self, data: bytes) -> None:
        """The old way of PEP 3333 to send a body."""
        self.begin()
        self._write(data)

    def begin(self) -> None:
        """Send the head, once."""
        if self._is_begun or self._head is None:
            return
        self._is_begun = True
        status, headers, exc_info = self._head
        self._kind = dress(headers, self._exchange, session_read=self._session_read)
        self._write = self._start(status, headers, *(() if exc_info is None else (exc_info,)))
        self._middleware.touch(self._exchange)

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        if self._is_begun:
            return next(self._chunks)
        try:
            chunk = next(self._chunks, None)
        except StoreUnavailable as error:
            self._chunks = iter(self._outage(error))
            return next(self._chunks, b"")
        self.begin()
        if chunk is None:
            raise StopIteration
        this = self._exchange
        if self._kind.startswith("text/event-stream") and this.is_known and this.session is not None:
            self._chunks = EventStream(self._chunks, this)
        return chunk

    def close(self) -> None:
        """The response is over."""
        close: Callable[[], object] | None = getattr(self._iterable, "close", None)
        if close is not None:
            close()

    def _outage(self, error: StoreUnavailable) -> list[bytes]:
        if self._is_begun:
            raise error
        reply = self._middleware.outage(self._environ, error)
        chunks = send_reply(self.start, reply, body=self._environ["REQUEST_METHOD"] != "HEAD")
        self.begin()
        return chunks


def _nowhere(data: bytes) -> None:
    """Where a body goes before there is a head."""
