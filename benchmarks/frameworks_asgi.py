"""Starlette with session data on Redis beside starsessions: ``python -m benchmarks.frameworks_asgi``.

A request of a signed-in user who reads one value, one at a time and 50 at once, less what the same
application costs without sessions. All three take turns in one run; client and server share a core.
"""

from __future__ import annotations

import asyncio
import statistics
import time
from typing import Any

import redis.asyncio
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starsessions import SessionAutoloadMiddleware, SessionMiddleware
from starsessions.stores.redis import RedisStore
from tests.servers import VALKEY, Server

from signedin import open_async_sessions
from signedin.asgi import SignedinMiddleware, sign_in

from .__main__ import ask, scope_with
from .tools import pin

BAG = {"cart": [17, 4, 256], "locale": "de-CH", "seen": "2026-01-01T12:00:00Z"}
TURNS = 41


async def bare(request: Request) -> Response:
    return PlainTextResponse("de-CH")


async def read(request: Request) -> Response:
    return PlainTextResponse(request.session["locale"])


async def enter(request: Request) -> Response:
    await sign_in(request, "1")
    request.session.update(BAG)
    return PlainTextResponse("in")


async def fill(request: Request) -> Response:
    request.session.update(BAG)
    return PlainTextResponse("in")


async def cookie_of(app: Any, name: str) -> str:
    """The cookie that ``/enter`` sets."""
    found: list[str] = []

    async def receive() -> Any:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        for key, value in message.get("headers", ()):
            if key == b"set-cookie" and value.startswith(name.encode()):
                found.append(value.decode().partition(";")[0])

    scope = scope_with("")
    await app(scope | {"path": "/enter"}, receive, send)
    return found[0]


async def fifty(app: Any, scope: dict[str, Any]) -> float:
    """Microseconds a request, 50 under way at a time."""
    began = time.perf_counter()
    await asyncio.gather(*(ask(app, [scope] * 10) for _ in range(50)))
    return (time.perf_counter() - began) * 1e6 / 500


async def measure(url: str) -> None:
    routes = [Route("/page", read), Route("/enter", enter)]
    sessions = open_async_sessions(store=url, sweep_every=None)
    ours = SignedinMiddleware(Starlette(routes=routes), sessions=sessions, data=True)
    connection = redis.asyncio.Redis.from_url(url)
    loaded = SessionAutoloadMiddleware(Starlette(routes=[Route("/page", read), Route("/enter", fill)]))
    theirs = SessionMiddleware(loaded, store=RedisStore(connection=connection))
    plain = Starlette(routes=[Route("/page", bare)])
    our_scope = scope_with(await cookie_of(ours, "__Host-signedin"))
    their_scope = scope_with(await cookie_of(theirs, "session"))
    print("| Starlette on Redis, over the bare application | starsessions | ours | ratio | at most |")
    print("|---|---:|---:|---:|---:|")
    for name, most in (("one at a time", 0.45), ("50 at once", 0.2)):
        pairs = []
        for _ in range(TURNS):
            taken = [
                await (ask(app, [scope] * 50) if most == 0.45 else fifty(app, scope))
                for app, scope in ((plain, our_scope), (theirs, their_scope), (ours, our_scope))
            ]
            pairs.append((taken[1] - taken[0], taken[2] - taken[0]))
        a, b = (statistics.median(pair[n] for pair in pairs) for n in (0, 1))
        ratio = statistics.median(mine / other for other, mine in pairs)
        print(f"| {name} | {a:.0f} | {b:.0f} | {ratio:.2f} | {most} |", flush=True)
    await sessions.close()
    await connection.aclose()


def main() -> None:
    """Start a server, measure, print."""
    pin()
    server = Server(VALKEY)
    asyncio.run(measure(server.url))
    server.stop()


if __name__ == "__main__":
    main()
