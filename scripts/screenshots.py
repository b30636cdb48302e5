"""The pictures of README and docs: the demo's page in light and dark, wide and narrow."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

IMAGES = Path(__file__).parent.parent / "docs" / "images"
FIREFOX = "Mozilla/5.0 (X11; Ubuntu; Linux x86_64; rv:144.0) Gecko/20100101 Firefox/144.0"
PORT = 8765
URL = f"http://127.0.0.1:{PORT}"


def to_the_page(page: Page) -> None:
    """Sign in as Ada and go to Active Sessions."""
    page.goto(f"{URL}/sign_in?next=/-/user_settings/active_sessions")
    page.get_by_label("Username or email").fill("ada")
    page.get_by_label("Password").fill("correct horse")
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_load_state("networkidle")
    page.add_style_tag(content=".sv-ribbon { display: none !important }")


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
            for theme in ("light", "dark"):
                for name, width, height in (("wide", 1280, 800), ("narrow", 390, 844)):
                    context = browser.new_context(
                        viewport={"width": width, "height": height},
                        color_scheme=theme,
                        bypass_csp=True,
                        user_agent=FIREFOX,
                    )
                    page = context.new_page()
                    to_the_page(page)
                    picture = IMAGES / f"active-sessions-{name}-{theme}.png"
                    page.screenshot(path=picture, full_page=name == "wide")
                    print(picture.relative_to(IMAGES.parent.parent))
                    page.get_by_role("button", name="Sign out").first.click()
                    context.close()
            browser.close()
        finally:
            demo.terminate()
            demo.wait()


if __name__ == "__main__":
    main()
