"""What a verb costs, counted: statements, transactions, fsyncs, and what is left on the disk."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import anyio
import apsw
import pytest

from signedin._async.sessions import AsyncSessions
from signedin._async.stores.sqlite import AsyncSqliteStore
from signedin._sync.sessions import Sessions
from signedin._sync.stores.sqlite import SqliteStore
from signedin.outcomes import SignedIn
from signedin.selector import Selector
from signedin.settings import Settings
from signedin.steps import Query, Touch
from signedin.token import Token

from ..flow.support import Browser
from ..support import LAPTOP, MINUTE, Clock


class CountingFile(apsw.VFSFile):
    """Counts what is synced to the disk."""

    def __init__(self, vfs: CountingVFS, name: Any, flags: list[int]) -> None:
        self._vfs = vfs
        super().__init__("", name, flags)

    def xSync(self, flags: int) -> None:
        self._vfs.syncs += 1
        super().xSync(flags)


class CountingVFS(apsw.VFS):
    """The system's files, with a counter of syncs."""

    def __init__(self, name: str) -> None:
        self.syncs = 0
        super().__init__(name, base="")

    def xOpen(self, name: Any, flags: list[int]) -> CountingFile:
        return CountingFile(self, name, flags)


@pytest.fixture
def vfs() -> Iterator[CountingVFS]:
    made = CountingVFS("counting")
    yield made
    made.unregister()


