"""Ours as Django's session engine: the dict of a request, its cookie, its end."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.sessions.backends.base import CreateError, UpdateError
from django.core.management import call_command
from django.test import AsyncClient, override_settings

from signedin import Policy
from signedin.django import test as testing
from signedin.django.flow import flow
from signedin.django.sessions import SessionStore
from signedin.errors import StoreUnavailable
from signedin.token import Token

from ..engines import ENGINES, Engine
from ..support import DAY, SECOND, Clock
from .django_site import ENGINE
from .django_support import (
    Client,
    browser,
    client_with,
    cookies_of,
    history,
    listed,
    log_in,
    open_site,
    who,
)

VISITOR = "sessionid-visitor"


@pytest.fixture
def way() -> str:
    return "engine"


@pytest.fixture(params=["sqlite", "redis", "postgres"])
def engine(request: pytest.FixtureRequest) -> Engine:
    return ENGINES[request.param]


site = pytest.fixture(open_site)


def put(client: Client, **values: Any) -> Any:
    return client.post("/bag/", json.dumps(values), content_type="application/json")


def bag(client: Client) -> Any:
    return client.get("/bag/").json()


def writes(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is written to the store from now on."""
    store, wrote = flow().sessions.store, []
    for name in ("add", "touch", "rotate", "set_data", "keep_visitor", "drop_visitor", "end"):
        real = getattr(store, name)
        monkeypatch.setattr(
            store, name, lambda *a, n=name, real=real, **k: (wrote.append(n), real(*a, **k))[1]
        )
    return wrote


# ── the dict ─────────────────────────────────────────────────────────────────────────────────


def test_a_visitor(site: Any) -> None:
    """Who only looks has no cookie; who keeps something has one, until nothing is kept."""
    client = Client()
    assert bag(client) == {}
    assert cookies_of(client) == {}
    put(client, cart=[1])
    assert list(cookies_of(client)) == [VISITOR]
    assert bag(client) == {"cart": [1]}
    client.post("/logout/")
    assert cookies_of(client)[VISITOR] == ""
    assert bag(client) == {}


def test_login_takes_the_dict_along(site: Any) -> None:
    """What a visitor kept is the session's; the visitor's token is dead (S1)."""
    client = Client()
    put(client, cart=[1])
    before = cookies_of(client)
    log_in(client, "ada")
    assert bag(client) == {"cart": [1]}
    assert bag(client_with(before)) == {}
    assert client.post("/logout/").content == b"out"
    assert bag(client) == {}


def test_a_visitors_dict_logs_nobody_in(site: Any) -> None:
    """Only a session does, and only its own user."""
    client = Client()
    user = site.get(username="ada")
    put(client, _auth_user_id=str(user.pk), _auth_user_backend="django.contrib.auth.backends.ModelBackend", _auth_user_hash=user.get_session_auth_hash())  # fmt: skip
    assert who(client) == ""
    bob = browser("bob")
    put(bob, _auth_user_id=str(user.pk))
    assert who(bob) == ""


def test_the_key_is_no_token(site: Any) -> None:
    """``session_key`` is the session's id: in a cookie it opens nothing, in code it opens the dict."""
    ada = browser("ada")
    put(ada, colour="red")
    (session,) = listed("ada")
    assert who(client_with({"sessionid": session.id})) == ""
    named = SessionStore(session.id)
    assert (named.session_key, named["colour"]) == (session.id, "red")
    named["colour"] = "blue"
    named.save()
    assert bag(ada) == {"colour": "blue"}
    named.delete()
    assert who(ada) == ""
    assert history("ada") == ["revoked_by_operator"]
    gone = SessionStore(session.id)
    assert (gone.get("colour"), gone.session_key) == (None, None)
    with pytest.raises(UpdateError):
        named.save()
    with pytest.raises(CreateError):
        named.save(must_create=True)
    assert not named.exists("x" * 48)


