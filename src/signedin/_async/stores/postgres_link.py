"""The PostgreSQL store's connections: bounded waits, the schema at the first use, errors as ours."""

from __future__ import annotations

import logging
import os
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final, TypeVar

import psycopg
from psycopg import errors
from psycopg_pool import AsyncConnectionPool, PoolClosed, PoolTimeout

from ...errors import AnswerUnknown, SchemaError, StoreUnavailable
from ...postgres.address import Address
from ...postgres.colours import AsyncLock
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


class AsyncBoundedConnection(psycopg.AsyncConnection[Row]):
    """A connection that waits for an answer at most so many seconds; then it is of no more use."""

    bound: float | None = None

    async def wait(
        self,
        gen: Any,
        interval: float = 0.1,
        timeout: float | None = None,
    ) -> Any:
        """Go on with what the driver does until it is done."""
        bound = self.bound if timeout is None else timeout
        try:
            return await super().wait(gen, interval, bound)
        except errors._WaitTimeout:
            self.pgconn.finish()
            raise


class AsyncPostgresLink:
    """Carries the store's statements. Nothing is opened before the first use."""

    def __init__(self, url: str, connect_within: float, answer_within: float) -> None:
        self.address = Address.of(url)
        self.sql = for_schema(self.address.schema)
        self._connect_within = connect_within
        self._answer_within = self.address.answer_within or answer_within
        self._pool: AsyncConnectionPool[AsyncBoundedConnection] | None = None
        self._lock = AsyncLock()
        self._owner = os.getpid()

    # ── statements ───────────────────────────────────────────────────────────────────────────

    async def rows(self, statement: str, values: Sequence[Any], *, patient: bool = False) -> list[Any]:
        """What a statement that only reads gives; tried again if the connection was no more."""

        async def read(connection: AsyncBoundedConnection) -> list[Any]:
            cursor = await connection.execute(self.sql[statement], values, binary=True)
            return await cursor.fetchall()

        return await self.read(read, patient=patient)

    async def read(
        self, work: Callable[[AsyncBoundedConnection], Awaitable[T]], *, patient: bool = False
    ) -> T:
        """What some reading gives."""
        for attempt in range(2):
            try:
                async with (await self._open()).connection() as connection:
                    connection.bound = PATIENCE if patient else self._answer_within
                    return await work(connection)
            except (psycopg.OperationalError, errors._WaitTimeout, PoolClosed) as error:
                gone = isinstance(error, psycopg.OperationalError) and error.sqlstate is None
                if attempt or not gone or isinstance(error, PoolTimeout):
                    raise _broken(error) from error
            except psycopg.Error as error:
                raise _broken(error) from error
        raise AssertionError("the last attempt answers or raises")

    async def step(
        self,
        work: Callable[[AsyncBoundedConnection], Awaitable[T]],
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
                async with (await self._open()).connection() as connection:
                    connection.bound = bound
                    await connection.execute(begin)
                    stage = "working"
                    answer = await work(connection)
                    stage = "committing"
                    await connection.execute("COMMIT")
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

    async def _open(self) -> AsyncConnectionPool[AsyncBoundedConnection]:
        if self._pool is not None and self._owner == os.getpid():
            return self._pool
        if self._owner != os.getpid():  # forked: the parent's connections are left to the parent
            self._pool, self._lock, self._owner = None, AsyncLock(), os.getpid()
        async with self._lock:
            if self._pool is None:
                pool = AsyncConnectionPool(
                    self.address.conninfo,
                    connection_class=AsyncBoundedConnection,
                    kwargs={
                        "autocommit": True,
                        "cursor_factory": psycopg.AsyncRawCursor,
                        "prepare_threshold": 2 if self.address.prepares else None,
                    },
                    min_size=1,
                    max_size=CONNECTIONS,
                    open=False,
                    timeout=self._connect_within,
                    reconnect_timeout=self._connect_within,
                )
                try:
                    await pool.open()
                    async with pool.connection() as connection:
                        connection.bound = PATIENCE
                        await self._prepare(connection)
                except psycopg.Error as error:
                    await pool.close()
                    raise _broken(error) from error
                except BaseException:
                    await pool.close()
                    raise
                self._pool = pool
        return self._pool

    async def _prepare(self, connection: AsyncBoundedConnection) -> None:
        """Refuse what only reads; bring the schema up to date."""
        cursor = await connection.execute(
            "SELECT pg_is_in_recovery(), current_setting('transaction_read_only')"
        )
        recovering, read_only = (await cursor.fetchall())[0]
        if recovering or read_only == "on":
            raise StoreUnavailable(
                f"{self.address.shown} only reads: a replica, or a primary with"
                " default_transaction_read_only. Sessions are kept on a primary that writes."
            )
        todo = migrations_for(self.address.schema)
        version = await self._version(connection)
        if version < todo[-1].number:
            await self._upgrade(connection)
        elif version > todo[-1].number:
            raise SchemaError(
                f"The store has schema {version}, and this version of signedin knows {todo[-1].number}."
                " Upgrade signedin."
            )

    async def _version(self, connection: AsyncBoundedConnection) -> int:
        table = f'"{self.address.schema}".migration'
        cursor = await connection.execute("SELECT to_regclass($1)", (table,))
        if (await cursor.fetchall())[0][0] is None:
            return 0
        cursor = await connection.execute(
            placed("SELECT max(number) FROM @migration", self.address.schema)
        )
        return int((await cursor.fetchall())[0][0] or 0)

    async def _upgrade(self, connection: AsyncBoundedConnection) -> None:
        schema = self.address.schema
        try:
            await connection.execute("BEGIN")
            # Whoever comes at the same moment waits here, and finds it done.
            await connection.execute(
                "SELECT pg_advisory_xact_lock(hashtext($1))", (f"signedin {schema}",)
            )
            await connection.execute(f'CREATE SCHEMA IF NOT EXISTS "{schema}"')
            table = "CREATE TABLE IF NOT EXISTS @migration (number integer PRIMARY KEY, name text)"
            await connection.execute(placed(table, schema))
            version = await self._version(connection)
            for migration in migrations_for(schema):
                if migration.number > version:
                    await connection.execute(migration.sql)
                    note = placed("INSERT INTO @migration VALUES ($1, $2)", schema)
                    await connection.execute(note, migration[:2])
            await connection.execute("COMMIT")
        except errors.InsufficientPrivilege as error:
            raise SchemaError(
                f"The schema {schema!r} is not up to date, and this role may not change it. Run"
                " signedin schema upgrade as its owner."
            ) from error

    async def close(self) -> None:
        """Let go of the connections; the next use opens again."""
        pool, self._pool = self._pool, None
        if pool is not None:
            await pool.close()


def _broken(error: Exception) -> Exception:
    """The driver's error as one of ours. Its own words name hosts, and no password."""
    if isinstance(error, errors.UniqueViolation):
        return ValueError("There is a session with this id already; nothing was changed.")
    text = str(error).strip().partition("\n")[0] or type(error).__name__
    return StoreUnavailable(f"The session store can't be used: {text}. Nothing was changed.")
