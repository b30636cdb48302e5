"""The day on which the middleware comes beside Django's engine: nobody is signed out by it."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from django.test import AsyncClient, Client, override_settings

from signedin.django.flow import flow

from ..support import DAY, MINUTE, SECOND, Clock
from .django_site import BESIDE
from .django_support import browser, client_with, cookies_of, history, listed, log_in, open_site, who

ALONE = [name for name in BESIDE if "signedin" not in name]
OURS = "__Host-signedin"


@pytest.fixture
def way() -> str:
    return "beside"


site = pytest.fixture(open_site)


@pytest.fixture
def before(site: Any) -> dict[str, str]:
    """The cookies of a browser that was logged in before."""
    with override_settings(MIDDLEWARE=ALONE):
        client = Client()
        client.force_login(site.get(username="ada"))
    return cookies_of(client)


def with_ours(before: dict[str, str], other: Client) -> Client:
    """The browser, once the other one's answer has arrived."""
    return client_with(before | {OURS: cookies_of(other)[OURS]})


@pytest.mark.parametrize("last", [0, 1])
def test_two_requests_at_once(
    before: dict[str, str], site: Any, clock: Clock, monkeypatch: pytest.MonkeyPatch, last: int
) -> None:
    """Neither knows of the other yet: the browser stays logged in, whichever answer comes last."""
    one, two = client_with(before), client_with(before)
    store = flow().sessions.store
    add = store.add

    def slowly(step: Any) -> Any:
        monkeypatch.setattr(store, "add", add)
        assert who(two) == "ada"
        return add(step)

    monkeypatch.setattr(store, "add", slowly)
    assert who(one) == "ada"
    ada = with_ours(before, (one, two)[last])
    for wait in (0, 2 * MINUTE, 2 * MINUTE):
        clock.tick(wait)
        assert who(ada) == "ada"
    assert history("ada") == []


@pytest.mark.parametrize("last", [0, 1])
def test_a_request_during_another(before: dict[str, str], site: Any, clock: Clock, last: int) -> None:
    """It finds the session that the first has begun; one is listed, and either answer may come last."""
    from . import django_urls

    one, two = client_with(before), client_with(before)
    seen: list[str] = []
    django_urls.SEEN["meanwhile"] = lambda request: seen.append(who(two))
    assert one.get("/slow/").status_code == 200
    assert seen == ["ada"]
    assert len(listed("ada")) == 1
    ada = with_ours(before, (one, two)[last])
    for wait in (0, 20 * SECOND, 2 * MINUTE, 2 * MINUTE):
        clock.tick(wait)
        assert who(ada) == "ada"
    assert (len(listed("ada")), history("ada")) == (1, [])


def test_an_answer_that_is_lost(before: dict[str, str], site: Any, clock: Clock) -> None:
    """The browser comes without our cookie once more, and is sent another one for the same session."""
    assert who(client_with(before)) == "ada"
    clock.tick(DAY)
    ada = client_with(before)
    assert who(ada) == "ada"
    clock.tick(2 * MINUTE)
    assert who(ada) == "ada"
    assert len(listed("ada")) == 1


def test_after_the_cookie_is_kept(before: dict[str, str], site: Any, clock: Clock) -> None:
    """Django's cookie alone logs nobody in any more: whoever tries has taken it."""
    ada = client_with(before)
    for _ in range(2):
        assert who(ada) == "ada"
        clock.tick(2 * MINUTE)
    assert who(client_with(before)) == ""
    assert who(ada) == ""


def test_revoked_while_the_cookie_is_on_its_way(before: dict[str, str], site: Any) -> None:
    """It is over: no other cookie is sent, and no other session begun (REV-2)."""
    assert who(client_with(before)) == "ada"
    (session,) = listed("ada")
    flow().sessions.revoke(session.user_id, session.id, current=None)
    assert who(client_with(before)) == ""
    assert listed("ada") == []


def test_another_user_on_a_server_without_it(before: dict[str, str], site: Any) -> None:
    """While it comes to one server after another, a login on one that hasn't got it counts."""
    ada = client_with(before)
    assert who(ada) == "ada"
    with override_settings(MIDDLEWARE=ALONE):
        ada.force_login(site.get(username="bob"))
    assert who(ada) == who(ada) == "bob"
    assert (listed("ada"), history("ada")) == ([], ["replaced"])


def test_a_login_of_the_same_user(before: dict[str, str], site: Any) -> None:
    """It has brought both cookies: nothing is on its way any more."""
    ada = client_with(before)
    assert who(ada) == "ada"
    log_in(ada, "ada")
    assert who(client_with({"sessionid": cookies_of(ada)["sessionid"]})) == ""


def test_a_form_of_another_site(before: dict[str, str], site: Any) -> None:
    """It begins no session, and ends none: the next request of our own begins it."""
    ada = client_with(before)
    answer = ada.post("/bag/", "{}", content_type="application/json", headers={"sec-fetch-site": "cross-site"})  # fmt: skip
    assert answer.status_code == 200
    assert listed("ada") == []
    assert who(ada) == "ada"
    assert len(listed("ada")) == 1


@pytest.mark.parametrize("last", range(4))
async def test_under_asgi(before: dict[str, str], site: Any, clock: Clock, last: int) -> None:
    """The same: requests at once, then with whichever cookie came last."""
    clients = [AsyncClient() for _ in range(4)]
    for client in clients:
        client.cookies["sessionid"] = before["sessionid"]
    answers = await asyncio.gather(*(client.get("/ame/") for client in clients))
    assert [answer.json() for answer in answers] == [{"user": "ada"}] * 4
    for wait in (0, 20 * SECOND, 2 * MINUTE):
        clock.tick(wait)
        assert (await clients[last].get("/ame/")).json() == {"user": "ada"}
    stolen = AsyncClient()
    stolen.cookies["sessionid"] = before["sessionid"]
    assert (await stolen.get("/ame/")).json() == {"user": ""}


async def test_revoked_under_asgi(before: dict[str, str], site: Any) -> None:
    """A session that is over is not gone on with."""
    for ended in (False, True):
        client = AsyncClient()
        client.cookies["sessionid"] = before["sessionid"]
        if ended:
            user = str((await site.aget(username="ada")).pk)
            await flow().async_sessions.revoke_all(user, operator="test")
        assert (await client.get("/ame/")).json() == {"user": "" if ended else "ada"}


def test_who_has_logged_in_since(site: Any) -> None:
    """Both cookies came together, so Django's alone has been taken."""
    ada = browser("ada")
    assert who(client_with({"sessionid": cookies_of(ada)["sessionid"]})) == ""
