"""The host in Flask for a test, and its browsers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask

from ..engines import patient
from ..support import FIREFOX, Clock
from .flask_host import make_app

VISITOR = "__Host-signedin-visitor"


class Writes:
    """Counts what changes the store."""

    def __init__(self, store: Any) -> None:
        self._store = store
        self.names: list[str] = []

    def __getattr__(self, name: str) -> Any:
        attribute = getattr(self._store, name)
        if not callable(attribute) or name.startswith("find"):
            return attribute

        def noted(*args: Any, **kwargs: Any) -> Any:
            self.names.append(name)
            return attribute(*args, **kwargs)

        return noted


def browser_of(app: Flask) -> Any:
    """Flask's own test client, with a browser's headers."""
    client = app.test_client()
    client.environ_base |= {
        "HTTP_USER_AGENT": FIREFOX,
        "HTTP_SEC_FETCH_SITE": "same-origin",
        "HTTP_ACCEPT": "text/html",
    }
    return client


@pytest.fixture
def app(url: str, clock: Clock) -> Iterator[Flask]:
    made = make_app(SIGNEDIN_STORE=patient(url), SIGNEDIN_SWEEP_EVERY=None, clock=clock)
    yield made
    made.extensions["signedin"].close()


@pytest.fixture
def flow(app: Flask) -> Any:
    return app.extensions["signedin"].sessions


@pytest.fixture
def browser(app: Flask) -> Any:
    return browser_of(app)


def tokens(browser: Any) -> dict[str, str]:
    return {cookie.key: cookie.value for cookie in browser._cookies.values()}


def enter(browser: Any, user: str = "1", **more: str) -> None:
    assert browser.post("/sign_in", data={"user": user, **more}).text == "in"
