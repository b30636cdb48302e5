"""What keeps the sessions in tests: each engine is started once and gives every test a place of its own."""

from __future__ import annotations

import itertools
from functools import cached_property
from typing import Protocol

from . import servers
from .postgres import Postgres


class Engine(Protocol):
    """An engine that stores stand on. Starting it is its own business, at its first use."""

    def fresh(self, path: str) -> str:
        """The URL of an empty store, of which nobody else knows. path: a file's, not there yet."""


class Sqlite:
    """A file."""

    def fresh(self, path: str) -> str:
        return path


class OneServer:
    """A Redis or Valkey server; every test has a prefix of its own. parameters: more of the URL."""

    def __init__(self, binary: str, parameters: str = "") -> None:
        self._binary = binary
        self._parameters = parameters
        self._numbers = itertools.count()

    @cached_property
    def server(self) -> servers.Server:
        return servers.Server(self._binary)

    def fresh(self, path: str) -> str:
        return f"{self.server.url}?prefix=t{next(self._numbers)}{self._parameters}"


class ThreeServers:
    """A cluster of Valkey servers."""

    def __init__(self) -> None:
        self._numbers = itertools.count()

    @cached_property
    def cluster(self) -> servers.Cluster:
        return servers.Cluster(servers.VALKEY)

    def fresh(self, path: str) -> str:
        return f"{self.cluster.url}?prefix=t{next(self._numbers)}"


class Database:
    """A PostgreSQL database; every test has a schema of its own."""

    def __init__(self) -> None:
        self._numbers = itertools.count()

    @cached_property
    def server(self) -> Postgres:
        return Postgres()

    def fresh(self, path: str) -> str:
        return f"{self.server.url}?schema=t{next(self._numbers)}"


ENGINES: dict[str, Engine] = {
    "sqlite": Sqlite(),
    "redis": OneServer(servers.REDIS, "&protocol=2"),
    "valkey": OneServer(servers.VALKEY, "&protocol=3"),
    "cluster": ThreeServers(),
    "postgres": Database(),
}


def patient(url: str, seconds: int = 5) -> str:
    """The same store, given time to answer: a busy machine is no outage."""
    return f"{url}&answer_within={seconds}" if "?" in url else url
