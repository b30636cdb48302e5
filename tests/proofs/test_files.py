"""A store that is broken, full, locked, read-only, newer or shared after a fork."""

from __future__ import annotations

import fcntl
import os
import stat
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import apsw
import pytest

from signedin._sync.sessions import Sessions
from signedin._sync.stores.sqlite import SqliteStore
from signedin.config import open_sessions
from signedin.errors import AnswerUnknown, SchemaError, StoreUnavailable
from signedin.outcomes import SignedIn
from signedin.settings import Settings
from signedin.sql import migrations

from ..support import LAPTOP, START, Clock


@pytest.fixture
def flow(path: str) -> Any:
    made = Sessions(SqliteStore(path, answer_within=3), Settings(), Clock())
    yield made
    made.close()


def sign_in(flow: Sessions, user: str = "1") -> SignedIn:
    outcome = flow.sign_in(user, LAPTOP, started_at=flow.clock())
    assert isinstance(outcome, SignedIn)
    return outcome


def test_nobody_else_may_read_it(flow: Any, path: str) -> None:
    """Every file of the store has mode 0600, whatever the umask (and nothing before its first use)."""
    assert not Path(path).exists()
    before = os.umask(0)
    try:
        sign_in(flow)
    finally:
        os.umask(before)
    files = list(Path(path).parent.iterdir())
    assert len(files) >= 3
    for file in files:
        assert stat.S_IMODE(file.stat().st_mode) == 0o600, file


def test_the_schema_is_all_migrations(flow: Any, path: str) -> None:
    """Applied in order, recorded, and not applied again."""
    sign_in(flow)
    connection = apsw.Connection(path)
    assert connection.execute("SELECT number, name FROM migration ORDER BY number").fetchall() == [
        migration[:2] for migration in migrations("sqlite")
    ]
    assert connection.execute("PRAGMA journal_mode").get == "wal"
    tables = connection.execute(
        "SELECT name, strict, wr FROM pragma_table_list WHERE schema = 'main' AND name NOT LIKE 'sqlite_%'"
    ).fetchall()
    assert all(strict for _, strict, _ in tables)
    assert connection.execute("PRAGMA integrity_check").get == "ok"
    connection.close()


def test_a_newer_schema_is_refused(flow: Any, path: str) -> None:
    """With a sentence that says what to do; the file is as it was."""
    sign_in(flow)
    flow.close()
    connection = apsw.Connection(path)
    connection.execute("INSERT INTO migration VALUES (9999, 'future')")
    connection.close()
    other = Sessions(SqliteStore(path), Settings(), Clock())
    with pytest.raises(SchemaError, match="Upgrade signedin"):
        other.list("1")
    other.close()


@pytest.mark.parametrize("broken", ["directory", "junk", "missing"])
def test_a_store_that_cannot_be_opened(tmp_path: Path, broken: str) -> None:
    """Unavailable, named, in every verb; the next try after the repair works."""
    path = tmp_path / "folder" / "sessions.db"
    if broken == "directory":
        path.mkdir(parents=True)
    elif broken == "junk":
        path.parent.mkdir()
        path.write_bytes(b"not a database, but long enough to be looked at" * 100)
    flow = Sessions(SqliteStore(str(path)), Settings(), Clock())
    verbs: list[Callable[[], Any]] = [
        lambda: flow.list("1"),
        lambda: flow.validate("0" * 48 + "." + "A" * 43),
        lambda: flow.sign_in("1", LAPTOP, started_at=flow.clock()),
        lambda: flow.revoke_all("1", operator="root"),
        lambda: flow.sweep(),
    ]
    for verb in verbs:
        with pytest.raises(StoreUnavailable, match="sessions"):
            verb()
    if broken == "directory":
        path.rmdir()
    elif broken == "junk":
        path.unlink()
    else:
        path.parent.mkdir()
    sign_in(flow)
    flow.close()


def test_a_full_disk(tmp_path: Path) -> None:
    """A write that doesn't fit is refused whole; reading goes on; room made, writing does too."""
    path = str(tmp_path / "sessions.db")
    flow = Sessions(SqliteStore(path), Settings(), Clock())
    first = sign_in(flow)
    flow.close()
    small = Sessions(SqliteStore(path), Settings(), Clock())
    connect = small.store._engine._connect

    def limited(wait: int) -> apsw.Connection:
        connection = connect(wait)
        pages = connection.execute("PRAGMA page_count").get
        connection.execute(f"PRAGMA max_page_count = {pages}").fetchall()
        return connection

    small.store._engine._connect = limited
    with pytest.raises(StoreUnavailable, match="full"):
        for _ in range(500):
            sign_in(small)
    assert small.validate(first.cookies[0].value) is not None
    before = len(small.list("1"))
    with pytest.raises(StoreUnavailable, match="full"):
        small.set_data(first.session.id, b"x" * 60_000)
    assert small.data(first.session.id) is None
    assert len(small.list("1")) == before
    small.store._engine._connect = connect
    small.close()
    sign_in(small)
    small.close()


def test_a_locked_store(flow: Any, path: str) -> None:
    """Somebody else's lock: a write gives up in time, and nothing of it happens later."""
    first = sign_in(flow)
    other = apsw.Connection(path)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreUnavailable, match="locked|busy"):
        flow.revoke("1", first.session.id, current=None)
    assert flow.validate(first.cookies[0].value) is not None
    other.execute("ROLLBACK")
    other.close()
    assert flow.validate(first.cookies[0].value) is not None
    assert len(flow.revoke("1", first.session.id, current=None).ended) == 1


