"""Prints the table: ``python -m benchmarks [--quick]``; ``make bench`` does the same.

A machine's noise comes and goes, so what is compared runs in short turns, one after the other, many
times; a ratio is the median of the turns' ratios, and a time the median of the turns' times.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import json
import os
import platform
import statistics
import sys
import tempfile
import time
from datetime import UTC
from pathlib import Path
from typing import Any

import apsw
import itsdangerous

from signedin import Settings, SignedIn, page
from signedin._async.sessions import AsyncSessions
from signedin._async.stores.sqlite import AsyncSqliteStore
from signedin._sync.sessions import Sessions
from signedin._sync.stores.sqlite import SqliteStore
from signedin.asgi import SignedinMiddleware, current_session
from signedin.sql import statements
from signedin.token import Token, new_secret

from . import operators
from .tools import CLIENT, START, Result, filled, pin, timed, turns


def validate(path: str, rows: int) -> Result:
    """Parse, hash, read, decode, judge, against a bare SELECT of the same row by its key."""
    tokens = filled(path, rows)
    flow = Sessions(SqliteStore(path), Settings(), lambda: START + 1)
    select = statements("sqlite/reading.sql")["find"]
    bare_cursor = apsw.Connection(path).cursor()
    texts = [token.text for token in tokens] * 3
    keys = [(bytes.fromhex(token.id[24:]), bytes.fromhex(token.id[:24])) for token in tokens] * 3

    def bare() -> None:
        execute = bare_cursor.execute
        for key in keys:
            assert execute(select, key).get is not None

    def ours() -> None:
        check = flow.validate
        for text in texts:
            assert check(text) is not None

    a, b, ratio = turns(41, lambda: timed(bare, len(keys)), lambda: timed(ours, len(texts)))
    bare_cursor.connection.close()
    flow.close()
    return Result(f"validate, {rows:,} sessions", "SELECT by key", a, b, ratio, 2.0)


# ── the middleware ───────────────────────────────────────────────────────────────────────────


async def nothing() -> Any:
    return {"type": "http.request", "body": b"", "more_body": False}


async def respond(send: Any, body: bytes) -> None:
    await send(
        {"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]}
    )
    await send({"type": "http.response.body", "body": body})


async def bare_app(scope: Any, receive: Any, send: Any) -> None:
    await respond(send, b"1")


async def our_app(scope: Any, receive: Any, send: Any) -> None:
    session = current_session(scope)
    assert session is not None
    await respond(send, session.user_id.encode())


async def reading_app(scope: Any, receive: Any, send: Any) -> None:
    await respond(send, scope["session"]["user"].encode())


async def renewing_app(scope: Any, receive: Any, send: Any) -> None:
    # What a cookie that ends without activity must do at each request, as ours does by its touches.
    session = scope["session"]
    session["at"] = START
    await respond(send, session["user"].encode())


def scope_with(cookie: str) -> dict[str, Any]:
    """A request of a browser with this cookie."""
    return {
        "type": "http",
        "method": "GET",
        "path": "/page",
        "root_path": "",
        "scheme": "https",
        "query_string": b"",
        "client": ("203.0.113.24", 4711),
        "headers": [
            (b"host", b"app.example"),
            (b"user-agent", CLIENT.user_agent.encode()),
            (b"accept", b"text/html"),
            (b"accept-language", b"en"),
            (b"cookie", cookie.encode()),
        ],
    }


async def ask(app: Any, scopes: list[dict[str, Any]]) -> float:
    """Microseconds a request."""

    async def send(message: Any) -> None:
        pass

    began = time.perf_counter()
    for scope in scopes:
        await app(dict(scope), nothing, send)
    return (time.perf_counter() - began) * 1e6 / len(scopes)


async def middleware(path: str, tokens: list[Token]) -> list[Result]:
    """The whole overhead of a signed-in request, none due for a touch, and with one in ten due."""
    from starlette.middleware.sessions import SessionMiddleware

    clock = [START + 1]
    flow = AsyncSessions(AsyncSqliteStore(path), Settings(sweep_every=None), lambda: clock[0])
    ours = SignedinMiddleware(our_app, sessions=flow)
    secret = new_secret()
    peers = {
        "Starlette's signed cookie, renewed": SessionMiddleware(renewing_app, secret, https_only=True),
        "Starlette's signed cookie, only read": SessionMiddleware(reading_app, secret, https_only=True),
    }
    payload = base64.b64encode(json.dumps({"user": "1", "at": START}).encode())
    signed = itsdangerous.TimestampSigner(secret).sign(payload).decode()
    our_scopes = [scope_with(f"__Host-signedin={token.text}") for token in tokens]
    peer_scopes = [scope_with(f"session={signed}")] * len(tokens)
    overheads: dict[str, list[tuple[float, float]]] = {name: [] for name in peers}
    for _ in range(41):
        for name, peer in peers.items():
            bare = await ask(bare_app, our_scopes)
            mine = await ask(ours, our_scopes)
            theirs = await ask(peer, peer_scopes)
            overheads[name].append((theirs - bare, mine - bare))
    results = [
        Result(
            "ASGI middleware, overhead of a request",
            name,
            statistics.median(a for a, _ in pairs),
            statistics.median(b for _, b in pairs),
            statistics.median(b / a for a, b in pairs),
            1.0,
        )
        for name, pairs in overheads.items()
    ]
    return [*results, await touches(path, ours, our_scopes, clock)]


async def touches(path: str, app: SignedinMiddleware, scopes: list[Any], clock: list[int]) -> Result:
    """A thousand requests, 16 at a time, one in ten due; all of them applied and durable."""
    connection = apsw.Connection(path)
    tenth = [bytes.fromhex(s["headers"][-1][1].decode()[16:40]) for s in scopes[::10]]

    async def crowd() -> float:
        began = time.perf_counter()
        await asyncio.gather(*(ask(app, scopes[n::16]) for n in range(16)))
        await app._touches.drain()
        return (time.perf_counter() - began) * 1e6 / len(scopes)

    pairs = []
    for _ in range(31):
        none = await crowd()
        clock[0] += 61_000
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("UPDATE session SET last_active_at = ?", (clock[0] - 1000,))
        connection.executemany(
            "UPDATE session SET last_active_at = ? WHERE random = ?",
            [(clock[0] - 60_000, random) for random in tenth],
        )
        connection.execute("COMMIT")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        some = await crowd()
        noted = connection.execute(
            "SELECT count(*) FROM session WHERE last_active_at = ?", (clock[0],)
        ).get
        assert noted == len(tenth), f"{noted} of {len(tenth)} touches were applied"
        pairs.append((none, some))
    connection.close()
    await app.sessions.close()
    return Result(
        "requests with one in ten due for a touch",
        "none due",
        statistics.median(a for a, _ in pairs),
        statistics.median(b for _, b in pairs),
        statistics.median(b / a for a, b in pairs),
        1.6,
    )


# ── lists and sign-ins ───────────────────────────────────────────────────────────────────────


def lists(path: str) -> Result:
    """All sessions of a user who has 100, against one validate."""
    flow = Sessions(SqliteStore(path), Settings(), lambda: START + 1)
    token = ""
    for _ in range(100):
        outcome = flow.sign_in("1", CLIENT, started_at=START)
        assert isinstance(outcome, SignedIn)
        token = outcome.cookies[0].value
    assert len(flow.list("1")) == 100

    def one() -> None:
        for _ in range(1000):
            flow.validate(token)

    def hundred() -> None:
        for _ in range(50):
            flow.list("1")

    a, b, ratio = turns(31, lambda: timed(one, 1000), lambda: timed(hundred, 50))
    flow.close()
    return Result("list 100 sessions", "one validate", a, b, ratio, 25.0)


def page_of_a_hundred(path: str) -> float:
    """Milliseconds to draw the page with 100 sessions, read from the store (``lists`` has made them)."""
    flow = Sessions(SqliteStore(path), Settings(), lambda: START + 1)

    def draw() -> None:
        for _ in range(10):
            first, *rest = flow.overview("1").sessions
            page.active_sessions(
                first,
                rest,
                series_elsewhere=0,
                cap=100,
                flash=None,
                now=START,
                tz=UTC,
                urls=page.Urls("/x"),
            )

    draw()
    took = statistics.median(timed(draw, 10) for _ in range(15)) / 1000
    flow.close()
    return took


def sign_ins(path: str) -> Result:
    """At the cap, where each one evicts another, against below it."""
    clock = [START]

    def now() -> int:
        clock[0] += 1
        return clock[0]

    flow = Sessions(SqliteStore(path), Settings(), now)

    def some(user: str, count: int) -> float:
        def work() -> None:
            for _ in range(count):
                assert isinstance(flow.sign_in(user, CLIENT, started_at=clock[0]), SignedIn)

        return timed(work, count)

    some("full", 100)
    for n in range(31):
        some(f"half-{n}", 60)
    users = iter(range(31))
    a, b, ratio = turns(31, lambda: some(f"half-{next(users)}", 20), lambda: some("full", 20))
    flow.close()
    return Result("sign-in at the cap of 100", "below the cap", a, b, ratio, 1.5)


def main() -> None:
    """Run everything and print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="100,000 sessions instead of a million")
    many = 100_000 if parser.parse_args().quick else 1_000_000
    pin()
    results = []
    with tempfile.TemporaryDirectory(prefix="signedin-bench-") as folder:
        place = Path(folder)
        results.append(validate(str(place / "small.db"), 10_000))
        results.append(validate(str(place / "large.db"), many))
        results += operators.compared(str(place / "small.db"), str(place / "large.db"))
        told = operators.told(str(place / "large.db"))
        (place / "large.db").unlink()
        tokens = filled(str(place / "web.db"), 10_000)
        results += asyncio.run(middleware(str(place / "web.db"), tokens))
        results.append(lists(str(place / "list.db")))
        page_ms = page_of_a_hundred(str(place / "list.db"))
        results.append(sign_ins(str(place / "cap.db")))
    print(
        f"Python {platform.python_version()}, SQLite {apsw.sqlite_lib_version()}, {platform.machine()},"
        f" {os.cpu_count()} cores. Times in µs, medians; the ratio is the median of the turns' ratios.\n"
    )
    print("| what | compared with | it | ours | ratio | at most |")
    print("|---|---|---:|---:|---:|---:|")
    for r in results:
        print(
            f"| {r.what} | {r.base} | {r.base_us:.1f} | {r.ours_us:.1f} | {r.ratio:.2f} | {r.target:g} |"
        )
    print(f"\nThe page with 100 sessions is read and drawn in {page_ms:.1f} ms; the mark is 30.")
    print("\n".join(told))
    missed = [r.what for r in results if r.ratio > r.target]
    if missed:
        print(f"\nAbove the target in this run: {', '.join(missed)}.", file=sys.stderr)


if __name__ == "__main__":
    main()
