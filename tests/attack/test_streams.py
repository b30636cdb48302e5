"""Open streams of somebody who doesn't want them to end (E10)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from signedin.asgi import SignedinMiddleware

from ..support import SECOND
from ..web.conftest import flow
from ..web.support import SESSION, Client, do_sign_in, me, served

__all__ = ["flow"]
LARGE = b"data: " + b"x" * 500_000 + b"\n\n"


async def events(request: Request) -> Response:
    """Much, or little at a time."""
    piece = LARGE if "much" in request.query_params else b"data: tick\n\n"

    async def stream() -> AsyncIterator[bytes]:
        while True:
            yield piece
            await asyncio.sleep(0.02)

    return StreamingResponse(stream(), media_type="text/event-stream")


async def opened(address: str, token: str, query: str) -> Any:
    """A stream that has begun."""
    host, _, port = address.partition(":")
    reader, writer = await asyncio.open_connection(host, int(port), limit=2**16)
    cookie = f"Cookie: {SESSION}={token}\r\n"
    writer.write(f"GET /events?{query} HTTP/1.1\r\nHost: app.example\r\n{cookie}\r\n".encode())
    assert b"200 OK" in await reader.readline()
    return reader, writer


async def test_who_does_not_read_holds_nobody_up(flow: Any) -> None:
    """A thief who stops reading some streams, so that nothing more can be sent into them, keeps no other
    stream of the ended session open, nor anybody else's.
    """
    routes = [
        Route("/events", events),
        Route("/sign_in", do_sign_in, methods=["POST"]),
        Route("/me", me),
    ]
    app = SignedinMiddleware(Starlette(routes=routes), sessions=flow)
    async with Client(app) as thief, served(app, timeout_graceful_shutdown=1) as address:
        session_id = await thief.enter("1")
        token = thief.tokens()[SESSION]
        stalled = [await opened(address, token, "much") for _ in range(5)]
        reader, writer = await opened(address, token, "little")
        await asyncio.sleep(0.5)  # until the stalled ones are full
        flow.clock.tick(SECOND)
        await flow.revoke("1", session_id, current=None)
        async with asyncio.timeout(5):
            while await reader.readline() != b"0\r\n":
                pass
        for _, other in (*stalled, (reader, writer)):
            other.transport.abort()
