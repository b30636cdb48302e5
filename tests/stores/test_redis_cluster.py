"""A cluster: walks over all primaries side by side, replicas that confirm, a client of the driver passed in."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import redis
import redis.asyncio
from redis.cluster import LoadBalancingStrategy

from signedin._async.stores.redis import AsyncRedisStore
from signedin._async.stores.redis_walk import AsyncWalk
from signedin._sync.stores.redis import RedisStore
from signedin.errors import AnswerUnknown, SettingsError, StoreUnavailable
from signedin.reasons import REASONS
from signedin.redis.colours import side_by_side
from signedin.redis.health import checks
from signedin.steps import AllBut, Ending, EndingEverybody, Query

from ..engines import patient
from ..servers import REDIS, VALKEY, Cluster, Server
from ..support import START, make_record, signed_in, step

EVERYBODY = EndingEverybody(REASONS["revoked_by_operator"], "root", START + 1)


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    """With a replica for each primary."""
    made = Cluster(VALKEY, replicas=1)
    yield made
    made.stop()


def revoke(user_id: str) -> Ending:
    return Ending(user_id, AllBut(None), REASONS["revoked"], None, START)


def home(cluster: Cluster, store: Any, user_id: str) -> int:
    """Which of the primaries has this user."""
    (record,) = store.for_user(user_id).records
    key = store.keys.sessions(record.id[24:])
    for number, server in enumerate(cluster.servers):
        with server.client() as client:
            if not isinstance(_tried(client, "EXISTS", key), redis.ResponseError):
                return number
    raise AssertionError


def _tried(client: redis.Redis, *command: Any) -> Any:
    try:
        return client.execute_command(*command)
    except redis.ResponseError as error:
        return error


# ── walks ────────────────────────────────────────────────────────────────────────────────────


async def test_a_step_goes_through_all_nodes(cluster: Cluster) -> None:
    """What operators look for is asked of all primaries at once; a search in key order asks one after the
    other, and stops where its page is full.
    """
    store = AsyncRedisStore(patient(f"{cluster.url}?prefix=steps"))
    records = [await signed_in(store, str(n)) for n in range(40)]
    link = await store.patient_link()
    walk = AsyncWalk(link, store.keys, store.keys.users)
    assert [under.tag for under in await walk.step()] == sorted({record.id[24:] for record in records})
    assert walk.over
    walk = AsyncWalk(link, store.keys, store.keys.users, at_once=False)
    assert 0 < len(await walk.step()) < 40
    assert not walk.over
    await store.close()


def test_threads_go_side_by_side() -> None:
    """In the colour without asyncio too; what one raises is its result."""
    meeting = threading.Barrier(3)
    assert sorted(side_by_side(meeting.wait, [(10,)] * 3)) == [0, 1, 2]
    results = side_by_side(int, [("1",), ("x",), ("3",)])
    assert (results[0], results[2]) == (1, 3)
    assert isinstance(results[1], ValueError)


@pytest.mark.parametrize("binary", [REDIS, VALKEY], ids=["redis", "valkey"])
async def test_restarted_in_the_middle_of_a_walk(
    binary: str, start: Callable[..., Server], reach: Callable[..., Any]
) -> None:
    """The order of the keys is another after a restart: the walk begins anew, and nobody is left out."""
    server = start(binary, appendonly="yes", appendfsync="no")
    store = reach(server.url)
    users = [str(n) for n in range(1200)]
    for user in users:
        await store.add(step(make_record(user)[0]))
    first = await store.end_everybody(EVERYBODY, None, 1, told=False)
    assert 0 < first.sessions < 1200
    page = await store.search(Query(30))
    server.kill()
    server.start()
    assert len((await store.search(Query(10_000, cursor=page.cursor))).records) == 1200 - first.sessions
    ended, cursor = first.sessions, first.cursor
    while cursor is not None:
        batch = await store.end_everybody(EVERYBODY, cursor, 400, told=False)
        ended, cursor = ended + batch.sessions, batch.cursor
    assert ended == 1200
    assert (await store.counts(START)).sessions == 0


async def test_a_failover_in_the_middle_of_a_walk(reach: Callable[..., Any]) -> None:
    """A node that takes over has all of its keys before it."""
    cluster = Cluster(VALKEY, replicas=1)
    store = reach(cluster.url)
    for n in range(1500):
        await store.add(step(make_record(str(n))[0]))
    first = await store.end_everybody(EVERYBODY, None, 1, told=False)
    assert 0 < first.sessions < 1500
    for replica in cluster.replicas:
        with replica.client() as client:
            client.execute_command("CLUSTER", "FAILOVER", "TAKEOVER")
    await_agreement(cluster)
    for server in cluster.servers:
        server.kill()
    ended, cursor = first.sessions, first.cursor
    while cursor is not None:
        batch = await store.end_everybody(EVERYBODY, cursor, 10_000, told=False)
        ended, cursor = ended + batch.sessions, batch.cursor
    assert ended == 1500
    assert (await store.search(Query(1))).records == []
    cluster.stop()


def await_agreement(cluster: Cluster) -> None:
    """Until each of the replicas knows that the others have taken over."""
    ports = {replica.port for replica in cluster.replicas}
    for replica in cluster.replicas:
        with replica.client() as client:
            while {owners[0][1] for _, _, *owners in client.execute_command("CLUSTER SLOTS")} != ports:
                time.sleep(0.02)


async def test_slots_without_a_node(reach: Callable[..., Any]) -> None:
    """Who looks for everybody is told that some can't be reached, not that there is nobody."""
    cluster = Cluster(VALKEY, 1, cluster_require_full_coverage="no")
    store = reach(cluster.url)
    await signed_in(store)
    with cluster.servers[0].client() as client:
        client.execute_command("CLUSTER", "DELSLOTSRANGE", 0, 16383)
    for attempt in (
        store.counts(START),
        store.search(Query(9)),
        store.sweep(START, 9),
        store.end_everybody(EVERYBODY, None, 9, told=False),
    ):
        with pytest.raises(StoreUnavailable, match="slots"):
            await attempt
    assert [(c.state, "slots" in c.found) for c in checks(cluster.url, START)][-1] == ("fail", True)
    cluster.stop()


