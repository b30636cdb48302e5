"""Django's own login, logout and password change, in both ways in."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.conf import settings
from django.db import connection
from django.test import AsyncClient, Client, override_settings

from signedin import Policy
from signedin.config import now_ms
from signedin.django.flow import flow
from signedin.errors import StoreUnavailable
from signedin.session import Client as Facts

from ..support import DAY, HOUR, MINUTE, Clock
from .django_site import WAYS
from .django_support import (
    Customer,
    act,
    browser,
    client_with,
    cookies_of,
    history,
    listed,
    log_in,
    open_site,
    who,
)


@pytest.fixture(params=list(WAYS))
def way(request: pytest.FixtureRequest) -> str:
    return str(request.param)


site = pytest.fixture(open_site)


def test_login_and_logout(site: Any) -> None:
    """A login is a session of ours, a logout its end; a replayed cookie opens nothing."""
    ada = browser("ada")
    assert who(ada) == "ada"
    (session,) = listed("ada")
    assert (session.ip, session.authenticated_by) == ("203.0.113.24", ("password",))
    stolen = Client()
    for name, morsel in ada.cookies.items():
        stolen.cookies[name] = morsel.value
    assert who(stolen) == "ada"
    assert ada.post("/logout/").content == b"out"
    assert who(ada) == who(stolen) == ""
    assert (listed("ada"), history("ada")) == ([], ["signed_out"])


def test_client_hints(site: Any) -> None:
    """What the browser says of itself at the login is on the page: its user agent names no model."""
    agent = "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Mobile Safari/537.36"
    hints = {"HTTP_SEC_CH_UA_MODEL": '"Pixel 9"', "HTTP_SEC_CH_UA_PLATFORM": '"Android"', "HTTP_SEC_CH_UA": '"Chromium";v="142"', "HTTP_SEC_CH_UA_MOBILE": "?1"}  # fmt: skip
    log_in(Client(HTTP_USER_AGENT=agent, **hints), "ada")
    assert listed("ada")[0].device.model == "Pixel 9"


def test_revoked(site: Any) -> None:
    """A revoked session is logged out at its next request, and told why; others stay (REV-2)."""
    ada, other, bob = browser("ada"), browser("ada"), browser("bob")
    wanted = listed("ada")[0]
    flow().sessions.revoke(wanted.user_id, wanted.id, current=None)
    assert sorted([who(ada), who(other)]) == ["", "ada"]
    assert who(bob) == "bob"
    gone = ada if who(ada) == "" else other
    assert b"revoked" in gone.get("/login/").content
    assert gone.get("/login/").content == b"sign in"


def test_sign_out_everywhere(site: Any) -> None:
    """All of the user's sessions end (REV-2)."""
    ada, other = browser("ada"), browser("ada")
    ada.post("/everywhere/")
    assert who(ada) == who(other) == ""


def test_password_change(site: Any) -> None:
    """Django's own form: the other sessions end, this one has a new secret and goes on (E7)."""
    ada, other = browser("ada"), browser("ada")
    before = {name: morsel.value for name, morsel in ada.cookies.items()}
    form = {"old_password": "correct horse", "new_password1": "battery staple", "new_password2": "battery staple"}  # fmt: skip
    assert ada.post("/password/", form).status_code == 302
    assert (who(ada), who(other)) == ("ada", "")
    assert len(listed("ada")) == 1
    assert history("ada") == ["credentials_changed"]
    old = Client()
    for name, value in before.items():
        old.cookies[name] = value
    assert who(old) == ""


def test_password_set_by_another(site: Any) -> None:
    """An administrator, a reset by mail or a command sets it: all sessions end (E7)."""
    ada, bob = browser("ada"), browser("bob")
    user = site.get(username="bob")
    user.set_password("new")
    user.save()
    assert (who(ada), who(bob)) == ("ada", "")
    assert history("bob") == ["credentials_changed"]


@pytest.mark.parametrize("fields", [None, ["password"]])
def test_password_disabled(site: Any, fields: list[str] | None) -> None:
    """It ends what a new password ends, Remember me as well; who never had one is left alone (E7)."""
    ada, bob = browser("ada", remember="on"), browser("bob")
    user = site.get(username="ada")
    user.set_unusable_password()
    user.save(update_fields=fields)
    assert history("ada") == ["credentials_changed"]
    assert (who(ada), who(client_with(cookies_of(ada))), who(bob)) == ("", "", "bob")
    flow().sessions.sign_in(user.pk, Facts("203.0.113.24", ""), started_at=flow().clock() + 9_000)
    user.save()
    assert len(listed("ada")) == 1


