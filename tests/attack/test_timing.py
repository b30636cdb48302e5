"""Nobody learns by waiting how near a token comes: all take the same way through the store, counted rather than
timed. Measured it is by ``python -m tests.attack.timing``.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from signedin import remember_me, token
from signedin.config import open_async_sessions
from signedin.session import SessionId

from ..frameworks.conftest import statements
from ..proxy import Proxy
from ..support import START, Clock, make_series
from .bottoms import BOTTOMS
from .timing import kinds

__all__ = ["statements"]


class Listener:
    """What a client says to its server: how often, and how much."""

    def __init__(self, port: int) -> None:
        self.proxy = Proxy(port)
        self.proxy.watch = self._see
        self._said: list[int] = []

    def _see(self, from_client: bool, data: bytes) -> None:
        if from_client:
            self._said.append(len(data))

    def __call__(self) -> list[int]:
        said, self._said = self._said, []
        return said


@pytest.fixture(params=BOTTOMS)
def watched(request: pytest.FixtureRequest, path: str, statements: Any) -> Iterator[Any]:
    """A store's URL, and what was asked of it since that was last looked at."""
    engine: Any = BOTTOMS[request.param]
    url = engine.fresh(path)
    if request.param == "sqlite":
        yield url, statements
    else:
        listener = Listener(engine.server.port)
        yield url.replace(f":{engine.server.port}", f":{listener.proxy.port}"), listener
        listener.proxy.stop()


async def test_one_way_for_all(watched: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """An unknown id, a wrong secret, a previous one, one of an ended session and the right one: the same
    question to the store, once, of the same length. Hashes are compared whole and in constant time.
    """
    url, asked = watched
    compared: list[tuple[int, int]] = []

    def noted(one: bytes, other: bytes) -> bool:
        compared.append((len(one), len(other)))
        return one == other

    flow: Any = open_async_sessions(store=url, sweep_every=None, clock=Clock())
    tokens = await kinds(flow)
    for kind in tokens.values():
        await flow.validate(kind)
    monkeypatch.setattr(token, "compare_digest", noted)
    asked()
    ways = {}
    for kind, text in tokens.items():
        compared.clear()
        session = await flow.validate(text)
        ways[kind] = asked()
        assert (session is not None) is (kind in ("right", "right after a rotation", "previous"))
        assert set(compared) <= {(32, 32)}
        assert bool(compared) is (kind not in ("unknown id", "ended"))
    assert len({tuple(way) for way in ways.values()}) == 1, ways
    assert len(ways["right"]) == 1
    await flow.close()


def test_hashes_are_compared_in_constant_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """By the standard library's own comparison, for sessions and for Remember me: whole, and of the presented
    one with the stored one.
    """
    assert token.compare_digest is hmac.compare_digest
    seen: list[tuple[int, int]] = []

    def compare(one: bytes, other: bytes) -> bool:
        seen.append((len(one), len(other)))
        return hmac.compare_digest(one, other)

    monkeypatch.setattr(remember_me, "hmac", SimpleNamespace(compare_digest=compare))
    series, presented = make_series("1", SessionId("ab" * 24))
    assert remember_me.judge(series, presented, START) == "current"
    assert remember_me.judge(series, token.Token(presented.id, token.new_secret()), START) == "stolen"
    assert set(seen) == {(32, 32)}
