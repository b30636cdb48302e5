"""Where sessions are kept: an engine, how much is in it, and what passes between it and the client."""

from __future__ import annotations

import re
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import apsw
import psycopg
from tests.postgres import Postgres
from tests.proxy import Proxy
from tests.servers import REDIS, Server

ENGINES = ("sqlite", "redis", "postgres")


@dataclass
class Passed:
    """statements: SQL statements or Redis commands. trips: waits for the server's answer."""

    statements: int = 0
    trips: int = 0


class Place:
    """An empty engine. counts: whether all that passes can be counted, which takes time."""

    def __init__(self, engine: str, folder: Path, counts: bool) -> None:
        self.engine = engine
        self.folder = folder
        self.counts = counts
        self.passed = Passed()
        self._client_spoke = False
        if counts:
            apsw.connection_hooks.append(self._listen)
            self._listen_to_the_standard_library()

    # ── the servers ──────────────────────────────────────────────────────────────────────────

    @cached_property
    def redis(self) -> Server:
        return Server(REDIS, rdbcompression="no")

    @cached_property
    def postgres(self) -> Postgres:
        more = {"log_statement": "all"} if self.counts else {}
        return Postgres(fsync="on", shared_buffers="256MB", max_wal_size="2GB", **more)

    @cached_property
    def redis_url(self) -> str:
        port = self._watched(self.redis.port)
        return f"redis://127.0.0.1:{port}"

    @cached_property
    def postgres_url(self) -> str:
        port = self._watched(self.postgres.port)
        return self.postgres.url.replace(f":{self.postgres.port}/", f":{port}/")

    @property
    def url(self) -> str:
        """As our store takes it; it waits as long as the others do."""
        if self.engine == "sqlite":
            return str(self.folder / "sessions.db")
        return f"{self.redis_url if self.engine == 'redis' else self.postgres_url}?answer_within=30"

    def stop(self) -> None:
        for name in ("redis", "postgres"):
            if name in self.__dict__:
                self.__dict__[name].stop()

    # ── counting ─────────────────────────────────────────────────────────────────────────────

    def _watched(self, port: int) -> int:
        if not self.counts:
            return port
        proxy = Proxy(port)
        proxy.watch = self._spoke
        return proxy.port

    def _spoke(self, from_client: bool, data: bytes) -> None:
        self.passed.trips += self._client_spoke and not from_client
        self._client_spoke = from_client

    def _listen(self, connection: apsw.Connection) -> None:
        def heard(event: dict[str, Any]) -> None:
            self._said(event["sql"])

        connection.trace_v2(apsw.SQLITE_TRACE_STMT, heard)

    def _listen_to_the_standard_library(self) -> None:
        connect = sqlite3.connect

        def listening(*arguments: Any, **options: Any) -> sqlite3.Connection:
            connection = connect(*arguments, **options)
            connection.set_trace_callback(self._said)
            return connection

        sqlite3.connect = sqlite3.dbapi2.connect = listening  # type: ignore[assignment]

    def _said(self, sql: str) -> None:
        self.passed.statements += not sql.lstrip().upper().startswith(("PRAGMA", "--"))

    @contextmanager
    def counting(self) -> Iterator[Passed]:
        """What passes during the block; waits that begin in it end in it."""
        log, monitor = 0, None
        if "postgres" in self.__dict__:
            log = (Path(self.postgres.folder) / "log").stat().st_size
        if "redis" in self.__dict__:
            monitor = self.redis.client().monitor()
            monitor.__enter__()
        self._client_spoke = False
        self.passed = passed = Passed()
        yield passed
        self.passed = Passed()
        if monitor is not None:
            with self.redis.client() as client:
                client.echo("the end of it")
            while "the end of it" not in (heard := monitor.next_command())["command"]:
                is_clients = heard["client_type"] != "lua"
                passed.statements += is_clients and not heard["command"].startswith(HANDSHAKE)
            monitor.__exit__()
        if "postgres" in self.__dict__:
            with open(Path(self.postgres.folder) / "log") as file:
                file.seek(log)
                passed.statements += len(re.findall(r"LOG:  (?:statement|execute)", file.read()))

    # ── what is kept ─────────────────────────────────────────────────────────────────────────

    def size(self) -> int:
        """Bytes, without what a server needs when it is empty."""
        total = 0
        for file in self.folder.glob("*.db"):
            # In another process: to close a file here would undo the locks of whoever has it open here.
            done = subprocess.run(
                [sys.executable, "-c", SIZE, str(file)], check=True, capture_output=True
            )
            total += int(done.stdout)
        if "redis" in self.__dict__:
            with self.redis.client() as client:
                told = client.info("memory")
                total += told["used_memory"] - told["mem_clients_normal"]
        if "postgres" in self.__dict__:
            with psycopg.connect(self.postgres.url, autocommit=True) as connection:
                connection.execute("VACUUM FULL")
                query = "SELECT sum(pg_total_relation_size(relid)) FROM pg_stat_user_tables"
                total += int(connection.execute(query).fetchone()[0] or 0)  # type: ignore[index]
        return total

    def holds(self, secret: str) -> bool:
        """Whether what is kept has this text in it."""
        if "redis" in self.__dict__:
            with self.redis.client() as client:
                client.save()
        if "postgres" in self.__dict__:
            self.postgres.execute("CHECKPOINT")
        folders = [str(self.folder)]
        folders += [
            self.__dict__[name].folder for name in ("redis", "postgres") if name in self.__dict__
        ]
        grep = ["grep", "-rqaF", "--exclude=log", "-e", secret, *folders]
        return subprocess.run(grep, check=False).returncode == 0


HANDSHAKE = ("HELLO", "CLIENT", "INFO", "PING", "AUTH", "SELECT")
SIZE = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1])
of = lambda name: connection.execute(f"PRAGMA {name}").fetchone()[0]
print((of("page_count") - of("freelist_count")) * of("page_size"))
"""