def test_password_disabled_in_the_admin(site: Any) -> None:
    """Django's form does it, too: the user's sessions end, the administrator's goes on (E7)."""
    ada, bob = browser("ada"), browser("bob")
    page = f"/admin/auth/user/{site.get(username='bob').pk}/password/"
    form = {"usable_password": "false", "unset-password": "1", "password1": "", "password2": ""}
    assert ada.post(page, form).status_code == 302
    assert not site.get(username="bob").has_usable_password()
    assert (who(ada), who(bob), history("bob")) == ("ada", "", ["credentials_changed"])


@pytest.mark.parametrize("logged_in", [False, True])
def test_a_reset_that_signs_in(site: Any, logged_in: bool) -> None:
    """The new password ends the other sessions, and its own request signs in (E7)."""
    other, ada = browser("ada"), browser("ada" if logged_in else None)
    assert ada.post("/reset/", {"username": "ada"}).content == b"in"
    assert (who(ada), who(other)) == ("ada", "")
    assert len(listed("ada")) == 1


def test_a_proxy_of_the_users_model(site: Any) -> None:
    """A password that is set through it counts as well (E7)."""
    ada = browser("ada")
    customer = Customer.objects.get(username="ada")
    customer.set_password("new")
    customer.save()
    assert who(ada) == ""


def test_other_changes_of_a_user_end_nothing(site: Any) -> None:
    """A new name, a new last login, a hash that is upgraded at a login: nobody is signed out."""
    ada = browser("ada")
    user = site.get(username="ada")
    user.first_name = "Ada"
    user.save()
    assert user.check_password("correct horse")
    user.save()
    assert who(ada) == "ada"


def test_account_disabled_or_deleted(site: Any, clock: Clock) -> None:
    """All sessions of the account end, as the history says, and Remember me with them: when the account is
    active again nobody is signed in (E7).
    """
    ada, other, bob = browser("ada", remember="on"), browser("ada", remember="on"), browser("bob")
    user = site.get(username="ada")
    user.is_active = False
    user.save()
    assert who(ada) == ""
    assert history("ada") == ["account_disabled", "account_disabled"]
    user.is_active = True
    user.save()
    clock.tick(HOUR)
    assert [name for name in cookies_of(other) if name.endswith("-remember")]
    for name in [name for name in cookies_of(other) if not name.endswith("-remember")]:
        del other.cookies[name]
    assert [who(ada), who(other)] == ["", ""]
    bobs = site.get(username="bob")
    user_id = bobs.pk
    bobs.delete()
    assert who(bob) == ""
    assert [e.reason for e in flow().sessions.history(user_id)] == ["account_disabled"]


def test_another_user_in_the_same_browser(site: Any) -> None:
    """The first one's session ends; nothing of it is the second one's (S1)."""
    client = browser("ada")
    client.post("/bag/", '{"secret": 1}', content_type="application/json")
    log_in(client, "bob")
    assert who(client) == "bob"
    assert listed("ada") == []
    assert client.get("/bag/").json() == {}


def test_remember_me(site: Any, clock: Clock) -> None:
    """With the form's field a browser that was closed is logged in again, as a new session (R1)."""
    ada = browser("ada", remember="on")
    for name in list(ada.cookies):
        if not name.endswith("-remember"):
            del ada.cookies[name]
    clock.tick(HOUR)
    assert who(ada) == "ada"
    assert who(ada) == "ada"
    assert len(listed("ada")) in (1, 2)
    forgotten = browser("ada")
    forgotten.cookies.clear()
    assert who(forgotten) == ""
    ada.post("/logout/")
    assert who(ada) == ""


def test_remember_me_with_several_backends(site: Any) -> None:
    """It is the first of the site's that knows the user."""
    partners = "tests.frameworks.django_backends.Partners"
    with override_settings(AUTHENTICATION_BACKENDS=[partners, *settings.AUTHENTICATION_BACKENDS]):
        ada = browser("ada", remember="on")
        for name in list(ada.cookies):
            if not name.endswith("-remember"):
                del ada.cookies[name]
        assert who(ada) == who(ada) == "ada"


def test_a_clock_for_tests(site: Any, tmp_path: Path) -> None:
    """The settings may name one, which moves when told to."""
    clock = Clock(1_700_000_000_000)
    for told in (clock, "signedin.config.now_ms"):
        with override_settings(SIGNEDIN={"STORE": str(tmp_path / "timed.db"), "CLOCK": told}):
            if told is clock:
                ada = browser("ada")
                assert listed("ada")[0].signed_in_at == clock.now
                clock.tick(15 * DAY)
                assert who(ada) == ""
            else:
                assert flow().clock is now_ms


