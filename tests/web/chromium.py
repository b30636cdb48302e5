"""A demo as a process, and Chromium with profiles on the disk."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page, Playwright, expect, sync_playwright

from ..sites import Site

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


class Demo(Site):
    """``signedin demo`` as a process, on files that outlive it."""

    def __init__(self, folder: Path) -> None:
        self.store = f"sqlite:///{folder / 'sessions.db'}"
        command = [sys.executable, "-m", "signedin", "demo", "--port", "{port}", "--store", self.store]
        super().__init__(command, stderr=subprocess.PIPE)


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[Demo]:
    with Demo(tmp_path) as made:
        yield made


@pytest.fixture(scope="module")
def playwright() -> Iterator[Playwright]:
    with sync_playwright() as made:
        yield made


class Profiles:
    """Browser profiles on the disk: closed and opened again they are the same browser."""

    def __init__(self, playwright: Playwright, folder: Path, demo: Site) -> None:
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
