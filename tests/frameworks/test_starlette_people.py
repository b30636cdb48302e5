"""Whose ``request.session`` is: what goes along with a sign-in, and what never does."""

from __future__ import annotations

from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from signedin.asgi import (
    SignedinMiddleware,
    current_session,
)

from ..engines import ENGINES, Engine, patient
from ..web.support import PAGE, SESSION, Client
from .starlette_host import ROUTES, VISITOR, app, bag, browser, enter_as

__all__ = ["app", "browser"]


@pytest.fixture(params=["sqlite", "redis", "postgres"])
def engine(request: pytest.FixtureRequest) -> Engine:
    return ENGINES[request.param]


@pytest.fixture
def url(engine: Engine, path: str) -> str:
    return patient(engine.fresh(path))


async def test_signing_in_takes_the_cart_along(browser: Client, flow: Any) -> None:
    """The visitor's bag becomes the session's in the sign-in's own step; of the visitor nothing stays."""
    await browser.post("/", json={"cart": [1]})
    visitor = browser.tokens()[VISITOR]
    assert await enter_as(browser, "ada") == {"cart": [1]}
    assert set(browser.tokens()) == {SESSION}
    assert await flow.find_visitor(visitor) is None
    assert await bag(browser) == {"cart": [1]}


async def test_signing_in_again_keeps_it(browser: Client) -> None:
    """The same user's bag moves to the new session; a stolen older token reads nothing of it."""
    await enter_as(browser, "ada")
    await browser.post("/", json={"a": 1})
    old = dict(browser.tokens())
    assert await enter_as(browser, "ada") == {"a": 1}
    assert await bag(browser) == {"a": 1}
    browser.cookies.clear()
    browser.cookies.set(SESSION, old[SESSION])
    assert await bag(browser) == {}


async def test_another_users_bag_stays_behind(browser: Client) -> None:
    """Nothing of one user's is another's (S1)."""
    await enter_as(browser, "ada")
    await browser.post("/", json={"secret": "ada's"})
    assert await enter_as(browser, "bo") == {}
    assert await bag(browser) == {}


@pytest.mark.parametrize("how", ["here", "everywhere", "quietly"])
async def test_signing_out_empties_it(browser: Client, how: str) -> None:
    """The dict is empty in the same request or at its end; nothing of it is the browser's afterwards."""
    await enter_as(browser, "ada")
    await browser.post("/", json={"secret": 1})
    answer = await browser.post(f"/leave/{how}")
    assert answer.json() == ({"secret": 1} if how == "quietly" else {})
    assert browser.tokens() == {}
    assert await bag(browser) == {}


async def test_signing_out_on_the_page_empties_it(browser: Client) -> None:
    """Our own page's button does the same."""
    await enter_as(browser, "ada")
    await browser.post("/", json={"secret": 1})
    assert (await browser.post(f"{PAGE}/sign_out")).status_code == 303
    assert browser.tokens() == {}
    assert await bag(browser) == {}


async def test_a_password_change_keeps_it(browser: Client) -> None:
    """The session goes on under a new secret, with its bag."""
    await enter_as(browser, "ada")
    await browser.post("/", json={"a": 1})
    assert (await browser.post("/change")).json() == {"a": 1}
    assert await bag(browser) == {"a": 1}


async def test_it_ends_with_its_session(app: Any, browser: Client, flow: Any) -> None:
    """A revoked session's bag is read by nobody."""
    await enter_as(browser, "ada")
    await browser.post("/", json={"a": 1})
    session = (await flow.list("ada"))[0]
    await flow.revoke_all("ada", operator="root")
    assert await bag(browser) == {}
    assert await flow.data(session.id) is None


async def test_a_slow_request_revives_nothing(flow: Any) -> None:
    """What a request puts after its session has ended is not written, and makes no visitor (REV-3)."""

    async def slow(request: Request) -> Response:
        session = current_session(request)
        assert session is not None
        await flow.revoke_all(session.user_id, operator="root")
        request.session["a"] = "late"
        return PlainTextResponse("done")

    app = SignedinMiddleware(Starlette(routes=[*ROUTES, Route("/slow", slow)]), data=True, sessions=flow)
    async with Client(app) as browser:
        await enter_as(browser, "ada")
        answer = await browser.get("/slow")
        assert "set-cookie" not in answer.headers
        assert await bag(browser) == {}


async def test_two_browsers_share_nothing(app: Any, browser: Client) -> None:
    """Each visitor has one, each session has one, the same user's too."""
    async with Client(app) as other:
        await browser.post("/", json={"a": 1})
        assert await bag(other) == {}
        await enter_as(browser, "ada")
        await enter_as(other, "ada")
        assert await bag(other) == {}
