"""The example's application on a real server, in Chromium."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from ..sites import Site
from ..web.chromium import PASSWORD, REVOKED, Profiles, playwright

__all__ = ["playwright"]

EXAMPLE = Path(__file__).parent.parent.parent / "examples" / "flask" / "app.py"


@pytest.fixture
def site(path: str) -> Iterator[Site]:
    command = [sys.executable, "-m", "flask", "--app", str(EXAMPLE), "run", "--port", "{port}"]
    environ = os.environ | {"FLASK_SIGNEDIN_STORE": f"sqlite:///{path}"}
    with Site(command, env=environ, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL) as made:
        yield made


@pytest.fixture
def profiles(playwright: Any, tmp_path: Path, site: Any) -> Iterator[Profiles]:
    made = Profiles(playwright, tmp_path / "profiles", site)
    yield made
    made.close()


def sign_in(page: Page, site: Site, user: str = "ada", *, remember: bool = False) -> None:
    page.goto(site.url + "/sign_in")
    page.get_by_label("Username").fill(user)
    page.get_by_label("Password").fill(PASSWORD)
    if remember:
        page.get_by_label("Remember me").check()
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", name="Hello, Ada Okafor")).to_be_visible()


def test_revoked_in_one_browser_out_in_the_other(site: Site, profiles: Profiles) -> None:
    """A signs in, B signs in and is remembered, A revokes B: B is told why, and stays out."""
    a, b = profiles.open("a"), profiles.open("b")
    sign_in(a, site)
    sign_in(b, site, remember=True)
    a.get_by_role("link", name="Active Sessions").click()
    expect(a).to_have_title("Active Sessions · Notes")
    a.get_by_role("button", name=re.compile("^Revoke .*127.0.0.1")).click()
    a.get_by_role("button", name="Revoke session").click()
    expect(a.get_by_text("You're only signed in here")).to_be_visible()
    b.goto(site.url + "/notes")
    expect(b.get_by_text(REVOKED)).to_be_visible()
    b.reload()
    expect(b.get_by_text(REVOKED)).to_have_count(0)
    a.goto(site.url + "/notes")
    expect(a.get_by_text("Only who is signed in sees this.")).to_be_visible()
    assert profiles.troubles == []


def test_a_wrong_password_is_told_once(site: Site, profiles: Profiles) -> None:
    """The message is a visitor's; after the sign-in the way goes on to where it began."""
    page = profiles.open("a")
    page.goto(site.url + "/notes")
    page.get_by_label("Username").fill("ada")
    page.get_by_label("Password").fill("wrong")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_text("Invalid login or password.")).to_be_visible()
    page.get_by_label("Username").fill("ada")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_text("Only who is signed in sees this.")).to_be_visible()
    expect(page.get_by_text("Invalid login or password.")).to_have_count(0)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_the_page_in_the_hosts_layout(
    site: Site, profiles: Profiles, tmp_path: Path, scheme: Any, width: int
) -> None:
    """The site's own header, nothing wider than the screen, nothing refused by the page's policy."""
    page = profiles.open("a", viewport={"width": width, "height": 900}, color_scheme=scheme)
    sign_in(page, site)
    other = profiles.open("b")
    sign_in(other, site)
    page.get_by_role("link", name="Active Sessions").click()
    expect(page.get_by_role("heading", name="Active Sessions", level=1)).to_be_visible()
    expect(page.get_by_role("navigation", name="Account")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.screenshot(path=str(tmp_path / f"{scheme}-{width}.png"))
    assert profiles.troubles == []
