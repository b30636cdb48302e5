"""The example in Chromium: its own layout around the page, Django's forms with their CSRF tokens."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from ..sites import Site

FOLDER = Path(__file__).parents[2] / "examples" / "django"
MAKE = """
from django.contrib.auth import get_user_model
get_user_model().objects.create_superuser("ada", "", "correct horse")
"""


BESIDE = """
from shop.settings import *

INSTALLED_APPS = [*INSTALLED_APPS, "django.contrib.sessions"]
ours = MIDDLEWARE.index("signedin.django.SessionMiddleware")
MIDDLEWARE[ours] = "django.contrib.sessions.middleware.SessionMiddleware"
users = MIDDLEWARE.index("django.contrib.auth.middleware.AuthenticationMiddleware")
MIDDLEWARE.insert(users + 1, "signedin.django.SignedinMiddleware")
SESSION_ENGINE = "django.contrib.sessions.backends.db"
"""


@pytest.fixture(params=["engine", "beside"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The example, served by Django; it has our engine, and here Django's with ours beside as well."""
    (tmp_path / "beside.py").write_text(BESIDE)
    environ = os.environ | {"SHOP_DATA": str(tmp_path), "PYTHONDONTWRITEBYTECODE": "1"}
    if request.param == "beside":
        environ |= {"PYTHONPATH": str(tmp_path), "DJANGO_SETTINGS_MODULE": "beside"}

    def manage(*words: str) -> list[str]:
        return [sys.executable, "manage.py", *words]

    for words in (["migrate", "-v0"], ["shell", "-v0", "-c", MAKE]):
        subprocess.run(manage(*words), cwd=FOLDER, env=environ, check=True, capture_output=True)
    command = manage("runserver", "--noreload", "127.0.0.1:{port}")
    with (
        open(tmp_path / "log", "wb") as log,
        Site(command, cwd=FOLDER, env=environ, stdout=log, stderr=log) as site,
    ):
        yield site.url


@pytest.fixture
def chromium() -> Iterator[Browser]:
    with sync_playwright() as made:
        browser = made.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        yield browser
        browser.close()


def logged_in(chromium: Browser, url: str, troubles: list[str]) -> Page:
    page = chromium.new_context().new_page()
    page.on("console", lambda said: troubles.append(said.text) if said.type == "error" else None)
    page.on("pageerror", lambda error: troubles.append(str(error)))
    page.goto(url)
    page.get_by_role("button", name="One more").click()
    page.get_by_role("link", name="Log in").click()
    page.get_by_label("Username").fill("ada")
    page.get_by_label("Password").fill("correct horse")
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_text("Apples in your cart: 1")).to_be_visible()
    return page


def test_the_example(url: str, chromium: Browser, tmp_path: Path) -> None:
    """A cart goes along with the login; the page stands in the site's layout, under its own policy; a
    revoked browser is told why; Django's admin shows everybody's sessions.
    """
    troubles: list[str] = []
    ada, other = logged_in(chromium, url, troubles), logged_in(chromium, url, troubles)
    ada.get_by_role("link", name="Active sessions of ada").click()
    expect(ada.get_by_role("button", name="Log out")).to_be_visible()
    expect(ada.get_by_role("heading", name="Active Sessions")).to_be_visible()
    ada.get_by_role("button", name="Revoke").last.click()
    ada.get_by_role("button", name="Revoke session").last.click()
    expect(ada.get_by_role("status").filter(has_text="signed out").first).to_be_visible()
    other.goto(url + "/account/sessions/")
    expect(other.get_by_text("this session was revoked")).to_be_visible()
    staff = ada.context.new_page()
    staff.goto(url + "/admin/sessions/active_sessions")
    expect(staff.get_by_text("Django administration")).to_be_visible()
    expect(staff.get_by_role("rowheader", name="@ada")).to_be_visible()
    ada.get_by_role("button", name="Log out").click()
    expect(ada.get_by_role("link", name="Log in")).to_be_visible()
    assert troubles == []
