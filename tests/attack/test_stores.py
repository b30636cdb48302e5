"""What must hold of each store, seen from below and from outside: what lies in it opens nothing, junk makes
nothing grow, what somebody else wrote into it is no session, and many at once are as good as one.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import anyio
import msgspec
import pytest

from signedin.config import open_async_sessions, open_sessions
from signedin.errors import StoreUnavailable
from signedin.events import Event, RecordUnreadable
from signedin.token import Token, encode_secret

from ..engines import ENGINES, patient
from ..flow.support import Browser
from ..support import LAPTOP, MINUTE, AsAsync, Clock
from ..web.support import PAGE, SESSION, Client, make_app
from .bottoms import ALL, Bottom, kept, spellings, spellings_of_id
from .junk import junk

ROOT = Path(__file__).parents[2]


@pytest.fixture(params=ALL)
def engine(request: pytest.FixtureRequest) -> Bottom:
    return ALL[request.param]


@pytest.fixture
async def heard() -> list[Event]:
    """What the flow told."""
    return []


@pytest.fixture
async def flow(url: str, clock: Clock, heard: list[Event]) -> AsyncIterator[Any]:
    made = open_async_sessions(store=url, sweep_every=None, clock=clock, listeners=[heard.append])
    yield made
    await made.close()


@pytest.fixture
async def flow_of_colour(colour: str, url: str, clock: Clock) -> AsyncIterator[Any]:
    """Either colour, behind the async face."""
    values: dict[str, Any] = {"store": url, "sweep_every": None, "clock": clock}
    made: Any = open_async_sessions(**values) if colour == "async" else AsAsync(open_sessions(**values))
    yield made
    await made.close()


async def lives(flow: Any, clock: Clock) -> tuple[list[Token], set[str]]:
    """Some lives, with everything that issues a token: all the tokens, and the ids of the series."""
    tokens: list[Token] = []
    series: set[str] = set()

    def issued(*texts: str | None) -> None:
        tokens.extend(token for text in texts if (token := Token.parse(text)) is not None)

    for number in range(6):
        browser = Browser(flow)
        await browser.sign_in(str(number % 3), remember=True)
        issued(*browser.presented)
        browser.restart()
        await browser.visit()
        issued(*browser.presented)
        series.add(tokens[-1].id)
        browser.take((await flow.rotate(browser.token, authenticated_by=("otp",))).cookies)
        _, cookie = await flow.add_visitor(b'{"cart": 1}')
        issued(browser.token, cookie.value)
        clock.tick(MINUTE)
    await flow.credentials_changed("1", token=None)
    await flow.revoke_all("2", operator="cli:root")
    return tokens, series


async def test_what_lies_there_opens_nothing(
    flow_of_colour: Any, url: str, clock: Clock, engine: Bottom
) -> None:
    """No token, in no spelling, is in any file of the store, logs too, nor in what the engine tells; nor is a
    series' id, which is confidential. And nothing that is there, put into a cookie, signs anybody in (TOK-2).
    """
    flow = flow_of_colour
    tokens, series = await lives(flow, clock)
    dump, told = engine.dump(), kept(url)
    assert len(dump) > 5_000
    secrets = {spelled for token in tokens for spelled in spellings(token.secret)}
    secrets |= {spelled for series_id in series for spelled in spellings_of_id(series_id)}
    assert not [spelled for spelled in secrets if spelled in dump or spelled in told]
    (session, *_) = await flow.list("0")
    record = await flow.store.find(session.id)
    assert record.secret_hash in told
    place = dump.index(record.secret_hash)
    near = [dump[start : start + 32] for start in range(max(place - 400, 0), place + 400)]
    for stored in {record.secret_hash, *near}:
        assert await flow.validate(f"{session.id}.{encode_secret(stored)}") is None


async def test_junk_makes_nothing_grow(flow: Any, url: str, engine: Bottom) -> None:
    """Junk tokens, anonymous visits, anonymous sign-outs and junk of Remember me write nothing, in the flow
    and through the web (DOS-1). The long form is ``python -m tests.attack.junk``.
    """
    await Browser(flow).sign_in(remember=True)
    before = engine.size()
    await junk(flow, 300)
    assert engine.size() == before


SPOILED = {
    "nothing": b"",
    "junk": os.urandom(200),
    "another version": b"\xc1" * 60,
    "a bomb": b"\xdd\xff\xff\xff\xff",
    "nested": b"\x91" * 4000,
    "too long": b"\x00" * 100_000,
    "text that is none": b"\x94\x01\x91\xa1\xff\x90\xc0",
    "wrong types": msgspec.msgpack.encode(["1", {"a": 1}, None, "now"]),
    "times behind the calendar": msgspec.msgpack.encode(
        [1, ["phone", None, None, None, None, None], [], 2**62, "9", 2**62, None, 2**62, 0, 2**62]
    ),
}


@pytest.mark.parametrize("what", SPOILED)
async def test_a_record_that_somebody_else_wrote(
    flow: Any, engine: Bottom, heard: list[Event], what: str
) -> None:
    """It is no session: nobody is signed in by it and no page fails, the owner's others are as they were,
    and every way of ending reaches it (TOK-3).
    """
    async with Client(make_app(sessions=flow)) as browser, Client(make_app(sessions=flow)) as other:
        spoiled, sound = await browser.enter("1"), await other.enter("1")
        engine.spoil(spoiled, SPOILED[what])
        heard.clear()
        if await flow.validate(browser.tokens()[SESSION]) is not None:
            assert what == "times behind the calendar"
        elif await flow.store.find(spoiled) is not None:
            assert RecordUnreadable(spoiled) in heard
        for path in ("", "/current", "/history"):
            for accept in ("text/html", "application/json"):
                headers = {"accept": accept}
                assert (await other.get(PAGE + path, headers=headers)).status_code == 200
                assert (await browser.get(PAGE + path, headers=headers)).status_code in (
                    200,
                    303,
                    401,
                    403,
                )
        assert [session.id for session in (await flow.overview("1")).sessions if session.id == sound]
        await other.post(f"{PAGE}/revoke_others")
        assert await browser.user() is None
        assert await other.user() == "1"
        await flow.revoke_all("1", operator="cli:root")
        assert await flow.list("1") == []


async def test_many_uses_of_one_token(flow: Any) -> None:
    """A hundred rotations at once of one token give one successor; a hundred resumes one session, with the
    same two cookies for all (CONC-1).
    """
    browser = Browser(flow)
    await browser.sign_in(remember=True)
    rotated: list[Any] = []
    resumed: list[Any] = []

    # A busy machine may not take a hundred connections in time: who isn't let in has changed nothing. Whoever
    # isn't told is no answer either; most are.
    async def rotate() -> None:
        with suppress(StoreUnavailable):
            rotated.append(await flow.rotate(browser.token, authenticated_by=("otp",)))

    async def resume() -> None:
        with suppress(StoreUnavailable):
            token = browser.remember_token
            resumed.append(await flow.resume(token, LAPTOP, started_at=flow.clock()))

    for verb in (rotate, resume):
        async with anyio.create_task_group() as group:
            for _ in range(100):
                group.start_soon(verb)
    assert min(len(rotated), len(resumed)) > 50
    assert sum(outcome is not None for outcome in rotated) == 1
    cookies = {tuple(cookie.value for cookie in outcome.cookies) for outcome in resumed}
    assert len(cookies) == 1
    assert len(await flow.list("1")) == 1


@pytest.mark.parametrize("name", ["redis", "cluster", "postgres"])
def test_the_cap_among_processes(name: str, path: str) -> None:
    """300 sign-ins from several processes leave exactly the 100 newest (LIM-1); for SQLite it is in
    tests/proofs/test_processes.py. All wait for one user's turn, so longer than a store's quarter of a second.
    """
    url = patient(ENGINES[name].fresh(path), 20)
    command = [sys.executable, "-m", "tests.proofs.crowd", "cap", url]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