async def test_a_batch_of_which_a_part_is_done(reach: Callable[..., Any]) -> None:
    """Where one user's slot has no node any more, and the other user's sessions have ended, nobody is told that
    nothing was changed (E6).
    """
    cluster = Cluster(VALKEY, cluster_require_full_coverage="no")
    store, places = reach(cluster.url), RedisStore(cluster.url, answer_within=5)
    mine = await signed_in(store, "1")
    there = home(cluster, places, "1")
    other = "2"
    await signed_in(store, other)
    while home(cluster, places, other) == there:
        other = str(int(other) + 1)
        await signed_in(store, other)
    await store.end_many(
        [revoke(user) for user in ("a", "b", "c", "d", "e", "f")]
    )  # the script is known
    with cluster.servers[home(cluster, places, other)].client() as client:
        (record,) = places.for_user(other).records
        slot = client.execute_command("CLUSTER", "KEYSLOT", places.keys.sessions(record.id[24:]))
    for server in cluster.servers:
        with server.client() as client:
            client.execute_command("CLUSTER", "DELSLOTS", slot)
    with pytest.raises(AnswerUnknown):
        await store.end_many([revoke("1"), revoke(other)])
    assert await store.find(mine.id) is None
    places.close()
    cluster.stop()


@pytest.mark.parametrize("cursor", ["", "x", "1-2", "g-0-0", "0-0-0,", "0--1.1", "0-0-" + "9" * 21])
async def test_what_is_no_cursor(cursor: str, cluster: Cluster, reach: Callable[..., Any]) -> None:
    """A page that nobody was given is a mistake of whoever asks."""
    store = reach(f"{cluster.url}?prefix=cursors")
    with pytest.raises(ValueError, match="cursor"):
        await store.search(Query(9, cursor=cursor))


