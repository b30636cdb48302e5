"""The examples for Starlette and FastAPI on a real server, started as their pages say."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2
import pytest

from ..sites import Site
from ..web.support import PAGE

ROOT = Path(__file__).parent.parent.parent
FRAMEWORKS = ("starlette", "fastapi")


def page(framework: str) -> str:
    return (ROOT / "docs" / f"{framework}.md").read_text()


@contextmanager
def started(framework: str, folder: Path) -> Iterator[str]:
    """The page's file in an empty folder, run by the page's command; its URL."""
    code = re.search(r"```python\n(\"\"\"A shop.*?)```", page(framework), re.DOTALL)
    assert code is not None
    (folder / "app.py").write_text(code[1])
    rest = page(framework).replace(code[0], "")
    install, run = re.findall(r"^    (.+)$", rest, re.MULTILINE)[:2]
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    assert install == f"pip install 'signedin[{framework}]' uvicorn"
    assert framework in extras
    command = [sys.executable, "-m", *shlex.split(run), "--port", "{port}", "--log-level", "warning"]
    site = Site(command, cwd=folder, stderr=subprocess.PIPE, text=True)
    try:
        yield site.url
    finally:
        assert site.stop() == ""


def as_browser(url: str) -> httpx2.Client:
    return httpx2.Client(base_url=url, headers={"sec-fetch-site": "same-origin", "accept": "text/html"})


def keep(client: httpx2.Client, answer: httpx2.Response) -> httpx2.Response:
    """Chromium sends Secure cookies to loopback; this client is told to."""
    for cookie in client.cookies.jar:
        cookie.secure = False
    return answer


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_from_an_empty_folder(framework: str, tmp_path: Path) -> None:
    """Two browsers: a cart comes along at the sign-in, one revokes the other, which is told why."""
    assert (ROOT / "examples" / framework / "app.py").read_text() in page(framework)
    with started(framework, tmp_path) as url, as_browser(url) as a, as_browser(url) as b:
        keep(a, a.post("/cart"))
        assert "Cart: 1" in a.get("/").text
        assert keep(a, a.post("/sign_in", data={"user": "ada", "password": "no"})).status_code == 422
        for browser in (a, b):
            right = {"user": "ada", "password": "correct horse", "remember_me": "1"}
            assert keep(browser, browser.post("/sign_in", data=right)).headers["location"] == "/"
        shown = a.get("/").text
        assert "Hello ada." in shown
        assert "Cart: 1" in shown
        assert "Cart: 0" in b.get("/").text
        assert b.get("/api/orders").json() == ["An order of ada"]
        assert "Active Sessions · Shop" in a.get(PAGE).text
        assert keep(a, a.post(f"{PAGE}/revoke_others")).status_code == 303
        assert b.get("/api/orders", headers={"accept": "application/json"}).status_code == 401
        assert "this session was revoked" in b.get("/sign_in").text
        back = {"user": "ada", "password": "correct horse"}
        there = keep(b, b.post("/sign_in?next=/api/orders", data=back))
        assert there.headers["location"] == "/api/orders"
        assert keep(b, b.post("/sign_in?next=//evil.example", data=back)).headers["location"] == "/"
        assert keep(a, a.post("/sign_out")).headers["location"] == "/"
        assert "Cart: 0" in a.get("/").text