def test_remember_me_of_a_disabled_account(site: Any) -> None:
    """It doesn't start a session."""
    ada = browser("ada", remember="on")
    site.filter(username="ada").update(is_active=False)
    for name in list(ada.cookies):
        if not name.endswith("-remember"):
            del ada.cookies[name]
    assert who(ada) == ""


def test_touch(site: Any, clock: Clock) -> None:
    """Activity is recorded beside the response (V3)."""
    ada = browser("ada")
    clock.tick(5 * MINUTE)
    assert who(ada) == "ada"
    flow().background.close()
    assert listed("ada")[0].last_active_at == clock.now


def test_no_write_in_an_unchanged_request(site: Any, clock: Clock, monkeypatch: Any) -> None:
    """Neither in our store nor in Django's tables."""
    ada = browser("ada")
    who(ada)
    store = flow().sessions.store
    wrote: list[str] = []
    for name in ("add", "touch", "rotate", "set_data", "keep_visitor", "drop_visitor", "end"):
        monkeypatch.setattr(store, name, lambda *a, name=name, **k: wrote.append(name))
    statements: list[str] = []

    def watch(execute: Any, sql: str, params: Any, many: Any, context: Any) -> Any:
        statements.append(sql)
        return execute(sql, params, many, context)

    with connection.execute_wrapper(watch):
        assert who(ada) == "ada"
    assert wrote == []
    assert [sql for sql in statements if not sql.startswith("SELECT")] == []


def test_outage(site: Any, monkeypatch: Any) -> None:
    """Where the session is used 503 with Retry-After, cookies untouched; elsewhere nothing (V4)."""
    ada = browser("ada")
    store = flow().sessions.store

    def down(*args: Any, **more: Any) -> Any:
        raise StoreUnavailable

    with monkeypatch.context() as broken:
        for name in ("find", "find_with_data", "find_series"):
            broken.setattr(store, name, down)
        answer = ada.get("/me/")
        assert (answer.status_code, answer["Retry-After"]) == (503, "5")
        assert answer.cookies == {}
        assert ada.get("/").content == b"home"
        assert ada.get("/account/sessions/").status_code == 503
        page = ada.get("/me/", headers={"accept": "text/html"})
        assert page.status_code == 503
        assert b"<html" in page.content
    assert who(ada) == "ada"


def test_headers(site: Any) -> None:
    """What was made for a session is kept by no shared cache (HDR-1)."""
    ada = browser("ada")
    answer = ada.get("/me/")
    assert "Cookie" in answer["Vary"]
    assert answer["Cache-Control"] == "no-store"
    assert ada.get("/public/")["Cache-Control"] == "private, max-age=60"
    assert Client().get("/public/")["Cache-Control"] == "public, max-age=60"


@pytest.mark.parametrize("value", ["", "x", "a" * 5000, "\x00", "0" * 48 + "." + "A" * 43])
def test_junk_and_doubled_cookies(site: Any, way: str, value: str) -> None:
    """What isn't a token is nobody; a cookie that came twice counts as none (V5)."""
    ada = browser("ada")
    name = "sessionid" if way == "engine" else "__Host-signedin"
    good = "; ".join(f"{key}={morsel.value}" for key, morsel in ada.cookies.items())
    assert Client().get("/me/", HTTP_COOKIE=f"{name}={value}").json()["user"] == ""
    assert Client().get("/me/", HTTP_COOKIE=f"{good}; {name}={value}").json()["user"] == ""


def test_idor_and_the_page(site: Any) -> None:
    """The page is in the site's layout; only one's own sessions are on it and can be ended (IDOR-1)."""
    ada, other, bob = browser("ada"), browser("ada"), browser("bob")
    page = ada.get("/account/sessions/")
    assert page.status_code == 200
    assert b"<main" in page.content
    theirs = listed("bob")[0]
    assert act(ada, f"{theirs.id}/revoke").status_code == 404
    assert who(bob) == "bob"
    assert act(ada, "revoke_others").status_code == 303
    assert (who(ada), who(other)) == ("ada", "")
    assert b"signed out" in ada.get("/account/sessions/").content
    assert act(ada, "sign_out")["Location"] == "/login/"
    assert who(ada) == ""
    assert ada.get("/account/sessions/")["Location"].startswith("/login/?next=/account/sessions/")


SITES = ("same-origin", "none", "same-site", "cross-site", None)
ORIGINS = ("http://testserver", "http://evil.example", "null", None)