# ── replicas ─────────────────────────────────────────────────────────────────────────────────


async def test_replicas_confirm(cluster: Cluster, colour: str, reach: Callable[..., Any]) -> None:
    """A change counts when a replica of its own node has it; another node's doesn't matter."""
    store = reach(f"{cluster.url}?prefix=waits-{colour}&replicas=1&answer_within=1")
    plain = RedisStore(patient(f"{cluster.url}?prefix=waits-{colour}"))
    users = [str(n) for n in range(12)]
    for user in users:
        await signed_in(store, user)
    homes = {user: home(cluster, plain, user) for user in users}
    assert set(homes.values()) == {0, 1, 2}
    cluster.replicas[1].pause()
    try:
        for user in users:
            if homes[user] == 1:
                with pytest.raises(AnswerUnknown, match="0 of 1 replicas"):
                    await store.end(revoke(user))
            else:
                assert (await store.end(revoke(user))).sessions
        # Many at once: one that isn't confirmed is enough to say so.
        with pytest.raises(AnswerUnknown, match="0 of 1 replicas"):
            await store.end_many([revoke(user) for user in users])
    finally:
        cluster.replicas[1].go_on()
    answers = await store.end_many([revoke(user) for user in users])
    assert not any(answer.sessions for answer in answers), "all was done"
    plain.close()


async def test_replicas_of_a_slot_that_has_moved(
    cluster: Cluster, colour: str, reach: Callable[..., Any]
) -> None:
    """Who is sent on to another node waits for that node's replicas."""
    store = reach(f"{cluster.url}?prefix=moved-{colour}&replicas=1&answer_within=1")
    record = await signed_in(store)
    key = store.keys.sessions(record.id[24:])
    clients = [server.client() for server in cluster.servers]
    names = [client.execute_command("CLUSTER", "MYID").decode() for client in clients]
    slot = clients[0].execute_command("CLUSTER", "KEYSLOT", key)
    old = next(n for n, client in enumerate(clients) if not _moved(client, key))
    new = (old + 1) % 3
    for n in (new, old):
        state, other = ("IMPORTING", old) if n == new else ("MIGRATING", new)
        clients[n].execute_command("CLUSTER", "SETSLOT", slot, state, names[other])
    for each in clients[old].execute_command("CLUSTER", "GETKEYSINSLOT", slot, 10):
        clients[old].execute_command("MIGRATE", "127.0.0.1", cluster.servers[new].port, each, 0, 5000)
    # On its way: to the new node with ASKING; then to the new node for good.
    assert await store.rename("1", record.id, "on its way", START)
    for n in (new, old, 3 - new - old):
        clients[n].execute_command("CLUSTER", "SETSLOT", slot, "NODE", names[new])
    late, _ = make_record()
    cluster.replicas[new].pause()
    try:
        with pytest.raises(AnswerUnknown, match="0 of 1 replicas"):
            await store.add(step(late))
    finally:
        cluster.replicas[new].go_on()
    names = {r.id: r.name for r in (await store.for_user("1")).records}
    assert names == {record.id: "on its way", late.id: None}
    for client in clients:
        client.close()


def _moved(client: redis.Redis, key: str) -> bool:
    return isinstance(_tried(client, "EXISTS", key), redis.ResponseError)


async def test_the_doctor_on_a_cluster(cluster: Cluster) -> None:
    """Of each primary: what a failover can undo, and its clock; and that all slots have a node."""
    url = f"{cluster.url}?prefix=x"
    told = {check.name: check for check in checks(url, START)}
    for number in (1, 2, 3):
        assert "failover can undo" in told[f"replicas {number}"].found
        assert told[f"server clock {number}"].state == "warn"
        assert told[f"persistence {number}"].state == "pass"
        assert "CLUSTER NODES" in told[f"server {number}"].found
    assert told["cluster"].state == "pass"
    told = {check.name: check for check in checks(url + "&replicas=1", START)}
    assert {told[f"replicas {n}"].state for n in (1, 2, 3)} == {"pass"}
    told = {check.name: check for check in checks(url + "&replicas=2", START)}
    assert {told[f"replicas {n}"].state for n in (1, 2, 3)} == {"fail"}


