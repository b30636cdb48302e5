"""The PostgreSQL store's way to its server: reads and steps, the schema at the first use, our errors."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, Sequence
from time import monotonic
from traceback import clear_frames
from typing import Any, Final, TypeVar

import psycopg
from psycopg import AsyncConnection, errors
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from ...errors import AnswerUnknown, SchemaError, SettingsError, StoreUnavailable
from ...postgres.address import Address
from ...postgres.colours import AsyncLock, connect_async
from ...postgres.statements import for_schema, migrations_for, placed
from .postgres_line import AsyncLine, lent

T = TypeVar("T")

PATIENCE: Final = 15.0
"""Seconds that a step of an operator's long work may take."""
CONNECTIONS: Final = 10


class AsyncPostgresLink:
    """Carries the store's statements. Nothing is opened before the first use.

    where: a URL, or a pool, which stays its owner's.
    """

    def __init__(
        self, where: Any, schema: str | None, connect_within: float, answer_within: float
    ) -> None:
        if not isinstance(where, (str, AsyncConnectionPool)):
            raise SettingsError(
                "AsyncPostgresStore is given a URL or a psycopg_pool.AsyncConnectionPool, not"
                f" {type(where).__name__}. The other kind of pool is for the store of the other colour."
            )
        self.address = Address.of(where, schema) if isinstance(where, str) else Address.of_pool(schema)
        self.sql = for_schema(self.address.schema)
        self._connect_within = connect_within
        self._answer_within = self.address.answer_within or answer_within
        self._owners = None if isinstance(where, str) else where
        self._pool = self._owners
        self._connector = AsyncConnector()
        self._lock = AsyncLock()
        self._process: int | None = None
        self._ready = self._commits_late = False

    # ── statements ───────────────────────────────────────────────────────────────────────────

    async def rows(self, statement: str, values: Sequence[Any], *, patient: bool = False) -> list[Any]:
        """What a statement that only reads gives."""
        bound = PATIENCE if patient else self._answer_within
        began = monotonic()
        while True:
            line = None
            try:
                async with lent(await self._open(), self._connect_within) as line:
                    await self._prepare(line)
                    line.allow(bound)
                    cursor = await line.execute(self.sql[statement], values, binary=True)
                    return await cursor.fetchall()
            except psycopg.Error as error:
                if not _again(error, line) or monotonic() - began > bound:
                    raise self._broken(error) from error

    async def step(
        self,
        work: Callable[[AsyncLine], Awaitable[T]],
        *,
        lasting: bool = True,
        patient: bool = False,
        snapshot: bool = False,
    ) -> T:
        """One transaction. lasting: whether it is on the disk when this returns. snapshot: whether all
        of it sees one moment. It is tried again while there is time if the server undid it because it
        met another one, or the connection was no more.
        """
        bound = PATIENCE if patient else self._answer_within
        began = monotonic()
        while True:
            line, leaving = None, False
            try:
                async with lent(await self._open(), self._connect_within) as line:
                    await self._prepare(line)
                    line.allow(bound)
                    async with line.pipeline():
                        kind = "REPEATABLE READ" if snapshot else "READ COMMITTED"
                        await line.execute(f"BEGIN ISOLATION LEVEL {kind} READ WRITE")
                        # The server gives up a little earlier, so that the connection is still of use;
                        # a COMMIT that waits for a replica is not a statement to it.
                        await line.execute(f"SET LOCAL statement_timeout = {int(bound * 900)}")
                        if lasting is self._commits_late:
                            commits = "on" if lasting else "off"
                            await line.execute(f"SET LOCAL synchronous_commit = {commits}")
                        answer = await work(line)
                        line.allow(bound)
                        leaving = True
                        await line.execute("COMMIT")
                    return answer
            except psycopg.Error as error:
                if leaving and line is not None and line.gone:
                    raise AnswerUnknown from error
                if not _again(error, line) or monotonic() - began > bound:
                    raise self._broken(error) from error

    # ── opening ──────────────────────────────────────────────────────────────────────────────

    async def _open(self) -> AsyncConnectionPool[Any]:
        if self._pool is not None and self._process == os.getpid():
            return self._pool
        forked = self._process not in (None, os.getpid())
        if forked and self._owners is not None:
            raise StoreUnavailable("The pool was used before the fork; open one in each process.")
        self._process = os.getpid()
        if self._owners is not None:
            return self._owners
        if forked:  # the parent's connections are left to the parent
            self._pool, self._lock = None, AsyncLock()
        async with self._lock:
            if self._pool is None:
                pool: AsyncConnectionPool[Any] = AsyncConnectionPool(
                    self.address.conninfo,
                    connection_class=self._connector,  # type: ignore[arg-type]
                    kwargs={
                        "autocommit": True,
                        "prepare_threshold": 2 if self.address.prepares else None,
                    },
                    min_size=1,
                    max_size=CONNECTIONS,
                    open=False,
                    reconnect_timeout=self._connect_within,
                )
                await pool.open()
                self._pool = pool
        return self._pool

    async def _prepare(self, line: AsyncLine) -> None:
        """Refuse what only reads; bring the schema up to date."""
        if self._ready:
            return
        async with self._lock:
            if not self._ready:
                await self._look(line)
                self._ready = True

    async def _look(self, line: AsyncLine) -> None:
        line.allow(self._answer_within)
        cursor = await line.execute(
            "SELECT pg_is_in_recovery(), current_setting('transaction_read_only'),"
            " current_setting('client_encoding'), current_setting('synchronous_commit') = 'off'"
        )
        recovering, read_only, encoding, self._commits_late = (await cursor.fetchall())[0]
        if encoding != "UTF8":
            raise SettingsError("The pool's connections are without client_encoding=utf8.")
        if recovering or read_only == "on":
            raise StoreUnavailable(
                f"{self.address.shown} only reads: a replica, or a primary with"
                " default_transaction_read_only. Sessions are kept on a primary that writes."
            )
        todo = migrations_for(self.address.schema)
        version = await self._version(line)
        if version < todo[-1].number:
            line.allow(PATIENCE)
            await self._upgrade(line)
        elif version > todo[-1].number:
            raise SchemaError(
                f"The store has schema {version}, and this version of signedin knows {todo[-1].number}."
                " Upgrade signedin."
            )

    async def _version(self, line: AsyncLine) -> int:
        table = f'"{self.address.schema}".migration'
        cursor = await line.execute("SELECT to_regclass($1)", (table,))
        if (await cursor.fetchall())[0][0] is None:
            return 0
        cursor = await line.execute(placed("SELECT max(number) FROM @migration", self.address.schema))
        return int((await cursor.fetchall())[0][0] or 0)

    async def _upgrade(self, line: AsyncLine) -> None:
        schema = self.address.schema
        try:
            await line.execute("BEGIN READ WRITE")
            # Whoever comes at the same moment waits here, and finds it done.
            await line.execute("SELECT pg_advisory_xact_lock(hashtext($1))", (f"signedin {schema}",))
            await line.execute(f'CREATE SCHEMA IF NOT EXISTS "{schema}"')
            table = "CREATE TABLE IF NOT EXISTS @migration (number integer PRIMARY KEY, name text)"
            await line.execute(placed(table, schema))
            version = await self._version(line)
            for migration in migrations_for(schema):
                if migration.number > version:
                    await line.execute(migration.sql)
                    note = placed("INSERT INTO @migration VALUES ($1, $2)", schema)
                    await line.execute(note, migration[:2])
            await line.execute("COMMIT")
        except errors.InsufficientPrivilege as error:
            raise SchemaError(
                f"The schema {schema!r} is not up to date, and this role may not change it. Run"
                " signedin schema upgrade as its owner."
            ) from error

    async def close(self) -> None:
        """Let go of the connections; the next use opens again. A pool passed in is its owner's."""
        pool, self._pool = self._pool, None
        if pool is not None and pool is not self._owners:
            await pool.close()

    def _broken(self, error: Exception) -> Exception:
        """The driver's error as one of ours. Its own words name hosts, and no password."""
        if isinstance(error, errors.UniqueViolation):
            return ValueError("There is a session with this id already; nothing was changed.")
        if isinstance(error, PoolTimeout) and self._connector.failure is not None:
            error = self._connector.failure
        text = str(error).strip().partition("\n")[0] or type(error).__name__
        if isinstance(error, errors._WaitTimeout):
            text = "no answer in time"
        return StoreUnavailable(f"The session store can't be used: {text}. Nothing was changed.")


class AsyncConnector:
    """Opens a pool's connections, and remembers why the last one could not be opened."""

    failure: psycopg.Error | None = None

    async def connect(self, conninfo: str, **settings: Any) -> AsyncConnection[Any]:
        """See :meth:`AsyncConnection.connect`."""
        try:
            connection = await connect_async(conninfo, **settings)
        except psycopg.Error as error:
            self.failure = error
            # Its frames hold the error, and the attempt: a server that is silent would keep a
            # connection open for each of them, until the garbage is collected.
            clear_frames(error.__traceback__)
            raise
        self.failure = None
        return connection


def _again(error: psycopg.Error, line: AsyncLine | None) -> bool:
    """Whether a step that has changed nothing is tried again."""
    if isinstance(error, (errors.SerializationFailure, errors.DeadlockDetected)):
        return True
    return line is not None and line.gone and not isinstance(error, errors._WaitTimeout)
