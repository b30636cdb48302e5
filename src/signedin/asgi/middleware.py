"""The middleware: each request's session in, its cookies and headers out. Pure ASGI.

A request's way: headers are read once, the exchange finds the session, the application answers, and
on the way out the response gets its cookies, its ``Vary`` and its ``Cache-Control``. Activity is
recorded after the response has begun. An outage is told where the session is used.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final

from .._async.request import AsyncExchange
from .._async.sessions import AsyncSessions
from ..admin import Admin
from ..config import now_ms, open_async_sessions
from ..errors import SettingsError, SignedinError, StoreUnavailable
from ..events import Listener
from ..incoming import Incoming
from ..messages import say
from ..origin import SAFE_METHODS
from ..replies import RETRY_AFTER, Headers, Reply, outage, problem
from ..routing import is_below
from ..static_files import static_file
from . import headers
from .background import OpenConnections, Sweeper, TouchQueue
from .bag import KEY as SESSION
from .bag import TWO_BAGS, Bag, Unknown
from .response import Response
from .types import ASGIApp, Message, Receive, Scope, Send, path_of, send_reply
from .verbs import KEY, SessionRequired

STATE: Final = "current_session"


class SignedinMiddleware:
    """Finds the session of each request, and binds the response to it.

    sessions: the flow; without it, one is opened under the settings that the keywords name (see
    :class:`~signedin.settings.Settings`). layout: ``layout(scope, title, head, body)`` puts the Active
    Sessions page into the host's own; it may be a coroutine function. time_zone: the IANA name of the
    zone in which the person of a scope reads times. limit: asked with the scope before a change on the
    page; how many seconds to wait, or None. admin: the admin page, if there shall be one. data: make
    ``request.session`` a dict that is kept in the store with the session, for visitors as well.
    listeners, account_active, clock: as :func:`~signedin.config.open_async_sessions` takes them.

    The session is at ``request.state.current_session``; using it in an outage raises
    StoreUnavailable, which becomes 503 with ``Retry-After``.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        sessions: AsyncSessions | None = None,
        layout: Callable[[Scope, str, str, str], object] | None = None,
        time_zone: Callable[[Scope], str | None] | None = None,
        limit: Callable[[Scope], object] | None = None,
        clock: Callable[[], int] = now_ms,
        listeners: Iterable[Listener] = (),
        account_active: Callable[[str], object] | None = None,
        admin: Admin | None = None,
        data: bool = False,
        **settings: Any,
    ) -> None:
        if sessions is not None and not isinstance(sessions, AsyncSessions):
            raise SettingsError(
                "SignedinMiddleware awaits its sessions: give it open_async_sessions(...), not"
                " open_sessions(...), which is for code without await."
            )
        self.app = app
        self.sessions = sessions or open_async_sessions(
            clock=clock, listeners=listeners, account_active=account_active, **settings
        )
        self.settings = self.sessions.settings
        self._data = data
        self._exclude = self.settings.exclude
        self._incoming = Incoming(self.settings)
        self._proxy_header = self.settings.proxy_header.encode("latin-1")
        self._touches = TouchQueue(self.sessions)
        self._connections = OpenConnections(self.sessions)
        self._sweeper = Sweeper(self.sessions)
        self._page = self.settings.page
        self._admin = None if admin is None else admin.path
        self._static = tuple(f"{path}/static/" for path in (self._page, self._admin) if path)
        try:
            if self._page is not None:
                from .page import ActiveSessionsPage

                self._pages = ActiveSessionsPage(self._page, layout, time_zone, limit, self._admin)
            if admin is not None:
                from .admin import AdminPage

                self._admin_page = AdminPage(admin, layout, time_zone)
        except ModuleNotFoundError as missing:
            raise SettingsError(
                f"The page needs {missing.name}: pip install 'signedin[page]'. Or do without the"
                " page: page=None."
            ) from missing

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One ASGI connection; a request's way is written out here, for each step in between costs."""
        if scope["type"] != "http":
            await self._other(scope, receive, send)
            return
        path = path_of(scope)
        if path.startswith(self._exclude):
            await self.app(scope, receive, send)
            return
        is_admin = is_below(path, self._admin)
        is_page = is_admin or is_below(path, self._page)
        if is_page and path.startswith(self._static):
            reply = static_file(path.rpartition("/static/")[2])
            await send_reply(send, reply, body=scope["method"] != "HEAD")
            return
        if not self._sweeper.is_running:
            self._sweeper.start()
        exchange = self._exchange(scope)
        presented = exchange.presented
        brings_cookie = (
            presented.session is not None
            or presented.remember is not None
            or (self._data and presented.visitor is not None)
        )
        if not exchange.from_ours and (brings_cookie or is_page or self._signs_in(scope, path)):
            await send_reply(send, self._trouble(scope, 403, "cross_site", say("cross_site"), ""))
            return
        if brings_cookie:
            await exchange.open(may_resume=True, with_data=self._data)
        response = self._response(scope, receive, send, exchange, brings_cookie)
        try:
            if is_admin:
                await self._admin_page(scope, response.receive, response.send)
            elif is_page:
                await self._pages(scope, response.receive, response.send)
            else:
                await self.app(scope, response.receive, response.send)
            await response.flush()
        except StoreUnavailable as error:
            if response.started:
                raise
            response.drop()
            reply = self._trouble(scope, 503, *outage(error), RETRY_AFTER)
            await send_reply(response.send, reply)
        except SessionRequired as refused:
            if response.started:
                raise
            response.drop()
            await send_reply(response.send, refused.reply)
        except Exception:
            response.bag = None  # what a request that failed made of it is not kept
            raise
        finally:
            if response.unfinished:
                await response.finish()

    def _signs_in(self, scope: Scope, path: str) -> bool:
        """Whether people sign in there, be the setting as browsers or as the application sees it."""
        return self.settings.sign_in_path in (path, scope.get("root_path", "") + path)

    def _trouble(
        self, scope: Scope, status: int, code: str, title: str, text: str, more: Headers = ()
    ) -> Reply:
        """What went wrong, as a page for a person and as a problem for a program."""
        if self._page is not None and "text/html" in (headers.find(scope["headers"], b"accept") or ""):
            return self._pages.message(scope, status, title, text, more)
        return problem(status, code, f"{title} {text}".strip(), more)

    async def _other(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._lifespan(scope, receive, send)
        elif scope["type"] == "websocket" and not path_of(scope).startswith(self._exclude):
            await self._websocket(scope, receive, send)
        else:
            await self.app(scope, receive, send)

    async def _websocket(self, scope: Scope, receive: Receive, send: Send) -> None:
        exchange = self._exchange(scope)
        presented = exchange.presented
        if presented.session is not None or (self._data and presented.visitor is not None):
            if not exchange.from_ours:
                await send({"type": "websocket.close", "code": 1008, "reason": "cross site"})
                return
            await exchange.open(may_resume=False, with_data=self._data)
        response = self._response(scope, receive, send, exchange, session_read=False)
        try:
            await self.app(scope, response.receive, response.send)
        except StoreUnavailable:
            if response.started:
                raise
            await send({"type": "websocket.close", "code": 1013, "reason": "store unavailable"})
        finally:
            if response.unfinished:
                await response.finish()

    def _exchange(self, scope: Scope) -> AsyncExchange:
        cookie, user_agent, forwarded, passive = headers.read(scope["headers"], self._proxy_header)
        peer = scope.get("client")
        incoming = self._incoming
        return AsyncExchange(
            self.sessions,
            incoming.presented(cookie),
            incoming.client(peer[0] if peer else "", forwarded, user_agent),
            self.sessions.clock(),
            passive=passive,
            from_ours=scope.get("method") in SAFE_METHODS or self._is_from_ours(scope),
        )

    def _is_from_ours(self, scope: Scope) -> bool:
        """Whether it may change something as far as its origin goes (CSRF-1)."""
        sent = scope["headers"]
        scheme = "https" if scope.get("scheme") in ("https", "wss") else "http"
        host, origin = headers.find(sent, b"host"), headers.find(sent, b"origin")
        if scope["type"] == "websocket":
            return self._incoming.is_socket_from_ours(scheme, host, origin)
        fetch_site = headers.joined(sent, b"sec-fetch-site")
        return self._incoming.is_from_ours(scope["method"], scheme, host, fetch_site, origin)

    def _response(
        self, scope: Scope, receive: Receive, send: Send, exchange: AsyncExchange, session_read: bool
    ) -> Response:
        """The request gets its session, and its response what it needs of it."""
        scope[KEY] = exchange
        state = scope.setdefault("state", {})
        if exchange._outage is None:
            state[STATE] = exchange._session
        else:
            scope["state"] = _Outage(state, exchange)
        bag = None
        if self._data:
            if SESSION in scope:
                raise SignedinError(TWO_BAGS)
            if exchange._outage is None:
                bag = scope[SESSION] = Bag(exchange)
            else:
                scope[SESSION] = Unknown(exchange._outage)
        parts = (self._touches, self._connections, scope, receive, send)
        return Response(*parts, exchange, session_read, bag)

    # ── the process ──────────────────────────────────────────────────────────────────────────

    async def _lifespan(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Sweep from start-up on; at shutdown, wait for activity to be recorded, then let go."""

        async def forward(message: Message) -> None:
            if message["type"] == "lifespan.startup.complete":
                self._sweeper.start()
            elif message["type"] in ("lifespan.shutdown.complete", "lifespan.shutdown.failed"):
                self._sweeper.stop()
                if self._admin is not None:
                    await self._admin_page.runs.drain()
                await self._touches.drain()
                await self.sessions.close()
            await send(message)

        await self.app(scope, receive, forward)


class _Outage(dict[str, Any]):
    """A request's state in an outage: its current session can't be known, and using it says so."""

    def __init__(self, state: dict[str, Any], exchange: AsyncExchange) -> None:
        super().__init__(state)
        self._exchange = exchange

    def __missing__(self, key: str) -> Any:
        if key == STATE:
            return self._exchange.session
        raise KeyError(key)
