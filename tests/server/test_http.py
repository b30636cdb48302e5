"""What the service takes for a request, on a real socket."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from typing import Any

import anyio
import pytest

from signedin.server.http import AHEAD, HEAD, BoundedHttp

from ..web.support import served

HOST = b"Host: app.example\r\n"
LINE = b"POST / HTTP/1.1\r\n" + HOST
LAST = b"Connection: close\r\n"
CHUNKED = LINE + LAST + b"Transfer-Encoding: chunked\r\n\r\n"


async def counting(scope: Any, receive: Any, send: Any) -> None:
    """Answers with the length of the body, and then with how many headers there were."""
    length, more = 0, True
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


@pytest.fixture
async def address() -> AsyncIterator[str]:
    async with served(counting, http=BoundedHttp, lifespan="off") as found:
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
    """What browsers and proxies send is far from the bound."""
    headers = b"Cookie: " + b"a" * 8_000 + b"\r\n"
    parts = (b"GET / HTTP/1.1\r\n", HOST, LAST, *[headers] * 7, b"\r\n")
    assert await say(address, *parts) == ([200], [b"[0 9]"])


@pytest.mark.parametrize(
    ("version", "hosts", "status"),
    [
        (b"1.1", b"", 400),
        (b"1.1", b"Host: a\r\nhost: b\r\n", 400),
        (b"1.0", b"Host: a\r\nhost: b\r\n", 400),
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
    assert 400 in statuses
    assert statuses.count(200) == len(bodies) <= 1


async def test_requests_ahead(address: str) -> None:
    """Requests that don't wait for answers are answered in their order; the memory that they may take
    has an end.
    """
    asked = [LINE + b"Content-Length: %d\r\n\r\n" % n + b"a" * n for n in range(AHEAD)]
    statuses, bodies = await say(address, b"".join(asked) + LINE + LAST + b"\r\n")
    assert statuses == [200] * (AHEAD + 1)
    assert bodies == [*[b"[%d 2]" % n for n in range(AHEAD)], b"[0 2]"]

    statuses, _ = await say(address, (b"GET / HTTP/1.1\r\n" + HOST + b"\r\n") * 5_000)
    assert 400 in statuses
    assert len(statuses) <= AHEAD + 1
