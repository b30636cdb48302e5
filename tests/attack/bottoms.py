"""The bottom of each store, as who has the machine sees it: all bytes that it keeps, how much that is, and a
way to write into a session's place. And how a secret could be spelled there.
"""

from __future__ import annotations

import itertools
from base64 import urlsafe_b64decode
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import parse_qsl

import apsw
import psycopg
import redis

from .. import servers
from ..engines import patient
from ..postgres import Postgres

"""Nothing here is about time, and the machine may be busy."""


class Bottom(Protocol):
    """One engine, and one empty store on it after another."""

    def fresh(self, path: str) -> str:
        """The URL of an empty store, the one that all else is about."""

    def dump(self) -> bytes:
        """Every byte on its disk: tables and logs."""

    def size(self) -> object:
        """How much it keeps, and how often it was written to, as far as it tells."""

    def spoil(self, session_id: str, stored: bytes) -> None:
        """Write these bytes where the session's facts are."""


class OnSqlite:
    """A file and its log."""

    def fresh(self, path: str) -> str:
        self._path = Path(path)
        return path

    def dump(self) -> bytes:
        return _bytes_of(_files(self._path))

    def size(self) -> object:
        return [(file.name, len(file.read_bytes())) for file in _files(self._path)]

    def spoil(self, session_id: str, stored: bytes) -> None:
        with apsw.Connection(str(self._path)) as connection:
            connection.execute(
                "UPDATE session SET tail = ? WHERE random = ?", (stored, bytes.fromhex(session_id[:24]))
            )
            assert connection.changes() == 1


BOTH_FILES: dict[str, Any] = {"appendonly": "yes", "rdbcompression": "no"}
"""A compressed file would cut what is looked for into pieces."""


class OnRedis:
    """A server that keeps both kinds of files."""

    def __init__(self, binary: str) -> None:
        self._binary = binary
        self._numbers = itertools.count()

    @cached_property
    def server(self) -> servers.Server:
        return servers.Server(self._binary, **BOTH_FILES)

    @property
    def nodes(self) -> Sequence[servers.Server]:
        return (self.server,)

    @property
    def url(self) -> str:
        return self.server.url

    def fresh(self, path: str) -> str:
        self._prefix = f"t{next(self._numbers)}"
        return patient(f"{self.url}?prefix={self._prefix}", 20)

    def dump(self) -> bytes:
        for node in self.nodes:
            with node.client() as client:
                client.save()
        files = (file for node in self.nodes for file in Path(node.folder).rglob("*"))
        return _bytes_of(file for file in files if file.is_file() and file.name != "log")

    def size(self) -> object:
        told: list[object] = []
        for node in self.nodes:
            with node.client() as client:
                told += client.dbsize(), client.info("persistence")["rdb_changes_since_last_save"]
        return told

    def spoil(self, session_id: str, stored: bytes) -> None:
        key, field = f"{self._prefix}:{{{session_id[24:]}}}", bytes.fromhex(session_id[:24])
        found = []
        for node in self.nodes:
            # Of a cluster's nodes only one has the key.
            with node.client() as client, suppress(redis.exceptions.MovedError):
                found.append(client.hset(key, field, stored))
        assert found == [0]


class OnCluster(OnRedis):
    """The same on three servers that share the keys."""

    @cached_property
    def cluster(self) -> servers.Cluster:
        return servers.Cluster(self._binary, **BOTH_FILES)

    @property
    def nodes(self) -> Sequence[servers.Server]:
        return self.cluster.servers

    @property
    def url(self) -> str:
        return self.cluster.url


