"""What the service takes for a request, on a real socket."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any

import anyio
import pytest

from signedin.server.http import HEAD, HEADERS, BoundedHttp

from ..web.support import served

HOST = b"Host: app.example\r\n"
LINE = b"POST / HTTP/1.1\r\n" + HOST
LAST = b"Connection: close\r\n"
CHUNKED = LINE + LAST + b"Transfer-Encoding: chunked\r\n\r\n"


async def counting(scope: Any, receive: Any, send: Any) -> None:
    """Answers with the length of the body, and then with how many headers there were; in a stream that
    doesn't end by itself with 'on', and with 'off' when it has been told to end.
    """
    length, more = 0, True
    if scope["path"] == "/stream":
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"[on]", "more_body": True})
        while (await receive())["type"] != "http.disconnect":
            pass
        ENDED[scope["query_string"]].set()
        return
    while more:
        message = await receive()
        if message["type"] != "http.request":
            return
        length += len(message["body"])
        more = message["more_body"]
    body = b"[%d %d]" % (length, len(scope["headers"]))
    headers = [(b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


ENDED: defaultdict[bytes, anyio.Event] = defaultdict(anyio.Event)
"""By a stream's query, whether it has heard of its end."""


@pytest.fixture
async def address() -> AsyncIterator[str]:
    options: dict[str, Any] = {"lifespan": "off", "ws": "none", "timeout_keep_alive": 60}
    async with served(counting, http=BoundedHttp, **options) as found:
        yield found


async def say(address: str, *parts: bytes) -> tuple[list[int], list[bytes]]:
    """The statuses and bodies of what comes back until it closes the connection."""
    host, _, port = address.partition(":")
    got = b""
    with anyio.fail_after(20):
        async with await anyio.connect_tcp(host, int(port)) as connection:
            try:
                for part in parts:
                    await connection.send(part)
                while True:
                    got += await connection.receive()
            except (anyio.EndOfStream, anyio.BrokenResourceError):
                pass
    return [int(status) for status in re.findall(rb"HTTP/1.1 (\d+)", got)], re.findall(rb"\[.*?\]", got)


async def talk(address: str, *requests: bytes) -> list[bytes]:
    """The bodies of the answers to requests that wait for each other."""
    host, _, port = address.partition(":")
    bodies = []
    with anyio.fail_after(20):
        async with await anyio.connect_tcp(host, int(port)) as connection:
            for request in requests:
                await connection.send(request)
                got = b""
                while not (found := re.findall(rb"\[.*?\]", got)):
                    got += await connection.receive()
                bodies += found
    return bodies


