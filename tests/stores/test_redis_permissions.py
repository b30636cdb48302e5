"""The store as a user who may do only what ``docs/redis.md`` says: the whole of what operators and copies need."""

from __future__ import annotations

import itertools
import re
from functools import cached_property
from pathlib import Path

import pytest

from signedin.config import open_store, store_checks
from signedin.errors import StoreUnavailable
from signedin.settings import Settings

from ..conformance.test_copying import *  # noqa: F403
from ..conformance.test_ending import *  # noqa: F403
from ..conformance.test_operating import *  # noqa: F403
from ..servers import REDIS, VALKEY, Server
from ..support import make_record, step

DOCS = Path(__file__).parent.parent.parent / "docs" / "redis.md"


class Limited:
    """A server with the documented user, who reaches keys with one beginning."""

    def __init__(self, binary: str) -> None:
        self._binary = binary
        self._numbers = itertools.count()

    @cached_property
    def server(self) -> Server:
        server = Server(self._binary)
        with server.client() as client:
            client.execute_command(*documented())
        return server

    def fresh(self, path: str) -> str:
        return (
            f"redis://signedin:secret@127.0.0.1:{self.server.port}?prefix=signedin:{next(self._numbers)}"
        )


def documented() -> list[str]:
    """The line of the documentation, with its key pattern and a password of ours."""
    (line,) = re.findall(r"^(ACL SETUSER .+)$", DOCS.read_text(), re.MULTILINE)
    return line.replace(">PASSWORD", ">secret").split()


LIMITED = {"redis": Limited(REDIS), "valkey": Limited(VALKEY)}


@pytest.fixture(params=LIMITED)
def engine(request: pytest.FixtureRequest) -> Limited:
    return LIMITED[request.param]


def test_nothing_else(engine: Limited) -> None:
    """Other keys are out of reach: unavailable, and nothing changed."""
    url = engine.fresh("").replace("prefix=signedin", "prefix=other")
    store = open_store(Settings(store=url))
    record, _ = make_record()
    with pytest.raises(StoreUnavailable):
        store.find(record.id)
    with pytest.raises(StoreUnavailable):
        store.add(step(record))
    store.close()


def test_the_doctor_may_look(engine: Limited) -> None:
    """What is permitted is enough for a look at the server."""
    found = list(store_checks(Settings(store=engine.fresh(""))))
    assert {check.state for check in found} == {"pass"}
