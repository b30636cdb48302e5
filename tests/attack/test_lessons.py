"""What went wrong elsewhere, tried here, in every framework that it concerns. Each test tells the lesson."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import flask
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from signedin.asgi import SignedinMiddleware, exchange
from signedin.config import now_ms, open_async_sessions
from signedin.flask import exchange as flask_exchange

from ..flow.support import Browser
from ..frameworks import flask_host
from ..frameworks.bridge import Bridge
from ..support import DAY, HOUR, LAPTOP, MINUTE, SECOND, AsAsync, Clock
from ..web.support import Client, do_sign_in, me
from .hosts import Host, opens, with_cookies


async def current_id(host: Host, client: Client) -> str:
    page = f"{host.page.rstrip('/')}/current"
    told = await client.get(page, headers={"accept": "application/json"})
    return str(told.json()["session"]["id"])


async def test_what_a_revoke_leaves_behind(host: Host, clock: Clock) -> None:
    """CVE-2020-13299 (GitLab): a session was revoked, and the other token that its browser held made a new
    one. Here a revoke takes the remembered browser with it: session, Remember me, and what Remember me
    had made before.
    """
    async with host.client() as ada, host.client() as lost:
        await host.enter(ada)
        await host.enter(lost, remember=True)
        held = [lost.tokens()]
        lost.cookies.delete(host.session)
        clock.tick(HOUR)
        assert await host.user(lost) == "ada"
        held.append(lost.tokens())
        target = await current_id(host, lost)
        answer = await ada.post(f"{host.page.rstrip('/')}/{target}/revoke")
        assert answer.status_code == 303
        for cookies in held:
            assert not await opens(host, cookies)
        assert await host.user(ada) == "ada"


async def test_who_knew_the_old_password(host: Host) -> None:
    """CVE-2020-13302 (GitLab): after a new password who had signed in with the old one could stay. Here
    nothing that was issued before opens anything after, not even the cookie of the browser that made the
    change, of which a thief may have a copy; and a sign-in that the old password had begun ends nowhere.
    """
    ada = host.user_id("ada")
    async with host.client() as mine, host.client() as theirs:
        await host.enter(mine, remember=True)
        await host.enter(theirs, remember=True)
        begun = host.flow.clock()
        host.flow.clock.tick(5 * SECOND)
        await host.flow.credentials_changed(ada, token=mine.tokens()[host.session])
        assert not await opens(host, theirs.tokens())
        assert not await opens(host, mine.tokens())
        late = await host.flow.sign_in(ada, LAPTOP, started_at=begun, remember=True)
        assert late.why == "barrier"


@pytest.mark.parametrize("command", ["password", "disable", "delete --yes"])
def test_an_operator_changes_the_password(command: str, tmp_path: Path) -> None:
    """CVE-2025-62174 (Mastodon): a password that was reset on the command line ended no session, for only
    the web's way did that. Here each of the service's commands that take an account away from who has it
    ends all of its sessions: no token that was given out opens anything, nor does Remember me. Nobody else
    notices.
    """
    store, accounts = str(tmp_path / "s.db"), str(tmp_path / "a.db")
    told = {"SIGNEDIN_STORE": store, "SIGNEDIN_ACCOUNTS": accounts, "PATH": "/usr/bin:/bin"}

    def run(*words: str) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "signedin", *words],
            input="correct horse battery\n", capture_output=True, text=True, check=False, env=told,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stdout

    async def sign_in() -> list[Browser]:
        flow = open_async_sessions(store=store)
        browsers = [Browser(flow) for _ in range(3)]
        for browser, user in zip(browsers, ("1", "1", "2"), strict=True):
            await browser.sign_in(user, remember=True)
        await flow.close()
        return browsers

    async def who_is_in() -> list[tuple[bool, bool]]:
        # Past every barrier: what is refused is refused for what it is.
        flow = open_async_sessions(store=store, clock=lambda: now_ms() + MINUTE)
        found = []
        for browser in browsers:
            browser.flow = flow
            is_in = await browser.is_in()
            browser.restart()
            found.append((is_in, await browser.visit() is not None))
        await flow.close()
        return found

    run("user", "add", "ada")
    run("user", "add", "bob")
    browsers = anyio.run(sign_in)
    assert run("list", "--all-users").count("203.0.113.24") == 3
    run("user", command.split()[0], "ada", *command.split()[1:])
    assert run("list", "--all-users").count("203.0.113.24") == 1
    assert anyio.run(who_is_in) == [(False, False), (False, False), (True, True)]


@asynccontextmanager
async def slow_host(name: str, store: str, clock: Clock) -> AsyncIterator[tuple[Any, Any]]:
    """An application and its flow. While its slow request is under way everything of the user ends; then it
    writes all that a request can write.
    """
    if name == "starlette":
        flow = open_async_sessions(store=store, clock=clock, sweep_every=None)

        async def slow(request: Request) -> Response:
            request.session["late"] = 1
            await flow.revoke_all("1", operator="cli:root")
            await exchange(request).rotate(("password", "otp"))
            return PlainTextResponse("late")

        routes = [
            Route("/slow", slow),
            Route("/sign_in", do_sign_in, methods=["POST"]),
            Route("/me", me),
        ]
        yield SignedinMiddleware(Starlette(routes=routes), sessions=flow, data=True), flow
        await flow.close()
    else:
        app = flask_host.make_app(SIGNEDIN_STORE=store, SIGNEDIN_SWEEP_EVERY=None, clock=clock)
        host = app.extensions["signedin"]

        @app.get("/slow")
        def slow_view() -> str:
            flask.session["late"] = 1
            host.sessions.revoke_all("1", operator="cli:root")
            flask_exchange().rotate(("password", "otp"))
            return "late"

        yield Bridge(app, AsAsync(host.sessions), host.background), AsAsync(host.sessions)
        host.close()


@pytest.mark.parametrize("name", ["starlette", "flask"])
async def test_a_request_that_was_under_way(name: str, path: str, clock: Clock) -> None:
    """CVE-2025-46336 (rack-session): a request that had begun before the session was deleted wrote it back
    at its end. Here what such a request writes changes nothing: no bag, no activity, no new secret. Django's
    own is in tests/frameworks/test_django_engine.py.
    """
    async with slow_host(name, path, clock) as (app, flow), Client(app) as browser:
        await browser.post("/sign_in", data={"user": "1", "remember": "1"})
        clock.tick(5 * MINUTE)
        held = [browser.tokens()]
        assert (await browser.get("/slow")).text == "late"
        held.append(browser.tokens())
        assert await flow.list("1") == []
        clock.tick(MINUTE)
        for cookies in held:
            async with Client(app, cookies=cookies) as copy:
                assert (await copy.get("/me")).json()["user"] is None
        (ended,) = await flow.history("1")
        assert await flow.data(ended.id) is None


@pytest.mark.parametrize("name", ["starlette", "flask"])
async def test_a_resume_that_was_under_way(name: str, path: str, clock: Clock) -> None:
    """The same of a request that Remember me signs in: everything ends when it has resumed and not answered
    yet, or all is revoked when it has found its series and is about to resume. The cookies that it brings
    and those that it gets open nothing.
    """
    async with slow_host(name, path, clock) as (app, flow):
        for where in ("/slow", "/me"):
            async with Client(app) as browser:
                await browser.post("/sign_in", data={"user": "1", "remember": "1"})
                clock.tick(HOUR)
                browser.restart()
                held = [browser.tokens()]
                if where == "/me":
                    all_is_revoked_before_the_resume(name, flow)
                assert (await browser.get(where)).status_code == 200
                held.append(browser.tokens())
            assert await flow.list("1") == []
            clock.tick(MINUTE)
            for cookies in held:
                for only in (cookies, *({kind: token} for kind, token in cookies.items())):
                    async with Client(app, cookies=only) as copy:
                        assert (await copy.get("/me")).json()["user"] is None
            assert await flow.list("1") == []


def all_is_revoked_before_the_resume(name: str, flow: Any) -> None:
    """The next resume finds its series; then the user revokes all there is, and it goes on."""
    inner = flow if name == "starlette" else flow.wrapped
    store = inner.store
    step = store.resume

    async def late(*arguments: Any) -> Any:
        del store.resume
        ids = [session.id for session in await inner.list("1")]
        assert (await inner.revoke("1", ids, current=None)).forgotten == 1
        return await step(*arguments)

    def late_in_a_thread(*arguments: Any) -> Any:
        del store.resume
        ids = [session.id for session in inner.list("1")]
        assert inner.revoke("1", ids, current=None).forgotten == 1
        return step(*arguments)

    store.resume = late if name == "starlette" else late_in_a_thread


async def test_tabs_that_wake_up_together(host: Host, clock: Clock) -> None:
    """Spring Security #2648, #3079, #11921, Symfony #18384: a restarted browser asks for a page and its
    pictures at once, all with the same remember-me token; the first moved it on, the rest looked like
    theft, and an honest person was signed out. Here all end in one session with the same cookies, also
    where the first answer never arrived.
    """
    async with host.client() as ada:
        await host.enter(ada, remember=True)
        clock.tick(HOUR)
        kept = {name: value for name, value in ada.tokens().items() if name.endswith("-remember")}
        got: list[dict[str, str]] = []

        async def tab() -> None:
            async with with_cookies(host, kept) as client:
                assert await host.user(client) == "ada"
                got.append({k: v for k, v in client.tokens().items() if k.startswith(host.session)})

        async with anyio.create_task_group() as group:
            for _ in range(8):
                group.start_soon(tab)
        clock.tick(10 * MINUTE)
        await tab()
        assert all(cookies == got[0] for cookies in got)
        assert len(await host.flow.list(host.user_id("ada"))) == 1


async def test_an_older_generation(host: Host, clock: Clock) -> None:
    """django-oauth-toolkit #1617: a grace for the token just replaced also covered older ones, and a thief
    with any of them came in. Here only the immediate predecessor is good, for a while; what came before it
    is theft, and ends what it stands for.
    """
    async with host.client() as ada:
        await host.enter(ada, remember=True)
        generations = []
        for _ in range(3):
            generations.append({k: v for k, v in ada.tokens().items() if k.endswith("-remember")})
            ada.cookies.delete(host.session)
            clock.tick(HOUR)
            assert await host.user(ada) == "ada"
        async with with_cookies(host, generations[0]) as thief:
            assert await host.user(thief) is None
            assert host.session not in thief.tokens()
        assert await host.user(ada) is None
        assert "theft" in [ended.reason for ended in await host.flow.history(host.user_id("ada"))]
        assert not await opens(host, ada.tokens())


async def test_remembering_anew(host: Host, clock: Clock) -> None:
    """Mastodon PR 16943: one remember-me token for the whole account, so that remembering again on one
    device brought the revoked ones back. Here each browser has its own series; what was revoked stays so
    whatever is remembered later.
    """
    async with host.client() as ada, host.client() as lost:
        await host.enter(lost, remember=True)
        await host.enter(ada, remember=True)
        target = await current_id(host, lost)
        await ada.post(f"{host.page.rstrip('/')}/{target}/revoke")
        clock.tick(MINUTE)
        await host.enter(ada, remember=True)
        assert not await opens(host, lost.tokens())
        ada.cookies.delete(host.session)
        clock.tick(DAY)
        assert await host.user(ada) == "ada"
        assert not await opens(host, lost.tokens())
