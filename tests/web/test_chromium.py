"""The whole way in a real Chromium: two profiles, and GitLab's journey by visible text."""

from __future__ import annotations

import re
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page, Playwright, expect, sync_playwright

ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PASSWORD = "correct horse"
REVOKED = "You were signed out because this session was revoked."


class Demo:
    """``signedin demo`` as a process, on files that outlive it."""

    def __init__(self, folder: Path, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self.store = f"sqlite:///{folder / 'sessions.db'}"
        command = [sys.executable, "-m", "signedin", "demo", "--port", str(port), "--store", self.store]
        self.process = subprocess.Popen(command, stderr=subprocess.PIPE)
        for _ in range(200):
            try:
                urllib.request.urlopen(self.url + "/sign_in", timeout=1).close()
                return
            except OSError:
                time.sleep(0.05)
        raise AssertionError("the demo does not answer")

    def stop(self) -> None:
        self.process.terminate()
        self.process.communicate(timeout=15)


@pytest.fixture
def demo(tmp_path: Path, unused_port: int) -> Iterator[Demo]:
    made = Demo(tmp_path, unused_port)
    yield made
    made.stop()


@pytest.fixture
def unused_port() -> int:
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


@pytest.fixture(scope="module")
def playwright() -> Iterator[Playwright]:
    with sync_playwright() as made:
        yield made


class Profiles:
    """Browser profiles on the disk: closed and opened again they are the same browser."""

    def __init__(self, playwright: Playwright, folder: Path, demo: Demo) -> None:
        self.playwright = playwright
        self.folder = folder
        self.demo = demo
        self.troubles: list[str] = []
        self.contexts: list[BrowserContext] = []

    def open(self, name: str, **options: Any) -> Page:
        context = self.playwright.chromium.launch_persistent_context(
            str(self.folder / name),
            executable_path="/usr/bin/chromium",
            args=ARGUMENTS,
            viewport=options.pop("viewport", {"width": 1280, "height": 900}),
            **options,
        )
        self.contexts.append(context)
        page = context.pages[0]
        page.set_default_timeout(15_000)
        page.on("console", lambda message: self.troubles.append(message.text))
        page.on("pageerror", lambda error: self.troubles.append(str(error)))
        page.on("request", lambda request: self._outside(request.url))
        return page

    def _outside(self, url: str) -> None:
        if not url.startswith((self.demo.url, "data:")):
            self.troubles.append(f"a request off the origin: {url}")

    def close(self) -> None:
        for context in self.contexts:
            context.close()


@pytest.fixture
def profiles(playwright: Playwright, tmp_path: Path, demo: Demo) -> Iterator[Profiles]:
    made = Profiles(playwright, tmp_path / "profiles", demo)
    yield made
    made.close()


def sign_in(page: Page, demo: Demo, user: str = "ada", *, remember: bool = True) -> None:
    page.goto(demo.url + "/sign_in")
    page.get_by_label("Username or email").fill(user)
    page.get_by_label("Password").fill(PASSWORD)
    if remember:
        page.get_by_label("Remember me").check()
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", name="Welcome")).to_be_visible()


def to_active_sessions(page: Page) -> None:
    """GitLab's journey: avatar, Edit profile, Active Sessions."""
    page.locator("summary", has_text="@").click()
    page.get_by_role("link", name="Edit profile").click()
    page.get_by_role("navigation", name="User settings").get_by_role(
        "link", name="Active Sessions"
    ).click()
    expect(page.get_by_role("heading", name="Active Sessions", level=1)).to_be_visible()


@pytest.mark.parametrize("javascript", [True, False], ids=["with-javascript", "without-javascript"])
def test_two_browsers(profiles: Profiles, demo: Demo, javascript: bool) -> None:
    """A and B sign in with Remember me; A revokes B; B's next click is the sign-in page with the
    reason; B closed and opened again is still out; A goes on.
    """
    a = profiles.open("a", java_script_enabled=javascript)
    b = profiles.open(
        "b",
        java_script_enabled=javascript,
        user_agent="Mozilla/5.0 (X11; Fedora; Linux x86_64; rv:144.0) Gecko/20100101 Firefox/144.0",
    )
    sign_in(a, demo)
    sign_in(b, demo)
    to_active_sessions(a)
    row = a.get_by_role("listitem").filter(has_text="127.0.0.1").filter(has_text="Remembered")
    expect(row).to_have_count(1)
    expect(a.get_by_text("This device", exact=True).last).to_be_visible()
    row.get_by_role("button", name="Revoke").click()
    expect(a.get_by_role("heading", name="Revoke this session?")).to_be_visible()
    assert b.goto(demo.url + "/-/user_settings/profile").status == 200  # type: ignore[union-attr]
    a.get_by_role("button", name="Revoke session").click()
    status = a.get_by_role("status")
    expect(status).to_contain_text("is signed out.")
    expect(status).to_contain_text("Remember me was turned off on all your devices.")

    b.get_by_role("link", name="Password").click()
    expect(b).to_have_url(re.compile(r"/sign_in\?next=/-/user_settings/password$"))
    expect(b.get_by_text(REVOKED)).to_be_visible()
    b.context.close()
    profiles.contexts.remove(b.context)
    b = profiles.open("b", java_script_enabled=javascript)
    b.goto(demo.url + "/-/user_settings/profile")
    expect(b).to_have_url(re.compile("/sign_in"))
    expect(b.get_by_text(REVOKED)).to_have_count(0)

    a.reload()
    expect(a.get_by_role("heading", name="Active Sessions", level=1)).to_be_visible()
    expect(a.get_by_role("status")).to_have_count(0)
    assert profiles.troubles == []


def test_remember_me_survives_a_restart(profiles: Profiles, demo: Demo) -> None:
    """Chromium keeps the __Host- cookies on http://127.0.0.1; the session cookie goes, the series stays."""
    a = profiles.open("a")
    sign_in(a, demo)
    cookies = {cookie["name"]: cookie for cookie in a.context.cookies(demo.url)}  # type: ignore[typeddict-item]
    assert set(cookies) == {"__Host-signedin", "__Host-signedin-remember"}
    for cookie in cookies.values():
        assert cookie["httpOnly"]
        assert cookie["secure"]
        assert cookie["sameSite"] == "Lax"
    assert cookies["__Host-signedin"]["expires"] == -1
    a.context.clear_cookies(name="__Host-signedin")
    a.goto(demo.url)
    expect(a.get_by_role("heading", name="Welcome")).to_be_visible()


def test_revoking_all_others(profiles: Profiles, demo: Demo) -> None:
    """All of ada's other devices go at once; Cancel changes nothing."""
    a = profiles.open("a")
    sign_in(a, demo)
    to_active_sessions(a)
    expect(
        a.get_by_role("list").get_by_role("listitem").filter(has=a.get_by_role("button", name="Revoke"))
    ).to_have_count(6)
    a.get_by_role("button", name="Revoke all other sessions").click()
    expect(a.get_by_role("heading", name="Revoke 6 other sessions?")).to_be_visible()
    a.get_by_role("link", name="Cancel").click()
    a.get_by_role("button", name="Revoke all other sessions").click()
    a.get_by_role("button", name="Revoke 6 sessions").click()
    expect(a.get_by_role("status")).to_contain_text("You're signed out everywhere else.")
    expect(a.get_by_text("You're only signed in here")).to_be_visible()
    a.get_by_role("button", name="Sign out").first.click()
    expect(a).to_have_url(re.compile("/sign_in"))
    assert a.context.cookies(demo.url) == []


def test_the_back_button_and_a_second_click(profiles: Profiles, demo: Demo) -> None:
    """A stale page tells the truth."""
    a = profiles.open("a")
    sign_in(a, demo)
    to_active_sessions(a)
    a.get_by_role("button", name=re.compile("Revoke Office desktop")).click()
    stale = a.url
    a.get_by_role("button", name="Revoke session").click()
    expect(a.get_by_role("status")).to_contain_text("Office desktop is signed out.")
    a.goto(stale)
    expect(a.get_by_role("status")).to_contain_text("That session had already ended.")


def test_cross_site_forms(profiles: Profiles, demo: Demo, tmp_path: Path) -> None:
    """Another site's form ends nothing and signs nobody in (CSRF-1)."""
    a = profiles.open("a")
    sign_in(a, demo, "bo")
    evil = tmp_path / "evil.html"
    for path in ("/-/user_settings/active_sessions/sign_out", "/sign_out", "/sign_in"):
        evil.write_text(f'<form method="post" action="{demo.url}{path}"><button>Win</button></form>')
        profiles.demo.url, kept = "", demo.url
        a.goto(evil.as_uri())
        with a.expect_response(kept + path) as answer:
            a.get_by_role("button").click()
        assert answer.value.status == 403
        profiles.demo.url = kept
    a.goto(demo.url)
    expect(a.get_by_role("heading", name="Welcome, Bo Nilsson")).to_be_visible()


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [320, 390, 820, 1080, 1280])
def test_no_sideways_scroll(profiles: Profiles, demo: Demo, width: int, theme: str) -> None:
    """At every width, in both themes, details open, the page fits, and its targets can be hit."""
    a = profiles.open("a", viewport={"width": width, "height": 800}, color_scheme=theme)
    sign_in(a, demo)
    for path in (
        "/",
        "/-/user_settings/profile",
        "/-/user_settings/password",
        "/-/user_settings/active_sessions",
    ):
        a.goto(demo.url + path)
        for summary in a.locator("main summary").all()[:2]:
            summary.click()
        assert a.evaluate("document.documentElement.scrollWidth") <= width
        smallest = 44 if width <= 820 else 24
        for button in a.locator("main button:visible, main .as-btn:visible, main summary:visible").all():
            box = button.bounding_box()
            assert box is not None
            assert box["height"] >= smallest - 0.5
    assert profiles.troubles == []
