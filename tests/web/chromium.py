"""A demo as a process, and Chromium with profiles on the disk."""

from __future__ import annotations

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
