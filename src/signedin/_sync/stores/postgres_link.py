# Generated from _async by scripts/unasync.py; edit that one.
"""The PostgreSQL store's connections: bounded waits, the schema at the first use, errors as ours."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Sequence
from typing import Any, Final, TypeVar

import psycopg
from psycopg import errors
from psycopg_pool import ConnectionPool, PoolClosed, PoolTimeout

from ...errors import AnswerUnknown, SchemaError, StoreUnavailable
from ...postgres.address import Address
from ...postgres.colours import Lock
from ...postgres.statements import for_schema, migrations_for, placed

T = TypeVar("T")

# What the pool logs is raised as well; who logs nothing must not find it on stderr.
logging.getLogger("psycopg.pool").addHandler(logging.NullHandler())

PATIENCE: Final = 15.0
"""Seconds that a step of an operator's long work may take."""
CONNECTIONS: Final = 10
ATTEMPTS: Final = 4
"""How often a step is tried that the server has undone because it met another one."""
Row = tuple[Any, ...]


class BoundedConnection(psycopg.Connection[Row]):
    """A connection that waits for an answer at most so many seconds; then it is of no more use."""

    bound: float | None = None

    def wait(
        self,
        gen: Any,
        interval: float = 0.1,
        timeout: float | None = None,
    ) -> Any:
        """Go on with what the driver does until it is done."""
        bound = self.bound if timeout is None else timeout
        try:
            return super().wait(gen, interval, bound)
        except errors._WaitTimeout:
            self.pgconn.finish()
            raise


