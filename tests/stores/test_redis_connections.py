"""The ways to a server: TLS, a socket, what a fork leaves of them, and threads that come at once."""

from __future__ import annotations

import asyncio
import itertools
import os
import threading
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import redis

from signedin._async.stores.redis import AsyncRedisStore
from signedin._sync.stores.redis import RedisStore
from signedin._sync.stores.redis_link import RedisLink
from signedin.errors import AnswerUnknown, StoreUnavailable
from signedin.redis.health import checks
from signedin.session import new_session_id
from signedin.steps import Query

from ..certificates import Authority
from ..engines import ENGINES, OneServer, patient
from ..servers import REDIS, VALKEY, Cluster, Server, free_port
from ..support import START, make_record, signed_in, step
from .test_redis_proofs import Sentinel

# ── TLS ──────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


def tls(authority: Authority, who: str = "IP:127.0.0.1", **settings: str) -> dict[str, str]:
    """A server's settings for TLS on a port of its own, beside the other one."""
    signed = authority.sign(who)
    return {
        "tls_port": str(free_port()),
        "tls_cert_file": signed.certificate,
        "tls_key_file": signed.key,
        "tls_ca_cert_file": authority.file,
        "tls_auth_clients": "no",
    } | settings


@pytest.fixture(scope="module")
def server(authority: Authority) -> Iterator[Server]:
    made = Server(REDIS, **tls(authority))
    yield made
    made.stop()


def secure(server: Server, parameters: str) -> str:
    return f"rediss://127.0.0.1:{server.settings['tls-port']}?{parameters}"


async def test_tls(server: Server, authority: Authority, reach: Callable[..., Any]) -> None:
    """The server's certificate is checked against the authority that the URL names."""
    url = secure(server, f"ssl_ca_certs={authority.file}")
    store = reach(url)
    record = await signed_in(store)
    assert await store.find(record.id) == record
    assert record in (await store.search(Query(100))).records
    assert {check.state for check in checks(url, START) if check.name == "TLS"} == {"pass"}
    assert {check.state for check in checks(f"{url}&ssl_check_hostname=no", START)} == {"pass", "warn"}


async def test_tls_with_somebody_else(
    server: Server, authority: Authority, tmp_path: Path, start: Callable[..., Server], reach: Any
) -> None:
    """Another authority, another name, no TLS at either end: unavailable, and nothing was changed."""
    stranger = Authority(tmp_path, "stranger")
    elsewhere = start(REDIS, **tls(authority, "DNS:elsewhere.example"))
    trusted = f"ssl_ca_certs={authority.file}"
    for url in (
        secure(server, f"ssl_ca_certs={stranger.file}"),
        secure(server, ""),
        secure(elsewhere, trusted),
        f"redis://127.0.0.1:{server.settings['tls-port']}",
        f"rediss://127.0.0.1:{server.port}?{trusted}",
    ):
        store = reach(url)
        record, _ = make_record()
        for attempt in (store.find(record.id), store.add(step(record)), store.search(Query(1))):
            with pytest.raises(StoreUnavailable) as caught:
                await attempt
            assert not isinstance(caught.value, AnswerUnknown)
    named = reach(secure(elsewhere, f"{trusted}&ssl_check_hostname=no"))
    assert await named.find(record.id) is None


async def test_a_certificate_of_the_store(
    authority: Authority, start: Callable[..., Server], reach: Callable[..., Any]
) -> None:
    """Where the server asks for one."""
    server = start(REDIS, **tls(authority, tls_auth_clients="yes"))
    trusted, own = f"ssl_ca_certs={authority.file}", authority.sign("DNS:store")
    with pytest.raises(StoreUnavailable):
        await reach(secure(server, trusted)).find(new_session_id("1"))
    store = reach(secure(server, f"{trusted}&ssl_certfile={own.certificate}&ssl_keyfile={own.key}"))
    record = await signed_in(store)
    assert await store.find(record.id) == record


async def test_a_cluster_with_tls(authority: Authority, reach: Callable[..., Any]) -> None:
    """To each of its nodes; a client of the driver brings its own."""
    cluster = Cluster(REDIS, 1, **(told := tls(authority, tls_cluster="yes")))
    port = int(told["tls_port"])
    store = reach(f"rediss+cluster://127.0.0.1:{port}?ssl_ca_certs={authority.file}")
    record = await signed_in(store)
    assert (await store.search(Query(9))).records == [record]
    with redis.RedisCluster(
        host="127.0.0.1", port=port, ssl=True, ssl_ca_certs=authority.file
    ) as blocking:
        assert RedisStore(blocking, answer_within=5).find(record.id) == record
    client = redis.asyncio.RedisCluster(
        host="127.0.0.1", port=port, ssl=True, ssl_ca_certs=authority.file
    )
    other = AsyncRedisStore(client, answer_within=5)
    assert await other.find(record.id) == record
    await other.close()
    await client.aclose()
    cluster.stop()


