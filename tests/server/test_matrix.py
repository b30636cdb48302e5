"""REV-2: every trigger by every entry, against every credential that a device may hold."""

from __future__ import annotations

import asyncio
import os
import sys
from typing import Any

import pytest

from signedin.asgi import exchange
from signedin.cli import command
from signedin.cli.accounts import user as user_commands

from ..support import SECOND, Clock
from ..web.support import PAGE, SESSION, Client
from .test_service import CHANGE, PASSWORD, accounts, app, browser, enter, phone, settings

__all__ = ["accounts", "app", "browser", "phone", "settings"]

CREDENTIALS = ("session", "remember_me", "rotated")
# Entry, trigger: the reason that the history must give. A new way to end sessions is listed here.
TRIGGERS = {
    ("web", "revoke"): "revoked",
    ("web", "revoke_others"): "revoked",
    ("web", "change_password"): "credentials_changed",
    ("web", "sign_out"): "signed_out",
    ("web", "sign_out_on_the_page"): "signed_out",
    ("web", "sign_in_again"): "replaced",
    ("api", "revoke"): "revoked",
    ("api", "delete"): "revoked",
    ("api", "revoke_others"): "revoked",
    ("cli", "revoke SESSION"): "revoked_by_operator",
    ("cli", "revoke --user ada --yes"): "revoked_by_operator",
    ("cli", "revoke --all-users --confirm everybody"): "revoked_by_operator",
    ("cli", "user password ada"): "credentials_changed",
    ("cli", "user disable ada"): "account_disabled",
    ("cli", "user delete ada --yes"): "account_disabled",
}
CALM = {"list", "sweep", "serve", "demo", "schema", "user", "add", "enable"}


def test_every_command_is_in_the_matrix() -> None:
    """A command that is neither here nor known to end nothing fails."""
    ending = {trigger.split()[0] for entry, trigger in TRIGGERS if entry == "cli"}
    ending |= {trigger.split()[1] for _, trigger in TRIGGERS if trigger.startswith("user ")}
    assert set(command.commands) | set(user_commands.commands) == ending | CALM


async def act(
    entry: str, trigger: str, mine: Client, theirs: Client, target: str, accounts: Any, store: str
) -> None:
    headers = {"accept": "application/json"} if entry == "api" else {}
    if entry == "cli":
        words = trigger.replace("SESSION", target).split()
        arguments = ["revoke all" if word == "everybody" else word for word in words]
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "signedin",
            *arguments,
            stdin=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env={
                "SIGNEDIN_STORE": store,
                "SIGNEDIN_ACCOUNTS": accounts.path,
                "PATH": os.environ["PATH"],
            },
        )
        _, said = await process.communicate(b"another password\n")
        assert process.returncode == 0, said
    elif trigger == "revoke":
        assert (await mine.post(f"{PAGE}/{target}/revoke", headers=headers)).status_code in (200, 303)
    elif trigger == "delete":
        assert (await mine.delete(f"{PAGE}/{target}", headers=headers)).status_code == 200
    elif trigger == "revoke_others":
        assert (await mine.post(f"{PAGE}/revoke_others", headers=headers)).status_code in (200, 303)
    elif trigger == "change_password":
        form = {"current": PASSWORD, "new": "another password"}
        assert (await mine.post(CHANGE, data=form)).status_code == 303
    elif trigger == "sign_out":
        await theirs.post("/sign_out")
    elif trigger == "sign_out_on_the_page":
        await theirs.post(f"{PAGE}/sign_out")
    else:
        assert (await enter(theirs)).status_code == 303


@pytest.mark.parametrize("credential", CREDENTIALS)
@pytest.mark.parametrize(("entry", "trigger"), TRIGGERS, ids=["-".join(pair) for pair in TRIGGERS])
async def test_the_matrix(
    app: Any,
    browser: Client,
    phone: Client,
    accounts: Any,
    settings: Any,
    clock: Clock,
    entry: str,
    trigger: str,
    credential: str,
) -> None:
    """After the trigger no copy of the device's cookies opens anything; the reason is the table's."""
    # The command line reads the real clock.
    import time

    clock.now = time.time_ns() // 1_000_000
    await enter(browser, remember_me="1")
    await enter(phone, remember_me="1")
    flow = app.app.sessions
    target = next(s.id for s in await flow.list("1") if s.ip == "198.51.100.7")
    before = dict(phone.tokens())
    if credential == "rotated":
        await rotate(app, phone)
    async with Client(app, address="198.51.100.7") as copy:
        for name, value in phone.tokens().items():
            copy.cookies.set(name, value, domain="app.example")
        clock.tick(SECOND)
        await act(entry, trigger, browser, phone, target, accounts, settings.store)
        clock.tick(3 * SECOND)
        if credential == "remember_me":
            copy.cookies.delete(SESSION)
        for jar in (dict(copy.tokens()), before):
            cookie = "; ".join(
                f"{n}={v}" for n, v in jar.items() if n != SESSION or credential != "remember_me"
            )
            async with Client(app) as thief:
                assert (await thief.get("/", headers={"cookie": cookie})).status_code == 303
    entries = [e.reason for e in await flow.history("1") if e.id == target]
    assert entries == [TRIGGERS[entry, trigger]]


async def rotate(app: Any, client: Client) -> None:
    """A new secret for the client's session, as a step-up gives it."""
    inner = app.app.app

    async def step_up(scope: Any, receive: Any, send: Any) -> None:
        if scope["path"] == "/step_up":
            await exchange(scope).rotate(("password", "otp"))
        await inner(scope, receive, send)

    app.app.app = step_up
    before = client.tokens()[SESSION]
    await client.get("/step_up")
    app.app.app = inner
    assert client.tokens()[SESSION] != before
