"""Bodies that are too much or too little: nothing is done by them, and nothing is kept of them."""

from __future__ import annotations

import socket
from typing import Any

import anyio
import pytest

from signedin.server.passwords import Passwords

from ..server.test_service import CHANGE, accounts, app, browser, enter, settings
from ..support import LAPTOP
from ..web.support import Client, served
from .hosts import Host

__all__ = ["accounts", "app", "browser", "settings"]
FORM = "application/x-www-form-urlencoded"
PROFILE = "/-/user_settings/profile"


@pytest.mark.parametrize("host", ["asgi", "fastapi", "wsgi", "flask"], indirect=True)
async def test_half_a_form(host: Host) -> None:
    """Who goes away in the middle of a form has asked for nothing: what has arrived could mean more, or
    another, than the whole. (Django says so itself.)
    """
    ada = host.user_id("ada")
    async with host.client() as client:
        await host.enter(client)
        theirs = await host.flow.sign_in(ada, LAPTOP, started_at=host.flow.clock())
        cookie = f"{host.session}={client.tokens()[host.session]}"
    path = f"{host.page}/{theirs.session.id}/name"
    head = (
        f"POST {path} HTTP/1.1\r\nHost: app.example\r\nCookie: {cookie}\r\nSec-Fetch-Site: same-origin\r\n"
        f"Content-Type: {FORM}\r\nContent-Length: 100\r\n\r\nname=half"
    )

    async with served(host.app) as address:
        name, _, port = address.partition(":")

        def half() -> None:
            with socket.create_connection((name, int(port))) as connection:
                connection.sendall(head.encode())

        await anyio.to_thread.run_sync(half)
    names = [session.name for session in await host.flow.list(ada)]
    assert names == [None, None]


@pytest.mark.parametrize("where", ["/sign_in", CHANGE, PROFILE])
@pytest.mark.parametrize(
    "body", [b"login=" + b"a" * 300_000, b"a=b&" * 2000, b"a" * 300_000, b"=" * 70_000]
)
async def test_a_large_form_of_the_services_own(
    browser: Client, where: str, body: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is refused, and nothing is hashed for it."""
    await enter(browser)
    for work in ("verify", "hash"):
        monkeypatch.setattr(Passwords, work, None)  # who calls it fails
    answer: Any = await browser.post(where, content=body, headers={"content-type": FORM})
    assert answer.status_code in (400, 413)