@pytest.mark.parametrize(
    ("start", "piece"),
    [
        pytest.param(b"GET /", b"a", id="an address"),
        pytest.param(b"GET / HTTP/1.1\r\nX: ", b"a", id="a header"),
        pytest.param(b"GET / HTTP/1.1\r\n", b"X: a\r\n", id="headers"),
        pytest.param(b"", b"\r\n", id="empty lines"),
        pytest.param(CHUNKED + b"1;", b"a", id="what is said of a chunk"),
        pytest.param(CHUNKED + b"1\r\na\r\n0\r\n", b"X: a\r\n", id="a trailer"),
    ],
)
async def test_bounds_of_a_head(address: str, start: bytes, piece: bytes) -> None:
    """Whatever has no end is refused, and nothing has been called with it."""
    # One read, at most 256 kB, may have begun before the bound counts.
    statuses, bodies = await say(address, start, *[piece * (HEAD // len(piece))] * 6)
    assert statuses in ([400], [])  # a client that goes on sending may lose the answer
    assert bodies == []


async def test_a_body_has_no_such_bound(address: str) -> None:
    """What is told of a length arrives, in one piece or in many; how much is taken is the application's
    to say.
    """
    whole = LINE + LAST + b"Content-Length: 400000\r\n\r\n"
    assert await say(address, whole, *[b"a" * 40_000] * 10) == ([200], [b"[400000 3]"])
    chunk = b"9c40\r\n" + b"a" * 40_000 + b"\r\n"
    assert await say(address, CHUNKED, *[chunk] * 10, b"0\r\n\r\n") == ([200], [b"[400000 3]"])


async def test_many_headers_are_taken(address: str) -> None:
    """What browsers and proxies send is far from the bounds."""
    headers = b"Cookie: " + b"a" * 8_000 + b"\r\n"
    parts = (b"GET / HTTP/1.1\r\n", HOST, LAST, *[headers] * 7, b"\r\n")
    assert await say(address, *parts) == ([200], [b"[0 9]"])


@pytest.mark.parametrize(
    ("version", "hosts", "status"),
    [
        (b"1.1", b"", 400),
        (b"1.1", b"Host: a\r\nhost: b\r\n", 400),
        (b"1.0", b"Host: a\r\nhost: b\r\n", 400),
        (b"2.0", b"", 400),
        (b"1.1", HOST, 200),
        (b"1.0", HOST, 200),
        (b"1.0", b"", 200),  # as load balancers ask whether it is up
    ],
)
async def test_one_host(address: str, version: bytes, hosts: bytes, status: int) -> None:
    """A request names one host (RFC 9112, section 3.2); before version 1.1 it needn't."""
    statuses, _ = await say(address, b"GET / HTTP/" + version + b"\r\n" + hosts + LAST + b"\r\n")
    assert statuses == [status]


@pytest.mark.parametrize(
    "headers",
    [
        b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nab",
        b"Content-Length: +1\r\n\r\na",
        b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
        b"Transfer-Encoding: chunked\r\n\r\n1\r\nab0\r\n\r\n",
        b"X : a\r\n\r\n",
        b"X: a\rb\r\n\r\n",
        b"X: a\0b\r\n\r\n",
        b"X: a\r\n b\r\n\r\n",
        b"X: a\n\n",
    ],
    ids=repr,
)
async def test_what_could_be_read_in_two_ways(address: str, headers: bytes) -> None:
    """A request that a proxy may understand differently is refused, and so is what comes after it."""
    statuses, bodies = await say(address, LINE + headers + LINE + LAST + b"Content-Length: 0\r\n\r\n")
    assert (statuses, bodies) == ([400], [])


async def test_as_many_headers(address: str) -> None:
    """A hundred headers are taken, and one more is not, however short."""
    more = b"a:\r\n" * (HEADERS - 2)
    assert await say(address, LINE + LAST + more + b"\r\n") == ([200], [b"[0 %d]" % HEADERS])
    assert await say(address, LINE + LAST + more + b"a:\r\n\r\n") == ([400], [])


async def test_trailers_are_no_headers(address: str) -> None:
    """What follows a body is not taken for what was said before it, nor for the next request's."""
    body = b"1\r\na\r\n0\r\nHost: evil\r\nCookie: a=b\r\n\r\n"
    assert await say(address, CHUNKED + body) == ([200], [b"[1 3]"])
    kept = LINE + b"Transfer-Encoding: chunked\r\n\r\n" + body
    assert await talk(address, kept, LINE + LAST + b"\r\n") == [b"[1 2]", b"[0 2]"]


@pytest.mark.parametrize("length", [b"Content-Length: 38", b"Transfer-Encoding: chunked"])
async def test_an_upgrade_with_a_body(address: str, length: bytes) -> None:
    """A body behind a request to upgrade is never taken for a request."""
    upgrade = LINE + b"Connection: Upgrade\r\nUpgrade: h2c\r\n" + length + b"\r\n\r\n"
    statuses, bodies = await say(address, upgrade, b"GET /smuggled HTTP/1.1\r\n" + HOST + b"\r\n")
    assert (statuses, bodies) in (([400], []), ([], []))


async def test_an_upgrade_that_is_not_done(address: str) -> None:
    """Who would like another protocol is answered in this one, and what came with it isn't read."""
    upgrade = b"GET / HTTP/1.1\r\n" + HOST + b"Connection: Upgrade\r\nUpgrade: %s\r\n\r\n"
    for other in (b"h2c", b"websocket"):
        assert await say(address, upgrade % other + LINE + b"\r\n") == ([200], [b"[0 3]"])


@pytest.mark.parametrize(
    "second", [LINE + b"Content-Length: 0\r\n\r\n", b"GET / HTTP/1.1\r\n\r\n", b"\0\r\n"]
)
async def test_one_at_a_time(address: str, second: bytes) -> None:
    """What comes before a request is answered leaves it its answer and gets none: the connection is
    closed behind it, as a server may (RFC 9112, section 9.5).
    """
    first = LINE + b"Content-Length: 3\r\n\r\nabc"
    assert await say(address, first + second * 1_000) == ([200], [b"[3 2]"])


async def test_what_is_refused_is_told_once(address: str, caplog: pytest.LogCaptureFixture) -> None:
    """Whoever goes on after a refusal doesn't fill the log."""
    host, _, port = address.partition(":")
    async with await anyio.connect_tcp(host, int(port)) as connection:
        await connection.send(b"GET /stream?told HTTP/1.1\r\n" + HOST + b"\r\n")
        await connection.receive()
        for _ in range(5):
            await connection.send(b"\0\r\n")
            await anyio.sleep(0.01)  # so that it is read by itself
    with anyio.fail_after(20):
        await ENDED[b"told"].wait()
    assert caplog.messages.count("Invalid HTTP request received.") == 1


async def test_half_a_request_is_refused_in_its_answer(address: str) -> None:
    """Where a body turns out to be none and its answer is under way, that one is not disturbed, but ended."""
    start = b"POST /stream?half HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n"
    host, _, port = address.partition(":")
    got = b""
    with anyio.fail_after(20):
        async with await anyio.connect_tcp(host, int(port)) as connection:
            await connection.send(start)
            with suppress(anyio.EndOfStream, anyio.BrokenResourceError):
                while True:
                    got += await connection.receive()
                    if b"[on]" in got:
                        await connection.send(b"zz\r\n")
        await ENDED[b"half"].wait()
    assert got.count(b"HTTP/1.1") == 1


@pytest.mark.parametrize("second", [b"", b"GET / HTTP/1.1\r\n" + HOST + b"\r\n", b"\0\r\n"])
async def test_a_stream_hears_of_its_end(address: str, second: bytes) -> None:
    """Who goes away ends a stream, whatever was sent meanwhile; and it wasn't disturbed by that."""
    host, _, port = address.partition(":")
    query = second[:1].hex().encode() or b"none"
    with anyio.fail_after(20):
        async with await anyio.connect_tcp(host, int(port)) as connection:
            await connection.send(b"GET /stream?" + query + b" HTTP/1.1\r\n" + HOST + b"\r\n")
            got = b""
            while b"[on]" not in got:
                got += await connection.receive()
            if second:
                await connection.send(second)
        await ENDED[query].wait()