def test_how_long_is_waited(path: str) -> None:
    """A read gives up after a quarter of a second, a write after a second of somebody else's lock, or after five
    in which its turn among processes never came (decision 2).
    """
    first = Sessions(SqliteStore(path), Settings(), Clock())
    token = sign_in(first).cookies[0].value
    first.close()
    flow = Sessions(SqliteStore(path), Settings(), Clock())

    def waited(verb: Callable[[], object]) -> float:
        began = time.monotonic()
        with pytest.raises(StoreUnavailable):
            verb()
        return time.monotonic() - began

    other = apsw.Connection(path)
    other.execute("PRAGMA locking_mode = EXCLUSIVE").fetchall()
    other.execute("BEGIN EXCLUSIVE")
    assert 0.2 < waited(lambda: flow.validate(token)) < 2
    other.close()
    assert flow.validate(token) is not None
    other = apsw.Connection(path)
    other.execute("BEGIN IMMEDIATE")
    assert 0.9 < waited(lambda: flow.sign_out_everywhere("1")) < 4
    other.close()
    with open(path + "-turn", "rb+") as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)
        assert 4.5 < waited(lambda: flow.sign_out_everywhere("1")) < 8
    assert flow.validate(token) is not None
    flow.close()


def test_a_process_that_does_not_let_go(path: str) -> None:
    """Whoever gives up before its turn has changed nothing, then or later (E6)."""
    import fcntl

    flow = Sessions(SqliteStore(path, answer_within=0.2), Settings(), Clock())
    first = sign_in(flow)
    with open(path + "-turn", "rb+") as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)
        with pytest.raises(StoreUnavailable) as raised:
            flow.revoke("1", first.session.id, current=None)
        assert not isinstance(raised.value, AnswerUnknown)
        assert flow.validate(first.cookies[0].value) is not None
    sign_in(flow)
    assert flow.validate(first.cookies[0].value) is not None
    flow.close()


def test_a_read_only_store(tmp_path: Path) -> None:
    """A file that can't be written to says so; root can write to anything, so it is told another way."""
    path = tmp_path / "sessions.db"
    flow = Sessions(SqliteStore(str(path)), Settings(), Clock())
    first = sign_in(flow)
    flow.close()
    read_only = Sessions(SqliteStore(str(path)), Settings(), Clock())
    connect = read_only.store._engine._connect

    def limited(wait: int) -> apsw.Connection:
        connection = connect(wait)
        connection.execute("PRAGMA query_only = ON").fetchall()
        return connection

    read_only.store._engine._connect = limited
    assert read_only.validate(first.cookies[0].value) is not None
    with pytest.raises(StoreUnavailable, match="readonly"):
        sign_in(read_only)
    read_only.close()


def test_opened_after_fork(path: str) -> None:
    """A forked child uses neither its parent's connections nor its writer; both go on."""
    code = """
        import os, sys
        from signedin import open_sessions, Client
        flow = open_sessions(store=sys.argv[1])
        def sign_in(user):
            return flow.sign_in(user, Client("::1", ""), started_at=flow.clock()).cookies[0].value
        token = sign_in("parent")
        children = []
        for n in range(4):
            child = os.fork()
            if child == 0:
                assert flow.validate(token) is not None
                mine = sign_in(f"child-{n}")
                assert flow.validate(mine) is not None
                flow.close()
                os._exit(0)
            children.append(child)
        codes = [os.waitpid(child, 0)[1] for child in children]
        assert codes == [0] * 4, codes
        assert flow.validate(token) is not None
        sign_in("parent")
        assert len(flow.list(None)) == 6
        flow.close()
    """
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", textwrap.dedent(code), path],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_closing_and_going_on(path: str) -> None:
    """A closed store opens again at its next use."""
    flow = open_sessions(store=path)
    outcome = flow.sign_in("1", LAPTOP, started_at=flow.clock())
    assert isinstance(outcome, SignedIn)
    flow.close()
    flow.close()
    assert flow.validate(outcome.cookies[0].value) is not None
    flow.close()


def test_an_operation_that_fails_leaves_its_group_alone(flow: Any) -> None:
    """Each has its savepoint: one that raises changes nothing, the others of the commit stay."""
    engine = flow.store._engine
    sign_in(flow)

    def fails(connection: apsw.Connection) -> None:
        connection.execute("DELETE FROM session")
        raise LookupError("on purpose")

    futures = [
        engine.submit(fails) if n % 2 else engine.submit(lambda c: c.execute("SELECT 1").get)
        for n in range(10)
    ]
    for n, future in enumerate(futures):
        if n % 2:
            with pytest.raises(LookupError, match="on purpose"):
                future.result()
        else:
            assert future.result() == 1
    assert len(flow.list("1")) == 1


def test_closing_while_another_process_keeps_the_turn(path: str) -> None:
    """It closes all the same, what nobody waits for is not written later, and it opens again."""
    flow = Sessions(SqliteStore(path, answer_within=0.1), Settings(), Clock())
    flow.list("1")
    with open(path + "-turn", "rb") as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)
        with pytest.raises(StoreUnavailable):
            flow.sign_in("1", LAPTOP, started_at=START)
        flow.close()
        assert flow.list("1") == []  # who only reads doesn't wait
        flow.close()
    assert isinstance(flow.sign_in("2", LAPTOP, started_at=START), SignedIn)
    assert [session.user_id for session in flow.list(None)] == ["2"]
    flow.close()
