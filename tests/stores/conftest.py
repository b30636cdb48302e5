"""Servers of the tests' own, to be stopped, killed and filled up."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest

from signedin._async.stores.redis import AsyncRedisStore
from signedin._sync.stores.redis import RedisStore

from ..servers import REDIS, Server
from ..support import AsAsync


@pytest.fixture
def start() -> Iterator[Callable[..., Server]]:
    """Starts a server with these settings; it ends with the test."""
    started: list[Server] = []

    def make(binary: str = REDIS, **settings: Any) -> Server:
        started.append(Server(binary, **settings))
        return started[-1]

    yield make
    for server in started:
        server.stop()


@pytest.fixture
async def reach(colour: str) -> AsyncIterator[Callable[..., Any]]:
    """A store of either colour, by its URL."""
    made: list[Any] = []

    def make(where: Any, **options: Any) -> Any:
        store: Any = (
            AsyncRedisStore(where, **options)
            if colour == "async"
            else AsAsync(RedisStore(where, **options))
        )
        made.append(store)
        return store

    yield make
    for store in made:
        await store.close()
