"""The Redis store against bare commands: ``python -m benchmarks.redis [--help] [SESSIONS …]``.

It starts servers of its own, and client and server share a core where the system lets them. Without
numbers it is quick; ``1000 30000 300000 3000000`` shows in a quarter of an hour that the verbs' cost
doesn't grow.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import time
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
import redis
import redis.asyncio
from tests.servers import REDIS, VALKEY, Server
from tests.support import DAY, LAPTOP, START, make_record, make_series, step

from signedin._async.operating import AT_ONCE
from signedin._async.stores.redis import AsyncRedisStore
from signedin._sync.sessions import Sessions
from signedin._sync.stores.redis import RedisStore
from signedin.reasons import REASONS
from signedin.redis.records import key_of, pack_series, pack_session
from signedin.settings import Settings
from signedin.steps import AllBut, Ending, EndingEverybody, Resumption, Rotation, SignIn, Touch

from .tools import pin

VERBS = 200
"""So often each verb."""
DICE = random.Random(1)
SYSTEMS = ("Windows NT 10.0; Win64; x64", "Macintosh; Intel Mac OS X 10_15_7", "X11; Linux x86_64")
USER_AGENTS = [
    f"Mozilla/5.0 ({system}) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{version}.0.0.0 Safari/537.36"
    + (f" Edg/{version}.0.0.0" if edge else "")
    for system in SYSTEMS
    for version in range(120, 147)
    for edge in (False, True)
]


def record_of(user: str, number: int) -> tuple[Any, Any, Any]:
    """A record as real ones are, its token, and a series for a third of them."""
    record, token = make_record(user, expires=START + 365 * DAY)
    series = None
    if number % 3 == 0:
        series, _ = make_series(user, record.id)
    agent = DICE.choice(USER_AGENTS)
    key = None if series is None else series.key
    return msgspec.structs.replace(record, series=key, user_agent=agent), token, series


def fill(server: Server, store: RedisStore, count: int) -> tuple[float, list[Any]]:
    """So many sessions, three a user; the bytes that each takes, and some of them."""
    some = []
    with server.client() as client:
        before = client.info("memory")["used_memory"]
        pipeline = client.pipeline(transaction=False)
        for number in range(count):
            record, token, series = record_of(str(1_000_000 + number // 3), number)
            random_part, tag = key_of(record.id)
            fields = {random_part: pack_session(record)}
            if series is not None:
                fields[series.key] = pack_series(series)
            pipeline.hset(store.keys.sessions(tag), mapping=fields)
            pipeline.pexpire(store.keys.sessions(tag), 400 * DAY)
            if number % max(count // 1000, 1) == 0:
                some.append((record, token))
            if number % 1000 == 999:
                pipeline.execute()
        pipeline.execute()
        return (client.info("memory")["used_memory"] - before) / count, some


def times(work: Callable[[int], Any], count: int) -> list[float]:
    """Microseconds that each takes."""
    found = []
    for number in range(count):
        began = time.perf_counter()
        work(number)
        found.append((time.perf_counter() - began) * 1e6)
    return found


def quick(taken: list[float]) -> float:
    """What the quickest tenth stays below: what else runs on the machine hardly counts."""
    return sorted(taken)[len(taken) // 10]


def against(
    name: str, base: Callable[[int], Any], ours: Callable[[int], Any], count: int, most: str
) -> None:
    """A line of the table: short turns, one after the other."""
    turns = [(times(base, count), times(ours, count)) for _ in range(15)]
    show(name, turns, most)


def show(name: str, turns: list[tuple[list[float], list[float]]], most: str) -> None:
    base, ours = (quick([one for turn in turns for one in turn[n]]) for n in (0, 1))
    print(f"| {name} | {base:.1f} | {ours:.1f} | {ours / base:.2f} | {most} |", flush=True)


def one_at_a_time(server: Server, store: RedisStore, some: list[Any]) -> None:
    """The sync store, and the whole flow."""
    flow = Sessions(store, Settings(), lambda: START + 1)
    client = server.client()
    client.set("bare", b"x" * 180)

    def get(number: int) -> None:
        client.get("bare")

    ids = [record.id for record, _ in some]
    texts = [token.text for _, token in some]
    against("find", get, lambda n: store.find(ids[n]), 200, "")
    against("validate, the whole flow", get, lambda n: flow.validate(texts[n]), 200, "1.3")
    for _ in range(100):
        store.add(step(record_of("many", 1)[0]))
    against("list 100 sessions", get, lambda n: store.for_user("many"), 30, "5")
    steps: list[SignIn] = []
    for number in range(15 * 30):
        record, _, series = record_of("many", 0)
        before = steps[-1].series if number else None
        forgets = None if before is None else before.key
        steps.append(step(record, series=series, forgets=forgets))
    coming = iter(steps)
    against("sign-in at the cap of 100", get, lambda n: store.add(next(coming)), 30, "6")
    against("touch", get, lambda n: store.touch([Touch(ids[n], LAPTOP)], START + n + 9), 100, "")
    client.close()


async def at_once(server: Server, some: list[Any]) -> None:
    """The async store: one at a time, and 50 at once."""
    store = AsyncRedisStore(server.url)
    client = redis.asyncio.Redis(port=server.port)
    ids = [record.id for record, _ in some]
    await client.get("bare")
    await store.find(ids[0])

    async def timed(work: Callable[[int], Awaitable[Any]], count: int, of: int = 1) -> list[float]:
        found = []
        for number in range(count):
            began = time.perf_counter()
            await work(number)
            found.append((time.perf_counter() - began) / of * 1e6)
        return found

    async def get(number: int) -> None:
        await client.get("bare")

    async def find(number: int) -> None:
        await store.find(ids[number])

    async def fifty(work: Callable[[int], Awaitable[Any]]) -> list[float]:
        async def all_of_them(number: int) -> None:
            await asyncio.gather(*(work(n) for n in range(50)))

        return await timed(all_of_them, 10, 50)

    show("find, asyncio", [(await timed(get, 150), await timed(find, 150)) for _ in range(15)], "1.2")
    show("find, 50 at once", [(await fifty(get), await fifty(find)) for _ in range(15)], "0.25")
    await store.close()
    await client.aclose()


def growing(server: Server, store: RedisStore, some: list[Any], count: int) -> dict[str, str]:
    """What the verbs cost in a store of this size, in µs, and what goes through all of it in seconds."""
    of = [record for record, _ in some]
    ids, users = [record.id for record in of], [record.user_id for record in of]
    fresh = [record_of(user, 0) for user in users[:VERBS]]
    verbs: dict[str, Callable[[int], Any]] = {
        "find": lambda n: store.find(ids[n]),
        "list": lambda n: store.for_user(users[n]),
        "touch": lambda n: store.touch([Touch(ids[n], LAPTOP)], START + 9),
        "rotate": lambda n: store.rotate(rotation(of[n]), START),
        "rename": lambda n: store.rename(users[n], ids[n], "the one upstairs", START),
        "a data bag": lambda n: store.set_data(ids[n], b"x" * 100, START),
        "sign-in, remembered": lambda n: store.add(step(fresh[n][0], series=fresh[n][2])),
        "resume": lambda n: store.resume(resumption(*fresh[n])),
        "revoke": lambda n: store.end(Ending(users[n], AllBut(None), REASONS["revoked"], None, START)),
        "history": lambda n: store.history(users[n], 0),
    }
    column = {f"{name}, µs": f"{quick(times(verb, VERBS)):.0f}" for name, verb in verbs.items()}
    for name, walk in {
        "newest": store.newest,
        "sweep, nothing over": lambda: swept(store, START + 9),
        "counts": lambda: store.counts(START),
    }.items():
        column[f"{name}, s"] = f"{times(lambda n, walk=walk: walk(), 1)[0] / 1e6:.2f}"
    began, ended, cursor = time.perf_counter(), 0, None
    asked = EndingEverybody(REASONS["revoked_by_operator"], "root", START + 9)
    while True:
        batch = store.end_everybody(asked, cursor, AT_ONCE, told=False)
        ended += batch.sessions
        cursor = batch.cursor
        if cursor is None:
            break
    rate = ended / (time.perf_counter() - began)
    column["everybody ended, with history, sessions/s"] = f"{rate:,.0f}"
    with server.client() as client:
        left = client.info("memory")["used_memory"] - client.info("memory")["used_memory_startup"]
    column["bytes of history a session that ended"] = f"{left / count:.0f}"
    return column


def rotation(record: Any) -> Rotation:
    return Rotation(record.id, record.secret_hash, os.urandom(32), record.tail)


def resumption(record: Any, token: Any, series: Any) -> Resumption:
    after, _ = make_record(record.user_id, series=series.key)
    successor = msgspec.structs.replace(series, secret_hash=os.urandom(32), session_id=after.id)
    return Resumption(after, START, START, 100, "evict", series.secret_hash, successor)


def swept(store: RedisStore, now: int) -> None:
    while store.sweep(now, 1000).more:
        pass


def main() -> None:
    """Start a server, measure, print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.redis", description=__doc__)
    parser.add_argument("sessions", type=int, nargs="*", default=[1_000, 30_000])
    parser.add_argument("--redis", action="store_true", help="Debian's Redis instead of Valkey")
    parser.add_argument("--listpack", action="store_true", help="With hash-max-listpack-value 256.")
    chosen = parser.parse_args()
    settings = {"hash_max_listpack_value": "256"} if chosen.listpack else {}
    pin()
    columns: dict[int, dict[str, str]] = {}
    for count in chosen.sessions:
        server = Server(REDIS if chosen.redis else VALKEY, **settings)
        store = RedisStore(server.url)
        taken, some = fill(server, store, count)
        columns[count] = {"bytes a session": f"{taken:.0f}"} | growing(server, store, some, count)
        if count == chosen.sessions[-1]:
            with server.client() as client:
                info = client.info("server")
                version = info.get("valkey_version", info["redis_version"])
            print(f"{'Redis' if chosen.redis else 'Valkey'} {version}, redis-py {redis.__version__}\n")
            print("| µs, the quickest tenth | GET | ours | ratio | at most |\n|---|---:|---:|---:|---:|")
            _, some = fill(server, store, min(count, 30_000))
            one_at_a_time(server, store, some)
            asyncio.run(at_once(server, some))
        store.close()
        server.stop()
    print(f"\n| sessions | {' | '.join(f'{count:,}' for count in columns)} |")
    print("|---|" + "---:|" * len(columns))
    for name in columns[chosen.sessions[0]]:
        print(f"| {name} | {' | '.join(column[name] for column in columns.values())} |")


if __name__ == "__main__":
    main()
