"""PostgreSQL that is slow, cut off, half open, full, crowded, or knows better who may come in."""

from __future__ import annotations

import asyncio
import gc
import random
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from signedin import Settings, SignedIn, StoreUnavailable
from signedin._async.stores.postgres import AsyncPostgresStore
from signedin._async.stores.postgres_line import AsyncLine
from signedin._async.stores.postgres_link import AsyncConnector
from signedin._sync.sessions import Sessions
from signedin._sync.stores.postgres import PostgresStore
from signedin._sync.stores.postgres_line import Line
from signedin._sync.stores.postgres_link import Connector
from signedin.errors import AnswerUnknown
from signedin.postgres.address import Address
from signedin.postgres.health import checks

from ..postgres import Postgres
from ..proxy import Proxy
from ..support import LAPTOP, START, Clock, signed_in


@pytest.fixture(scope="module")
def server() -> Iterator[Postgres]:
    made = Postgres(max_locks_per_transaction="10", max_connections="20")
    yield made
    made.stop()


@pytest.fixture
def proxy(server: Postgres) -> Iterator[Proxy]:
    made = Proxy(server.port)
    yield made
    made.stop()


@pytest.fixture
def opened() -> Iterator[Callable[[str], Sessions]]:
    """Opens the flow on the store at a URL."""
    made: list[Sessions] = []

    def make(url: str) -> Sessions:
        made.append(Sessions(PostgresStore(url), Settings(cap=10_000), Clock()))
        return made[-1]

    yield make
    for flow in made:
        flow.close()


def through(proxy: Proxy, schema: str) -> str:
    return f"postgresql://postgres@127.0.0.1:{proxy.port}/postgres?sslmode=disable&schema={schema}"


def sign_in(flow: Sessions, user: str = "1") -> SignedIn:
    outcome = flow.sign_in(user, LAPTOP, started_at=START)
    assert isinstance(outcome, SignedIn)
    return outcome


def goes_on(work: Callable[[], object]) -> None:
    """Within some seconds, without anybody's doing."""
    end = time.monotonic() + 20
    while True:
        try:
            work()
            return
        except StoreUnavailable:
            assert time.monotonic() < end
            time.sleep(0.05)


# ── the way there ────────────────────────────────────────────────────────────────────────────


def test_slow(proxy: Proxy, opened: Callable[[str], Sessions]) -> None:
    """Who is slower than the bound is an outage within it, however many answers a verb needs."""
    flow = opened(through(proxy, "slow"))
    token = sign_in(flow).cookies[0].value
    proxy.delay = 0.02
    assert flow.validate(token) is not None
    sign_in(flow)
    proxy.delay = 0.1
    assert flow.validate(token) is not None
    proxy.delay = 1.0
    for verb in (lambda: flow.validate(token), lambda: sign_in(flow)):
        began = time.monotonic()
        with pytest.raises(StoreUnavailable) as caught:
            verb()
        assert not isinstance(caught.value, AnswerUnknown)
        assert time.monotonic() - began < 4
    proxy.delay = 0.0
    goes_on(lambda: flow.validate(token))
    assert flow.validate(token) is not None
    assert len(flow.list("1")) == 2


def test_cut_between_requests(proxy: Proxy, opened: Callable[[str], Sessions]) -> None:
    """The next one connects again, and nobody notices."""
    flow = opened(through(proxy, "cut"))
    token = sign_in(flow).cookies[0].value
    for _ in range(5):
        proxy.cut()
        assert flow.validate(token) is not None
        proxy.cut()
        sign_in(flow)
    assert len(flow.list("1")) == 6


def test_shut_down_by_an_administrator(
    server: Postgres, proxy: Proxy, opened: Callable[[str], Sessions]
) -> None:
    """Connections that the server ends, with a word, are no outage."""
    flow = opened(through(proxy, "ended"))
    token = sign_in(flow).cookies[0].value
    for _ in range(3):
        server.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'signedin'"
        )
        assert flow.validate(token) is not None
    assert len(flow.list("1")) == 1


