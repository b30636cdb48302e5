"""Two matrices. REV-2: every trigger by every entry, against every credential that a device may hold.
And the admin page: every route for every kind of person.
"""

from __future__ import annotations

import asyncio
import os
import re
import sys
from dataclasses import replace
from typing import Any

import anyio
import pytest

from signedin.admin import ADMIN_ROUTES
from signedin.asgi import exchange
from signedin.audit import AuditEntry
from signedin.cli import command
from signedin.cli.accounts import user as user_commands
from signedin.session import new_session_id

from ..support import PHONE, SECOND, Clock
from ..web.support import PAGE, SESSION, Client
from ..web.test_admin import confirmed
from .test_service import CHANGE, FAST, PASSWORD, accounts, app, browser, enter, phone, settings

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
    ("console", "ActiveSession.destroy_session(User.find(1), 'SESSION')"): "revoked_by_operator",
    ("console", "ActiveSession.destroy_all_but_current(User.find(1), 'MINE')"): "revoked_by_operator",
    ("console", "ActiveSession.where(user='ada').revoke()"): "revoked_by_operator",
    ("console", "ActiveSession.destroy_all()"): "revoked_by_operator",
    ("admin", "POST active_sessions/SESSION/revoke"): "revoked_by_operator",
    ("admin", "DELETE active_sessions/SESSION"): "revoked_by_operator",
    ("admin", "POST active_sessions/revoke_selected"): "revoked_by_operator",
    ("admin", "POST active_sessions/revoke?q=user:ada"): "revoked_by_operator",
    ("admin", "POST active_sessions/revoke?q="): "revoked_by_operator",
    ("admin", "POST users/1/active_sessions/revoke"): "revoked_by_operator",
}
# By whom the audit trail says that it was done; what users do to their own sessions is not in it.
ACTORS = {"cli": "cli:", "console": "console:", "admin": "web:3"}
CALM = {"list", "show", "users", "history", "stats", "audit", "doctor", "completion", "help", "version"}
CALM |= {"sweep", "serve", "demo", "schema", "user", "add", "enable"}
# It ends what its keys say; see the tests of the terminal.
CALM |= {"watch"}
# Its own entry.
CALM |= {"console"}
# It ends in one store what has ended in the other; see the tests of copying.
CALM |= {"copy"}


def test_every_command_is_in_the_matrix() -> None:
    """A command that is neither here nor known to end nothing fails."""
    ending = {trigger.split()[0] for entry, trigger in TRIGGERS if entry == "cli"}
    ending |= {trigger.split()[1] for _, trigger in TRIGGERS if trigger.startswith("user ")}
    assert set(command.commands) | set(user_commands.commands) == ending | CALM


def test_every_act_of_the_admin_page_is_in_the_matrix() -> None:
    """So does a route that changes something and is neither here nor known to end nothing."""
    ending = {
        (trigger.split()[0], re.sub("SESSION", "{session}", re.sub("users/1", "users/{user}", path)))
        for entry, trigger in TRIGGERS
        if entry == "admin"
        for path in [trigger.split()[1].partition("?")[0]]
    }
    calm = {"show_ips", "show_user_ips", "export", "stop_run", "act", "stop_acting"}
    changing = [route for route in ADMIN_ROUTES if route.method != "GET" and route.name not in calm]
    assert {(route.method, route.path) for route in changing} == ending


async def act(
    entry: str, trigger: str, mine: Client, theirs: Client, target: str, accounts: Any, store: str
) -> None:
    headers = {"accept": "application/json"} if entry == "api" else {}
    if entry == "admin":
        await act_on_the_admin_page(trigger, accounts, mine, target)
    elif entry in ("cli", "console"):
        words = trigger.replace("SESSION", target).split()
        arguments = ["revoke all" if word == "everybody" else word for word in words]
        if entry == "console":
            kept = (await mine.get(f"{PAGE}/current", headers={"accept": "application/json"})).json()
            code = trigger.replace("SESSION", target).replace("MINE", kept["session"]["id"])
            arguments = ["console", "-c", code]
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


async def act_on_the_admin_page(trigger: str, accounts: Any, mine: Client, target: str) -> None:
    """As an operator does it: what asks first is answered as its form wants it."""
    method, path = trigger.replace("SESSION", target).split()
    accounts.add("root", password_hash=FAST.hash_now(PASSWORD), admin=True, now=0)
    address = f"/admin/{path}"
    async with Client(mine._transport.app) as root:  # type: ignore[attr-defined]
        await enter(root, "root")
        form: dict[str, str] = {}
        if path.endswith("selected"):
            form = {"id": target}
            form |= confirmed((await root.post(address, data=form)).text)
        elif target not in path:
            form = confirmed((await root.get(address)).text)
        answer = await root.request(method, address.partition("?")[0], data=form)
        assert answer.status_code == 303, answer.text


async def trail(flow: Any) -> list[AuditEntry]:
    """The audit trail, when all that is in it is over."""
    with anyio.fail_after(10):
        while True:
            runs = [run.last for run in (await flow.audit_trail()).runs]
            if all(entry.is_over for entry in runs):
                return runs
            await anyio.sleep(0.01)


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
    """After the trigger no copy of the device's cookies opens anything; the reason is the table's. What an
    operator did is in the audit trail, once: by whom, on whom, and that it was done (ASVS 7.4.5).
    """
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
        done = await trail(flow)
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
    assert len(done) == (entry in ACTORS)
    for entry_of_it in done:
        assert entry_of_it.actor.startswith(ACTORS[entry])
        assert (entry_of_it.outcome, entry_of_it.sessions > 0, entry_of_it.users) == ("done", True, 1)
        assert entry_of_it.about


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


