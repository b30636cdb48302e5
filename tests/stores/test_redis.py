"""What Redis and Valkey may do to the store: forget scripts, stop, die, fill up, refuse, hold strange things."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable
from typing import Any

import anyio.lowlevel
import pytest
import redis
import redis.asyncio

from signedin._async.stores.redis import AsyncRedisStore
from signedin._sync.stores.redis import RedisStore
from signedin.errors import AnswerUnknown, SettingsError, StoreUnavailable
from signedin.reasons import REASONS
from signedin.session import new_session_id
from signedin.steps import AllBut, Ending, Query, Touch

from ..engines import ENGINES, OneServer, ThreeServers, patient
from ..proofs import crowd
from ..servers import REDIS, VALKEY, Server
from ..support import LAPTOP, START, make_record, signed_in, step

REVOKED = REASONS["revoked"]
BOTH = pytest.mark.parametrize("binary", [REDIS, VALKEY], ids=["redis", "valkey"])


def revoke(record: Any, now: int = START) -> Ending:
    return Ending(record.user_id, AllBut(None), REVOKED, None, now)


async def test_a_batch_of_which_a_part_is_done(reach: Callable[..., Any]) -> None:
    """Who may not touch one user's keys is not told that nothing of the batch was changed (E6)."""
    engine = ENGINES["redis"]
    assert isinstance(engine, OneServer)
    url = patient(engine.fresh(""))
    store = reach(url)
    mine, theirs = [await signed_in(store, user) for user in ("1", "2")]
    with engine.server.client() as client:
        client.execute_command("ACL", "SETUSER", "half", "on", ">half", "+@all", f"~*{mine.id[24:]}*")
    half = reach(url.replace("redis://", "redis://half:half@"))
    with pytest.raises(StoreUnavailable) as caught:
        await half.end_many([revoke(theirs)])
    assert not isinstance(caught.value, AnswerUnknown)
    with pytest.raises(AnswerUnknown):
        await half.end_many([revoke(mine), revoke(theirs)])
    assert await store.find(mine.id) is None
    assert await store.find(theirs.id) is not None


# ── scripts ──────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("name", ["redis", "valkey", "cluster"])
async def test_forgotten_scripts(name: str, reach: Callable[..., Any]) -> None:
    """A server that forgets its scripts is told them again, one by one or many at once."""
    engine = ENGINES[name]
    assert isinstance(engine, (OneServer, ThreeServers))
    servers = [engine.server] if isinstance(engine, OneServer) else engine.cluster.servers
    store = reach(patient(engine.fresh("")))
    records = [await signed_in(store, str(n)) for n in range(6)]
    for verb in (
        lambda: store.touch([Touch(record.id, LAPTOP) for record in records], START + 1),
        lambda: store.find_many([record.id for record in records]),
        lambda: store.find_series(new_session_id("1")),
        lambda: store.sweep(START, 10),
        lambda: store.end_many([revoke(record) for record in records]),
    ):
        for server in servers:
            with server.client() as client:
                client.script_flush()
        await verb()
    assert (await store.search(Query(10))).records == []


# ── stopping and dying ───────────────────────────────────────────────────────────────────────


async def test_a_server_that_is_not_there(
    start: Callable[..., Server], reach: Callable[..., Any]
) -> None:
    """Nothing is opened by the constructor; the first use says that it can't be; later uses find it."""
    server = start()
    store = reach(server.url)
    server.kill()
    record, _ = make_record()
    for attempt in (store.find(record.id), store.add(step(record)), store.search(Query(1))):
        with pytest.raises(StoreUnavailable) as caught:
            await attempt
        assert not isinstance(caught.value, AnswerUnknown)
    server.start()
    await store.add(step(record))
    assert await store.find(record.id) == record


@BOTH
async def test_killed_and_started_again(
    binary: str, start: Callable[..., Server], reach: Callable[..., Any]
) -> None:
    """With an append-only file nothing that was acknowledged is lost, and the store goes on by itself."""
    server = start(binary, appendonly="yes", appendfsync="always")
    store = reach(server.url)
    kept, gone = await signed_in(store), await signed_in(store, "2")
    await store.end(revoke(gone))
    server.kill()
    with pytest.raises(StoreUnavailable):
        await store.find(kept.id)
    server.start()
    assert await store.find(kept.id) == kept
    assert await store.find(gone.id) is None
    await store.touch([Touch(kept.id, None)], START + 5)
    assert (await store.find(kept.id)).last_active_at == START + 5