def test_cut_before_the_answer_to_commit(proxy: Proxy, opened: Callable[[str], Sessions]) -> None:
    """Whether it is done can't be known, and is told so; asking again answers truly."""
    flow = opened(through(proxy, "unknown"))
    kept, gone = sign_in(flow), sign_in(flow)

    def cut(from_client: bool, data: bytes) -> None:
        if not from_client and b"COMMIT\0" in data:
            proxy.cut()

    proxy.watch = cut
    with pytest.raises(AnswerUnknown):
        flow.revoke("1", gone.session.id, current=kept.session.id)
    proxy.watch = lambda from_client, data: None
    assert flow.validate(gone.cookies[0].value) is None, "it was done"
    assert flow.revoke("1", gone.session.id, current=kept.session.id).already
    assert flow.validate(kept.cookies[0].value) is not None


def test_cut_before_commit(proxy: Proxy, opened: Callable[[str], Sessions]) -> None:
    """What was cut before it could be committed is done once all the same: the next connection is tried."""
    flow = opened(through(proxy, "before"))
    kept, gone = sign_in(flow), sign_in(flow)
    cuts = iter([True])

    def cut(from_client: bool, data: bytes) -> None:
        if not from_client and b"BEGIN\0" in data and next(cuts, False):
            proxy.cut()

    proxy.watch = cut
    assert flow.revoke("1", gone.session.id, current=kept.session.id).ended
    assert next(cuts, None) is None
    assert len(flow.history("1")) == 1


def test_half_open(proxy: Proxy, opened: Callable[[str], Sessions]) -> None:
    """Neither answers nor an end: an outage in bounded time, for who is connected and who wants to be."""
    flow = opened(through(proxy, "half"))
    token = sign_in(flow).cookies[0].value
    proxy.hold()
    began = time.monotonic()
    for _ in range(3):
        with pytest.raises(StoreUnavailable):
            flow.validate(token)
    assert time.monotonic() - began < 8
    proxy.go_on()
    goes_on(lambda: flow.validate(token))
    assert flow.validate(token) is not None


def test_two_hosts_of_which_one_is_silent(
    server: Postgres, proxy: Proxy, opened: Callable[[str], Sessions]
) -> None:
    """One that takes connections and says nothing is given up for the other."""
    hosts = f"127.0.0.1:{proxy.port},127.0.0.1:{server.port}"
    flow = opened(f"postgresql://postgres@{hosts}/postgres?sslmode=disable&schema=hosts")
    token = sign_in(flow).cookies[0].value
    proxy.hold()
    with pytest.raises(StoreUnavailable, match="no answer in time"):
        flow.validate(token)
    goes_on(lambda: flow.validate(token))
    assert flow.validate(token) is not None


async def test_silent_to_who_comes(server: Postgres, proxy: Proxy, colour: str) -> None:
    """Who is not answered in time leaves no connection behind, whenever Python collects its garbage."""
    where = through(proxy, "").replace("schema=", "application_name=unanswered")
    proxy.answers = "swallow"
    gc.disable()
    try:
        with pytest.raises(psycopg.errors.ConnectionTimeout):
            if colour == "async":
                await AsyncConnector().connect(where, connect_timeout=2)
            else:
                Connector().connect(where, connect_timeout=2)
        left = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'unanswered'"
        end = time.monotonic() + 10
        while server.execute(left) != [(0,)]:
            assert time.monotonic() < end
            await asyncio.sleep(0.02)
    finally:
        gc.enable()


