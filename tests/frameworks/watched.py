"""A store of each engine, and what is said to it: seen on the way there, by whoever says it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from ..engines import ENGINES, Database, OneServer, patient
from ..proxy import Proxy

READS = ("SELECT", "WITH", "HGET", "HMGET")


class Watched:
    """url: of the store. turns: how often somebody asked since it was last set to 0."""

    url: str
    turns = 0

    def said(self) -> list[str]:
        """The statements or commands since this was last asked."""
        raise NotImplementedError


class File(Watched):
    """SQLite: each statement is a turn."""

    def __init__(self, path: str, statements: Callable[[], list[str]]) -> None:
        self.url = path
        self._statements = statements

    def said(self) -> list[str]:
        told = self._statements()
        self.turns = len(told)
        return told


class Server(Watched):
    """Behind a proxy that reads along. commands: those in what a client sends."""

    def __init__(self, url: str, port: int, commands: Callable[[bytes], Iterator[str]]) -> None:
        self._proxy = Proxy(port)
        self.url = url.replace(f":{port}", f":{self._proxy.port}")
        self._commands = commands
        self._told: list[str] = []
        self._asks = False
        self._proxy.watch = self._see

    def _see(self, from_client: bool, data: bytes) -> None:
        if from_client:
            self._told += self._commands(data)
            self.turns += not self._asks
        self._asks = from_client

    def said(self) -> list[str]:
        told, self._told = self._told, []
        return told

    def stop(self) -> None:
        self._proxy.stop()


def in_resp(data: bytes) -> Iterator[str]:
    """The names of Redis commands."""
    while data[:1] == b"*":
        head, _, data = data.partition(b"\r\n")
        words = []
        for _ in range(int(head[1:])):
            size, _, data = data.partition(b"\r\n")
            words.append(data[: int(size[1:])])
            data = data[int(size[1:]) + 2 :]
        yield words[0].decode().upper()


def in_messages(data: bytes) -> Iterator[str]:
    """The statements in PostgreSQL's messages Query and Parse."""
    while len(data) >= 5 and data[:1] != b"\0":
        length = 1 + int.from_bytes(data[1:5])
        if data[:1] in b"QP":
            yield data[5:length].lstrip(b"\0").partition(b"\0")[0].decode()
        data = data[length:]


@pytest.fixture(params=["sqlite", "redis", "postgres"])
def watched(
    request: pytest.FixtureRequest, path: str, statements: Callable[[], list[str]]
) -> Iterator[Any]:
    engine = ENGINES[request.param]
    if isinstance(engine, OneServer):
        made = Server(engine.fresh(""), engine.server.port, in_resp)
    elif isinstance(engine, Database):
        more = "&sslmode=disable&prepare=no"
        made = Server(engine.fresh("") + more, engine.server.port, in_messages)
    else:
        yield File(path, statements)
        return
    made.url = patient(made.url)
    yield made
    made.stop()