class PostgresLink:
    """Carries the store's statements. Nothing is opened before the first use."""

    def __init__(self, url: str, connect_within: float, answer_within: float) -> None:
        self.address = Address.of(url)
        self.sql = for_schema(self.address.schema)
        self._connect_within = connect_within
        self._answer_within = self.address.answer_within or answer_within
        self._pool: ConnectionPool[BoundedConnection] | None = None
        self._lock = Lock()
        self._owner = os.getpid()

    # ── statements ───────────────────────────────────────────────────────────────────────────

    def rows(self, statement: str, values: Sequence[Any], *, patient: bool = False) -> list[Any]:
        """What a statement that only reads gives; tried again if the connection was no more."""

        def read(connection: BoundedConnection) -> list[Any]:
            cursor = connection.execute(self.sql[statement], values, binary=True)
            return cursor.fetchall()

        return self.read(read, patient=patient)

    def read(self, work: Callable[[BoundedConnection], T], *, patient: bool = False) -> T:
        """What some reading gives."""
        for attempt in range(2):
            try:
                with (self._open()).connection() as connection:
                    connection.bound = PATIENCE if patient else self._answer_within
                    return work(connection)
            except (psycopg.OperationalError, errors._WaitTimeout, PoolClosed) as error:
                gone = isinstance(error, psycopg.OperationalError) and error.sqlstate is None
                if attempt or not gone or isinstance(error, PoolTimeout):
                    raise _broken(error) from error
            except psycopg.Error as error:
                raise _broken(error) from error
        raise AssertionError("the last attempt answers or raises")

    def step(
        self,
        work: Callable[[BoundedConnection], T],
        *,
        lasting: bool = True,
        patient: bool = False,
        snapshot: bool = False,
    ) -> T:
        """One transaction. lasting: whether it is on the disk when this returns. snapshot: whether all
        of it sees one moment.
        """
        bound = PATIENCE if patient else self._answer_within
        kind = "ISOLATION LEVEL REPEATABLE READ" if snapshot else "READ WRITE"
        begin = f"BEGIN {kind}; SET LOCAL statement_timeout = {int(bound * 1000)}"
        if not lasting:
            begin += "; SET LOCAL synchronous_commit = off"
        for attempt in range(ATTEMPTS):
            stage = "beginning"
            try:
                with (self._open()).connection() as connection:
                    connection.bound = bound
                    connection.execute(begin)
                    stage = "working"
                    answer = work(connection)
                    stage = "committing"
                    connection.execute("COMMIT")
                    return answer
            except (errors.SerializationFailure, errors.DeadlockDetected) as error:
                if attempt == ATTEMPTS - 1:
                    raise _broken(error) from error
            except (psycopg.Error, PoolClosed) as error:
                lost = getattr(error, "sqlstate", None) is None
                if stage == "committing" and lost:
                    raise AnswerUnknown from error
                again = stage == "beginning" and lost and attempt == 0
                if not again or isinstance(error, (PoolTimeout, errors._WaitTimeout)):
                    raise _broken(error) from error
        raise AssertionError("the last attempt answers or raises")

    # ── opening ──────────────────────────────────────────────────────────────────────────────

    def _open(self) -> ConnectionPool[BoundedConnection]:
        if self._pool is not None and self._owner == os.getpid():
            return self._pool
        if self._owner != os.getpid():  # forked: the parent's connections are left to the parent
            self._pool, self._lock, self._owner = None, Lock(), os.getpid()
        with self._lock:
            if self._pool is None:
                pool = ConnectionPool(
                    self.address.conninfo,
                    connection_class=BoundedConnection,
                    kwargs={
                        "autocommit": True,
                        "cursor_factory": psycopg.RawCursor,
                        "prepare_threshold": 2 if self.address.prepares else None,
                    },
                    min_size=1,
                    max_size=CONNECTIONS,
                    open=False,
                    timeout=self._connect_within,
                    reconnect_timeout=self._connect_within,
                )
                try:
                    pool.open()
                    with pool.connection() as connection:
                        connection.bound = PATIENCE
                        self._prepare(connection)
                except psycopg.Error as error:
                    pool.close()
                    raise _broken(error) from error
                except BaseException:
                    pool.close()
                    raise
                self._pool = pool
        return self._pool

    def _prepare(self, connection: BoundedConnection) -> None:
        """Refuse what only reads; bring the schema up to date."""
        cursor = connection.execute(
            "SELECT pg_is_in_recovery(), current_setting('transaction_read_only')"
        )
        recovering, read_only = (cursor.fetchall())[0]
        if recovering or read_only == "on":
            raise StoreUnavailable(
                f"{self.address.shown} only reads: a replica, or a primary with"
                " default_transaction_read_only. Sessions are kept on a primary that writes."
            )
        todo = migrations_for(self.address.schema)
        version = self._version(connection)
        if version < todo[-1].number:
            self._upgrade(connection)
        elif version > todo[-1].number:
            raise SchemaError(
                f"The store has schema {version}, and this version of signedin knows {todo[-1].number}."
                " Upgrade signedin."
            )

    def _version(self, connection: BoundedConnection) -> int:
        table = f'"{self.address.schema}".migration'
        cursor = connection.execute("SELECT to_regclass($1)", (table,))
        if (cursor.fetchall())[0][0] is None:
            return 0
        cursor = connection.execute(placed("SELECT max(number) FROM @migration", self.address.schema))
        return int((cursor.fetchall())[0][0] or 0)

    def _upgrade(self, connection: BoundedConnection) -> None:
        schema = self.address.schema
        try:
            connection.execute("BEGIN")
            # Whoever comes at the same moment waits here, and finds it done.
            connection.execute("SELECT pg_advisory_xact_lock(hashtext($1))", (f"signedin {schema}",))
            connection.execute(f'CREATE SCHEMA IF NOT EXISTS "{schema}"')
            table = "CREATE TABLE IF NOT EXISTS @migration (number integer PRIMARY KEY, name text)"
            connection.execute(placed(table, schema))
            version = self._version(connection)
            for migration in migrations_for(schema):
                if migration.number > version:
                    connection.execute(migration.sql)
                    note = placed("INSERT INTO @migration VALUES ($1, $2)", schema)
                    connection.execute(note, migration[:2])
            connection.execute("COMMIT")
        except errors.InsufficientPrivilege as error:
            raise SchemaError(
                f"The schema {schema!r} is not up to date, and this role may not change it. Run"
                " signedin schema upgrade as its owner."
            ) from error

    def close(self) -> None:
        """Let go of the connections; the next use opens again."""
        pool, self._pool = self._pool, None
        if pool is not None:
            pool.close()


def _broken(error: Exception) -> Exception:
    """The driver's error as one of ours. Its own words name hosts, and no password."""
    if isinstance(error, errors.UniqueViolation):
        return ValueError("There is a session with this id already; nothing was changed.")
    text = str(error).strip().partition("\n")[0] or type(error).__name__
    return StoreUnavailable(f"The session store can't be used: {text}. Nothing was changed.")
