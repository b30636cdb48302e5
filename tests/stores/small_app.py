"""An application as people have it, with a stream: ``uvicorn tests.stores.small_app:app``, its store in STORE."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from typing import Any

from starlette.applications import Starlette
from starlette.responses import PlainTextResponse, StreamingResponse
from starlette.routing import Route

from signedin.asgi import SignedinMiddleware, current_session, sign_in


async def home(request: Any) -> PlainTextResponse:
    session = current_session(request)
    return PlainTextResponse("nobody" if session is None else session.user_id)


async def enter(request: Any) -> PlainTextResponse:
    await sign_in(request, "ada")
    return PlainTextResponse("welcome")


async def events(request: Any) -> StreamingResponse:
    async def ticks() -> AsyncIterator[str]:
        while True:
            yield "data: tick\n\n"
            await asyncio.sleep(0.05)

    assert current_session(request) is not None
    return StreamingResponse(ticks(), media_type="text/event-stream")


routes = [Route("/", home), Route("/enter", enter, methods=["POST"]), Route("/events", events)]
app = SignedinMiddleware(Starlette(routes=routes), store=os.environ["STORE"], insecure_http=True)