@pytest.mark.parametrize("fetch_site", SITES)
@pytest.mark.parametrize("origin", ORIGINS)
def test_cross_site(site: Any, fetch_site: str | None, origin: str | None) -> None:
    """The page's changes are made from our own pages only; a login from another site's is refused
    (CSRF-1).
    """
    told = {"sec-fetch-site": fetch_site, "origin": origin}
    headers = {name: value for name, value in told.items() if value is not None}
    ours = fetch_site in ("same-origin", "none") or (fetch_site is None and origin == ORIGINS[0])
    ada = browser("ada")
    answer = act(ada, "revoke_others", headers)
    assert answer.status_code == (303 if ours else 403)
    form = {"username": "bob", "password": "correct horse"}
    allowed = ours or headers == {}
    assert Client().post("/login/", form, headers=headers).status_code == (200 if allowed else 403)
    assert len(listed("bob")) == int(allowed)


def test_refused_at_the_cap(site: Any, tmp_path: Path) -> None:
    """A login that the policy refuses is none."""
    settings = {"STORE": str(tmp_path / "capped.db"), "POLICY": Policy(cap=1, at_cap="refuse")}
    with override_settings(SIGNEDIN=settings):
        first, second = browser("ada"), Client()
        form = {"username": "ada", "password": "correct horse"}
        assert second.post("/login/", form).status_code == 403
        assert (who(first), who(second)) == ("ada", "")


def test_idle(site: Any, clock: Clock) -> None:
    """What is past its time is signed out."""
    ada = browser("ada")
    clock.tick(15 * DAY)
    assert who(ada) == ""


async def test_async_views(site: Any) -> None:
    """Under ASGI the same: login, the user, a verb in a thread, logout."""
    client = AsyncClient()
    form = {"username": "ada", "password": "correct horse"}
    assert (await client.post("/alogin/", form)).content == b"in"
    assert (await client.get("/ame/")).json() == {"user": "ada"}
    assert (await client.get("/me/")).json()["user"] == "ada"
    assert (await client.get("/averb/")).json()["user"] == str((await site.aget(username="ada")).pk)
    answer = await client.post("/alogout/")
    assert answer.content == b"out"
    assert (await client.get("/ame/")).json() == {"user": ""}


async def async_browser(**form: str) -> AsyncClient:
    client = AsyncClient()
    told = {"username": "ada", "password": "correct horse"} | form
    assert (await client.post("/alogin/", told)).content == b"in"
    return client


async def awho(client: AsyncClient) -> str:
    return str((await client.get("/ame/")).json()["user"])


@sync_to_async
def revoke_all() -> None:
    for session in listed("ada"):
        flow().sessions.revoke(session.user_id, session.id, current=None)


async def test_revoked_under_asgi(site: Any) -> None:
    """A revoked session is logged out at its next async request, too (REV-2)."""
    client = await async_browser()
    assert await awho(client) == "ada"
    await revoke_all()
    assert await awho(client) == ""


async def test_remember_me_under_asgi(site: Any, clock: Clock) -> None:
    """A closed browser is logged in again by an async request (R1)."""
    client = await async_browser(remember="on")
    for name in list(client.cookies):
        if not name.endswith("-remember"):
            del client.cookies[name]
    clock.tick(HOUR)
    assert await awho(client) == "ada"
    assert await awho(client) == "ada"


async def test_password_change_under_asgi(site: Any) -> None:
    """A password set in an async request ends the others, and this one goes on (E7)."""
    ada, other = await async_browser(), await async_browser()
    form = {"old_password": "correct horse", "new_password1": "battery staple", "new_password2": "battery staple"}  # fmt: skip
    assert (await ada.post("/password/", form)).status_code == 302
    assert (await awho(ada), await awho(other)) == ("ada", "")


async def test_outage_under_asgi(site: Any, monkeypatch: Any) -> None:
    """503 where the session is used (V4)."""
    client = await async_browser()
    store = flow().async_sessions.store

    async def down(*args: Any, **more: Any) -> Any:
        raise StoreUnavailable

    with monkeypatch.context() as broken:
        for name in ("find", "find_with_data", "find_series"):
            broken.setattr(store, name, down)
        assert (await client.get("/ame/")).status_code == 503
        assert (await client.get("/")).content == b"home"
    assert await awho(client) == "ada"


@pytest.mark.parametrize(("value", "remembered"), [("on", True), ("1", True), ("false", False)])
def test_what_a_form_says_of_remember_me(site: Any, value: str, remembered: bool) -> None:
    """A field may say no as well."""
    browser("ada", remember=value)
    assert listed("ada")[0].remembered == remembered


def test_a_stolen_cookie_after_each_end(site: Any, clock: Clock) -> None:
    """A copy of all cookies opens nothing after a logout, a password change, a revocation (REV-2)."""
    for path in ("/logout/", "/everywhere/", "/reset/"):
        ada = browser("ada")
        copy = client_with(cookies_of(ada))
        assert who(copy) == "ada"
        clock.tick(MINUTE)
        ada.post(path, {"username": "ada"})
        clock.tick(MINUTE)
        assert who(copy) == ""
