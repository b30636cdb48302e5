"""Two processes of one application on one store: what one revokes is out in the other."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from ..engines import ENGINES
from ..servers import free_port

ROOT = Path(__file__).parent.parent.parent
PAGE = "/-/user_settings/active_sessions"


@pytest.fixture(params=ENGINES)
def services(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[str, str]]:
    """The addresses of two."""
    store = ENGINES[request.param].fresh(str(tmp_path / "sessions.db"))
    started, places = [], []
    for _ in range(2):
        port = free_port()
        places.append(f"http://127.0.0.1:{port}")
        command = [
            "-m",
            "uvicorn",
            "--log-level",
            "error",
            "--port",
            str(port),
            "tests.stores.small_app:app",
        ]
        started.append(
            subprocess.Popen([sys.executable, *command], cwd=ROOT, env=os.environ | {"STORE": store})
        )
    for place in places:
        answers(place, "nobody")
    yield places[0], places[1]
    for process in started:
        process.terminate()
        process.wait(20)


def test_revoked_in_one_out_in_the_other(services: tuple[str, str]) -> None:
    """The other's browser is out on its next click, and its open stream ends."""
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
            assert theirs.get("/").text == "nobody"
            assert [line for line in lines if line not in ("", "data: tick")] == []
        assert mine.get("/").text == "ada"


@pytest.mark.parametrize("engine", ENGINES)
def test_the_demo(engine: str, tmp_path: Path) -> None:
    """The demo runs on each engine, and the command line sees its sessions."""
    store, port = ENGINES[engine].fresh(str(tmp_path / "sessions.db")), str(free_port())
    command = [sys.executable, "-m", "signedin"]
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path)}
    demo = subprocess.Popen(
        [*command, "demo", "--port", port, "--store", store],
        cwd=tmp_path, env=environment, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        answers(f"http://127.0.0.1:{port}/sign_in", "Sign in")
        for words, shown in ((["list", "--user", "ada"], "Safari on iPhone"), (["users"], "Ada Okafor")):
            done = subprocess.run(
                [*command, *words, "--store", store],
                cwd=tmp_path, env=environment, capture_output=True, text=True, check=False,
            )  # fmt: skip
            assert done.returncode == 0, done.stderr
            assert shown in done.stdout
    finally:
        demo.terminate()
        demo.wait(20)


def answers(place: str, text: str) -> None:
    """Wait until it is there, and says this."""
    end = time.monotonic() + 30
    while True:
        try:
            assert text in httpx2.get(place).text
            return
        except httpx2.TransportError:
            assert time.monotonic() < end
            time.sleep(0.05)