async def test_a_sentinel_with_tls(
    authority: Authority, start: Callable[..., Server], reach: Callable[..., Any]
) -> None:
    """It is asked over TLS, as the server is that it names."""
    told = tls(authority, tls_replication="yes")
    primary = start(REDIS, **told)
    more = {
        name.replace("_", "-"): value for name, value in tls(authority, tls_replication="yes").items()
    }
    sentinel = Sentinel(primary, port=int(told["tls_port"]), **more)
    try:
        store = reach(
            f"rediss+sentinel://127.0.0.1:{more['tls-port']}/main?ssl_ca_certs={authority.file}"
        )
        record = await signed_in(store)
        assert await store.find(record.id) == record
    finally:
        sentinel.stop()


# ── a socket ─────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("binary", [REDIS, VALKEY], ids=["redis", "valkey"])
async def test_a_socket(
    binary: str, tmp_path: Path, start: Callable[..., Server], reach: Callable[..., Any]
) -> None:
    """A file on this machine in the place of a port; a replica or a restart is met as anywhere."""
    place = tmp_path / "a b.sock"
    server = start(binary, unixsocket=str(place), unixsocketperm="700")
    url = f"redis+unix://{str(place).replace(' ', '%20')}?db=3"
    store = reach(url)
    record = await signed_in(store)
    assert await store.find(record.id) == record
    assert {check.state for check in checks(url, START) if check.name == "TLS"} == {"pass"}
    with server.client(db=3) as client:
        assert client.dbsize() == 1
    server.kill()
    with pytest.raises(StoreUnavailable):
        await store.find(record.id)
    server.start()
    assert await store.find(record.id) is None


# ── a fork ───────────────────────────────────────────────────────────────────────────────────


def connections(server: Server) -> int:
    with server.client() as client:
        return len(client.client_list())


@pytest.mark.parametrize("name", ["redis", "cluster"])
def test_after_a_fork(name: str) -> None:
    """A child opens connections of its own; those of its parent go on, and nobody gets another's answer."""
    store = RedisStore(patient(ENGINES[name].fresh("")))
    records = [make_record(str(n))[0] for n in range(20)]
    for record in records:
        store.add(step(record))

    def work(seed: int) -> bool:
        return all(
            store.find(records[(n * seed) % 20].id) == records[(n * seed) % 20] for n in range(300)
        )

    children = [_fork(lambda seed=seed: work(seed)) for seed in (3, 7)]
    assert work(1)
    assert [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children] == [0, 0]
    assert work(9)
    store.close()


def test_a_store_for_asyncio_after_a_fork() -> None:
    """Made before the fork and used in a child with a loop of its own: nothing is opened before."""
    engine = ENGINES["redis"]
    assert isinstance(engine, OneServer)
    store = AsyncRedisStore(patient(engine.fresh("")))
    record, _ = make_record()
    before = connections(engine.server)

    async def use() -> bool:
        await store.add(step(record))
        found = await store.find(record.id)
        await store.close()
        return found == record

    child = _fork(lambda: asyncio.run(use()))
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert connections(engine.server) == before
    # What was in use before is the parent's: the child's loop is another one.
    store = AsyncRedisStore(patient(engine.fresh("")))

    async def use_and_fork() -> int:
        await store.add(step(record))
        child = _fork(lambda: _in_a_thread(use_again))
        assert await store.find(record.id) == record
        _, status = await asyncio.to_thread(os.waitpid, child, 0)
        assert await store.find(record.id) == record
        await store.close()
        return os.waitstatus_to_exitcode(status)

    async def use_again() -> bool:
        return await store.find(record.id) == record

    assert asyncio.run(use_and_fork()) == 0


def _in_a_thread(work: Callable[[], Any]) -> bool:
    """In a loop of its own: the one of the parent is still said to run."""
    results: list[bool] = []
    thread = threading.Thread(target=lambda: results.append(asyncio.run(work())))
    thread.start()
    thread.join()
    return results == [True]


def _fork(work: Callable[[], bool]) -> int:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # that threads don't come along is the point
        child = os.fork()
    if child == 0:
        try:
            os._exit(0 if work() else 1)
        finally:
            os._exit(2)
    return child


# ── threads ──────────────────────────────────────────────────────────────────────────────────


def test_threads_that_come_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """However many threads open the store at once, closing it lets go of every connection."""
    server = Server(REDIS, appendonly="yes")
    store, make = RedisStore(server.url), RedisLink.to
    first_opened, second_opens = threading.Event(), threading.Event()
    made: list[RedisLink] = []  # which also keeps them from the garbage collector
    order = itertools.count()

    def slow(*where: Any, **bounds: Any) -> RedisLink:
        link = make(*where, **bounds)
        made.append(link)
        if next(order) == 0:
            assert second_opens.wait(20)
        else:
            second_opens.set()
            assert first_opened.wait(20)
        return link

    def first() -> None:
        store.for_user("1")
        first_opened.set()

    monkeypatch.setattr(RedisLink, "to", slow)
    threads = [threading.Thread(target=first), threading.Thread(target=store.for_user, args=("1",))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    store.close()
    assert len(made) == 2
    with server.client() as client:
        assert len(client.client_list()) == 1
    server.stop()