async def test_restarted_between_two_requests(
    start: Callable[..., Server], reach: Callable[..., Any]
) -> None:
    """Connections that the server has closed are noticed before anything is sent over them."""
    server = start(appendonly="yes", appendfsync="always")
    store = reach(server.url)
    await signed_in(store)
    server.kill()
    server.start()
    for _ in range(5):  # as any loop that isn't held up comes round
        await anyio.lowlevel.checkpoint()
    record = await signed_in(store, "2")
    assert await store.find(record.id) == record


async def test_restarted_between_two_reads(
    start: Callable[..., Server], reach: Callable[..., Any]
) -> None:
    """A read over a connection that the server has closed is asked again over a new one."""
    server = start(appendonly="yes", appendfsync="always")
    store = reach(server.url)
    record = await signed_in(store)
    await asyncio.gather(*(store.data(record.id) for _ in range(5)))
    server.kill()
    server.start()
    assert await store.find(record.id) == record


async def test_a_server_that_hangs(start: Callable[..., Server], reach: Callable[..., Any]) -> None:
    """Waits are bounded; a read says unavailable, a write says that nobody knows; afterwards all is well."""
    server = start()
    store = reach(server.url)
    record = await signed_in(store)
    server.pause()
    try:
        began = time.monotonic()
        with pytest.raises(AnswerUnknown):
            await store.touch([Touch(record.id, None)], START + 5)
        with pytest.raises(StoreUnavailable) as read:
            await store.find(record.id)
        assert time.monotonic() - began < 5
        assert not isinstance(read.value, AnswerUnknown)
    finally:
        server.go_on()
    assert await store.find(new_session_id("1")) is None
    assert (await store.find(record.id)).id == record.id
    assert len((await store.for_user("1")).records) == 1


async def test_a_new_connection_to_a_server_that_hangs(
    start: Callable[..., Server], reach: Callable[..., Any]
) -> None:
    """Where the handshake fails it is certain that nothing was changed."""
    server = start()
    store = reach(server.url + "?protocol=3", rdb_only=True)
    server.pause()
    try:
        record, _ = make_record()
        with pytest.raises(StoreUnavailable) as caught:
            await store.add(step(record))
        assert not isinstance(caught.value, AnswerUnknown)
    finally:
        server.go_on()
    assert await store.find(record.id) is None


# ── refusals ─────────────────────────────────────────────────────────────────────────────────


@BOTH
async def test_no_memory_left(
    binary: str, start: Callable[..., Server], reach: Callable[..., Any]
) -> None:
    """A full server refuses sign-ins, with nothing changed; reading goes on."""
    server = start(binary)
    store = reach(server.url)
    record = await signed_in(store)
    with server.client() as client:
        client.config_set("maxmemory", "1")
    late, _ = make_record()
    with pytest.raises(StoreUnavailable, match="memory") as caught:
        await store.add(step(late))
    assert not isinstance(caught.value, AnswerUnknown)
    assert (await store.for_user("1")).records == [record]


@BOTH
async def test_a_replica(binary: str, start: Callable[..., Server], reach: Callable[..., Any]) -> None:
    """A replica refuses writes, with nothing changed."""
    primary = start(binary)
    replica = start(binary, replicaof=f"127.0.0.1 {primary.port}")
    store = reach(replica.url)
    record, _ = make_record()
    with pytest.raises(StoreUnavailable) as caught:
        await store.add(step(record))
    assert not isinstance(caught.value, AnswerUnknown)


@pytest.mark.parametrize("password", ["", ":wrong-geheim@", "ada:wrong-geheim@"])
async def test_a_wrong_password(
    password: str, start: Callable[..., Server], reach: Callable[..., Any]
) -> None:
    """Unavailable, never signed out; the password is not told."""
    server = start(requirepass="right")
    url = f"redis://{password}127.0.0.1:{server.port}"
    store = reach(url)
    record, _ = make_record()
    for attempt in (store.find(record.id), store.add(step(record))):
        with pytest.raises(StoreUnavailable) as caught:
            await attempt
        assert "geheim" not in repr(caught.value) + str(caught.value) + repr(caught.value.__cause__)
    right = reach(f"redis://:right@127.0.0.1:{server.port}")
    assert await right.find(record.id) is None


async def test_no_tls_where_it_is_wanted(
    start: Callable[..., Server], reach: Callable[..., Any]
) -> None:
    """A server that speaks another language is unavailable."""
    store = reach(f"rediss://127.0.0.1:{start().port}")
    with pytest.raises(StoreUnavailable):
        await store.find(new_session_id("1"))


