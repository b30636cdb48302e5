"""The bottom of each store, as who has the machine sees it: all bytes that it keeps, how much that is, and a
way to write into a session's place.
"""

from __future__ import annotations

import itertools
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

import apsw
import psycopg

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
        return b"".join(file.read_bytes() for file in self._files())

    def size(self) -> object:
        return [(file.name, len(file.read_bytes())) for file in self._files()]

    def spoil(self, session_id: str, stored: bytes) -> None:
        with apsw.Connection(str(self._path)) as connection:
            connection.execute(
                "UPDATE session SET tail = ? WHERE random = ?", (stored, bytes.fromhex(session_id[:24]))
            )
            assert connection.changes() == 1

    def _files(self) -> list[Path]:
        return sorted(self._path.parent.glob(f"{self._path.name}*"))


class OnRedis:
    """A server that keeps both kinds of files."""

    def __init__(self, binary: str) -> None:
        self._binary = binary
        self._numbers = itertools.count()

    @cached_property
    def server(self) -> servers.Server:
        return servers.Server(self._binary, appendonly="yes")

    def fresh(self, path: str) -> str:
        self._prefix = f"t{next(self._numbers)}"
        return patient(f"{self.server.url}?prefix={self._prefix}", 20)

    def dump(self) -> bytes:
        with self.server.client() as client:
            client.save()
        files = Path(self.server.folder).rglob("*")
        return b"".join(file.read_bytes() for file in files if file.is_file() and file.name != "log")

    def size(self) -> object:
        with self.server.client() as client:
            return client.dbsize(), client.info("persistence")["rdb_changes_since_last_save"]

    def spoil(self, session_id: str, stored: bytes) -> None:
        key, field = f"{self._prefix}:{{{session_id[24:]}}}", bytes.fromhex(session_id[:24])
        with self.server.client() as client:
            assert client.hset(key, field, stored) == 0


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
        return b"".join(
            file.read_bytes() for file in Path(self.server.data).rglob("*") if file.is_file()
        )

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
