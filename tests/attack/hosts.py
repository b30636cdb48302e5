"""Each framework's application with our page in it, behind one face: an ASGI callable, names, a login."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from anyio.to_thread import run_sync
from django.core.handlers.wsgi import WSGIHandler

from signedin.config import open_async_sessions
from signedin.fastapi import SignedinMiddleware, sessions_router

from ..frameworks import flask_host, wsgi_host
from ..frameworks.bridge import Bridge
from ..frameworks.django_support import open_site
from ..frameworks.test_fastapi import shop
from ..support import AsAsync, Clock
from ..web.support import PAGE, SESSION, Client, make_app

HOSTS = ("asgi", "fastapi", "wsgi", "flask", "django-beside", "django-engine")


@dataclass
class Host:
    """app: for :class:`Client`. flow: the same store's, awaited. page: where the page is. me: where the
    user is told. post: what a form may be sent to. ids: the users' ids by their names. session: the cookie's name.
    """

    app: Any
    flow: Any
    page: str = PAGE
    login: str = "/sign_in"
    me: str = "/me"
    post: str = "/post"
    ids: dict[str, str] | None = None
    session: str = SESSION
    name: str = ""

    def client(self, **options: Any) -> Client:
        """A browser."""
        return Client(self.app, **options)

    async def enter(self, client: Client, name: str = "ada", *, remember: bool = False) -> Any:
        """Sign in; the response."""
        form = {"username": name, "password": "correct horse"} if self.ids else {"user": name}
        answer = await client.post(self.login, data=form | ({"remember": "on"} if remember else {}))
        assert answer.text == "in", answer
        return answer

    def user_id(self, name: str) -> str:
        return name if self.ids is None else self.ids[name]

    async def user(self, client: Client, **options: Any) -> str | None:
        """Who is signed in, as the application sees it."""
        told = (await client.get(self.me, **options)).json()["user"]
        return told or None


@asynccontextmanager
async def opened(
    name: str, store: str, folder: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch, **told: Any
) -> AsyncIterator[Host]:
    """The host of this name on this store. told: more settings of ours."""
    told |= {"store": store, "sweep_every": None}
    if name in ("asgi", "fastapi"):
        page = None if name == "fastapi" else PAGE
        flow = open_async_sessions(**told, page=page, clock=clock)
        if name == "asgi":
            made: Any = make_app(sessions=flow)
            yield Host(made, flow, name=name)
        else:
            app = shop()
            app.include_router(sessions_router(PAGE))
            made = SignedinMiddleware(app, sessions=flow)
            yield Host(made, flow, me="/", post="/step_up", name=name)
        await made._touches.drain()  # as the end of its lifespan does
        await flow.close()
    elif name in ("wsgi", "flask"):
        if name == "wsgi":
            made = wsgi_host.make_app(**told, clock=clock)
            host = made
        else:
            config = {f"SIGNEDIN_{key.upper()}": value for key, value in told.items()}
            made = flask_host.make_app(**config, clock=clock)
            host = made.extensions["signedin"]
        flow = AsAsync(host.sessions)
        yield Host(Bridge(made, flow, host.background), flow, name=name)
        await run_sync(host.close)
    else:
        more = {key.upper(): value for key, value in told.items()}
        site = contextmanager(open_site)(
            name.partition("-")[2], str(folder / "sessions.db"), clock, monkeypatch, **more
        )
        users = await run_sync(site.__enter__)
        yield await run_sync(_django, name, users)
        await run_sync(site.__exit__, None, None, None)


def _django(name: str, users: Any) -> Host:
    from signedin.django.flow import flow

    made, sessions = flow(), AsAsync(flow().sessions)
    bridge = Bridge(None, sessions, made.background)
    bridge.wsgi = WSGIHandler()  # whose redirects have no content type, as ``wsgiref`` wants it
    return Host(
        bridge,
        sessions,
        page="/account/sessions/",
        login="/login/",
        me="/me/",
        ids={user.username: str(user.pk) for user in users.all()},
        session=made.settings.cookies.session,
        name=name,
    )


def with_cookies(host: Host, cookies: dict[str, str], *names: str) -> Client:
    """A browser with these cookies of somebody's, or those named of them."""
    made = host.client(address="192.0.2.66")
    for name, value in cookies.items():
        if not names or name in names:
            made.cookies.set(name, value, domain="app.example")
    return made


async def opens(host: Host, cookies: dict[str, str]) -> bool:
    """Whether any of these cookies, alone or all together, signs anybody in."""
    for names in ((), *((name,) for name in cookies)):
        async with with_cookies(host, cookies, *names) as client:
            if await host.user(client) is not None:
                return True
    return False
