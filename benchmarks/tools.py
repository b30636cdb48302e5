"""What the benchmarks share: turns that are compared, and a store that is full."""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import apsw

from signedin import Client, Settings
from signedin._sync.sessions import Sessions
from signedin._sync.stores.sqlite import SqliteStore
from signedin.session import Facts, encode_tail, new_session_id, user_tag
from signedin.sql import statements
from signedin.token import Token, new_secret

START = 1_800_000_000_000
CLIENT = Client(
    "203.0.113.24", "Mozilla/5.0 (X11; Ubuntu; Linux x86_64; rv:144.0) Gecko/20100101 Firefox/144.0"
)


class Result(NamedTuple):
    """A line of the table. base, ours: microseconds; ratio: of what the target speaks of."""

    what: str
    base: str
    base_us: float
    ours_us: float
    ratio: float
    target: float


def pin() -> None:
    """Client and servers on one core: while one works, the other waits anyway."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})


def turns(
    count: int, base: Callable[[], float], ours: Callable[[], float]
) -> tuple[float, float, float]:
    """Medians of base, ours and ours/base over so many turns; each function gives microseconds."""
    pairs = [(base(), ours()) for _ in range(count)]
    ratio = statistics.median(b / a for a, b in pairs)
    return statistics.median(a for a, _ in pairs), statistics.median(b for _, b in pairs), ratio


def timed(work: Callable[[], Any], repeat: int) -> float:
    """Microseconds that one of ``repeat`` units of the work takes."""
    began = time.perf_counter()
    work()
    return (time.perf_counter() - began) * 1e6 / repeat


def filled(path: str, rows: int, users: str = "") -> list[Token]:
    """A store with so many sessions, three a user; a thousand of their tokens. users: how each is called
    before its number.
    """
    store = SqliteStore(path)
    Sessions(store, Settings(), lambda: START).list("1")
    tail = encode_tail(
        Facts(1, ("desktop", "Firefox", "144", "Ubuntu", None, None), ("password",), START - 1)
    )
    tokens: list[Token] = []

    def row(number: int) -> tuple[Any, ...]:
        user = f"{users}{number // 3}"
        if number % max(rows // 1000, 1) == 0:
            token = Token(new_session_id(user), new_secret())
            tokens.append(token)
            random, secret_hash = bytes.fromhex(token.id[:24]), token.hash()
        else:
            random, secret_hash = os.urandom(12), os.urandom(32)
        times = (None, START - 1, START, 604_800_000, START + 31_536_000_000)
        address = f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"
        return (user_tag(user), random, user, secret_hash, *times, address, CLIENT[1], None, tail)

    connection = apsw.Connection(path)
    connection.execute("PRAGMA synchronous = OFF; BEGIN").fetchall()
    connection.executemany(statements("sqlite/writing.sql")["add"], map(row, range(rows)))
    connection.execute("COMMIT")
    connection.close()
    store.close()
    return tokens
