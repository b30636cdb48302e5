"""PostgreSQL that is down, stopped, restarted, read-only, newer, restricted, crowded or foreign."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import subprocess
import sys
import threading
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg_pool import ConnectionPool

from signedin import Settings, SignedIn, StoreUnavailable
from signedin._async.stores.postgres import AsyncPostgresStore
from signedin._sync.sessions import Sessions
from signedin._sync.stores.postgres import PostgresStore
from signedin.errors import AnswerUnknown, SchemaError, SettingsError
from signedin.postgres.address import Address
from signedin.postgres.health import checks

from ..engines import ENGINES, patient
from ..postgres import Bouncer, Postgres
from ..servers import free_port
from ..support import LAPTOP, START, Clock, signed_in

ROOT = Path(__file__).parent.parent.parent
GRANTS = "docs/postgresql.md"


@pytest.fixture(scope="module")
def server() -> Iterator[Postgres]:
    """One that writes to the disk, and may be hurt."""
    made = Postgres(fsync="on")
    yield made
    made.stop()


@pytest.fixture
def url() -> str:
    return ENGINES["postgres"].fresh("")


def opened(url: str, **bounds: float) -> Sessions:
    return Sessions(PostgresStore(url, **bounds), Settings(), Clock())


def sign_in(flow: Sessions, user: str = "1") -> SignedIn:
    outcome = flow.sign_in(user, LAPTOP, started_at=flow.clock())
    assert isinstance(outcome, SignedIn)
    return outcome


# ── an outage ────────────────────────────────────────────────────────────────────────────────


def test_down_at_the_start() -> None:
    """An answer within about a second, without the password."""
    flow = opened(f"postgresql://postgres:s3cret@127.0.0.1:{free_port()}/postgres")
    began = time.monotonic()
    with pytest.raises(StoreUnavailable) as caught:
        flow.list("1")
    assert time.monotonic() - began < 5
    assert "s3cret" not in str(caught.value)
    assert not isinstance(caught.value, AnswerUnknown)


def test_stopped_in_the_middle(server: Postgres) -> None:
    """A server that doesn't answer is an outage in bounded time; nobody is signed out; it goes on."""
    flow = opened(f"{server.url}?schema=stopped")
    token = sign_in(flow).cookies[0].value
    server.signal(signal.SIGSTOP)
    began = time.monotonic()
    try:
        with pytest.raises(StoreUnavailable):
            flow.validate(token)
        with pytest.raises(StoreUnavailable):
            flow.sign_in("1", LAPTOP, started_at=START)
        assert time.monotonic() - began < 10
    finally:
        server.signal(signal.SIGCONT)
    for _ in range(100):
        try:
            assert flow.validate(token) is not None
            break
        except StoreUnavailable:
            time.sleep(0.1)
    assert len(flow.list("1")) == 1
    flow.close()


def test_killed_and_restarted(server: Postgres) -> None:
    """What was acknowledged is there; the store finds the server again by itself."""
    flow = opened(f"{server.url}?schema=killed")
    kept, gone = sign_in(flow), sign_in(flow)
    flow.revoke("1", gone.session.id, current=kept.session.id)
    server.kill()
    with pytest.raises(StoreUnavailable):
        flow.validate(kept.cookies[0].value)
    server.start()
    for _ in range(100):
        try:
            assert flow.validate(kept.cookies[0].value) is not None
            break
        except StoreUnavailable:
            time.sleep(0.1)
    assert flow.validate(gone.cookies[0].value) is None
    assert isinstance(flow.sign_in("1", LAPTOP, started_at=START), SignedIn)
    flow.close()


def test_a_database_that_only_reads(server: Postgres) -> None:
    """Is refused: what it shows may be what was."""
    server.execute("CREATE DATABASE replica")
    server.execute("ALTER DATABASE replica SET default_transaction_read_only = on")
    url = server.url.replace("/postgres", "/replica")
    with pytest.raises(StoreUnavailable):
        opened(url).list("1")
    told = {check.name: check.state for check in checks(url, time.time_ns() // 10**6)}
    assert told.get("primary", told.get("store")) == "fail"


# ── the schema, and who may ──────────────────────────────────────────────────────────────────


def test_many_at_once_on_an_empty_database(url: str) -> None:
    """Whoever comes first makes the schema; the others find it."""
    flows = [opened(url) for _ in range(8)]
    threads = [threading.Thread(target=sign_in, args=(flow, "1")) for flow in flows]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(flows[0].list("1")) == 8
    for flow in flows:
        flow.close()


def test_a_newer_schema(url: str) -> None:
    """Is refused, and left alone."""
    flow = opened(url)
    flow.list("1")
    flow.close()
    with psycopg.connect(Address.of(url).conninfo, autocommit=True) as connection:
        connection.execute(f"INSERT INTO {Address.of(url).schema}.migration VALUES (999, 'later')")
    with pytest.raises(SchemaError, match="Upgrade signedin"):
        opened(url).list("1")


def test_the_documented_rights(server: Postgres) -> None:
    """A role with what the docs grant, and nothing else, does all of a session's life; without a schema
    it is told what to run.
    """
    owner = opened(server.url)
    owner.list("1")
    owner.close()
    text = (ROOT / GRANTS).read_text()
    server.execute("CREATE ROLE app LOGIN")
    server.execute(text.partition("```sql\n")[2].partition("```")[0])
    url = server.url.replace("postgres@", "app@")
    flow = opened(url)
    first, second = sign_in(flow), sign_in(flow)
    flow.revoke("1", first.session.id, current=second.session.id)
    flow.revoke_everyone(operator="cli:root")
    assert flow.validate(second.cookies[0].value) is None
    assert flow.audit_trail().runs
    flow.sweep()
    flow.close()
    with pytest.raises(SchemaError, match="signedin schema upgrade"):
        opened(f"{url}?schema=elsewhere").list("1")


@pytest.mark.parametrize("default", ["on", "off"])
async def test_what_must_last(server: Postgres, default: str) -> None:
    """Is on the disk when it is acknowledged, whatever the database's default is; touches needn't be."""
    server.execute(f"CREATE DATABASE commits_{default}")
    server.execute(f"ALTER DATABASE commits_{default} SET synchronous_commit = {default}")
    store = AsyncPostgresStore(server.url.rpartition("/")[0] + f"/commits_{default}")

    async def look(line: Any) -> Any:
        return await (await line.execute("SHOW synchronous_commit")).fetchall()

    assert await store._link.step(look) == [("on",)]
    assert await store._link.step(look, lasting=False) == [("off",)]
    await store.close()


def test_a_database_without_an_encoding(server: Postgres) -> None:
    """A user's id is text there, too."""
    server.execute("CREATE DATABASE plain ENCODING 'SQL_ASCII' LOCALE 'C' TEMPLATE template0")
    flow = opened(server.url.rpartition("/")[0] + "/plain")
    session = flow.validate(sign_in(flow, "zoë").cookies[0].value)
    assert session is not None
    assert session.user_id == "zoë"
    flow.close()
    bare = psycopg.conninfo.make_conninfo(server.url, dbname="plain")
    with ConnectionPool[Any](bare, min_size=1) as pool:
        with pytest.raises(SettingsError, match="client_encoding=utf8"):
            PostgresStore(pool).everybody_barrier()


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://h/d?schema=A",
        "postgresql://h/d?schema=x;drop",
        "postgresql://h/d?prepare=perhaps",
        "postgresql://h/d?answer_within=soon",
    ],
)
def test_addresses(url: str) -> None:
    """What can't be is refused with what is possible."""
    with pytest.raises(SettingsError):
        Address.of(url)


