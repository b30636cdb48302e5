"""What survives: a failover with and without WAIT, a slot that moves while people use it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import redis

from signedin._async.stores.redis import AsyncRedisStore
from signedin.errors import AnswerUnknown, StoreUnavailable
from signedin.reasons import REASONS
from signedin.steps import AllBut, Ending, Touch

from ..engines import ENGINES, ThreeServers, patient
from ..proofs.failover_redis import failover
from ..servers import REDIS, VALKEY, Server, free_port
from ..support import START, signed_in

REVOKED = REASONS["revoked"]


def follow(replica: Server, primary: Server) -> None:
    """Wait until the replica has everything."""
    with replica.client() as client:
        client.replicaof("127.0.0.1", str(primary.port))
        while client.info("replication").get("master_link_status") != "up":
            time.sleep(0.01)
    with primary.client() as client:
        client.set("followed", "yes")
        while client.wait(1, 1000) != 1:
            pass


def cut_off(replica: Server) -> None:
    """Nothing arrives there any more."""
    with replica.client() as client:
        client.replicaof("127.0.0.1", str(free_port()))


def promote(replica: Server) -> None:
    with replica.client() as client:
        client.replicaof("NO", "ONE")


async def test_a_failover(start: Callable[..., Server], reach: Callable[..., Any]) -> None:
    """Replication is asynchronous: what a replica hasn't got is undone by a failover, revokes too. Who asks for
    replicas is never told that such a change is done.
    """
    primary, replica = start(), start()
    follow(replica, primary)
    plain, careful = (
        reach(primary.url),
        reach(primary.url + "?replicas=1&answer_within=1&prefix=careful"),
    )
    for store, before in ((plain, 0), (careful, 5)):
        records = [await signed_in(store, str(n)) for n in range(10)]
        for record in records[:before]:
            assert (await store.end(_ending(record))).sessions
        if store is plain:
            lost = records
        else:
            kept = records
    with primary.client() as client:
        assert client.wait(1, 1000) == 1
    cut_off(replica)
    for record in lost:
        await plain.end(_ending(record))
    for record in kept[5:]:
        with pytest.raises(AnswerUnknown, match="0 of 1 replicas"):
            await careful.end(_ending(record))
    primary.kill()
    promote(replica)
    plain, careful = reach(replica.url), reach(replica.url + "?prefix=careful")
    back = [record for record in lost if await plain.find(record.id) is not None]
    assert len(back) == len(lost), "without WAIT all of the acknowledged revokes are undone"
    assert [await careful.find(record.id) for record in kept[:5]] == [None] * 5


@pytest.mark.parametrize("binary", [REDIS, VALKEY], ids=["redis", "valkey"])
def test_what_a_failover_undoes(binary: str) -> None:
    """Of revokes that go on while a replica no longer hears of them many come back; with a replica asked
    for none does that was acknowledged.
    """
    plain = failover(binary, "", {}, apart=0.5, users=600)
    assert plain.came_back > plain.acknowledged // 3
    careful = failover(binary, "replicas=1", {}, apart=0.5, users=600)
    assert careful.acknowledged > 0
    assert careful.unknown > 0
    assert careful.came_back == 0


def _ending(record: Any) -> Ending:
    return Ending(record.user_id, AllBut(None), REVOKED, None, START + 1)


async def test_a_sentinel(start: Callable[..., Server], reach: Callable[..., Any]) -> None:
    """The store finds the primary by Sentinel, and the next one after a failover, without a restart."""
    primary, replica = start(), start()
    follow(replica, primary)
    sentinel = Sentinel(primary)
    store = reach(f"redis+sentinel://127.0.0.1:{sentinel.port}/main/0")
    try:
        record = await signed_in(store)
        with primary.client() as client:
            assert client.wait(1, 1000) == 1
        with sentinel.client() as client:
            end = time.monotonic() + 15
            while not client.execute_command("SENTINEL", "REPLICAS", "main"):
                assert time.monotonic() < end
                await asyncio.sleep(0.05)
            while not _failed_over(client):
                assert time.monotonic() < end
                await asyncio.sleep(0.1)
            while client.sentinel_get_master_addr_by_name("main")[1] != replica.port:
                assert time.monotonic() < end
                await asyncio.sleep(0.05)
        primary.kill()
        while True:
            try:
                assert await store.find(record.id) == record
                assert (await store.end(_ending(record))).sessions
                break
            except StoreUnavailable:
                assert time.monotonic() < end
                await asyncio.sleep(0.05)
    finally:
        sentinel.stop()


class Sentinel(Server):
    """It writes down what it knows, so it has a file of its own. port: of the primary, where it has two."""

    def __init__(self, primary: Server, port: int | None = None, **settings: str) -> None:
        self.watched = port or primary.port
        self.told = settings
        super().__init__(REDIS)

    def command(self) -> list[str]:
        file = Path(self.folder) / "sentinel.conf"
        file.write_text(
            f"port {self.port}\ndir {self.folder}\nsentinel monitor main 127.0.0.1 {self.watched} 1\n"
            "sentinel down-after-milliseconds main 500\n"
            + "".join(f"{name} {value}\n" for name, value in self.told.items())
        )
        return [self.binary, str(file), "--sentinel"]


def _failed_over(client: Any) -> bool:
    try:
        client.execute_command("SENTINEL", "FAILOVER", "main")
    except redis.ResponseError:
        return False
    return True


async def test_a_slot_that_moves() -> None:
    """While a user's slot moves to another node, nobody is signed out: sessions are found all the time, and a
    write is done or refused.
    """
    engine = ENGINES["cluster"]
    assert isinstance(engine, ThreeServers)
    servers = engine.cluster.servers
    store = AsyncRedisStore(patient(engine.fresh("")))
    records = [await signed_in(store, "mover") for _ in range(20)]
    key = store.keys.sessions(records[0].id[24:])
    clients = [server.client() for server in servers]
    names = [client.execute_command("CLUSTER", "MYID").decode() for client in clients]
    slot = clients[0].execute_command("CLUSTER", "KEYSLOT", key)
    finds = touches = refused = 0
    done = asyncio.Event()

    async def look() -> None:
        nonlocal finds
        while not done.is_set():
            for record in records:
                found = await store.find(record.id)
                assert found is not None, "a false sign-out"
                finds += 1

    async def use() -> None:
        nonlocal touches, refused
        now = START
        while not done.is_set():
            now += 1
            try:
                await store.touch([Touch(record.id, None) for record in records], now)
                touches += 1
            except StoreUnavailable:
                refused += 1

    async def move(source: int, target: int) -> None:
        def steps() -> None:
            a, b = clients[source], clients[target]
            b.execute_command("CLUSTER", "SETSLOT", slot, "IMPORTING", names[source])
            a.execute_command("CLUSTER", "SETSLOT", slot, "MIGRATING", names[target])
            time.sleep(0.05)
            while keys := a.execute_command("CLUSTER", "GETKEYSINSLOT", slot, 1):
                a.execute_command("MIGRATE", "127.0.0.1", servers[target].port, keys[0], 0, 5000)
                time.sleep(0.05)
            for client in (b, a, *clients):
                client.execute_command("CLUSTER", "SETSLOT", slot, "NODE", names[target])

        await asyncio.to_thread(steps)

    home = next(
        n
        for n, c in enumerate(clients)
        if key.encode() in c.execute_command("CLUSTER", "GETKEYSINSLOT", slot, 100)
    )
    tasks = [asyncio.create_task(look()), asyncio.create_task(look()), asyncio.create_task(use())]
    for _ in range(2):
        await move(home, (home + 1) % 3)
        await move((home + 1) % 3, home)
    done.set()
    await asyncio.gather(*tasks)
    assert finds > 100
    assert touches > 0
    assert len((await store.for_user("mover")).records) == 20
    await store.close()
    for client in clients:
        client.close()
