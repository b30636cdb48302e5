"""What a request costs, counted at the store of each engine under each framework (V1, V3)."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from django.test import AsyncClient

from signedin.django.flow import flow as django_flow

from ..support import LAPTOP, Clock
from ..web.support import Client
from . import fastapi_host, flask_host, starlette_host, wsgi_host
from .django_site import WAYS
from .django_support import browser, open_site
from .flask_support import browser_of, enter
from .test_wsgi import client_of
from .watched import READS, Watched, watched

__all__ = ["watched"]

# Where the session is used, or the bag.
PATHS = {
    "flask": ("/me", "/members", "/bag", "/"),
    "wsgi": ("/me", "/members", "/"),
    "starlette": ("/whoami", "/", "/plain"),
    "fastapi": ("/me", "/members", "/sync"),
    "django": ("/me/", "/bag/"),
}


def check(watched: Watched, path: str) -> None:
    """One read, and nothing else."""
    told, turns = watched.said(), watched.turns
    assert turns == 1, (path, told)
    assert [each for each in told if not each.lstrip().upper().startswith(READS)] == [], path


@pytest.fixture
def visit(
    request: pytest.FixtureRequest, watched: Watched, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Any]:
    """A signed-in browser's ``get``, its activity recorded."""
    options = {"clock": clock, "sweep_every": None}
    if request.param == "flask":
        app = flask_host.make_app(store=watched.url, **options)
        client: Any = browser_of(app)
        enter(client)
        client.post("/put", json={"a": 1})
        client.get("/me")
        app.extensions["signedin"].background.close()
        yield client.get
        app.extensions["signedin"].close()
    elif request.param == "wsgi":
        around = wsgi_host.make_app(store=watched.url, **options)
        client = client_of(around)
        client.post("/sign_in", data={"user": "1"})
        client.get("/me")
        around.background.close()
        yield client.get
        around.close()
    else:
        way = request.param.removeprefix("django-")
        for _ in open_site(way, watched.url, clock, monkeypatch):
            client = browser("ada")
            client.post("/bag/", {"a": 1}, content_type="application/json")
            client.get("/me/")
            django_flow().background.close()
            yield client.get


@pytest.mark.parametrize("visit", ["flask", "wsgi", *(f"django-{way}" for way in WAYS)], indirect=True)
def test_a_request_is_one_read(visit: Any, watched: Watched, request: pytest.FixtureRequest) -> None:
    """Session and bag in one; a request that changes nothing and is due for nothing writes nothing."""
    host = request.node.callspec.params["visit"].partition("-")[0]
    for path in PATHS[host]:
        watched.said()
        watched.turns = 0
        assert visit(path).status_code == 200
        check(watched, path)


@pytest.fixture(params=["starlette", "fastapi"])
async def app(request: pytest.FixtureRequest, watched: Watched, clock: Clock) -> AsyncIterator[Any]:
    options = {"store": watched.url, "clock": clock, "sweep_every": None}
    if request.param == "starlette":
        made = starlette_host.around(**options)
    else:
        made = fastapi_host.SignedinMiddleware(fastapi_host.shop(), data=True, **options)
    made.paths = PATHS[request.param]
    yield made
    await made.sessions.close()


async def test_a_request_is_one_read_without_threads(app: Any, watched: Watched) -> None:
    """The same under ASGI."""
    async with Client(app) as client:
        if app.paths == PATHS["starlette"]:
            await client.post("/enter", json={"user": "ada"})
            await client.post("/", json={"a": 1})
        else:
            await client.post("/sign_in", data={"user": "ada"})
        await client.get(app.paths[0])
        await app._touches.drain()
        for path in app.paths:
            watched.said()
            watched.turns = 0
            assert (await client.get(path)).status_code == 200
            check(watched, path)


@pytest.fixture
def url(watched: Watched) -> str:
    return watched.url


@pytest.mark.parametrize("count", [1, 10, 100])
async def test_a_list_is_one_read(
    watched: Watched, open_sessions: Any, clock: Clock, count: int
) -> None:
    """However many sessions there are, with the devices that are remembered, in either colour."""
    flow = open_sessions(sweep_every=None)
    for number in range(count):
        await flow.sign_in("1", LAPTOP, started_at=clock(), remember=number % 2 == 0)
    await flow.list("1")
    for verb in (flow.list, flow.overview):
        watched.said()
        watched.turns = 0
        found = await verb("1")
        assert len(found if isinstance(found, list) else found.sessions) == count
        check(watched, f"{count} sessions")


@pytest.fixture(params=list(WAYS))
def site(
    request: pytest.FixtureRequest, watched: Watched, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Any]:
    yield from open_site(request.param, watched.url, clock, monkeypatch)


async def test_djangos_async_views(site: Any, watched: Watched) -> None:
    """And in Django's own."""
    client = AsyncClient()
    await client.post("/alogin/", {"username": "ada", "password": "correct horse"})
    await client.post("/abag/", {"a": 1}, content_type="application/json")
    await client.get("/ame/")
    django_flow().background.close()
    for path in ("/ame/", "/abag/"):
        watched.said()
        watched.turns = 0
        assert (await client.get(path)).status_code == 200
        check(watched, path)