class OnPostgres:
    """A server's whole folder: tables, write-ahead log and all."""

    def __init__(self) -> None:
        self._numbers = itertools.count()

    @cached_property
    def server(self) -> Postgres:
        return Postgres()

    def fresh(self, path: str) -> str:
        self._schema = f"t{next(self._numbers)}"
        return patient(f"{self.server.url}?schema={self._schema}", 20)

    def dump(self) -> bytes:
        self._ask("CHECKPOINT")
        return _bytes_of(file for file in Path(self.server.data).rglob("*") if file.is_file())

    def size(self) -> object:
        tables = self._ask("SELECT tablename FROM pg_tables WHERE schemaname = %s", self._schema)
        told = "SELECT count(*), sum(xmin::text::bigint) FROM {}.{}"
        return sorted((name, *self._ask(told.format(self._schema, name))) for (name,) in tables)

    def spoil(self, session_id: str, stored: bytes) -> None:
        random = bytes.fromhex(session_id[:24])
        told = f"UPDATE {self._schema}.session SET tail = %s WHERE random = %s RETURNING 1"
        assert self._ask(told, stored, random) == [(1,)]

    def _ask(self, statement: str, *values: Any) -> list[Any]:
        with psycopg.connect(self.server.url, autocommit=True) as connection:
            done = connection.execute(statement, values or None)  # type: ignore[call-overload]
            return done.fetchall() if done.description else []


BOTTOMS: dict[str, Bottom] = {
    "sqlite": OnSqlite(),
    "redis": OnRedis(servers.REDIS),
    "valkey": OnRedis(servers.VALKEY),
    "postgres": OnPostgres(),
}

ALL: dict[str, Bottom] = BOTTOMS | {"cluster": OnCluster(servers.VALKEY)}


# ── without the engine, by a store's URL ─────────────────────────────────────────────────────


def kept(url: str) -> bytes:
    """All that the store at this URL keeps: of SQLite the file and its log, of Redis and Valkey all keys and
    values, on every node of a cluster, of PostgreSQL all tables. What other stores there keep is not in it.
    """
    place, _, query = url.partition("?")
    told = dict(parse_qsl(query))
    scheme, _, where = place.partition("://")
    if not where:
        return _bytes_of(_files(Path(place)))
    if scheme == "postgresql":
        return _tables(place, told["schema"])
    return b"".join(_keys(node, told["prefix"]) for node in where.split(","))


def spellings(secret: str) -> tuple[bytes, ...]:
    """How a token's secret could lie there: as it is, as the bytes that it spells, as their digits."""
    raw = urlsafe_b64decode(secret + "=")
    return secret.encode(), raw, raw.hex().encode()


def spellings_of_id(series_id: str) -> tuple[bytes, ...]:
    """The same of the random part of a series' id."""
    return bytes.fromhex(series_id[:24]), series_id[:24].encode()


def _files(path: Path) -> list[Path]:
    return sorted(path.parent.glob(f"{path.name}*"))


def _bytes_of(files: Iterable[Path]) -> bytes:
    return b"".join(file.read_bytes() for file in files)


_READ: dict[bytes, Callable[[Any, bytes], Any]] = {
    b"string": lambda client, key: client.get(key),
    b"hash": lambda client, key: client.hgetall(key),
    b"set": lambda client, key: client.smembers(key),
    b"zset": lambda client, key: client.zrange(key, 0, -1),
    b"list": lambda client, key: client.lrange(key, 0, -1),
    b"stream": lambda client, key: client.xrange(key),
}


def _keys(node: str, prefix: str) -> bytes:
    with redis.Redis.from_url(f"redis://{node}") as client:
        keys: list[Any] = list(client.scan_iter(f"{prefix}:*", 1000))
        return _flat([(key, _READ[client.type(key)](client, key)) for key in keys])


def _flat(value: Any) -> bytes:
    """The bytes of an answer, whatever its form."""
    if isinstance(value, dict):
        value = value.items()
    return value if isinstance(value, bytes) else b"\n".join(map(_flat, value))


def _tables(url: str, schema: str) -> bytes:
    with psycopg.connect(url) as connection:
        found = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = %s", (schema,))
        dumped = []
        for (name,) in found.fetchall():
            told: Any = f'COPY "{schema}"."{name}" TO STDOUT (FORMAT binary)'
            with connection.cursor().copy(told) as copy:
                dumped += [bytes(part) for part in copy]
        return b"".join(dumped)
