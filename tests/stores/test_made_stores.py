"""A store that code has made, of a client or a pool of the application's, by the public ways."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redis
import redis.asyncio
from flask import Flask
from psycopg_pool import ConnectionPool

import signedin.stores
from signedin import Policy, Settings, SignedIn, open_async_sessions, open_sessions
from signedin.asgi import SignedinMiddleware
from signedin.errors import SettingsError
from signedin.flask import Signedin
from signedin.postgres.address import Address
from signedin.stores import AsyncRedisStore, PostgresStore, RedisStore, SqliteStore
from signedin.testing import sign_in_client
from signedin.wsgi import SignedinMiddleware as WsgiMiddleware

from ..engines import ENGINES
from ..support import LAPTOP


@pytest.fixture
def port() -> int:
    """Of a Redis server."""
    return int(ENGINES["redis"].fresh("").partition("?")[0].rpartition(":")[2])


@pytest.fixture
def pool() -> Iterator[tuple[ConnectionPool, str]]:
    """A pool of the application's, and a schema that nobody has."""
    address = Address.of(ENGINES["postgres"].fresh(""))
    with ConnectionPool(address.conninfo, min_size=0, max_size=5) as made:
        yield made, address.schema


def lives(sessions: Any, user: str = "1") -> bool:
    """A sign-in is found again, and ended."""
    outcome = sessions.sign_in(user, LAPTOP, started_at=sessions.clock())
    assert isinstance(outcome, SignedIn)
    there = sessions.validate(outcome.cookies[0].value) is not None
    sessions.sign_out_everywhere(user)
    return there and sessions.validate(outcome.cookies[0].value) is None


def test_a_client(port: int) -> None:
    """``open_sessions(store=RedisStore(client))`` uses the application's client."""
    with redis.Redis(port=port) as client:
        sessions = open_sessions(store=RedisStore(client, prefix="made", answer_within=5))
        assert lives(sessions)
        assert client.keys("made*")
        sessions.close()


async def test_a_client_that_is_awaited(port: int) -> None:
    """``open_async_sessions(store=AsyncRedisStore(client))`` likewise."""
    async with redis.asyncio.Redis(port=port) as client:
        store = AsyncRedisStore(client, prefix="awaited", answer_within=5)
        sessions = open_async_sessions(store=store, policy="aal1")
        assert isinstance(await sessions.sign_in("1", LAPTOP, started_at=sessions.clock()), SignedIn)
        assert await client.keys("awaited*")
        assert sessions.settings.policy == Policy.aal1()
        await sessions.close()


def test_a_pool(pool: tuple[ConnectionPool, str]) -> None:
    """``open_sessions(store=PostgresStore(pool))`` uses the application's pool."""
    sessions = open_sessions(store=PostgresStore(pool[0], schema=pool[1], answer_within=5))
    assert lives(sessions)
    sessions.close()
    assert not pool[0].closed


def test_in_the_adapters(port: int, pool: tuple[ConnectionPool, str]) -> None:
    """The middlewares and Flask's extension take one in the URL's place."""
    store = AsyncRedisStore(redis.asyncio.Redis(port=port))

    async def nothing(scope: Any, receive: Any, send: Any) -> None: ...

    assert SignedinMiddleware(nothing, store=store).sessions.store is store
    made = PostgresStore(pool[0], schema=pool[1], answer_within=5)
    assert lives(WsgiMiddleware(lambda environ, start: [], store=made).sessions)
    app = Flask("host")
    extension = Signedin(app, store=made)
    with app.app_context():
        assert lives(extension.sessions, "2")


def test_of_the_other_colour(path: str) -> None:
    """A store of the other colour is refused, with the name of what takes it."""
    with pytest.raises(SettingsError, match=r"^SqliteStore is for open_sessions\(\.\.\.\)"):
        open_async_sessions(store=SqliteStore(path))  # type: ignore[arg-type]
    with pytest.raises(SettingsError, match=r"^AsyncRedisStore is for open_async_sessions\(\.\.\.\)"):
        open_sessions(store=AsyncRedisStore("redis://127.0.0.1"))  # type: ignore[arg-type]


@pytest.mark.parametrize("store", [Path("sessions.db"), b"redis://:secret@127.0.0.1"])
def test_what_is_no_store(store: Any) -> None:
    """It is named by its kind, for a URL may hold a password."""
    with pytest.raises(SettingsError, match="store is") as caught:
        open_sessions(store=store)
    with pytest.raises(SettingsError, match="store is") as also:
        Settings.of({"store": store})
    assert "secret" not in f"{caught.value} {also.value}"


def test_it_has_no_url(port: int) -> None:
    """What needs to open the store again says that it can't, and makes no other one."""
    sessions = open_async_sessions(store=AsyncRedisStore(redis.asyncio.Redis(port=port)))
    with pytest.raises(SettingsError, match="made in code"):
        sign_in_client({}, "1", sessions)


def test_its_name() -> None:
    """A name that is no store's is none of the module's."""
    with pytest.raises(AttributeError, match="MongoStore"):
        signedin.stores.MongoStore  # noqa: B018
