"""The host's application on the test's store."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from signedin.config import open_async_sessions
from signedin.settings import Settings

from ..support import Clock
from .chromium import demo, playwright, profiles
from .support import Client, make_app

__all__ = ["demo", "playwright", "profiles"]


@pytest.fixture
async def flow(url: str, clock: Clock) -> AsyncIterator[Any]:
    """The async flow, to look at what a request did."""
    made = open_async_sessions(Settings(store=url, sweep_every=None), clock=clock)
    yield made
    await made.close()


@pytest.fixture
async def app(flow: Any) -> Any:
    return make_app(sessions=flow)


@pytest.fixture
async def browser(app: Any) -> AsyncIterator[Client]:
    async with Client(app) as made:
        yield made


@pytest.fixture
async def other(app: Any) -> AsyncIterator[Client]:
    async with Client(app, address="198.51.100.7") as made:
        yield made
