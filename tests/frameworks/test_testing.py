"""``signedin.testing``: what an application's own tests use."""

from __future__ import annotations

from typing import Any

import httpx2
import pytest
from starlette.testclient import TestClient

from signedin import open_async_sessions, open_sessions
from signedin.asgi import SignedinMiddleware
from signedin.testing import FrozenClock, sign_in_client
from signedin.testing.records import DAY, PHONE

from ..web.support import SESSION
from .fastapi_host import shop
from .flask_host import make_app


@pytest.fixture
def app(path: str, clock: FrozenClock) -> Any:
    return SignedinMiddleware(shop(), sessions=open_async_sessions(store=path, clock=clock))


@pytest.mark.parametrize("url", ["http://testserver", "https://app.example"])
def test_a_client_is_signed_in(app: Any, clock: FrozenClock, url: str) -> None:
    """A real session with its device, good until it ends; forms are from the application's own pages; what
    the application sets takes the cookie's place.
    """
    with TestClient(app, base_url=url) as client:
        session = sign_in_client(client, "ada", app.sessions, device=PHONE)
        assert session.device.os == "iOS"
        assert client.get("/members").json() == {"user": "ada"}
        assert client.post("/members").json() == {"user": "ada"}
        first = client.cookies[SESSION]
        assert client.post("/sign_in", data={"user": "bo"}).text == "in"
        assert [cookie.name for cookie in client.cookies.jar] == [SESSION]
        assert client.cookies[SESSION] != first
        sign_in_client(client, "ada", app.sessions)
        clock.tick(7 * DAY)
        assert client.get("/").json() == {"user": None}


async def test_an_async_client(app: Any, path: str, clock: FrozenClock) -> None:
    """httpx's, in a running loop; and with the sync flow of the same store."""
    flow = open_sessions(store=path, clock=clock)
    async with httpx2.AsyncClient(
        transport=httpx2.ASGITransport(app), base_url="https://app.example"
    ) as client:
        for sessions in (app.sessions, flow):
            session = sign_in_client(client, "ada", sessions, remember=True)
            assert session.remembered
            assert (await client.get("/members")).json() == {"user": "ada"}
    flow.close()
    await app.sessions.close()


def test_a_refused_one(path: str, clock: FrozenClock) -> None:
    """A sign-in that the policy refuses is an error in the test that asked for it."""
    from signedin import Policy

    flow = open_sessions(store=path, clock=clock, policy=Policy(cap=1, at_cap="refuse"))
    client = httpx2.Client()
    sign_in_client(client, "ada", flow)
    with pytest.raises(ValueError, match="'ada' was refused: limit"):
        sign_in_client(client, "ada", flow)
    flow.close()


def test_flasks_client(path: str, clock: FrozenClock) -> None:
    """The cookie is where Flask's client keeps it."""
    flow = open_sessions(store=path, clock=clock)
    client = make_app(store=path, clock=clock).test_client()
    sign_in_client(client, "ada", flow)
    assert client.get("/me").json["user"] == "ada"  # type: ignore[index]
    assert client.get("/members").status_code == 200
