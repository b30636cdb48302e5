"""FastAPI on a real server, and a person with Chromium in front of it."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import uvicorn
from fastapi.responses import HTMLResponse
from playwright.sync_api import Playwright, expect

from signedin.fastapi import SignedinMiddleware, sessions_router

from ..web.chromium import ARGUMENTS
from .fastapi_host import shop
from .test_fastapi_router import HERE, layout


@contextmanager
def served(app: Any) -> Iterator[str]:
    """The application on a real socket; its URL."""
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="warning"))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    thread.join()


def test_the_page_in_the_hosts_layout(tmp_path: Path, playwright: Playwright) -> None:
    """Another device is revoked on the router's page, without an error in the console."""
    app: Any = shop()
    app.include_router(sessions_router(HERE, layout=layout))

    @app.get("/form")
    async def form() -> HTMLResponse:
        return HTMLResponse(
            "<form method=post action=/sign_in><input name=user aria-label=User><button>In</button></form>"
        )

    store = f"sqlite:///{tmp_path / 'sessions.db'}"
    with served(SignedinMiddleware(app, store=store, page=None)) as url:
        journey(playwright, url)


def journey(playwright: Playwright, url: str) -> None:
    chromium = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=ARGUMENTS)
    troubles: list[str] = []
    pages = [chromium.new_context().new_page() for _ in range(2)]
    for page in pages:
        page.goto(f"{url}/form")
        page.get_by_label("User").fill("ada")
        page.get_by_role("button").click()
    ours, theirs = pages
    ours.on("console", lambda said: troubles.append(said.text) if said.type == "error" else None)
    ours.goto(url + HERE)
    expect(ours.get_by_role("navigation").filter(has_text="Shop")).to_be_visible()
    row = ours.get_by_role("listitem").filter(has_text="127.0.0.1").filter(has_not_text="This device")
    row.get_by_role("button", name="Revoke").click()
    ours.get_by_role("button", name="Revoke session").click()
    expect(ours.locator("[data-as-told]")).to_contain_text("is signed out.")
    assert troubles == []
    theirs.goto(f"{url}/members")
    assert "/sign_in?next=/members" in theirs.url
    chromium.close()
