"""Two processes of one application on one store: what one revokes is out in the other."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from ..engines import ENGINES, patient
from ..sites import Site

ROOT = Path(__file__).parent.parent.parent
PAGE = "/-/user_settings/active_sessions"


@pytest.fixture(params=ENGINES)
def services(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[str, str]]:
    """The addresses of two."""
    store = patient(ENGINES[request.param].fresh(str(tmp_path / "sessions.db")))
    words = "-m uvicorn --log-level error --port {port} tests.stores.small_app:app"
    told: Any = {"cwd": ROOT, "env": os.environ | {"STORE": store}}
    command = [sys.executable, *words.split()]
    with Site(command, **told) as here, Site(command, **told) as there:
        yield here.url, there.url


def test_revoked_in_one_out_in_the_other(services: tuple[str, str]) -> None:
    """The other's browser is out on its next click, and its open stream ends within three seconds."""
    here, there = services
    with httpx2.Client(base_url=here) as mine, httpx2.Client(base_url=there, timeout=20) as theirs:
        for browser, place in ((mine, here), (theirs, there)):
            assert browser.post("/enter", headers={"origin": place}).text == "welcome"
            assert browser.get("/").text == "ada"
        told = mine.get(PAGE, headers={"accept": "application/json"}).json()["sessions"]
        other = next(session["id"] for session in told if not session["current"])
        with theirs.stream("GET", "/events") as stream:
            lines = stream.iter_lines()
            assert next(lines) == "data: tick"
            answer = mine.delete(
                f"{PAGE}/{other}", headers={"origin": here, "accept": "application/json"}
            )
            assert answer.status_code in (200, 204), answer.text
            began = time.monotonic()
            assert theirs.get("/").text == "nobody"
            assert [line for line in lines if line not in ("", "data: tick")] == []
            assert time.monotonic() - began < 10
        assert mine.get("/").text == "ada"


@pytest.mark.parametrize("engine", ENGINES)
def test_the_demo(engine: str, tmp_path: Path) -> None:
    """The demo runs on each engine, and the command line sees its sessions."""
    store = patient(ENGINES[engine].fresh(str(tmp_path / "sessions.db")))
    command = [sys.executable, "-m", "signedin"]
    told: Any = {"cwd": tmp_path, "env": {"PATH": os.environ["PATH"], "HOME": str(tmp_path)}}
    serve = [*command, "demo", "--port", "{port}", "--store", store]
    with Site(serve, **told, stderr=subprocess.DEVNULL) as demo:
        assert "Sign in" in httpx2.get(f"{demo.url}/sign_in").text
        for words, shown in ((["list", "--user", "ada"], "Safari on iPhone"), (["users"], "Ada Okafor")):
            done = subprocess.run(
                [*command, *words, "--store", store],
                **told, capture_output=True, text=True, check=False
            )  # fmt: skip
            assert done.returncode == 0, done.stderr
            assert shown in done.stdout
