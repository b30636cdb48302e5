"""The Active Sessions page as an ASGI application: bodies and queries in, replies out."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TypeAlias
from zoneinfo import ZoneInfo

from .. import calls
from .._async.routes import Host, answer
from ..calls import BODY_BYTES, TOO_LARGE
from ..colours import async_call
from ..cookies import CookieNames
from ..cookies import read as read_cookies
from ..messages import say
from ..origin import SAFE_METHODS
from ..page import Urls, default_layout, message
from ..replies import PRIVATE, Call, Headers, Reply, problem
from . import headers
from .types import Receive, Scope, Send, path_of, send_reply
from .verbs import exchange

Layout: TypeAlias = Callable[[Scope, str, str, str], object]


class ActiveSessionsPage:
    """The page, put into the host's ``layout(scope, title, head, body)``; it may be a coroutine.

    time_zone: the IANA name of the zone in which the person of this scope reads times, or None.
    limit: asked before a change; how many seconds the caller must wait, or None to go on. It may be a
    coroutine function, too. admin: path of the admin page, if there is one.
    """

    def __init__(
        self,
        prefix: str,
        layout: Layout | None = None,
        time_zone: Callable[[Scope], str | None] | None = None,
        limit: Callable[[Scope], object] | None = None,
        admin: str | None = None,
    ) -> None:
        self._prefix = prefix
        self._admin = admin
        self._layout = layout
        self._time_zone = time_zone
        self._limit = limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One ASGI connection."""
        url = scope.get("root_path", "") + self._prefix
        reply = await self.reply(scope, receive, self._prefix, url)
        await send_reply(send, reply, body=scope["method"] != "HEAD")

    def message(self, scope: Scope, status: int, title: str, text: str, more: Headers = ()) -> Reply:
        """A page that says one thing, in a layout that needs nothing of the host's."""
        fragment = message(title, text, urls=Urls(scope.get("root_path", "") + self._prefix))
        return Reply.html(default_layout(*fragment), status, (*PRIVATE, *more))

    async def reply(self, scope: Scope, receive: Receive, path: str, url: str) -> Reply:
        """The reply to a request below this path, which is this URL for the browser."""
        if self._limit is not None and scope["method"] not in SAFE_METHODS:
            wait = await async_call(self._limit, scope)
            if wait is not None:
                return problem(429, "too_many", say("too_many", n=wait), (("retry-after", str(wait)),))
        this = exchange(scope)
        call = await read_call(scope, receive, path, this.sessions.settings.cookies)
        return call if isinstance(call, Reply) else await answer(call, this, self._host(scope, url))

    def _host(self, scope: Scope, url: str) -> Host:
        admin = None if self._admin is None else scope.get("root_path", "") + self._admin
        layout, zone = shown_by(scope, self._layout, self._time_zone)
        return Host(Urls(url), layout, zone, admin)


def shown_by(
    scope: Scope, layout: Layout | None, time_zone: Callable[[Scope], str | None] | None
) -> tuple[Callable[[str, str, str], object], ZoneInfo | None]:
    """How the host shows a page to the person of this scope: in its layout, in a time zone."""
    name = None if time_zone is None else time_zone(scope)
    bound = default_layout if layout is None else partial(layout, scope)
    return bound, None if name is None else ZoneInfo(name)


async def read_call(scope: Scope, receive: Receive, prefix: str, names: CookieNames) -> Call | Reply:
    """The request as a route below this path sees it; a reply to one that can't be read."""
    body = b""
    if scope["method"] not in ("GET", "HEAD"):
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":  # half a form is none
                return calls.INCOMPLETE
            body += message.get("body", b"")
            if len(body) > BODY_BYTES:
                return TOO_LARGE
            if not message.get("more_body", False):
                break
    sent = scope["headers"]
    return calls.read_call(
        scope["method"],
        path_of(scope)[len(prefix) :],
        query=scope["query_string"].decode("latin-1"),
        body=body,
        content_type=headers.find(sent, b"content-type") or "",
        accept=headers.find(sent, b"accept") or "",
        if_none_match=headers.find(sent, b"if-none-match") or "",
        flash=read_cookies(headers.read(sent, b"")[0], names).get(names.flash),
    )