def test_nothing_secret_is_shown() -> None:
    """Neither in what people see, nor in a repr."""
    address = Address.of("postgresql://ada:s3cret@db.example:5433/app?sslmode=require&schema=who")
    assert address.shown == "db.example:5433/app schema who"
    assert "s3cret" not in repr(address)
    assert "sslmode=require" in address.conninfo


# ── together ─────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("proof", ["cap", "revoke"])
def test_a_crowd(proof: str, url: str) -> None:
    """300 sign-ins from 4 processes leave exactly 100; no process sees a session after its revoke."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.proofs.crowd", proof, patient(url, 20)],
        capture_output=True, text=True, check=False, cwd=ROOT, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr


async def test_who_is_cancelled_takes_nobodys_answer(url: str) -> None:
    """However many are cancelled, each of the others gets its own session."""
    store = AsyncPostgresStore(url, answer_within=5)
    records = [await signed_in(store, f"u{number}") for number in range(50)]
    dice = random.Random(1)
    for _ in range(20):
        asked = [asyncio.ensure_future(store.find(record.id)) for record in records]
        for _ in range(dice.randrange(4)):
            await asyncio.sleep(0)
        for task in dice.sample(asked, 25):
            task.cancel()
        found: list[Any] = await asyncio.gather(*asked, return_exceptions=True)
        for record, answer in zip(records, found, strict=True):
            assert answer == record or isinstance(answer, asyncio.CancelledError)
    await store.close()


def test_behind_pgbouncer(server: Postgres) -> None:
    """In transaction mode, where each transaction may have another connection, everything holds."""
    bouncer = Bouncer(server)
    flow = opened(f"{bouncer.url}&schema=bounced")
    threads = [threading.Thread(target=sign_in, args=(flow, "1")) for _ in range(30)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    kept, *others = flow.list("1")
    assert len(others) == 29
    assert len(flow.revoke_others("1", current=kept.id).ended) == 29
    assert [session.id for session in flow.list("1")] == [kept.id]
    assert flow.revoke_everyone(operator="cli:root").sessions == 1
    flow.close()
    bouncer.stop()


def test_after_a_fork(url: str) -> None:
    """A child opens connections of its own; the parent's go on."""
    flow = opened(url)
    token = sign_in(flow).cookies[0].value
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # that threads don't come along is the point
        child = os.fork()
    if child == 0:
        try:
            alive = flow.validate(token) is not None and len(flow.list("1")) == 1
            os._exit(0 if alive else 1)
        finally:
            os._exit(2)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert flow.validate(token) is not None
    flow.close()


def test_what_something_else_wrote(url: str) -> None:
    """A tail that is none of ours is not a session, and can be ended."""
    flow = opened(url)
    signed = sign_in(flow)
    with psycopg.connect(Address.of(url).conninfo, autocommit=True) as connection:
        connection.execute(f"UPDATE {Address.of(url).schema}.session SET tail = 'x', device = NULL")
    assert flow.validate(signed.cookies[0].value) is None
    flow.revoke_all("1", operator="cli:root")
    assert flow.store.for_user("1").records == []
    flow.close()


def test_the_doctor(server: Postgres) -> None:
    """All is well on a server that writes to its disk; each fault is named with what to do."""
    now = time.time_ns() // 10**6
    flow = opened(server.url)
    flow.list("1")
    flow.close()
    assert {check.state for check in checks(server.url, now)} == {"pass"}
    quick = {check.name: check for check in checks(ENGINES["postgres"].fresh(""), now + 10**6)}
    assert quick["durability"].state == "fail"
    assert quick["schema"].state == "warn"
    assert quick["server clock"].state == "warn"
    assert all(check.remedy for check in quick.values() if check.state != "pass")
    (down,) = checks(f"postgresql://127.0.0.1:{free_port()}/x", now)
    assert down.state == "fail"
