"""What two do to one user at the same moment, on PostgreSQL: the second waits, and looks again."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import msgspec
import psycopg
import pytest

from signedin._async.stores.postgres import AsyncPostgresStore
from signedin._sync.stores.postgres import PostgresStore
from signedin.postgres.address import Address

from ..engines import ENGINES
from ..support import DAY, START, AsAsync, make_record, make_series, step


@pytest.mark.parametrize("colour", ["async", "sync"])
async def test_a_sweep_that_meets_a_resume(colour: str) -> None:
    """A series that goes on while the sweep waits for its user isn't swept, and its session keeps it."""
    url = ENGINES["postgres"].fresh("")
    address = Address.of(url)
    store: Any = (AsyncPostgresStore if colour == "async" else PostgresStore)(url, answer_within=20)
    store = store if colour == "async" else AsAsync(store)
    record, _ = make_record()
    series, _ = make_series("1", record.id, days=1)
    record = msgspec.structs.replace(record, series=series.key)
    await store.add(step(record, series=series))
    waits = "SELECT FROM pg_stat_activity WHERE %s = ANY(pg_blocking_pids(pid))"
    with psycopg.connect(address.conninfo) as other, psycopg.connect(address.conninfo) as looker:
        other.execute(f"SET search_path TO {address.schema}")
        other.execute("SELECT FROM owner WHERE user_id = '1' FOR UPDATE")
        sweep = asyncio.create_task(store.sweep(START + DAY, 10))
        end = time.monotonic() + 20
        while not looker.execute(waits, (other.info.backend_pid,)).fetchall():
            assert time.monotonic() < end, "the sweep doesn't wait"
            await asyncio.sleep(0.02)
        other.execute("UPDATE series SET expires_at = expires_at + %s", (DAY,))
        other.commit()
        await sweep
    assert await store.find(record.id) == record
    assert (await store.for_user("1")).series == {series.key}
    await store.sweep(START + 2 * DAY, 10)
    assert await store.find(record.id) == msgspec.structs.replace(record, series=None)
    await store.close()
