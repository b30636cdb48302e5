"""The pictures of README and docs: the demo's pages in light and dark, and the terminal."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
import urllib.request
from dataclasses import replace
from pathlib import Path
from typing import Literal

from playwright.sync_api import Browser, Page, sync_playwright

from signedin.audit import AuditEntry, new_run
from signedin.config import open_sessions

from .terminal_pictures import terminal

IMAGES = Path(__file__).parent.parent / "docs" / "images"
FIREFOX = "Mozilla/5.0 (X11; Ubuntu; Linux x86_64; rv:144.0) Gecko/20100101 Firefox/144.0"
PORT = 8765
URL = f"http://127.0.0.1:{PORT}"
USER_PAGE = "/-/user_settings/active_sessions"
ADMIN_PAGE = "/admin/active_sessions"


Theme = Literal["light", "dark"]
THEMES: tuple[Theme, ...] = ("light", "dark")


def opened(browser: Browser, user: str, theme: Theme, width: int, height: int) -> Page:
    """A page of somebody who has just signed in."""
    context = browser.new_context(
        viewport={"width": width, "height": height},
        color_scheme=theme,
        bypass_csp=True,
        user_agent=FIREFOX,
    )
    page = context.new_page()
    page.goto(f"{URL}/sign_in")
    page.get_by_label("Username or email").fill(user)
    page.get_by_label("Password").fill("correct horse")
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_load_state("networkidle")
    return page


def take(page: Page, path: str, name: str, *, full: bool = True) -> None:
    """A picture of the page at this path."""
    page.goto(URL + path)
    page.wait_for_load_state("networkidle")
    page.add_style_tag(content=".sv-ribbon { display: none !important }")
    picture = IMAGES / f"{name}.png"
    page.screenshot(path=picture, full_page=full)
    print(picture.relative_to(IMAGES.parent.parent))


def leave(page: Page) -> None:
    """Sign out, so that the next picture doesn't show this one's session."""
    page.request.post(f"{URL}/sign_out", headers={"origin": URL})
    page.context.close()


def run_under_way(store: str) -> str:
    """A run that another process is at: its path."""
    sessions = open_sessions(store=store)
    reason = "Laptops stolen from the Basel office"
    now = sessions.clock()
    entry = AuditEntry(new_run(), now, "started", "web:3", "revoke", "ip:203.0.113.0/24", reason)
    entry = replace(entry, origin="127.0.0.1")
    sessions.store.audit(entry)
    sessions.store.audit(replace(entry, outcome="running", sessions=412, already=3, users=98))
    sessions.close()
    return f"{ADMIN_PAGE}/runs/{entry.run}?of=731"


def main() -> None:
    """Start the demo, and take them all."""
    IMAGES.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        store = f"sqlite:///{folder}/sessions.db"
        command = [sys.executable, "-m", "signedin", "demo", "--port", str(PORT), "--store", store]
        demo = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        try:
            for _ in range(100):
                try:
                    urllib.request.urlopen(f"{URL}/sign_in").close()
                    break
                except OSError:
                    time.sleep(0.1)
            browser = playwright.chromium.launch(
                executable_path="/usr/bin/chromium", args=["--no-sandbox", "--disable-gpu"]
            )
            for theme in THEMES:
                for name, width, height in (("wide", 1280, 800), ("narrow", 390, 844)):
                    page = opened(browser, "ada", theme, width, height)
                    take(page, USER_PAGE, f"active-sessions-{name}-{theme}", full=name == "wide")
                    leave(page)
            bo = opened(browser, "bo", "light", 1280, 800)
            for theme in THEMES:
                page = opened(browser, "root", theme, 1280, 1060)
                take(page, ADMIN_PAGE, f"admin-list-{theme}", full=False)
                page.set_viewport_size({"width": 1280, "height": 800})
                take(page, f"{ADMIN_PAGE}/revoke?q=seen:%3C1h", f"admin-confirm-{theme}")
                take(page, run_under_way(store), f"admin-progress-{theme}", full=False)
                leave(page)
            leave(bo)
            terminal(browser, IMAGES)
            browser.close()
        finally:
            demo.terminate()
            demo.wait()


if __name__ == "__main__":
    main()
