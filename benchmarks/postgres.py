"""The PostgreSQL store against prepared statements: ``python -m benchmarks.postgres [SESSIONS …]``.

It starts a server of its own, and client and server share a core where the system lets them. Without
numbers it is quick; ``1000 30000 300000 3000000`` shows how the verbs' cost grows.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import statistics
import time
from collections.abc import Awaitable, Callable
from typing import Any

import psycopg
from psycopg_pool import AsyncConnectionPool, ConnectionPool
from tests.postgres import Postgres
from tests.support import LAPTOP, START, make_record, make_series, step

from signedin import Settings
from signedin._async.stores.postgres import AsyncPostgresStore
from signedin._async.stores.postgres_steps import row_of
from signedin._sync.sessions import Sessions
from signedin._sync.stores.postgres import PostgresStore
from signedin.postgres.address import Address
from signedin.rows import key_of
from signedin.steps import Touch

from .curve import CALLS, Place, table
from .tools import pin

SELECT = "SELECT user_id, tail FROM {}.session WHERE tag = $1 AND random = $2"
KINDS: Any = {"autocommit": True, "cursor_factory": psycopg.RawCursor, "prepare_threshold": 0}
ASYNC_KINDS: Any = KINDS | {"cursor_factory": psycopg.AsyncRawCursor}
AT_ONCE = 50


def fill(url: str, count: int, users: str = "") -> list[Any]:
    """So many sessions, three a user; a thousand of their tokens. users: how each is called before its
    number.
    """
    tokens, schema = [], Address.of(url).schema
    store = PostgresStore(url)
    store.everybody_barrier()
    store.close()
    with psycopg.connect(Address.of(url).conninfo, autocommit=True) as connection:
        columns = (
            "tag, random, user_id, secret_hash, series, signed_in_at, last_active_at, idle_timeout,"
            " expires_at, ip, user_agent, name, tail, device"
        )
        with connection.cursor().copy(f"COPY {schema}.session ({columns}) FROM STDIN") as copy:
            for number in range(count):
                address = f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"
                record, token = make_record(f"{users}{number // 3}", ip=address)
                if number % max(count // 1000, 1) == 0:
                    tokens.append(token)
                copy.write_row(row_of(record))
        connection.execute(
            f"INSERT INTO {schema}.owner SELECT DISTINCT tag, user_id FROM {schema}.session"
            " ON CONFLICT DO NOTHING"
        )
        connection.execute("VACUUM ANALYZE")
        # What was filled in just now is on the disk in a store that has been standing for a while.
        connection.execute("CHECKPOINT")
    return tokens


def compare(what: str, base: Callable[[], float], ours: Callable[[], float], most: float | None) -> None:
    """A line: medians of what is compared, and of the turns' ratios."""
    base(), ours()
    pairs = [(base(), ours()) for _ in range(15)]
    told = statistics.median(b / a for a, b in pairs)
    a, b = (statistics.median(column) for column in zip(*pairs, strict=True))
    mark = "" if most is None else f"{most:g}"
    print(f"| {what} | {a:.0f} | {b:.0f} | {told:.2f} | {mark} |", flush=True)


def timed(work: Callable[[], Any], count: int) -> float:
    """Microseconds that one of so many takes."""
    began = time.perf_counter()
    work()
    return (time.perf_counter() - began) * 1e6 / count


def without_waiting(url: str, tokens: list[Any]) -> None:
    """The sync colour, one at a time."""
    flow = Sessions(PostgresStore(url, answer_within=10), Settings(), lambda: START + 1)
    select = SELECT.format(Address.of(url).schema)
    keys, texts = [key_of(t.id) for t in tokens[:300]], [t.text for t in tokens[:300]]
    records = [flow.store.find(t.id) for t in tokens[:300]]
    with ConnectionPool(Address.of(url).conninfo, kwargs=KINDS, min_size=1, max_size=10) as pool:

        def bare() -> None:
            for key in keys:
                with pool.connection() as connection:
                    connection.execute(select, key, binary=True).fetchone()

        def base() -> float:
            return timed(bare, len(keys))

        def of(work: Callable[[int], Any], count: int) -> Callable[[], float]:
            return lambda: timed(lambda: [work(n) for n in range(count)], count)

        compare("validate, the whole flow", base, of(lambda n: flow.validate(texts[n]), 300), None)
        now = iter(range(START + 120_000, START + 10**9, 70_000))
        touches = [Touch(record.id, None) for record in records if record]
        compare(
            "touch, 300 together",
            base,
            lambda: timed(lambda: flow.store.touch(touches, next(now)), 300),
            None,
        )
        for _ in range(100):
            flow.sign_in("full", LAPTOP, started_at=START, remember=True)
        compare("list 100 sessions", base, of(lambda n: flow.list("full"), 20), None)

        def sign_in(number: int) -> None:
            record, _ = make_record("full", START + 1)
            series, _ = make_series("full", record.id)
            flow.store.add(step(record, series=series))

        compare("sign-in at the cap, with series and history", base, of(sign_in, 20), None)
    flow.close()