# ── who may do what on the admin page ────────────────────────────────────────────────────────

PEOPLE = ("anonymous", "owner", "other", "without", "disabled", "operator", "remembered", "acting")
CLOSED: dict[str, Any] = dict.fromkeys(PEOPLE[1:5], 404) | {"anonymous": "sign in"}


def opened(operator: object, remembered: object, acting: object) -> dict[str, Any]:
    """A route that only operators see. without: everything is allowed but this route's action."""
    return CLOSED | {"operator": operator, "remembered": remembered, "acting": acting}


LISTED = "active_sessions"
OF_USER = "users/{user}/active_sessions"
# What each route says to each person; "sign in" leads there (401, or 403 for a program that is not
# fresh). A new route, and a new kind of person, is listed here.
ROUTES: dict[tuple[str, str], dict[str, Any]] = {
    ("GET", ""): opened(303, 303, 303),
    ("GET", LISTED): opened(200, 200, 200),
    ("POST", f"{LISTED}/show_ips"): opened(200, 200, 200),
    ("POST", f"{LISTED}/export"): opened(200, 200, 200),
    ("GET", f"{LISTED}/revoke"): opened(200, "sign in", 200),
    ("POST", f"{LISTED}/revoke"): opened(422, "sign in", 422),
    ("POST", f"{LISTED}/revoke_selected"): opened(303, "sign in", 303),
    ("GET", f"{LISTED}/runs/{{run}}"): opened(200, 200, 200),
    ("GET", f"{LISTED}/runs/{{run}}/result.json"): opened(200, 200, 200),
    ("POST", f"{LISTED}/runs/{{run}}/stop"): opened(303, 303, 303),
    ("GET", f"{LISTED}/{{session}}/revoke"): opened(200, 200, 200),
    ("POST", f"{LISTED}/{{session}}/revoke"): opened(303, 303, 303),
    ("DELETE", f"{LISTED}/{{session}}"): opened(303, 303, 303),
    ("GET", OF_USER): opened(200, 200, 200),
    ("GET", f"{OF_USER}/history"): opened(200, 200, 200),
    ("POST", f"{OF_USER}/show_ips"): opened(200, 200, 200),
    ("GET", f"{OF_USER}/revoke"): opened(200, "sign in", 200),
    ("POST", f"{OF_USER}/revoke"): opened(422, "sign in", 422),
    ("GET", "users/{user}/act_as"): opened(200, "sign in", 303),
    ("POST", "users/{user}/act_as"): opened(422, "sign in", 303),
    ("POST", "stop_acting"): opened(404, 404, 303),
    ("GET", "audit"): opened(200, 200, 200),
}


def test_every_admin_route_is_in_the_matrix() -> None:
    """A route that is not listed fails, and so does a person who is not."""
    assert [(route.method, route.path) for route in ADMIN_ROUTES] == list(ROUTES)
    assert all(set(row) == set(PEOPLE) for row in ROUTES.values())


@pytest.mark.parametrize("person", PEOPLE)
async def test_who_may_do_what(app: Any, accounts: Any, clock: Clock, person: str) -> None:
    """One table for all routes and people; another site changes nothing; programs get the same."""
    flow = app.app.sessions
    root = accounts.add("root", password_hash=FAST.hash_now(PASSWORD), admin=True, now=clock())
    names = {"owner": "ada", "other": "bo"}
    async with Client(app) as client:
        if person != "anonymous":
            await enter(client, names.get(person, "root"), remember_me="1")
        if person == "remembered":
            clock.tick(SECOND)
            client.restart()
        if person == "acting":
            act = await client.post("/admin/users/1/act_as", data={"reason": "looking"})
            assert act.headers["location"] == "/"
        if person == "disabled":
            accounts.set_disabled(root.id, True)
        run = (await flow.revoke_these([new_session_id("9")], operator="web:9")).run
        page = app.app._admin_page
        admin = page._admin
        for route in ADMIN_ROUTES:
            if person == "without":
                action = route.action
                page._admin = replace(admin, allows=lambda session, asked, a=action: asked != a)
            expected = ROUTES[route.method, route.path][person]
            for headers in ({}, {"accept": "application/json"}):
                outcome = await flow.sign_in("1", PHONE, started_at=clock())
                path = route.path.format(user="1", run=run, session=outcome.session.id)
                target = f"/admin/{path}" if path else "/admin"
                where = (person, route.method, path, headers)
                if route.method != "GET":
                    foreign = {**headers, "sec-fetch-site": "cross-site"}
                    answer = await client.request(route.method, target, headers=foreign)
                    assert answer.status_code == 403, where
                answer = await client.request(route.method, target, headers=headers)
                if expected == "sign in" and headers:
                    assert answer.status_code == (401 if person == "anonymous" else 403), where
                elif expected == "sign in":
                    assert answer.headers["location"].startswith("/sign_in?next=/admin"), where
                elif headers and expected != 404:
                    assert answer.status_code in (200, 202, 204, 303, 409, 422), where
                else:
                    assert answer.status_code == expected, where
                if expected in (404, "sign in"):
                    assert await flow.find(outcome.session.id) is not None, where
                if route.name == "stop_acting" and person == "acting":
                    break
