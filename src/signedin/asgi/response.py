"""A response on its way out, with what a session adds: cookies, headers, activity, an end."""

from __future__ import annotations

import asyncio

from .._async.request import AsyncExchange
from ..errors import SignedinError
from . import headers
from .background import Connection, OpenConnections, TouchQueue
from .bag import TWO_BAGS, Bag, bag_of
from .types import Message, Receive, Scope, Send


class Response:
    """The two ends of one request's connection, with what a session adds to them."""

    started = False
    _ended: asyncio.Event | None = None
    _watched: Connection | None = None
    _held: tuple[Message, ...] = ()

    def __init__(
        self,
        touches: TouchQueue,
        connections: OpenConnections,
        scope: Scope,
        receive: Receive,
        send: Send,
        exchange: AsyncExchange,
        session_read: bool,
        bag: Bag | None,
    ) -> None:
        self._touches = touches
        self._connections = connections
        self._scope = scope
        self._receive = receive
        self._send = send
        self._exchange = exchange
        self._session_read = session_read
        self.bag = bag
        self._body_read = scope["type"] == "websocket"

    async def send(self, message: Message) -> None:
        """Pass on what the application sends; the first message carries cookies and headers."""
        kind = message["type"]
        if kind == "http.response.start":
            if message["status"] == 500:
                # Starlette answers an error so before it raises it to us, who may know better.
                self._held = (message,)
                return
            await self._dress(message)
            await self._send(message)
            self._touch()
        elif self._held:
            self._held += (message,)
            if message.get("more_body", False):
                await self.flush()
        elif kind == "websocket.accept":
            self.started = True
            await self._send(message)
            self._watch()
            self._touch()
        elif self._ended is None or not self._ended.is_set():
            await self._send(message)

    async def flush(self) -> None:
        """Send what was held back."""
        held, self._held = self._held, ()
        for message in held:
            if message is held[0]:
                await self._dress(message)
            await self._send(message)
        if held:
            self._touch()

    async def _dress(self, message: Message) -> None:
        """The beginning of a response gets its cookies and headers, when the bag is kept."""
        if self.bag is not None:
            if bag_of(self._scope) is not self.bag:
                raise SignedinError(TWO_BAGS)
            await self.bag.save()
        self.started = True
        exchange = self._exchange
        out = message["headers"] = list(message.get("headers", ()))
        cookies = exchange.cookies
        kind = headers.keep_private(out, session_read=self._session_read or bool(cookies))
        if cookies:
            headers.set_cookies(out, cookies)
        if exchange.clear_cache:
            out.append((b"clear-site-data", b'"cache"'))
        if kind.startswith(b"text/event-stream"):
            self._watch()

    async def receive(self) -> Message:
        """Pass on what the client sends; the end of the session is a disconnect."""
        if not self._body_read:
            message = await self._receive()
            self._body_read = message["type"] != "http.request" or not message.get("more_body", False)
            return message
        if self._ended is None:
            self._ended = asyncio.Event()
        incoming = asyncio.ensure_future(self._receive())
        ended = asyncio.ensure_future(self._ended.wait())
        try:
            await asyncio.wait((incoming, ended), return_when=asyncio.FIRST_COMPLETED)
            if incoming.done():
                return incoming.result()
        finally:
            incoming.cancel()
            ended.cancel()
        if self._scope["type"] == "websocket":
            return {"type": "websocket.disconnect", "code": 1008, "reason": ""}
        return {"type": "http.disconnect"}

    def drop(self) -> None:
        """Forget what was held back, and what the request made of its bag."""
        self._held, self.bag = (), None

    @property
    def unfinished(self) -> bool:
        """Whether there is something to do when the application has returned."""
        return bool(self._held) or self._watched is not None

    async def finish(self) -> None:
        """The application has returned, or failed."""
        await self.flush()
        if self._watched is not None:
            self._connections.remove(self._watched)

    def _touch(self) -> None:
        touch = self._exchange.due_touch()
        if touch is not None:
            self._touches.add(touch)

    def _watch(self) -> None:
        exchange = self._exchange
        if exchange.is_known and exchange.session is not None:
            if self._ended is None:
                self._ended = asyncio.Event()
            self._watched = Connection(exchange.session.id, exchange.started_at, self._close)
            self._connections.add(self._watched)

    async def _close(self, code: int, word: str) -> None:
        """The session has ended: so does the connection, for both sides."""
        assert self._ended is not None
        self._ended.set()
        if self._scope["type"] == "websocket":
            await self._send({"type": "websocket.close", "code": code, "reason": word})
        else:
            await self._send({"type": "http.response.body", "body": b"", "more_body": False})