async def waiting(url: str, tokens: list[Any]) -> None:
    """The async colour, one at a time and many at once."""
    store = AsyncPostgresStore(url, answer_within=10)
    select = SELECT.format(Address.of(url).schema)
    ids, keys = [t.id for t in tokens[:AT_ONCE]], [key_of(t.id) for t in tokens[:AT_ONCE]]
    conninfo = Address.of(url).conninfo
    async with AsyncConnectionPool(conninfo, kwargs=ASYNC_KINDS, min_size=10, max_size=10) as pool:

        async def bare(key: Any) -> None:
            async with pool.connection() as connection:
                await (await connection.execute(select, key, binary=True)).fetchone()

        async def one_by_one(of: Callable[[Any], Awaitable[Any]], what: list[Any]) -> float:
            began = time.perf_counter()
            for each in what:
                await of(each)
            return (time.perf_counter() - began) * 1e6 / len(what)

        async def at_once(of: Callable[[Any], Awaitable[Any]], what: list[Any]) -> float:
            began = time.perf_counter()
            await asyncio.gather(*map(of, what))
            return (time.perf_counter() - began) * 1e6 / len(what)

        for what, how, most in (("one at a time", one_by_one, 1.3), ("50 at once", at_once, 0.15)):
            pairs = []
            for _ in range(25):
                pairs.append((await how(bare, keys), await how(store.find, ids)))
            a, b = (statistics.median(column) for column in zip(*pairs, strict=True))
            told = statistics.median(b / a for a, b in pairs)
            print(f"| asyncio, {what} | {a:.0f} | {b:.0f} | {told:.2f} | {most:g} |", flush=True)
    await store.close()


def everybody(url: str, count: int) -> None:
    """All sessions of all users end, with the history, in a store that nobody has used before."""
    fill(url, count)
    flow = Sessions(PostgresStore(url), Settings(), lambda: START + 10)
    began = time.perf_counter()
    done = flow.revoke_everyone(operator="benchmark")
    took = time.perf_counter() - began
    flow.close()
    assert done.sessions == count
    print(f"\nEverybody signed out: {count:,} sessions in {took:.1f} s, {count / took:,.0f} a second.\n")


def place(url: str, tokens: list[Any]) -> Place:
    """A full store, and some of what is in it."""
    chosen = random.Random(1).sample(tokens, CALLS)
    flow = Sessions(PostgresStore(url, answer_within=10), Settings(), lambda: START + 1)
    users = [record.user_id for token in chosen if (record := flow.store.find(token.id)) is not None]
    return Place(flow, users, chosen, [])


def main() -> None:
    """Run everything and print the tables."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.postgres", description=__doc__)
    parser.add_argument("sessions", nargs="*", type=int, default=[1_000, 30_000])
    pin()
    # What a server of its own would have; the defaults are for a small machine.
    server = Postgres(fsync="on", shared_buffers="1GB", max_wal_size="4GB")
    places: dict[int, Place] = {}
    for count in sorted(parser.parse_args().sessions):
        url = f"{server.url}?schema=of_{count}"
        tokens = fill(url, count)
        places[count] = place(url, tokens)
    table(places)
    print(f"\n{count:,} sessions; times in µs, against a prepared SELECT by key through the pool\n")
    print("| what | SELECT | ours | ratio | at most |\n|---|---:|---:|---:|---:|")
    without_waiting(url, tokens)
    asyncio.run(waiting(url, tokens))
    everybody(f"{server.url}?schema=everybody", count)
    for each in places.values():
        each.flow.close()
    server.stop()


if __name__ == "__main__":
    main()