class Trace:
    """The statements that each connection of a store runs."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.statements: list[str] = []
        from signedin.sqlite.engine import Engine

        connect = Engine._connect

        def traced(engine: Any, wait: int) -> apsw.Connection:
            connection = connect(engine, wait)
            connection.exec_trace = lambda cursor, sql, values: self.statements.append(sql) or True
            return connection

        monkeypatch.setattr(Engine, "_connect", traced)

    def of(self, call: Callable[[], Any]) -> list[str]:
        self.statements.clear()
        call()
        return list(self.statements)


def test_statements(monkeypatch: pytest.MonkeyPatch, path: str) -> None:
    """One statement for a validate, one for a list, one transaction for each other verb."""
    trace, clock = Trace(monkeypatch), Clock()
    flow = Sessions(SqliteStore(path), Settings(), clock)

    def sign_in(user: str = "1") -> SignedIn:
        outcome = flow.sign_in(user, LAPTOP, started_at=clock(), remember=True)
        assert isinstance(outcome, SignedIn)
        return outcome

    first, second = sign_in(), sign_in()
    token, remember = (cookie.value for cookie in first.cookies)
    flow.validate(token)

    assert len(trace.of(lambda: flow.validate(token))) == 1
    assert len(trace.of(lambda: flow.list("1"))) == 1
    assert len(trace.of(lambda: flow.overview("1"))) == 1
    assert len(trace.of(lambda: flow.history("1"))) == 1
    assert len(trace.of(lambda: flow.connections_to_close([(first.session.id, 0)]))) == 1
    for _ in range(50):
        sign_in()
    assert len(trace.of(lambda: flow.list("1"))) == 1

    verbs: dict[str, Callable[[], Any]] = {
        "sign_in": sign_in,
        "touch": lambda: flow.touch(*(Touch(s.id, LAPTOP) for s in flow.list("1"))),
        "rename": lambda: flow.rename("1", first.session.id, "x"),
        "resume": lambda: flow.resume(remember, LAPTOP, started_at=clock()),
        "rotate": lambda: flow.rotate(second.cookies[0].value),
        "revoke": lambda: flow.revoke("1", second.session.id, current=first.session.id),
        "forget": lambda: flow.forget("1"),
        "revoke_others": lambda: flow.revoke_others("1", current=first.session.id),
        "credentials_changed": lambda: flow.credentials_changed("1"),
    }
    for name, verb in verbs.items():
        clock.tick(MINUTE)
        ran = trace.of(verb)
        assert sum(sql == "COMMIT" for sql in ran) == 1, name
        assert sum(sql.startswith("BEGIN") for sql in ran) == 1, name
    flow.close()


def test_no_read_is_left_open(path: str) -> None:
    """After a read the connection holds no snapshot, or the next one would see the past."""
    clock = Clock()
    flow = Sessions(SqliteStore(path), Settings(), clock)
    outcome = flow.sign_in("1", LAPTOP, started_at=clock())
    assert isinstance(outcome, SignedIn)
    token = outcome.cookies[0].value
    reads: list[Callable[[], Any]] = [
        lambda: flow.validate(token),
        lambda: flow.list("1"),
        lambda: flow.history("1"),
        lambda: flow.list(None),
        lambda: flow.why_ended(token),
        lambda: flow.store.newest(),
        lambda: flow.store.everybody_barrier(),
        lambda: flow.store.data(outcome.session.id),
        lambda: flow.validate_with_data(token),
        lambda: flow.find_visitor(token),
        lambda: flow.store.search(Query(1, "recent")),
        lambda: flow.search_page(Selector(), limit=1),
        lambda: flow.counts(),
        lambda: flow.store.find_series(outcome.session.id),
    ]
    for read in reads:
        read()
        assert flow.store._engine.reader.connection.txn_state() == 0
    flow.close()


async def test_fifty_sign_ins_share_their_fsyncs(vfs: CountingVFS, path: str) -> None:
    """At most 13 fsyncs for 50 sign-ins at once, every one of them durable."""
    clock = Clock()
    store = AsyncSqliteStore(path, vfs="counting")
    flow = AsyncSessions(store, Settings(), clock)
    await Browser(flow).sign_in("warm")
    vfs.syncs = 0
    async with anyio.create_task_group() as group:
        for _ in range(50):
            group.start_soon(Browser(flow).sign_in)
    assert 1 <= vfs.syncs <= 13
    assert len(await flow.list("1")) == 50
    await flow.close()


async def test_no_secret_on_the_disk(path: str) -> None:
    """Neither the database nor its log has any token, nor can what is there be presented (TOK-2)."""
    clock = Clock()
    flow = AsyncSessions(AsyncSqliteStore(path), Settings(), clock)
    tokens: list[Token] = []
    for n in range(60):
        browser = Browser(flow)
        await browser.sign_in(str(n % 3), remember=True)
        tokens += [token for text in browser.presented if (token := Token.parse(text)) is not None]
        if n % 2:
            browser.restart()
            await browser.visit()
            tokens += [token for text in browser.presented if (token := Token.parse(text)) is not None]
        clock.tick(MINUTE)
    await flow.credentials_changed("1", token=tokens[2].text)
    dump = b"".join(file.read_bytes() for file in Path(path).parent.iterdir())
    series = {token.id for token in tokens} - {s.id for n in range(3) for s in await flow.list(str(n))}
    assert len(dump) > 10_000
    for token in tokens:
        assert token.secret.encode() not in dump
    for series_id in series:
        assert series_id.encode() not in dump
    await flow.close()


async def test_junk_writes_nothing(path: str) -> None:
    """100 000 junk tokens, anonymous visits and sign-outs: the store has not grown (DOS-1)."""
    clock = Clock()
    flow = AsyncSessions(AsyncSqliteStore(path), Settings(), clock)
    browser = Browser(flow)
    await browser.sign_in()
    await flow.close()
    before = {file.name: file.stat().st_size for file in Path(path).parent.iterdir()}
    for n in range(100_000):
        junk = os.urandom(24).hex() + "." + "A" * 43
        if n % 2:
            assert await flow.validate(junk) is None
        else:
            assert await flow.resume(junk, LAPTOP, started_at=clock()) is None
    await flow.close()
    assert {file.name: file.stat().st_size for file in Path(path).parent.iterdir()} == before


def test_threads(path: str) -> None:
    """Each thread reads by its own connection; what one wrote the others see at once."""
    clock = Clock()
    flow = Sessions(SqliteStore(path), Settings(), clock)
    outcome = flow.sign_in("1", LAPTOP, started_at=clock())
    assert isinstance(outcome, SignedIn)
    token, wrong = outcome.cookies[0].value, []
    go_on = threading.Event()

    def look() -> None:
        if flow.validate(token) is None:
            wrong.append("before")
        go_on.wait()
        if flow.validate(token) is not None:
            wrong.append("after")

    threads = [threading.Thread(target=look) for _ in range(8)]
    for thread in threads:
        thread.start()
    flow.sign_out_everywhere("1")
    go_on.set()
    for thread in threads:
        thread.join()
    assert "after" not in wrong
    flow.close()
