"""Real parts for every test: both colours of the flow on real SQLite files."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from signedin._async.sessions import AsyncSessions
from signedin._async.stores.sqlite import AsyncSqliteStore
from signedin._sync.sessions import Sessions
from signedin._sync.stores.sqlite import SqliteStore
from signedin.cookies import Cookie, CookieNames
from signedin.settings import Settings
from signedin.token import Token

from .support import ISSUED, AsAsync, Clock


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
async def store(colour: str, path: str) -> AsyncIterator[Any]:
    """Each store in each colour, behind the async face."""
    made = AsyncSqliteStore(path) if colour == "async" else AsAsync(SqliteStore(path))
    yield made
    await made.close()


@pytest.fixture
async def open_sessions(colour: str, path: str, clock: Clock) -> AsyncIterator[Callable[..., Any]]:
    """Opens the flow on the test's store, under settings of the test's choice."""
    opened: list[Any] = []

    def make(*, listeners: Any = (), account_active: Any = None, **settings: Any) -> Any:
        chosen = Settings.of(settings)
        if colour == "async":
            flow: Any = AsyncSessions(
                AsyncSqliteStore(path), chosen, clock, listeners=listeners, account_active=account_active
            )
        else:
            flow = AsAsync(
                Sessions(
                    SqliteStore(path), chosen, clock, listeners=listeners, account_active=account_active
                )
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
