"""What others' caches gave away: answers that a session made, and that didn't say so. Each test tells the lesson."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import flask
import pytest
from django.http import HttpRequest, HttpResponse
from django.test import override_settings
from django.urls import clear_url_caches
from django.urls import path as url
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from signedin.asgi import SignedinMiddleware
from signedin.config import open_async_sessions

from ..frameworks import django_urls, flask_host
from ..frameworks.bridge import Bridge
from ..support import HOUR, MINUTE, AsAsync, Clock
from ..web.support import do_sign_in
from .hosts import HOSTS, Host, opened


def is_private(answer: Any) -> bool:
    """Whether no shared cache may give it to another (HDR-1)."""
    control = {part.strip() for part in answer.headers.get("cache-control", "").split(",")}
    return "cookie" in answer.headers.get("vary", "").lower() and bool({"no-store", "private"} & control)


RENEWS = [name for name in HOSTS if name != "django-engine"]
"""Those that find the session for every page. Our engine for Django does so for those that ask."""


@pytest.mark.parametrize("host", RENEWS, indirect=True)
async def test_what_only_renews_the_session(host: Host, clock: Clock) -> None:
    """CVE-2023-30861 (Flask): a response for which nobody looked at the session, which was only renewed and
    its cookie set again, did not vary by cookie, and a cache gave both to others. Here whatever notes
    activity or sets a cookie is private, whether or not the page asked for the session.
    """
    async with host.client() as ada:
        await host.enter(ada, remember=True)
        await host.app._touches.drain()
        (before,) = await host.flow.list(host.user_id("ada"))
        clock.tick(5 * MINUTE)
        noted = await ada.get("/")
        await host.app._touches.drain()
        (after,) = await host.flow.list(host.user_id("ada"))
        assert after.last_active_at > before.last_active_at
        clock.tick(HOUR)
        ada.cookies.delete(host.session)
        resumed = await ada.get("/")
        assert host.session in ada.tokens()
        assert is_private(noted)
        assert is_private(resumed)


BAGS = ["starlette", "flask", "django-engine"]
LOOKS: dict[str, Any] = {
    "in": lambda bag: "x" in bag,
    "not in": lambda bag: "x" not in bag,
    "iter": lambda bag: [*bag],
    "len": len,
    "bool": bool,
    "keys": lambda bag: [*bag.keys()],
    "items": lambda bag: [*bag.items()],
    "get": lambda bag: bag.get("x"),
}
DJANGOS = {name: look for name, look in LOOKS.items() if name not in ("iter", "len", "bool")}
DJANGOS |= {"is_empty": lambda bag: bag.is_empty(), "has_key": lambda bag: bag.has_key("x")}


@asynccontextmanager
async def looking_host(
    name: str, store: str, folder: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Host]:
    """A host with a page ``/look/…`` for each way of looking at the bag without reading a value."""
    if name == "starlette":
        flow = open_async_sessions(store=store, clock=clock, sweep_every=None)

        async def look(request: Request) -> Response:
            LOOKS[request.path_params["how"]](request.session)
            return PlainTextResponse("looked")

        routes = [Route("/look/{how}", look), Route("/sign_in", do_sign_in, methods=["POST"])]
        app = SignedinMiddleware(Starlette(routes=routes), sessions=flow, data=True)
        yield Host(app, flow, name=name)
        await flow.close()
        return
    if name == "flask":
        made = flask_host.make_app(SIGNEDIN_STORE=store, SIGNEDIN_SWEEP_EVERY=None, clock=clock)
        ours = made.extensions["signedin"]

        @made.get("/look/<how>")
        def look_view(how: str) -> str:
            LOOKS[how](flask.session)
            return "looked"

        sessions = AsAsync(ours.sessions)
        yield Host(Bridge(made, sessions, ours.background), sessions, name=name)
        ours.close()
        return

    def look_page(request: HttpRequest, how: str) -> HttpResponse:
        DJANGOS[how](request.session)
        return HttpResponse("looked")

    async with opened(name, store, folder, clock, monkeypatch) as host:
        with monkeypatch.context() as patched:
            pages = [*django_urls.urlpatterns, url("look/<str:how>", look_page)]
            patched.setattr(django_urls, "urlpatterns", pages)
            clear_url_caches()
            yield host
        clear_url_caches()


@pytest.mark.parametrize("name", BAGS)
async def test_what_only_asks_for_a_key(
    name: str, path: str, tmp_path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """CVE-2026-27205 (Flask): a response in whose making a session was only asked for its keys (whether one is
    in it, which there are, how many) did not vary by cookie, for nothing had been read. Here each answer to
    who brought a cookie is private however the page looks, and each to who brought none says that it
    would be another for who does.
    """
    async with looking_host(name, path, tmp_path, clock, monkeypatch) as host:
        async with host.client() as ada, host.client() as nobody:
            await host.enter(ada)
            for how in DJANGOS if name == "django-engine" else LOOKS:
                answer = await ada.get(f"/look/{how}")
                assert answer.text == "looked"
                assert is_private(answer), how
                answer = await nobody.get(f"/look/{how}")
                assert answer.text == "looked"
                assert "cookie" in answer.headers["vary"].lower(), how


@pytest.mark.parametrize("host", ["django-engine"], indirect=True)
async def test_what_is_saved_unread(host: Host) -> None:
    """CVE-2026-35192 (Django): with ``SESSION_SAVE_EVERY_REQUEST`` the cookie is set in answers of pages that
    never look at the session, and such an answer did not vary by cookie. Here it is private.
    """
    with override_settings(SESSION_SAVE_EVERY_REQUEST=True):
        async with host.client() as ada:
            await host.enter(ada)
            answer = await ada.get("/")
            assert host.session in answer.headers["set-cookie"]
            assert "cookie" in answer.headers["vary"].lower()
            assert answer.headers["cache-control"] == "no-store"
