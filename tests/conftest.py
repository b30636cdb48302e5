"""Real parts for every test: both colours of the flow on real SQLite files."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import hypothesis
import pytest

from signedin.config import open_async_sessions, open_async_store, open_store
from signedin.config import open_sessions as open_sync_sessions
from signedin.cookies import Cookie, CookieNames
from signedin.settings import Settings
from signedin.token import Token

from .engines import ENGINES, Engine, patient
from .servers import stop_all
from .support import ISSUED, AsAsync, Clock

hypothesis.settings.register_profile("long", max_examples=400)  # of the long proofs


def pytest_sessionfinish() -> None:
    """Servers are stopped while the tests' end is waited for; a worker's exit is cut short after seconds."""
    stop_all()


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def path(tmp_path: Path) -> str:
    return str(tmp_path / "sessions.db")


@pytest.fixture(params=["async", "sync"])
def colour(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def engine() -> Engine:
    """What keeps the sessions: a SQLite file, where a folder's own fixture doesn't say more."""
    return ENGINES["sqlite"]


@pytest.fixture
def url(engine: Engine, path: str) -> str:
    """A store of the test's own, empty."""
    return patient(engine.fresh(path))


@pytest.fixture
async def store(colour: str, url: str) -> AsyncIterator[Any]:
    """Each store in each colour, behind the async face."""
    settings = Settings(store=url)
    made = open_async_store(settings) if colour == "async" else AsAsync(open_store(settings))
    yield made
    await made.close()


@pytest.fixture
async def other_store(engine: Engine, tmp_path: Path) -> AsyncIterator[Any]:
    """Another empty store on the same engine."""
    made = open_async_store(Settings(store=patient(engine.fresh(str(tmp_path / "other.db")))))
    yield made
    await made.close()


@pytest.fixture
async def open_sessions(colour: str, url: str, clock: Clock) -> AsyncIterator[Callable[..., Any]]:
    """Opens the flow on the test's store, under settings of the test's choice."""
    opened: list[Any] = []

    def make(**values: Any) -> Any:
        values |= {"store": url, "clock": clock}
        flow: Any = (
            open_async_sessions(**values) if colour == "async" else AsAsync(open_sync_sessions(**values))
        )
        opened.append(flow)
        return flow

    yield make
    for flow in opened:
        await flow.close()


@pytest.fixture
async def sessions(open_sessions: Callable[..., Any]) -> Any:
    """The flow under the default settings."""
    return open_sessions()


@pytest.fixture(autouse=True)
def canary(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Over every test: no issued token in a log line of any level (TOK-4). Web clients look into
    every response as well.
    """
    make = CookieNames.set

    def noted(self: CookieNames, name: str, value: str, max_age: int | None = None) -> Cookie:
        if Token.parse(value) is not None:
            ISSUED.add(value.partition(".")[2])
        return make(self, name, value, max_age)

    monkeypatch.setattr(CookieNames, "set", noted)
    with caplog.at_level(logging.DEBUG):
        yield
    leaked = [secret for secret in ISSUED if secret in caplog.text]
    ISSUED.clear()
    assert leaked == []