@BOTH
async def test_snapshots_only(
    binary: str, start: Callable[..., Server], reach: Callable[..., Any]
) -> None:
    """A server that keeps snapshots alone brings revoked sessions back: refused, unless it is named."""
    server = start(binary, save="3600 1")
    for _ in range(2):
        with pytest.raises(SettingsError, match="rdb_only"):
            await reach(server.url).find(new_session_id("1"))
    assert await reach(server.url + "?rdb_only=yes").find(new_session_id("1")) is None
    with server.client() as client:
        client.config_set("appendonly", "yes")
    assert await reach(server.url).find(new_session_id("1")) is None


# ── what somebody else wrote ─────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("name", ["redis", "cluster"])
async def test_what_is_no_session(name: str, reach: Callable[..., Any]) -> None:
    """Bytes of others under our keys are nobody's session, and in nobody's way."""
    store = reach(patient(ENGINES[name].fresh("")))
    record = await signed_in(store)
    inner: Any = getattr(store, "wrapped", store)
    link = RedisStore(_url(inner)).link()
    key = inner.keys.sessions(record.id[24:])
    dice = random.Random(1)
    strange = [new_session_id("1") for _ in range(40)]
    for n, session_id in enumerate(strange):
        junk = bytes([n % 4]) + dice.randbytes(dice.choice([0, 5, 63, 64, 65, 90, 300]))
        link.ask("HSET", key, bytes.fromhex(session_id[:24]), junk)
    link.ask("HSET", key, "name", "value")
    link.ask("HSET", key, dice.randbytes(32), dice.randbytes(80))
    link.ask("HSET", inner.keys.history(record.id[24:]), dice.randbytes(12), b"\1" * 9)
    text = new_session_id("text")
    link.ask("SET", inner.keys.sessions(text[24:]), "not a hash")
    assert await store.find(text) is None
    for session_id in strange:
        await store.find(session_id)
    assert record in await store.find_many([text, *strange, record.id])
    assert record in (await store.for_user("1")).records
    await store.search(Query(100))
    await store.counts(START)
    late, _ = make_record(now=START + 1)
    assert not isinstance(await store.add(step(late, cap=1)), str)
    await store.sweep(START + 2, 100)
    await store.end(revoke(record, START + 3))
    assert await store.find(record.id) is None
    with pytest.raises(StoreUnavailable):
        await store.add(step(make_record("text")[0]))
    await store.newest()
    link.close()


def _url(store: Any) -> str:
    address = store.address
    scheme = "redis+cluster" if address.kind == "cluster" else "redis"
    hosts = ",".join(f"{host}:{port}" for host, port in address.hosts)
    return f"{scheme}://{hosts}?prefix={address.prefix}"


# ── a client that was passed in ──────────────────────────────────────────────────────────────


async def test_a_client() -> None:
    """A client of redis-py is used, and left open."""
    engine = ENGINES["valkey"]
    assert isinstance(engine, OneServer)
    client = redis.asyncio.Redis(port=engine.server.port)
    store = AsyncRedisStore(client, prefix="client", answer_within=5)
    record = await signed_in(store)
    assert await store.find(record.id) == record
    await store.end(revoke(record))
    await store.close()
    assert await client.ping()
    await client.aclose()
    with engine.server.client() as sync:
        assert RedisStore(sync, prefix="client", answer_within=5).find(record.id) is None
    with pytest.raises(SettingsError):
        RedisStore(42)


# ── nobody gets another's answer ─────────────────────────────────────────────────────────────


@pytest.mark.parametrize("name", ["redis", "valkey", "cluster"])
async def test_cancelled_requests(name: str) -> None:
    """Requests that are cancelled at any moment leave no answer behind for the next one."""
    store = AsyncRedisStore(patient(ENGINES[name].fresh("")))
    records = [await signed_in(store, str(n)) for n in range(30)]
    dice = random.Random(7)

    async def ask(record: Any) -> None:
        if dice.random() < 0.5:
            assert await store.find(record.id) == record
        else:
            found = await store.for_user(record.user_id)
            assert found.records == [record]

    for _ in range(60):
        tasks = [asyncio.create_task(ask(dice.choice(records))) for _ in range(20)]
        for _ in range(dice.randrange(6)):
            await asyncio.sleep(0)
        if dice.random() < 0.5:
            await asyncio.sleep(dice.random() / 1000)
        for task in tasks:
            if dice.random() < 0.5:
                task.cancel()
        for result in await asyncio.gather(*tasks, return_exceptions=True):
            assert result is None or isinstance(result, asyncio.CancelledError), result
    await store.close()


# ── many at once ─────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("name", ["redis", "cluster"])
@pytest.mark.parametrize("proof", [crowd.cap, crowd.revoke])
def test_from_several_processes(name: str, proof: Callable[[str], str]) -> None:
    """300 sign-ins leave exactly the newest 100; no validation succeeds after a revoke has returned."""
    proof(patient(ENGINES[name].fresh("")))