# ── a client that was passed in ──────────────────────────────────────────────────────────────


async def test_a_client_of_a_cluster(cluster: Cluster) -> None:
    """Its nodes and credentials are used; it stays open, and what it has set for itself doesn't matter."""
    port = cluster.servers[1].port
    blocking = redis.RedisCluster(host="127.0.0.1", port=port, decode_responses=True)
    client = redis.asyncio.RedisCluster(
        startup_nodes=[redis.asyncio.cluster.ClusterNode("127.0.0.1", port)],
        load_balancing_strategy=LoadBalancingStrategy.ROUND_ROBIN,
    )
    store = AsyncRedisStore(client, prefix="client", replicas=1, answer_within=5)
    assert store.address.kind == "cluster"
    records = [await signed_in(store, str(n)) for n in range(9)]
    same = RedisStore(blocking, prefix="client", answer_within=5)
    assert [same.find(record.id) for record in records] == records
    assert len(same.search(Query(20)).records) == 9
    same.close()
    await store.close()
    assert blocking.ping()
    assert await client.ping()
    blocking.close()
    await client.aclose()


async def test_a_client_of_a_cluster_with_a_password() -> None:
    """It is taken along."""
    cluster = Cluster(VALKEY, 1)
    with cluster.servers[0].client() as admin:
        admin.execute_command("ACL", "SETUSER", "app", "on", ">secret", "~*", "&*", "+@all")
        admin.execute_command("ACL", "SETUSER", "default", "off")
    port = cluster.servers[0].port
    url = f"redis://app:secret@127.0.0.1:{port}"
    for blocking in (
        redis.RedisCluster(host="127.0.0.1", port=port, username="app", password="secret"),
        redis.RedisCluster.from_url(url),
    ):
        same = RedisStore(blocking, answer_within=5)
        assert same.newest() == 0
        assert "secret" not in repr(same.address)
        same.close()
        blocking.close()
    client = redis.asyncio.RedisCluster.from_url(url)
    store = AsyncRedisStore(client, answer_within=5)
    assert await store.newest() == 0
    await store.close()
    await client.aclose()
    cluster.stop()


async def test_a_client_of_the_other_kind(cluster: Cluster) -> None:
    """Who mixes them up is told which one to use."""
    port = cluster.servers[0].port
    blocking = redis.RedisCluster(host="127.0.0.1", port=port)
    client = redis.asyncio.RedisCluster(host="127.0.0.1", port=port)
    for one in (blocking, redis.Redis(port=port)):
        with pytest.raises(SettingsError, match=r"redis\.asyncio"):
            AsyncRedisStore(one)
        one.close()
    for other in (client, redis.asyncio.Redis(port=port)):
        with pytest.raises(SettingsError, match=r"redis\.Redis"):
            RedisStore(other)
        await other.aclose()
    for nothing in (42, None, object()):
        with pytest.raises(SettingsError, match="client of redis-py"):
            RedisStore(nothing)


async def test_a_client_that_decodes(start: Callable[..., Server]) -> None:
    """Whatever a client makes of answers for others, sessions are bytes."""
    port = start().port
    client = redis.asyncio.Redis(port=port, decode_responses=True, protocol=3)
    store = AsyncRedisStore(client, answer_within=5)
    record = await signed_in(store)
    assert await store.find(record.id) == record
    assert (await store.for_user("1")).records == [record]
    assert (await store.search(Query(9))).records == [record]
    with redis.Redis(port=port, decode_responses=True) as blocking:
        assert RedisStore(blocking, answer_within=5).find(record.id) == record
    await client.aclose()
