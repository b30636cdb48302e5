"""The app's parts: checks, commands, the admin, the directory, another package's login."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from django.core.checks import run_checks
from django.core.handlers.wsgi import WSGIHandler
from django.db.models.deletion import Collector
from django.db.models.signals import post_delete, post_save, pre_save
from django.template.autoreload import reset_loaders
from django.test import Client, RequestFactory, override_settings

from signedin.django.directory import SiteUsers
from signedin.django.flow import flow

from .django_site import BESIDE, ENGINE, WAYS
from .django_support import Customer, DjangosSession, act, browser, history, listed, open_site, who


@pytest.fixture(params=list(WAYS))
def way(request: pytest.FixtureRequest) -> str:
    return str(request.param)


site = pytest.fixture(open_site)


def test_half_a_form(site: Any) -> None:
    """Who goes away in the middle of a form has asked for nothing, as everywhere."""
    ada = browser("ada")
    (session,) = listed("ada")
    cookie = "; ".join(f"{name}={each.value}" for name, each in ada.cookies.items())
    environ = RequestFactory(HTTP_COOKIE=cookie, HTTP_SEC_FETCH_SITE="same-origin")._base_environ(
        REQUEST_METHOD="POST",
        PATH_INFO=f"/account/sessions/{session.id}/name",
        CONTENT_TYPE="application/x-www-form-urlencoded",
        CONTENT_LENGTH="100",
        **{"wsgi.input": BytesIO(b"name=half")},
    )
    assert WSGIHandler()(environ, lambda *told: None).status_code == 400
    assert [each.name for each in listed("ada")] == [None]


# ── checks ───────────────────────────────────────────────────────────────────────────────────


def told(**settings: Any) -> dict[str, str]:
    """What the checks say under these settings."""
    deploy = settings.pop("deploy", False)
    with override_settings(**settings):
        found = run_checks(include_deployment_checks=deploy)
    return {str(each.id): each.msg for each in found if str(each.id).startswith("signedin.")}


def test_nothing_to_say(site: Any) -> None:
    """Both ways in are fine as they are."""
    assert told() == {}


@pytest.mark.parametrize(
    ("named", "says"),
    [
        ({"STOER": "x"}, "Did you mean 'STORE'?"),
        ({"XYZ": "x"}, "'XYZ', and there is no such setting."),
        ({"store": "x"}, "Write it as 'STORE'"),
        ({"FRESH_FOR": "soon"}, "FRESH_FOR: "),
        ({"TRUSTED_PROXIES": ["proxy"]}, "proxy"),
        ({"CLOCK": 12}, "CLOCK is called"),
        ({"CLOCK": "signedin.testing.NoClock"}, "CLOCK is 'signedin.testing.NoClock'"),
        ({"POLICY": "aal9"}, "'aal9' is not one of"),
        (["STORE"], "SIGNEDIN is a dict"),
        ({"PAGE": "/x"}, "signedin.django.urls"),
    ],
)
def test_a_wrong_setting(site: Any, named: Any, says: str) -> None:
    """It is named, with what it may be."""
    assert says in told(SIGNEDIN=named)["signedin.E001"]


@pytest.mark.parametrize(
    ("settings", "code"),
    [
        ({"MIDDLEWARE": [n for n in BESIDE if "signedin" not in n]}, "signedin.E002"),
        ({"SESSION_ENGINE": "signedin.django.sessions"}, "signedin.E002"),
        ({"MIDDLEWARE": [*ENGINE, BESIDE[5]]}, "signedin.E003"),
        ({"MIDDLEWARE": [BESIDE[1], BESIDE[5], BESIDE[4]]}, "signedin.E004"),
        ({"SESSION_SERIALIZER": "site.PickleSerializer"}, "signedin.E005"),
        ({**WAYS["engine"], "deploy": True}, "signedin.W001"),
        ({**WAYS["engine"], "SESSION_COOKIE_NAME": "__Host-id"}, "signedin.E006"),
        ({**WAYS["engine"], "SESSION_COOKIE_SAMESITE": "None"}, "signedin.E006"),
        ({**WAYS["engine"], "SESSION_COOKIE_SAMESITE": None, "deploy": True}, "signedin.W002"),
    ],
)
def test_a_wrong_site(settings: dict[str, Any], code: str) -> None:
    """A middleware that is missing, doubled or misplaced, a pickle, an open or impossible cookie."""
    assert code in told(**settings)


def test_what_browsers_refuse() -> None:
    """The prefix of a cookie's name binds it: no domain, no path, HTTPS only."""
    bound = {**WAYS["engine"], "SESSION_COOKIE_NAME": "__Host-id", "SESSION_COOKIE_SECURE": True}
    for more, says in (
        ({}, []),
        ({"SESSION_COOKIE_DOMAIN": "app.example"}, ["SESSION_COOKIE_DOMAIN = None"]),
        ({"SESSION_COOKIE_PATH": "/app"}, ["SESSION_COOKIE_PATH = '/'"]),
        ({"SESSION_COOKIE_SECURE": False}, ["SESSION_COOKIE_SECURE = True"]),
    ):
        with override_settings(**bound | more):
            hints = [each.hint for each in run_checks() if each.id == "signedin.E006"]
        assert hints == [f"With this name it needs {each}." for each in says]