def test_a_loop_that_ends(proxy: Proxy) -> None:
    """A program that didn't close its store ends all the same, also while its pool waits for an answer."""
    proxy.answers = "swallow"
    code = f"""
import asyncio, signedin

async def main():
    await signedin.open_async_sessions(store={through(proxy, "unclosed")!r}).list("1")

asyncio.run(main())
"""
    command = [sys.executable, "-W", "ignore", "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert "StoreUnavailable" in done.stderr


async def test_cancelled(proxy: Proxy) -> None:
    """Who is cancelled is let go at once, even when nothing answers; no lock stays, and nothing half done."""
    store = AsyncPostgresStore(through(proxy, "cancelled") + "&answer_within=10")
    await signed_in(store)
    dice = random.Random(1)
    for number in range(20):
        tasks = [asyncio.ensure_future(signed_in(store, "1", remember=True)) for _ in range(10)]
        await asyncio.sleep(dice.random() * 0.02)
        if number % 5 == 4:
            proxy.hold()
            await asyncio.sleep(0.02)
        began = time.monotonic()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        assert time.monotonic() - began < 8
        proxy.go_on()
    await signed_in(store)
    found = await store.for_user("1")
    assert {record.series for record in found.records} - {None} == found.series
    await store.close()


# ── what the server has no more of ───────────────────────────────────────────────────────────


async def test_given_up_without_a_word(server: Postgres, colour: str) -> None:
    """A step whose time is over when it fails gives its connection up, and leaves nothing on stderr (a
    warning here).
    """
    if colour == "async":
        async with await psycopg.AsyncConnection.connect(server.url, autocommit=True) as connection:
            line = AsyncLine(connection)
            connection.wait = line.wait  # type: ignore[method-assign]
            line.allow(5)
            with pytest.raises(LookupError):
                async with line.pipeline():
                    await line.execute("SELECT 1")
                    line.allow(0)
                    raise LookupError
    else:
        with psycopg.Connection.connect(server.url, autocommit=True) as connection_:
            line_ = Line(connection_)
            connection_.wait = line_.wait  # type: ignore[method-assign]
            line_.allow(5)
            with pytest.raises(LookupError):
                with line_.pipeline():
                    line_.execute("SELECT 1")
                    line_.allow(0)
                    raise LookupError
    gc.collect()


def test_full_disk(opened: Callable[[str], Sessions]) -> None:
    """What doesn't fit is refused and not there; what was acknowledged is; with room it goes on."""
    server = Postgres(small="16m")
    place = f"{server.folder}/small"
    server.execute(f"COPY (SELECT 1) TO PROGRAM 'mkdir {place}/space'")
    server.execute(f"CREATE TABLESPACE small LOCATION '{place}/space'")
    server.execute("ALTER DATABASE postgres SET default_tablespace = small")
    flow = opened(server.url)
    known = {sign_in(flow).session.id}
    with pytest.raises(psycopg.errors.DiskFull):
        server.execute(
            f"COPY (SELECT repeat('x', 8000) FROM generate_series(1, 4000)) TO '{place}/ballast'"
        )
    with pytest.raises(StoreUnavailable, match="No space left on device") as caught:
        while True:
            known.add(sign_in(flow).session.id)
    assert not isinstance(caught.value, AnswerUnknown)
    assert {session.id for session in flow.list("1")} == known
    server.execute(f"COPY (SELECT 1) TO PROGRAM 'rm {place}/ballast'")
    sign_in(flow)
    assert len(flow.list("1")) == len(known) + 1
    server.stop()


def test_no_memory(server: Postgres, opened: Callable[[str], Sessions]) -> None:
    """A server without room for another lock refuses what writes; nothing was changed."""
    flow = opened(f"{server.url}?schema=memory")
    token = sign_in(flow).cookies[0].value
    with psycopg.connect(server.url) as greedy:
        with pytest.raises(psycopg.errors.OutOfMemory):
            greedy.execute("SELECT pg_advisory_lock(n) FROM generate_series(1, 100000) AS n")
        with pytest.raises(StoreUnavailable, match="out of shared memory") as caught:
            sign_in(flow)
        assert not isinstance(caught.value, AnswerUnknown)
        assert flow.validate(token) is not None
    goes_on(lambda: sign_in(flow))
    assert len(flow.list("1")) == 2


def test_no_connection_left(server: Postgres, opened: Callable[[str], Sessions]) -> None:
    """The server's own words are told; it goes on when there is one."""
    opened(f"{server.url}?schema=crowded").list("1")
    server.execute("CREATE ROLE crowd LOGIN CONNECTION LIMIT 1; GRANT pg_write_all_data TO crowd")
    server.execute("GRANT pg_read_all_data TO crowd; GRANT USAGE ON SCHEMA crowded TO crowd")
    url = server.url.replace("postgres@", "crowd@")
    flow = opened(f"{url}?schema=crowded")
    with psycopg.connect(url):
        with pytest.raises(StoreUnavailable, match="too many connections"):
            flow.list("1")
    goes_on(lambda: flow.list("1"))
    sign_in(flow)


# ── who may come in ──────────────────────────────────────────────────────────────────────────


def test_a_wrong_password(opened: Callable[[str], Sessions]) -> None:
    """Is told as that, without it; the right one opens."""
    server = Postgres()
    server.execute("CREATE ROLE app LOGIN SUPERUSER PASSWORD 'r1ght'")
    server.rules(
        "local all postgres trust", "host all postgres all trust", "host all app all scram-sha-256"
    )
    url = server.url.replace("postgres@", "app:{}@")
    with pytest.raises(
        StoreUnavailable, match='password authentication failed for user "app"'
    ) as caught:
        opened(url.format("wr0ng")).list("1")
    assert "wr0ng" not in str(caught.value)
    assert opened(url.format("r1ght")).list("1") == []
    (told,) = checks(url.format("wr0ng"), START)
    assert told.state == "fail"
    assert "wr0ng" not in str(told)
    server.stop()


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an authority, a certificate of it for localhost, and another authority."""
    folder = tmp_path_factory.mktemp("tls")

    def openssl(*arguments: str) -> None:
        subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)

    curve = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
    for name in ("ours", "other"):
        openssl("req", "-x509", *curve, "-subj", f"/CN={name}", "-days", "2",
                "-keyout", f"{name}.key", "-out", f"{name}.crt")  # fmt: skip
    openssl("req", *curve, "-subj", "/CN=localhost", "-keyout", "server.key", "-out", "server.csr")
    (folder / "names").write_text("subjectAltName=DNS:localhost")
    openssl("x509", "-req", "-in", "server.csr", "-CA", "ours.crt", "-CAkey", "ours.key", "-days", "2",
            "-extfile", "names", "-out", "server.crt")  # fmt: skip
    return folder


def test_tls(server: Postgres, authority: Path, opened: Callable[[str], Sessions]) -> None:
    """With verify-full the server is who it says; whichever side wants what the other hasn't is told so."""
    secure = Postgres()
    for name in ("server.crt", "server.key"):
        shutil.copy(authority / name, secure.folder)
        (Path(secure.folder) / name).chmod(0o600)
        shutil.chown(Path(secure.folder) / name, secure.user)
    for name, value in (
        ("ssl_cert_file", f"{secure.folder}/server.crt"),
        ("ssl_key_file", f"{secure.folder}/server.key"),
        ("ssl", "on"),
    ):
        secure.execute(f"ALTER SYSTEM SET {name} = '{value}'")
    secure.rules("hostssl all all all trust")
    here = secure.url.replace("127.0.0.1", "localhost")
    right = f"{here}?sslmode=verify-full&sslrootcert={authority}/ours.crt"
    flow = opened(right)
    assert flow.validate(sign_in(flow).cookies[0].value) is not None
    tls = {check.name: check for check in checks(right, START)}["tls"]
    assert (tls.state, tls.found) == ("pass", "encrypted")
    for url, told in (
        (f"{here}?sslmode=disable", "no encryption"),
        (right.replace("ours", "other"), "certificate verify failed"),
        (right.replace("localhost", "127.0.0.1"), "does not match host name"),
        (f"{server.url}?sslmode=require", "server does not support SSL"),
    ):
        with pytest.raises(StoreUnavailable, match=told):
            opened(url).list("1")
    assert Address.of(right).shown.startswith("localhost:")
    secure.stop()
