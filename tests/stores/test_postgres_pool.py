"""A pool that the application has already: used as it is, and given back as it was."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
import time
import warnings
from collections.abc import AsyncIterator, Callable
from typing import Any

import psycopg
import pytest
from psycopg.rows import dict_row
from psycopg_pool import AsyncConnectionPool, AsyncNullConnectionPool, ConnectionPool, NullConnectionPool

from signedin import Settings, SignedIn, StoreUnavailable
from signedin._async.sessions import AsyncSessions
from signedin._async.stores.postgres import AsyncPostgresStore
from signedin._sync.sessions import Sessions
from signedin._sync.stores.postgres import PostgresStore
from signedin.errors import AnswerUnknown, SettingsError
from signedin.postgres.address import Address

from ..engines import ENGINES
from ..postgres import Postgres
from ..support import LAPTOP, START, AsAsync, Clock

PLAIN: dict[str, Any] = {}
OTHERWISE: dict[str, Any] = {"row_factory": dict_row, "prepare_threshold": 0}
"""Nothing is as the store would have it: autocommit is off, too."""
AT_ONCE: dict[str, Any] = {"autocommit": True, "prepare_threshold": None}


@pytest.fixture
def url() -> str:
    return ENGINES["postgres"].fresh("")


@pytest.fixture
async def opened(colour: str) -> AsyncIterator[Callable[..., Any]]:
    """A pool of either colour, and the flow on it behind the async face."""
    made: list[tuple[Any, Any]] = []

    async def make(url: str, kind: str = "", **options: Any) -> tuple[Any, Any]:
        address = Address.of(url)
        pool: Any
        flow: Any
        if colour == "async":
            pool = {"": AsyncConnectionPool, "null": AsyncNullConnectionPool}[kind](
                address.conninfo, open=False, max_size=5, min_size=0, **options
            )
            await pool.open()
            flow = AsyncSessions(AsyncPostgresStore(pool, schema=address.schema), Settings(), Clock())
        else:
            pool = {"": ConnectionPool, "null": NullConnectionPool}[kind](
                address.conninfo, open=True, max_size=5, min_size=0, **options
            )
            store = PostgresStore(pool, schema=address.schema)
            flow = AsAsync(Sessions(store, Settings(), Clock()))
        made.append((pool, flow))
        return pool, flow

    yield make
    for pool, flow in made:
        await flow.close()
        assert not pool.closed, "the pool is its owner's"
        await _now(pool.close())


async def _now(answer: Any) -> Any:
    return await answer if asyncio.iscoroutine(answer) else answer


async def sign_in(flow: Any, user: str = "1") -> SignedIn:
    outcome = await flow.sign_in(user, LAPTOP, started_at=START, remember=True)
    assert isinstance(outcome, SignedIn)
    return outcome


async def _set(connection: Any) -> None:
    """What an owner sets at each new connection."""
    await connection.set_isolation_level(psycopg.IsolationLevel.SERIALIZABLE)
    await connection.set_read_only(True)


def _set_sync(connection: Any) -> None:
    connection.set_isolation_level(psycopg.IsolationLevel.SERIALIZABLE)
    connection.set_read_only(True)


@pytest.mark.parametrize("kind", ["", "null"])
@pytest.mark.parametrize("owners", [PLAIN, OTHERWISE, AT_ONCE], ids=["plain", "otherwise", "at once"])
async def test_a_whole_life(
    opened: Callable[..., Any], url: str, owners: dict[str, Any], kind: str
) -> None:
    """Whatever the owner has set, everything is done, and nothing of it is left changed."""
    seen: list[Any] = []

    async def note(connection: Any) -> None:
        await _set(connection)
        seen.append(connection)

    def note_sync(connection: Any) -> None:
        _set_sync(connection)
        seen.append(connection)

    given: Any = {"kwargs": owners}
    pool, flow = await opened(url, kind, **given)
    pool._configure = note if isinstance(pool, AsyncConnectionPool) else note_sync
    kept, gone = await sign_in(flow), await sign_in(flow)
    assert (await flow.revoke("1", gone.session.id, current=kept.session.id)).ended
    assert await flow.validate(gone.cookies[0].value) is None
    assert await flow.validate(kept.cookies[0].value) is not None
    assert [session.id for session in await flow.list("1")] == [kept.session.id]
    assert (await flow.revoke_everyone(operator="cli:root")).sessions == 1
    assert len(await flow.history("1")) == 2
    assert seen
    for connection in seen:
        assert connection.autocommit is owners.get("autocommit", False)
        assert connection.row_factory is owners.get("row_factory", psycopg.rows.tuple_row)
        assert connection.prepare_threshold == owners.get("prepare_threshold", 5)
        assert connection.isolation_level == psycopg.IsolationLevel.SERIALIZABLE
        assert connection.read_only is True
        assert "wait" not in vars(connection)
    if not kind:
        settings = "SELECT current_setting('statement_timeout') AS a, current_setting('synchronous_commit') AS b"
        connection = await _now(pool.getconn())
        row = await _now((await _now(connection.execute(settings))).fetchone())
        assert list(row.values() if isinstance(row, dict) else row) == ["0", "on"]
        await _now(connection.rollback())
        await _now(pool.putconn(connection))


async def test_bounded_waits(opened: Callable[..., Any]) -> None:
    """A server that doesn't answer is an outage in bounded time, the pool's owner's waits being endless; the
    pool is whole afterwards.
    """
    server = Postgres()
    pool, flow = await opened(server.url)
    signed = await sign_in(flow)
    server.signal(signal.SIGSTOP)
    began = time.monotonic()
    try:
        with pytest.raises(StoreUnavailable) as caught:
            await flow.validate(signed.cookies[0].value)
        assert not isinstance(caught.value, AnswerUnknown)
        with pytest.raises(StoreUnavailable) as caught:
            await sign_in(flow)
        assert not isinstance(caught.value, AnswerUnknown)
        assert time.monotonic() - began < 6
    finally:
        server.signal(signal.SIGCONT)
    for _ in range(100):
        try:
            assert await flow.validate(signed.cookies[0].value) is not None
            break
        except StoreUnavailable:
            await asyncio.sleep(0.1)
    assert len(await flow.list("1")) == 1
    connection = await _now(pool.getconn())
    assert "wait" not in vars(connection)
    await _now(pool.putconn(connection))
    server.stop()


async def test_a_pool_that_is_used_up(opened: Callable[..., Any], url: str) -> None:
    """Who gets no connection in a second is told so; nothing was changed."""
    pool, flow = await opened(url)
    await flow.list("1")
    taken = [await _now(pool.getconn()) for _ in range(5)]
    began = time.monotonic()
    with pytest.raises(StoreUnavailable, match="couldn't get a connection"):
        await flow.list("1")
    assert time.monotonic() - began < 5
    for connection in taken:
        await _now(pool.putconn(connection))
    assert await flow.list("1") == []


async def test_a_pool_that_is_not_open(colour: str, url: str) -> None:
    """Opening it is its owner's business; the message says so."""
    conninfo = Address.of(url).conninfo
    store: Any = (
        AsyncPostgresStore(AsyncConnectionPool(conninfo, open=False))
        if colour == "async"
        else AsAsync(PostgresStore(ConnectionPool(conninfo, open=False)))
    )
    with pytest.raises(StoreUnavailable, match="not open yet"):
        await store.everybody_barrier()