def test_sign_in_path_is_login_url(site: Any) -> None:
    """LOGIN_URL: a path, the name of one, or its whole address on the site itself; any other is told."""
    assert flow().settings.sign_in_path == "/login/"
    with override_settings(LOGIN_URL="account_login"):
        assert flow().settings.sign_in_path == "/accounts/login/"
    ours = {"STORE": flow().settings.store, "URL": "https://app.example"}
    with override_settings(LOGIN_URL="https://APP.example:443/enter/", SIGNEDIN=ours):
        assert flow().settings.sign_in_path == "/enter/"
        assert told() == {}
    for elsewhere in (
        {"LOGIN_URL": "https://sso.example/", "SIGNEDIN": ours},
        {"LOGIN_URL": "//app.example/"},
    ):
        assert "name a path of yours that leads there" in told(**elsewhere)["signedin.E001"]
    assert "LOGIN_URL is 'log_in', and no" in told(LOGIN_URL="log_in")["signedin.E001"]


def test_other_models_are_not_listened_to(site: Any) -> None:
    """Django deletes rows without reading them where nobody listens: we listen to users alone, whatever
    class they are saved by.
    """
    assert Collector("default").can_fast_delete(DjangosSession.objects.all())
    for signal in (pre_save, post_save, post_delete):
        from django.contrib.admin.models import LogEntry

        names = [signal.has_listeners(model) for model in (site.model, Customer, LogEntry)]
        assert names == [True, True, False]


# ── the admin ────────────────────────────────────────────────────────────────────────────────


def test_admin(site: Any) -> None:
    """Staff who may change users see everybody's sessions in Django's admin, and revoke them."""
    ada, bob = browser("ada"), browser("bob")
    page = ada.get("/admin/sessions/", follow=True)
    assert page.status_code == 200
    assert b"bob" in page.content
    assert b"Django administration" in page.content
    assert b'<a href="/admin/sessions/">Active sessions</a>' in ada.get("/admin/auth/user/").content
    assert b"Active sessions" not in ada.get("/admin/auth/group/").content
    user = site.get(username="bob")
    change = ada.get(f"/admin/auth/user/{user.pk}/change/").content.decode()
    assert f"/admin/sessions/users/{user.pk}/active_sessions" in change
    assert b"203.0.113" in ada.get(f"/admin/sessions/users/{user.pk}/active_sessions").content
    (theirs,) = listed("bob")
    answer = ada.post(
        f"/admin/sessions/active_sessions/{theirs.id}/revoke",
        "",
        content_type="application/x-www-form-urlencoded",
        headers={"sec-fetch-site": "same-origin"},
    )
    assert answer.status_code == 303
    assert (who(ada), who(bob)) == ("ada", "")
    assert history("bob") == ["revoked_by_operator"]


