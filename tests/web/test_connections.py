"""WebSockets and event streams end with their session, within about a second (E10)."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import anyio
import httpx2
import pytest
import websockets
from websockets.asyncio.client import ClientConnection, connect

from signedin.asgi.background import Connection, OpenConnections
from signedin.errors import StoreUnavailable
from signedin.session import new_session_id

from ..support import SECOND
from .support import SESSION, Client, served


def dial(address: str, client: Client, path: str = "/ws", *, origin: str | None = None) -> Any:
    cookies = "; ".join(f"{name}={value}" for name, value in client.tokens().items())
    headers = {"cookie": cookies} if cookies else {}
    return connect(
        f"ws://{address}{path}", origin=origin or f"http://{address}", additional_headers=headers
    )


async def closed(socket: ClientConnection) -> tuple[int, str, float]:
    """The close code, the reason, and how many seconds it took."""
    began = time.monotonic()
    with pytest.raises(websockets.ConnectionClosed) as raised:
        async with asyncio.timeout(5):
            while True:
                await socket.recv()
    assert raised.value.rcvd is not None
    return raised.value.rcvd.code, raised.value.rcvd.reason, time.monotonic() - began


async def test_a_websocket_has_its_session(app: Any, browser: Client) -> None:
    """The opening is validated; without a session the application decides."""
    await browser.enter()
    async with served(app) as address:
        async with dial(address, browser) as socket:
            assert await socket.recv() == "1"
            await socket.send("hello")
            assert await socket.recv() == "hello"
        async with Client(app) as nobody, dial(address, nobody) as socket:
            assert await socket.recv() == "nobody"


@pytest.mark.parametrize("ending", ["revoked", "signed_out", "idle", "credentials_changed"])
async def test_a_websocket_ends_with_its_session(
    app: Any, browser: Client, other: Client, flow: Any, clock: Any, ending: str
) -> None:
    """Close code 1008 with the reason's word; other sessions' connections go on."""
    mine, theirs = await browser.enter(), await other.enter("2")
    async with (
        served(app) as address,
        dial(address, browser) as socket,
        dial(address, other) as going_on,
    ):
        assert await socket.recv() == "1"
        assert await going_on.recv() == "2"
        clock.tick(SECOND)
        if ending == "revoked":
            await flow.revoke("1", mine, current=None)
            word = "revoked"
        elif ending == "signed_out":
            await browser.post("/sign_out")
            word = "signed_out"
        elif ending == "idle":
            clock.tick(8 * 86_400_000)
            word = "idle"
        else:
            await browser.post("/change")
            word = "credentials_changed"
        code, reason, seconds = await closed(socket)
        assert (code, reason) == (1008, word)
        assert seconds < 3
        if ending != "idle":
            await going_on.send("still here")
            assert await going_on.recv() == "still here"
    assert theirs


async def test_a_rotation_closes_nothing(app: Any, browser: Client) -> None:
    """A step-up in another tab leaves open connections alone."""
    await browser.enter()
    async with served(app) as address, dial(address, browser) as socket:
        await socket.recv()
        await browser.post("/step_up")
        await asyncio.sleep(1.3)
        await socket.send("still here")
        assert await socket.recv() == "still here"


async def test_a_cross_site_websocket(app: Any, browser: Client) -> None:
    """A handshake with our cookie from another origin is refused (CSRF-1)."""
    await browser.enter()
    async with served(app) as address:
        with pytest.raises(websockets.InvalidStatus) as raised:
            async with dial(address, browser, origin="https://evil.example"):
                pass
        assert raised.value.response.status_code == 403


async def test_a_websocket_for_members(app: Any, browser: Client) -> None:
    """Without a session it is not accepted."""
    async with served(app) as address:
        with pytest.raises(websockets.InvalidStatus):
            async with dial(address, browser, "/members/ws"):
                pass
        await browser.enter()
        async with dial(address, browser, "/members/ws") as socket:
            assert await socket.recv() == "1"


async def test_remember_me_opens_no_websocket(app: Any, browser: Client, flow: Any) -> None:
    """A resume sets cookies, which a handshake can't be trusted to carry (R2)."""
    await browser.enter(remember=True)
    browser.restart()
    async with served(app) as address, dial(address, browser) as socket:
        assert await socket.recv() == "nobody"
    assert await browser.user() == "1"


async def test_an_event_stream_ends_with_its_session(app: Any, browser: Client, flow: Any) -> None:
    """The stream is complete, not broken off."""
    mine = await browser.enter()
    cookie = {"cookie": f"{SESSION}={browser.tokens()[SESSION]}"}
    async with served(app) as address, httpx2.AsyncClient() as client:
        async with client.stream("GET", f"http://{address}/events", headers=cookie) as answer:
            chunks = answer.aiter_text()
            assert "tick" in await anext(chunks)
            began = time.monotonic()
            await flow.revoke("1", mine, current=None)
            async for _ in chunks:
                assert time.monotonic() - began < 10


async def test_other_responses_are_not_ended(app: Any, browser: Client, flow: Any) -> None:
    """A download that was allowed when it began is finished."""
    mine = await browser.enter()
    cookie = {"cookie": f"{SESSION}={browser.tokens()[SESSION]}"}
    async with served(app) as address, httpx2.AsyncClient() as client:
        async with client.stream("GET", f"http://{address}/download", headers=cookie) as answer:
            chunks = answer.aiter_text()
            text = await anext(chunks)
            await flow.revoke("1", mine, current=None)
            async for more in chunks:
                text += more
    assert text == "x" * 40


class Sessions:
    """A store that fails as long as it is told to."""

    def __init__(self, failure: type[Exception] = StoreUnavailable) -> None:
        self.failure = failure
        self.broken = True
        self.asked = 0

    async def connections_to_close(self, opened: Any) -> dict[Any, str]:
        self.asked += 1
        if self.broken:
            raise self.failure
        return {}


async def test_something_unexpected() -> None:
    """It is logged, and the connections are looked at again."""
    sessions = Sessions(RuntimeError)
    watch = OpenConnections(sessions, every=0.01)  # type: ignore[arg-type]
    watch.add(Connection(new_session_id("1"), 0, None))  # type: ignore[arg-type]
    with anyio.fail_after(5):
        while sessions.asked < 3:  # noqa: ASYNC110 - it has no event
            await asyncio.sleep(0.01)
    for connection in list(watch._open):
        watch.remove(connection)


@pytest.mark.parametrize("recovers", [True, False])
async def test_an_outage(recovers: bool) -> None:
    """Kept for ten seconds of outage; then 1013, try again later."""
    sessions, told = Sessions(), []

    async def close(code: int, word: str) -> None:
        told.append((code, word))

    watch = OpenConnections(sessions, every=0.01)  # type: ignore[arg-type]
    from signedin.asgi import background

    kept, background.KEPT_WITHOUT_STORE = background.KEPT_WITHOUT_STORE, 0.1  # type: ignore[misc]
    try:
        connection = Connection(new_session_id("1"), 0, close)
        watch.add(connection)
        await asyncio.sleep(0.05)
        assert told == []
        sessions.broken = not recovers
        await asyncio.sleep(0.4)
        assert told == ([] if recovers else [(1013, "store unavailable")])
        watch.remove(connection)
        asked = sessions.asked
        await asyncio.sleep(0.05)
        assert sessions.asked <= asked + 1
    finally:
        background.KEPT_WITHOUT_STORE = kept  # type: ignore[misc]
