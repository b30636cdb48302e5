"""Two processes of each framework's application on one store: revoked, frozen, killed."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import apsw
import httpx2
import pytest

from ..engines import ENGINES, Database, OneServer, patient
from ..servers import free_port
from ..sites import Site
from ..web.support import PAGE
from .bridge import until
from .live import USERS

ROOT = Path(__file__).parents[2]
PAIRS = [
    ("flask", "sqlite"),
    ("flask", "postgres"),
    ("wsgi", "redis"),
    ("fastapi", "redis"),
    ("django-beside-wsgi", "redis"),
    ("django-beside-asgi", "sqlite"),
    ("django-engine-wsgi", "sqlite"),
    ("django-engine-asgi", "postgres"),
]


class Process:
    """One process of a host's application."""

    def __init__(self, host: str, store: str, folder: Path) -> None:
        self._port = free_port()
        self._is_django = host.startswith("django")
        self.page = "/account/sessions/" if self._is_django else f"{PAGE}/"
        words = ["-m", "tests.frameworks.live", host, store, str(folder), "{port}"]
        self._command = [sys.executable, *words]
        self.start()

    def start(self) -> None:
        site = Site(self._command, self._port, cwd=ROOT, stderr=subprocess.DEVNULL)
        self.url, self.kill = site.url, site.kill

    def browser(self, cookies: Any = None) -> httpx2.Client:
        told = {"origin": self.url, "sec-fetch-site": "same-origin", "accept": "application/json"}
        return httpx2.Client(base_url=self.url, headers=told, cookies=cookies, timeout=20)

    def enter(self, browser: httpx2.Client, user: str) -> httpx2.Response:
        if self._is_django:
            return browser.post("/login/", data={"username": user, "password": "correct horse"})
        return browser.post("/sign_in", data={"user": user})

    def look(self, browser: httpx2.Client) -> httpx2.Response:
        return browser.get("/me/" if self._is_django else "/me")

    def who(self, browser: httpx2.Client) -> str | None:
        return self.look(browser).json()["user"] or None

    def revoke_others(self, browser: httpx2.Client) -> httpx2.Response:
        return browser.post(self.page + "revoke_others")


class Place:
    """A store, and two processes on it."""

    def __init__(self, host: str, engine: str, folder: Path) -> None:
        self._engine = ENGINES[engine]
        self._path = str(folder / "sessions.db")
        store = patient(self._engine.fresh(self._path), 2)
        self.here = Process(host, store, folder)
        self.there = Process(host, store, folder)
        self.reads_on = engine == "sqlite"

    @contextmanager
    def outage(self) -> Iterator[None]:
        """The server is frozen; a file is locked for writers, readers see what was."""
        if isinstance(self._engine, OneServer):
            self._engine.server.pause()
            try:
                yield
            finally:
                self._engine.server.go_on()
        elif isinstance(self._engine, Database):
            self._engine.server.signal(signal.SIGSTOP)
            try:
                yield
            finally:
                self._engine.server.signal(signal.SIGCONT)
        else:
            other = apsw.Connection(self._path)
            other.set_busy_timeout(20_000)
            other.execute("BEGIN IMMEDIATE")
            try:
                yield
            finally:
                other.execute("ROLLBACK")
                other.close()

    def stop(self) -> None:
        self.here.kill()
        self.there.kill()


@pytest.fixture(scope="module", params=PAIRS, ids="-".join)
def place(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    made = Place(*request.param, tmp_path_factory.mktemp("live"))
    yield made
    made.stop()


def test_revoked_in_one_out_in_the_other(place: Place) -> None:
    """At its next request, of whichever process; the one that revoked goes on in both (REV-2)."""
    here, there = place.here, place.there
    with here.browser() as mine, there.browser() as theirs:
        assert here.enter(mine, "ada").status_code == 200
        assert there.enter(theirs, "ada").status_code == 200
        assert (here.who(mine), there.who(theirs)) == ("ada", "ada")
        assert here.revoke_others(mine).status_code == 200
        assert there.who(theirs) is None
        with there.browser(mine.cookies) as moved:
            assert there.who(moved) == "ada"


def test_an_outage(place: Place) -> None:
    """503 with Retry-After, in time and without a cookie; afterwards all is as it was (V4)."""
    here = place.here
    with here.browser() as mine, here.browser() as other:
        here.enter(mine, "bob")
        assert here.who(mine) == "bob"
        before = dict(mine.cookies)
        with place.outage():
            refused = [here.enter(other, "cyd")]
            if place.reads_on:
                assert here.who(mine) == "bob"
                refused.append(here.revoke_others(mine))
            else:
                refused.append(here.look(mine))
            for answer in refused:
                assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
                assert set(answer.cookies) <= {"csrftoken"}
        assert dict(mine.cookies) == before
        until(lambda: here.look(mine).status_code == 200)
        assert here.who(mine) == "bob"
        assert here.enter(other, "cyd").status_code == 200


class Life:
    """Signs one user in and revokes, until nobody answers; remembers what was acknowledged."""

    def __init__(self, process: Process, user: str) -> None:
        self.user = user
        self.alive: list[Any] = []
        self.dead: list[Any] = []
        self._process = process
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        process, dice = self._process, random.Random(self.user)
        with suppress(httpx2.TransportError), process.browser() as mine:
            while process.enter(mine, self.user).status_code != 200:
                pass
            self.alive.append(mine.cookies)
            while True:
                with process.browser() as other:
                    if process.enter(other, self.user).status_code == 200:
                        self.alive.append(other.cookies)
                if dice.random() < 0.3:
                    unsure, self.alive = self.alive[1:], self.alive[:1]
                    if process.revoke_others(mine).status_code == 200:
                        self.dead += unsure

    def join(self) -> None:
        self._thread.join()


def test_kill_nine(place: Place) -> None:
    """In the middle of sign-ins and revokes: what was acknowledged lasts, in the other process and in
    the next one (DUR-1).
    """
    here, there = place.here, place.there
    lives = [Life(there, user) for user in USERS[3:]]
    until(lambda: all(life.dead for life in lives), 30)
    there.kill()
    for life in lives:
        life.join()
    there.start()
    for life in lives:
        for process in (here, there):
            for cookies, user in [(c, life.user) for c in life.alive] + [(c, None) for c in life.dead]:
                with process.browser(cookies) as browser:
                    assert process.who(browser) == user
