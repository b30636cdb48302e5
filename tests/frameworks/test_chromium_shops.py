"""The examples that share a shop, as their READMEs start them, and Chromium in front of each."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from ..servers import free_port
from ..sites import Site
from ..web.chromium import PASSWORD, REVOKED, Profiles
from .test_flask_example import profiles

__all__ = ["profiles"]

EXAMPLES = Path(__file__).parents[2] / "examples"
UVICORN = ["-m", "uvicorn", "--port", "{port}", "--app-dir"]
STARTED = {
    "starlette": [*UVICORN, str(EXAMPLES / "starlette"), "app:app"],
    "fastapi": [*UVICORN, str(EXAMPLES / "fastapi"), "app:app"],
    "wsgi": [str(EXAMPLES / "wsgi" / "app.py")],
}


@pytest.fixture(params=STARTED)
def site(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Site]:
    port = free_port()
    command = [sys.executable, *STARTED[request.param]]
    environ = os.environ | {"PORT": str(port), "PYTHONDONTWRITEBYTECODE": "1"}
    with (
        open(tmp_path / "log", "wb") as log,
        Site(command, port, cwd=tmp_path, env=environ, stdout=log, stderr=log) as made,
    ):
        yield made


def sign_in(page: Page, site: Site) -> None:
    page.goto(site.url)
    page.get_by_role("link", name="Sign in").click()
    page.get_by_label("User").fill("ada")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_label("Remember me").check()
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_text("Hello ada.")).to_be_visible()


def test_revoked_on_the_page(site: Site, profiles: Profiles) -> None:
    """The page stands in the shop's layout, no wider than a phone; who is revoked there is told why, and stays
    out although they were remembered. Nothing was refused, and nothing asked for elsewhere.
    """
    ada = profiles.open("a", viewport={"width": 390, "height": 844}, color_scheme="dark")
    other = profiles.open("b")
    sign_in(ada, site)
    sign_in(other, site)
    ada.get_by_role("link", name="Active sessions").click()
    expect(ada).to_have_title("Active Sessions · Shop")
    expect(ada.get_by_role("navigation").filter(has_text="Shop")).to_be_visible()
    assert ada.evaluate("document.documentElement.scrollWidth <= innerWidth")
    row = ada.get_by_role("listitem").filter(has_text="127.0.0.1").filter(has_not_text="This device")
    row.get_by_role("button", name="Revoke").click()
    ada.get_by_role("button", name="Revoke session").click()
    expect(ada.locator("[data-as-told]")).to_contain_text("is signed out.")
    other.goto(f"{site.url}/sign_in")
    expect(other.get_by_role("status")).to_have_text(REVOKED)
    other.goto(site.url)
    expect(other.get_by_role("link", name="Sign in")).to_be_visible()
    ada.get_by_role("link", name="Shop").click()
    ada.wait_for_url(f"{site.url}/")
    ada.get_by_role("button", name="Sign out").click()
    expect(ada.get_by_role("link", name="Sign in")).to_be_visible()
    assert [said for said in profiles.troubles if not said.startswith("Clear-Site-Data")] == []
