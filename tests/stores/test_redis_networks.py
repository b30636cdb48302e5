"""A network between the store and its server that delays, swallows and cuts."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest

from signedin.config import open_async_store, open_store
from signedin.errors import AnswerUnknown, StoreUnavailable
from signedin.reasons import REASONS
from signedin.settings import Settings
from signedin.steps import AllBut, Ending

from ..engines import ENGINES, OneServer
from ..proxy import Proxy
from ..support import START, AsAsync, make_record, signed_in, step

REVOKED = Ending("1", AllBut(None), REASONS["revoked"], None, START + 1)


@pytest.fixture(params=["redis", "valkey"])
def engine(request: pytest.FixtureRequest) -> OneServer:
    found = ENGINES[request.param]
    assert isinstance(found, OneServer)
    return found


@pytest.fixture
def proxy(engine: OneServer) -> Iterator[Proxy]:
    made = Proxy(engine.server.port)
    yield made
    made.stop()


@pytest.fixture
def url(engine: OneServer, proxy: Proxy) -> str:
    """Through the proxy, with patience for a busy machine."""
    return engine.fresh("").replace(f":{engine.server.port}", f":{proxy.port}") + "&answer_within=0.6"


async def test_a_slow_network(store: Any, proxy: Proxy) -> None:
    """What takes long is done; what takes too long is unavailable in bounded time, and nobody is signed out."""
    record = await signed_in(store)
    proxy.delay = 0.02
    assert await store.find(record.id) == record
    assert len((await store.for_user("1")).records) == 1
    proxy.delay = 5
    began = time.monotonic()
    with pytest.raises(StoreUnavailable):
        await store.find(record.id)
    assert time.monotonic() - began < 5, "it didn't wait for the answer"
    proxy.delay = 0
    proxy.cut()
    assert await store.find(record.id) == record


async def test_answers_that_are_cut_off(store: Any, proxy: Proxy) -> None:
    """Half an answer is none. A change is done once, or not at all; whoever asks afterwards is told truly."""
    record = await signed_in(store)
    proxy.answers = "cut"
    with pytest.raises(StoreUnavailable):
        await store.find(record.id)
    late, _ = make_record(now=START + 1)
    with pytest.raises(StoreUnavailable) as caught:
        await store.add(step(late))
    proxy.answers = "pass"
    there = {r.id for r in (await store.for_user("1")).records}
    assert there == {record.id} or (there == {record.id, late.id} and _unknown(caught.value))


async def test_answers_that_never_come(store: Any, proxy: Proxy) -> None:
    """A revoke whose answer is lost is told as unknown where it may be done; the next one tells the truth."""
    record = await signed_in(store)
    proxy.answers = "swallow"
    with pytest.raises(StoreUnavailable) as caught:
        await store.end(REVOKED)
    proxy.answers = "pass"
    alive = await store.find(record.id)
    assert alive is not None or _unknown(caught.value)
    await store.end(REVOKED)
    assert await store.find(record.id) is None
    assert len(await store.history("1", 0)) == 1


async def test_a_connection_that_leads_nowhere(
    colour: str, engine: OneServer, proxy: Proxy, url: str
) -> None:
    """Who is let in and told nothing at all knows at least that nothing was changed."""
    proxy.answers = "swallow"
    settings = Settings(store=url)
    store: Any = open_async_store(settings) if colour == "async" else AsAsync(open_store(settings))
    began = time.monotonic()
    record, _ = make_record()
    with pytest.raises(StoreUnavailable) as caught:
        await store.add(step(record))
    assert not _unknown(caught.value)
    assert time.monotonic() - began < 5
    proxy.answers = "pass"
    assert await store.find(record.id) is None
    await store.close()


async def test_connections_that_are_cut(store: Any, proxy: Proxy) -> None:
    """Between two requests nobody notices; the store goes on by itself."""
    record = await signed_in(store)
    for number in range(3):
        proxy.cut()
        assert await store.find(record.id) == record
        proxy.cut()
        assert len((await store.for_user("1")).records) == number + 1
        late, _ = make_record(now=START + number + 1)
        await store.add(step(late))


def _unknown(error: StoreUnavailable) -> bool:
    return isinstance(error, AnswerUnknown)