def test_one_read_and_no_write(site: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Session and dict come in one read; a request that changes nothing writes nothing."""
    ada = browser("ada")
    put(ada, a=1)
    store, reads = flow().sessions.store, []
    real = store.find_with_data
    monkeypatch.setattr(store, "find_with_data", lambda i: (reads.append(i), real(i))[1])
    wrote = writes(monkeypatch)
    assert bag(ada) == {"a": 1}
    assert who(ada) == "ada"
    assert (len(reads), wrote) == (2, [])
    put(ada, a=1)
    assert wrote == []
    ada.get("/")
    assert len(reads) == 3


def test_a_login_is_one_write(site: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The session and its dict are stored in one step."""
    wrote = writes(monkeypatch)
    browser("ada")
    assert wrote == ["add"]


def test_a_slow_request(site: Any) -> None:
    """What is changed in a session that was revoked meanwhile is not written, and revives nothing
    (REV-3).
    """
    from . import django_urls

    ada = browser("ada")
    (session,) = listed("ada")
    django_urls.SEEN["meanwhile"] = lambda request: flow().sessions.revoke(
        session.user_id, session.id, current=None
    )
    assert ada.get("/slow/").status_code == 400
    assert listed("ada") == []
    assert who(ada) == ""


def test_a_failed_view_keeps_nothing(site: Any) -> None:
    """As Django has it, what a view with status 500 changed isn't written."""
    ada = browser("ada")
    ada.get("/fails/")
    assert bag(ada) == {}


def test_too_large(site: Any) -> None:
    """64 kB at most; the old dict stays."""
    ada = Client(raise_request_exception=False)
    log_in(ada, "ada")
    put(ada, a=1)
    assert put(ada, a="x" * 70_000).status_code == 500
    assert bag(ada) == {"a": 1}


def test_unreadable_dict(site: Any) -> None:
    """What can't be read counts as nothing; the session goes on."""
    ada = browser("ada")
    (session,) = listed("ada")
    flow().sessions.set_data(session.id, b"\xff{")
    assert who(ada) == "ada"


def test_hashed_at_rest(site: Any) -> None:
    """The store doesn't hold what a cookie holds."""
    ada = browser("ada")
    token = Token.parse(cookies_of(ada)["sessionid"])
    assert token is not None
    record = flow().sessions.store.find(listed("ada")[0].id)
    assert token.text.partition(".")[2] not in str(
        [getattr(record, n) for n in record.__struct_fields__]
    )


# ── its end ──────────────────────────────────────────────────────────────────────────────────


def test_expiry(site: Any, clock: Clock) -> None:
    """``set_expiry`` sets the cookie's age, and the session is over by then on the server, too."""
    ada = browser("ada")
    answer = ada.get("/lasts/?seconds=300")
    assert answer.cookies["sessionid"]["max-age"] == 300
    token = cookies_of(ada)
    clock.tick(299_000)
    assert who(ada) == "ada"
    clock.tick(1_000)
    assert who(client_with(token)) == ""
    assert listed("ada") == []
    bob = browser("bob")
    answer = bob.get("/lasts/?seconds=0")
    assert answer.cookies["sessionid"]["max-age"] == ""
    clock.tick(10_000_000)
    assert who(bob) == "bob"


def test_expiry_beyond_the_idle_timeout(site: Any, clock: Clock) -> None:
    """``set_expiry`` shortens only: unused for longer than the policy allows, a session is over. A policy
    that allows more lets it last.
    """
    seconds = 60 * DAY // SECOND
    ada = browser("ada")
    assert ada.get(f"/lasts/?seconds={seconds}").cookies["sessionid"]["max-age"] == seconds
    clock.tick(20 * DAY)
    assert who(ada) == ""
    policy = Policy(idle_timeout=timedelta(days=60))
    with override_settings(SIGNEDIN={"STORE": flow().settings.store, "POLICY": policy}):
        ada = browser("ada")
        ada.get(f"/lasts/?seconds={seconds}")
        clock.tick(59 * DAY)
        assert who(ada) == "ada"
        clock.tick(2 * DAY)
        assert who(ada) == ""


def test_cookie_settings(site: Any) -> None:
    """Django's settings of the session's cookie hold."""
    cookie = browser("ada").cookies["sessionid"]
    assert (cookie["max-age"], cookie["path"], cookie["samesite"]) == (1209600, "/", "Lax")
    assert (bool(cookie["httponly"]), bool(cookie["secure"])) == (True, False)
    with override_settings(
        SESSION_COOKIE_NAME="site",
        SESSION_COOKIE_SECURE=True,
        SESSION_COOKIE_SAMESITE="Strict",
        SESSION_COOKIE_DOMAIN="app.example",
        SESSION_COOKIE_PATH="/app",
        SESSION_EXPIRE_AT_BROWSER_CLOSE=True,
    ):
        cookie = browser("ada").cookies["site"]
        assert (cookie["max-age"], cookie["path"], cookie["samesite"]) == ("", "/app", "Strict")
        assert (cookie["domain"], cookie["secure"]) == ("app.example", True)


def test_save_every_request(site: Any) -> None:
    """The cookie is set anew by each request."""
    with override_settings(SESSION_SAVE_EVERY_REQUEST=True):
        ada = browser("ada")
        assert "sessionid" in ada.get("/me/").cookies
        assert Client().get("/me/").cookies == {}


def test_an_outage_while_every_request_saves(site: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is told as one (V4)."""

    def gone(*args: Any) -> Any:
        raise StoreUnavailable

    ada = browser("ada")
    with override_settings(SESSION_SAVE_EVERY_REQUEST=True):
        monkeypatch.setattr(flow().sessions.store, "find_with_data", gone)
        answer = ada.get("/me/")
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
    assert not answer.cookies


def test_clearsessions(site: Any, clock: Clock, capsys: Any) -> None:
    """Django's command sweeps."""
    browser("ada")
    clock.tick(timedelta(days=15) // timedelta(milliseconds=1))
    call_command("clearsessions")
    assert capsys.readouterr().out == "1 expired.\n"
    assert history("ada") == ["idle"]


# ── Django's own face of it ──────────────────────────────────────────────────────────────────


def test_the_store_by_itself(site: Any) -> None:
    """As Django's own engines: create, save, load, cycle, flush."""
    store = SessionStore()
    assert (store.session_key, store.is_empty()) == (None, True)
    store["a"] = 1
    store.set_test_cookie()
    store.save()
    key, token = store.session_key, store.binding.sync.cookies[0].value
    assert store.test_cookie_worked()
    again = SessionStore(token)
    assert (again["a"], again.session_key) == (1, key)
    again.cycle_key()
    again.save()
    assert again.session_key not in (None, key)
    assert SessionStore(token).get("a") is None
    assert again["a"] == 1
    again.flush()
    assert (again.session_key, again.is_empty()) == (None, True)
    store = SessionStore()
    store.create()
    assert store.session_key is not None
    assert SessionStore("../../etc/passwd").session_key is None


async def test_the_store_by_itself_in_a_loop(site: Any) -> None:
    """The same by coroutines."""
    store = SessionStore()
    await store.aset("a", 1)
    await store.asave()
    token = store.binding.sync.cookies[0].value
    again = SessionStore(token)
    assert await again.aget("a") == 1
    await again.acycle_key()
    await again.asave()
    assert await SessionStore(token).aget("a") is None
    await again.aflush()
    assert await again.aget("a") is None
    await store.acreate()
    assert await SessionStore.aclear_expired() is None
    assert not await store.aexists("0" * 48)


async def test_async_dict(site: Any) -> None:
    """A native async request keeps its dict without a thread."""
    client = AsyncClient()
    answer = await client.post("/abag/", '{"a": 1}', content_type="application/json")
    assert answer.json() == {"a": 1}
    await client.post("/alogin/", {"username": "ada", "password": "correct horse"})
    assert (await client.get("/abag/")).json() == {"a": 1}
    assert (await client.get("/bag/")).json() == {"a": 1}


def test_test_client(site: Any) -> None:
    """``force_login`` and ``session`` of the test client know the engine's cookies."""
    client = testing.Client()
    client.force_login(site.get(username="ada"))
    assert who(client) == "ada"
    session = client.session
    session["a"] = 1
    session.save()
    assert bag(client) == {"a": 1}
    client.logout()
    assert who(client) == ""
    assert listed("ada") == []
    visitor = testing.Client()
    session = visitor.session
    session["a"] = 1
    session.save()
    assert bag(visitor) == {"a": 1}


def test_middleware(site: Any) -> None:
    """It is one of Django's, as its admin wants it."""
    from django.core.checks import run_checks

    assert [each for each in run_checks() if "admin" in (each.id or "")] == []
    assert ENGINE[1] == "signedin.django.SessionMiddleware"