async def test_a_pool_that_leads_to_a_replica(opened: Callable[..., Any]) -> None:
    """Is refused from the first use on, and also where only later connections lead there."""
    server = Postgres()
    replica = server.replica()
    anywhere = f"{replica.url}?target_session_attrs=any"
    _, astray = await opened(anywhere)
    with pytest.raises(StoreUnavailable, match="replica"):
        await astray.list("1")
    pool, flow = await opened(server.url)
    signed = await sign_in(flow)
    pool.conninfo = Address.of(anywhere).conninfo
    await _now(pool.drain())
    with pytest.raises(StoreUnavailable, match="replica"):
        await flow.validate(signed.cookies[0].value)
    replica.stop()
    server.stop()


def test_the_wrong_colour(url: str) -> None:
    """A pool of the other colour, or anything else, is refused with what to use."""
    conninfo = Address.of(url).conninfo
    waiting = AsyncConnectionPool[Any](conninfo, open=False)
    plain = ConnectionPool[Any](conninfo, open=False)
    made: Any
    for made, wrong, told in (
        (PostgresStore, waiting, "psycopg_pool.ConnectionPool, not AsyncConnectionPool"),
        (AsyncPostgresStore, plain, "psycopg_pool.AsyncConnectionPool, not ConnectionPool"),
        (PostgresStore, object(), "not object"),
        (AsyncPostgresStore, None, "not NoneType"),
    ):
        with pytest.raises(SettingsError, match=told):
            made(wrong)
    with pytest.raises(SettingsError, match="schema"):
        PostgresStore(plain, schema="x;drop")


def test_after_a_fork(url: str) -> None:
    """A pool that was used before a fork is never used in the child, where its connections are the parent's."""
    address = Address.of(url)
    with ConnectionPool(address.conninfo, min_size=1, max_size=2) as pool:
        store = PostgresStore(pool, schema=address.schema)
        assert store.everybody_barrier() == 0
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            child = os.fork()
        if child == 0:
            refused = 0
            for _ in range(2):
                try:
                    store.everybody_barrier()
                except StoreUnavailable as error:
                    refused += "fork" in str(error)
            os._exit(0 if refused == 2 else 1)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        assert store.everybody_barrier() == 0


def test_beside_its_owner(url: str) -> None:
    """Sessions and the owner's own transactions share a pool, from many threads, and don't meet."""
    address = Address.of(url)
    wrong: list[str] = []
    with ConnectionPool(address.conninfo, min_size=1, max_size=4, kwargs=OTHERWISE) as pool:
        flow = Sessions(
            PostgresStore(pool, schema=address.schema, answer_within=20), Settings(), Clock()
        )
        pool.wait()

        def owner() -> None:
            for _ in range(50):
                with pool.connection() as connection:
                    row: Any = connection.execute("SELECT 1 AS one").fetchone()
                    if row != {"one": 1} or connection.autocommit:
                        wrong.append(repr(row))

        def signer(user: str) -> None:
            for _ in range(20):
                outcome = flow.sign_in(user, LAPTOP, started_at=START)
                if not isinstance(outcome, SignedIn) or not flow.validate(outcome.cookies[0].value):
                    wrong.append(user)

        threads = [threading.Thread(target=owner) for _ in range(3)]
        threads += [threading.Thread(target=signer, args=(str(n),)) for n in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert wrong == []
