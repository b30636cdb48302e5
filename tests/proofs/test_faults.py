"""Networks, servers and processes that fail at random moments under load: the short form of ``faults.py``."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from signedin.errors import AnswerUnknown, StoreUnavailable
from signedin.events import SessionEnded
from signedin.lua import script
from signedin.outcomes import Presented

from ..engines import ENGINES, OneServer
from ..proxy import Proxy
from ..support import LAPTOP
from .faults import proof
from .test_processes import prove


@pytest.fixture
def proxy() -> Iterator[Proxy]:
    engine = ENGINES["redis"]
    assert isinstance(engine, OneServer)
    made = Proxy(engine.server.port)
    yield made
    made.stop()


@pytest.fixture
def url(proxy: Proxy) -> str:
    engine = ENGINES["redis"]
    assert isinstance(engine, OneServer)
    return engine.fresh("").replace(f":{engine.server.port}", f":{proxy.port}")


@contextmanager
def lost_from(proxy: Proxy, word: bytes) -> Iterator[None]:
    """From the question with this word on no answer passes."""

    def watch(from_client: bool, data: bytes) -> None:
        if from_client and word in data:
            proxy.answers = "swallow"

    proxy.watch = watch
    yield
    proxy.watch = lambda from_client, data: None
    proxy.answers = "pass"


async def test_an_outage_after_the_first_step_of_a_sign_in(sessions: Any, proxy: Proxy) -> None:
    """The session is there, so nobody is told that nothing was changed (E6)."""
    with lost_from(proxy, b"everybody"), pytest.raises(AnswerUnknown):
        await sessions.sign_in("1", LAPTOP, started_at=sessions.clock())
    assert len(await sessions.list("1")) == 1


async def test_an_outage_in_the_middle_of_a_sign_out(sessions: Any, proxy: Proxy) -> None:
    """Who is told that nothing was changed is still signed in."""
    signed_in = await sessions.sign_in("1", LAPTOP, started_at=sessions.clock(), remember=True)
    token, remember = (cookie.value for cookie in signed_in.cookies)
    with lost_from(proxy, script("series").sha.encode()), pytest.raises(StoreUnavailable) as caught:
        await sessions.sign_out(Presented(token, remember))
    assert not isinstance(caught.value, AnswerUnknown)
    assert await sessions.validate(token) is not None
    assert (await sessions.sign_out(Presented(token, remember))).ended
    assert await sessions.validate(token) is None


async def test_an_outage_while_a_browser_changes_hands(sessions: Any, proxy: Proxy) -> None:
    """A sign-in that fails before its first step has ended nobody's session."""
    other = await sessions.sign_in("2", LAPTOP, started_at=sessions.clock(), remember=True)
    left = Presented(*(cookie.value for cookie in other.cookies))
    with lost_from(proxy, script("series").sha.encode()), pytest.raises(StoreUnavailable) as caught:
        await sessions.sign_in("1", LAPTOP, started_at=sessions.clock(), presented=left)
    assert not isinstance(caught.value, AnswerUnknown)
    assert await sessions.validate(left.session) is not None


async def test_an_outage_after_a_browser_changed_hands(open_sessions: Any, proxy: Proxy) -> None:
    """Another user's session has ended, so nobody is told that nothing was changed."""

    def gone(event: object) -> None:
        if isinstance(event, SessionEnded):
            proxy.stop()

    sessions = open_sessions(listeners=[gone])
    other = await sessions.sign_in("2", LAPTOP, started_at=sessions.clock())
    left = Presented(other.cookies[0].value)
    with pytest.raises(AnswerUnknown):
        await sessions.sign_in("1", LAPTOP, started_at=sessions.clock(), presented=left)


@pytest.mark.parametrize(
    ("what", "name", "colour", "count"),
    [
        ("engine", "valkey", "sync", 2),
        ("engine", "postgres", "async", 1),
        ("network", "redis", "async", 5),
        ("network", "cluster", "sync", 5),
        ("network", "postgres", "sync", 5),
    ],
)
def test_under_load(what: str, name: str, colour: str, count: int) -> None:
    """Nothing acknowledged is lost, nothing is half done, and it goes on by itself (ERR-1). A server that stands
    still goes on only when everybody has had an answer.
    """
    assert proof(what, name, colour, count).acknowledged.total() > 0


@pytest.mark.parametrize(
    ("what", "name", "count"),
    [("behind", "redis", 2), ("application", "sqlite", 1), ("service", "sqlite", 1)],
)
def test_processes_under_load(what: str, name: str, count: int) -> None:
    """The same of the service, which answers 503 and leaves the cookies alone, and of processes that stop."""
    prove("tests.proofs.faults", what, name, "async", str(count))
