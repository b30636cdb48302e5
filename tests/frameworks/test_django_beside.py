"""Beside Django's own session engine: its login and our session go together, or both go."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.test import AsyncClient, Client, override_settings

from signedin import Policy
from signedin.django.flow import flow

from ..support import DAY, Clock
from .django_site import BESIDE
from .django_support import (
    DjangosSession,
    browser,
    client_with,
    cookies_of,
    history,
    listed,
    log_in,
    open_site,
    who,
)

OURS = "__Host-signedin"
ALONE = [name for name in BESIDE if "signedin" not in name]


@pytest.fixture
def way() -> str:
    return "beside"


site = pytest.fixture(open_site)


def test_djangos_cookie_alone(site: Any) -> None:
    """Django's cookie without ours logs nobody in: whoever tries has taken it, and it ends for all."""
    ada = browser("ada")
    thief = client_with({"sessionid": cookies_of(ada)["sessionid"]})
    assert who(thief) == ""
    assert who(ada) == ""
    assert history("ada") == ["signed_out"]


def test_our_cookie_alone(site: Any) -> None:
    """It logs nobody in either: Django's session may have been flushed to log out."""
    ada = browser("ada")
    DjangosSession.objects.all().delete()
    assert who(ada) == ""
    assert listed("ada") == []


def test_login_from_before_at_the_cap(site: Any, tmp_path: Path) -> None:
    """Where the policy refuses one more session, it is logged out: nobody is signed in unlisted."""
    settings = {"STORE": str(tmp_path / "capped.db"), "POLICY": Policy(cap=1, at_cap="refuse")}
    with override_settings(SIGNEDIN=settings):
        ada, before = browser("ada"), Client()
        before.force_login(site.get(username="ada"))
        assert who(before) == ""
        assert who(ada) == "ada"


def test_login_from_before(site: Any) -> None:
    """Who was logged in before the middleware was there stays so, is listed, and can be revoked."""
    with override_settings(MIDDLEWARE=ALONE):
        before = Client()
        before.force_login(site.get(username="ada"))
    assert listed("ada") == []
    ada = client_with({"sessionid": cookies_of(before)["sessionid"]})
    assert who(ada) == "ada"
    (session,) = listed("ada")
    assert session.authenticated_by == ()
    assert who(ada) == "ada"
    flow().sessions.revoke(session.user_id, session.id, current=None)
    assert who(ada) == ""


def test_remembered_while_djangos_session_goes_on(site: Any) -> None:
    """Our session has expired, Django's hasn't: Remember me starts another, and nothing is lost."""
    ada = browser("ada", remember="on")
    del ada.cookies["__Host-signedin"]
    for _ in range(3):
        assert who(ada) == "ada"
    assert "__Host-signedin" in cookies_of(ada)


def test_remembered_where_somebody_else_is_logged_in(site: Any) -> None:
    """Django's login of another user, without a session of ours, gives way to the remembered one."""
    ada, bob = browser("ada", remember="on"), browser("bob")
    del ada.cookies["__Host-signedin"]
    ada.cookies["sessionid"] = cookies_of(bob)["sessionid"]
    assert who(ada) == "ada"
    assert who(ada) == "ada"


# ── how long it lasts ────────────────────────────────────────────────────────────────────────


def ages(answer: Any) -> dict[str, Any]:
    """How long the session's two cookies last that an answer sets."""
    names = ("sessionid", OURS)
    return {name: answer.cookies[name]["max-age"] for name in names if name in answer.cookies}


def test_the_cookies_last_equally_long(site: Any) -> None:
    """Ours is set when Django's is, and as long: closing the browser takes both, or none."""
    ada = Client()
    assert ages(log_in(ada, "ada")) == {"sessionid": 1209600, OURS: 1209600}
    assert ages(ada.get("/me/")) == {}
    for seconds, age in ((300, 300), (0, "")):
        assert ages(ada.get(f"/lasts/?seconds={seconds}")) == {"sessionid": age, OURS: age}
    with override_settings(SESSION_EXPIRE_AT_BROWSER_CLOSE=True):
        assert ages(log_in(Client(), "ada")) == {"sessionid": "", OURS: ""}
    with override_settings(SESSION_SAVE_EVERY_REQUEST=True):
        bob = Client()
        log_in(bob, "bob")
        assert ages(bob.get("/me/")) == {"sessionid": 1209600, OURS: 1209600}
        assert ages(bob.get("/fails/")) == {}
        assert ages(bob.get("/changed/")) == {"sessionid": 1209600, OURS: 1209600}
        assert who(bob) == "bob"
        assert set(bob.get("/logout/").cookies) >= {"sessionid", OURS}
        assert OURS not in ages(bob.get("/me/"))


def test_a_new_secret_alone(site: Any) -> None:
    """Django's cookie is set along with ours where the view changed nothing of Django's."""
    ada = browser("ada")
    assert ages(ada.get("/changed/")) == {"sessionid": 1209600, OURS: 1209600}
    assert who(ada) == "ada"


async def test_the_cookies_under_asgi(site: Any) -> None:
    """The same."""
    ada = AsyncClient()
    form = {"username": "ada", "password": "correct horse"}
    assert ages(await ada.post("/alogin/", form)) == {"sessionid": 1209600, OURS: 1209600}
    assert ages(await ada.get("/lasts/?seconds=300")) == {"sessionid": 300, OURS: 300}
    assert ages(await ada.get("/ame/")) == {}


def test_unused_as_long_as_djangos(site: Any, clock: Clock) -> None:
    """Without a policy a session may rest as long as Django's cookie lasts; with one, as that says."""
    ada = browser("ada")
    for _ in range(2):
        clock.tick(13 * DAY)
        assert who(ada) == "ada"
        flow().background.close()
    clock.tick(14 * DAY)
    assert who(ada) == ""
    with override_settings(SIGNEDIN={"STORE": flow().settings.store, "POLICY": "gitlab"}):
        bob = browser("bob")
        clock.tick(8 * DAY)
        assert who(bob) == ""