def test_a_user_model_of_ones_own(way: str, tmp_path: Path) -> None:
    """Its page in the admin leads to the user's sessions, a group's to none; its key is no number."""
    module = "tests.frameworks.custom_user.journey"
    done = subprocess.run(
        [sys.executable, "-m", module, way, str(tmp_path / "sessions.db"), str(tmp_path)],
        capture_output=True, text=True, check=False, cwd=Path(__file__).parents[2],
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


def test_admin_is_for_staff(site: Any) -> None:
    """Nobody else gets in; staff without a right to users finds nothing there."""
    bob = browser("bob")
    assert bob.get("/admin/sessions/")["Location"].startswith("/admin/login/")
    site.filter(username="bob").update(is_staff=True)
    assert bob.get("/admin/sessions/").status_code == 404
    (theirs,) = listed("bob")
    refused = bob.post(f"/admin/sessions/active_sessions/{theirs.id}/revoke", headers={"sec-fetch-site": "same-origin"}, data="", content_type="application/x-www-form-urlencoded")  # fmt: skip
    assert refused.status_code == 404


def test_admin_login(site: Any) -> None:
    """Django's admin has its own login, with its CSRF token, and it is a session, too."""
    client = Client(enforce_csrf_checks=True)
    page = client.get("/admin/login/")
    (token,) = re.findall(r'csrfmiddlewaretoken" value="(\w+)', page.content.decode())
    form = {"username": "ada", "password": "correct horse", "csrfmiddlewaretoken": token}
    assert client.post("/admin/login/?next=/me/", form).status_code == 302
    assert who(client) == "ada"
    assert len(listed("ada")) == 1


# ── another package's login ──────────────────────────────────────────────────────────────────


def test_allauth(site: Any) -> None:
    """django-allauth's login, its Remember me and its logout."""
    client = Client()
    form = {"login": "ada", "password": "correct horse", "remember": "on"}
    assert client.post("/accounts/login/", form).status_code == 302
    assert who(client) == "ada"
    (session,) = listed("ada")
    assert session.remembered
    assert client.post("/accounts/logout/").status_code == 302
    assert (who(client), listed("ada")) == ("", [])
    wrong = Client()
    assert wrong.post("/accounts/login/", form | {"password": "no"}).status_code == 200
    assert listed("ada") == []


# ── operators ────────────────────────────────────────────────────────────────────────────────


def test_directory(site: Any) -> None:
    """The site's users by id, name, address and a part of either."""
    users, ada = SiteUsers(), site.get(username="ada")
    found = users.find(str(ada.pk))
    assert found is not None
    assert (found.username, found.name, found.email) == ("ada", "ada", "ada@example.com")
    assert users.find_by_username("ada") == users.find_by_email("ADA@example.com") == found
    assert list(users.search("ad", 5)) == [found]
    assert [user.username for user in users.all()] == ["ada", "bob"]
    assert users.find("nobody") is users.find_by_email("x") is None


MANAGE = """
import sys
from tests.frameworks import django_site
django_site.FOLDER = __import__("pathlib").Path(sys.argv.pop(1))
django_site.set_up(**__import__("json").loads(sys.argv.pop(1)))
from django.core.management import execute_from_command_line
execute_from_command_line(sys.argv)
"""


def manage(site: Any, *words: str, wrong: bool = False, **settings: Any) -> str:
    """``manage.py`` as a process, under more settings; what it says, on stderr if it is to be wrong."""
    from .django_site import FOLDER

    told = {"SIGNEDIN": {"STORE": flow().settings.store} | settings.pop("signedin", {})} | settings
    command = [sys.executable, "-c", MANAGE, str(FOLDER), json.dumps(told), *words]
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, cwd=Path(__file__).parents[2],
        env=os.environ | {"NO_COLOR": "1"},
    )  # fmt: skip
    assert (done.returncode != 0) == wrong, done.stderr
    return done.stderr if wrong else done.stdout


def test_doctor(site: Any, way: str) -> None:
    """It judges the site's own settings, the cookies as they are there; the service's commands are
    none here.
    """
    assert listed("ada") == []
    ours = {"URL": "https://app.example", "TRUSTED_PROXIES": ["10.0.0.0/8"]}
    told = manage(site, "signedin", "doctor", signedin=ours, **WAYS[way], SESSION_COOKIE_AGE=86400)
    named = "sessionid: sent over plain HTTP" if way == "engine" else "__Host- prefix"
    for each in ("https://app.example", "10.0.0.0/8", "idle timeout 1d", named):
        assert each in told
    secure = manage(site, "signedin", "doctor", **WAYS[way], SESSION_COOKIE_SECURE=True)
    assert ("sessionid, Secure" if way == "engine" else "__Host- prefix") in secure
    assert "unknown command 'serve'" in manage(site, "signedin", "serve", wrong=True)
    assert "\n  demo" not in manage(site, "signedin", "--help")


def test_commands(site: Any) -> None:
    """The command line lists and revokes on the site's store, with its users' names; so does the
    shell.
    """
    ada, other = browser("ada"), browser("ada")
    assert "203.0.113.24" in manage(site, "signedin", "list", "--user", "ada")
    code = "print(len(ActiveSession.list(SessionUser.find_by_username('ada'))))"
    assert manage(site, "shell", "-v0", "-c", code).strip() == "2"
    manage(site, "signedin", "revoke", "--user", "ada", "--yes")
    assert who(ada) == who(other) == ""
    assert manage(site, "clearsessions") == "0 expired.\n"


# ── the page ─────────────────────────────────────────────────────────────────────────────────


def test_the_sites_own_layout(site: Any) -> None:
    """A site's template of that name is the page's frame."""
    from .django_site import FOLDER

    folder = FOLDER / "templates" / "signedin"
    folder.mkdir(parents=True, exist_ok=True)
    template = folder / "layout.html"
    template.write_text("<title>{{ title }}</title>{{ head }}<nav>Site of {{ user }}</nav>{{ body }}")
    reset_loaders()
    try:
        page = browser("ada").get("/account/sessions/").content.decode()
    finally:
        template.unlink()
        reset_loaders()
    assert "<nav>Site of ada</nav>" in page
    assert "203.0.113.24" in page


def test_api(site: Any) -> None:
    """JSON for programs, at the same addresses; files for ever."""
    ada = browser("ada")
    told = ada.get("/account/sessions/", headers={"accept": "application/json"}).json()
    assert len(told["sessions"]) == 1
    assert listed("ada")[0].id in ada.get("/account/sessions/current").content.decode()
    assert "immutable" in Client().get("/account/sessions/static/active_sessions.css")["Cache-Control"]
    large = act(ada, "revoke_selected", body="id=" + "x" * 70_000)
    assert large.status_code == 413
