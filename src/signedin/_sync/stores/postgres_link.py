# Generated from _async by scripts/unasync.py; edit that one.
"""The PostgreSQL store's way to its server: reads and steps, the schema at the first use, our errors."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from time import monotonic
from traceback import clear_frames
from typing import Any, Final, TypeVar

import psycopg
from psycopg import Connection, errors
from psycopg_pool import ConnectionPool, PoolTimeout

from ...errors import AnswerUnknown, SchemaError, SettingsError, StoreUnavailable
from ...postgres.address import Address
from ...postgres.colours import Lock, connect
from ...postgres.statements import for_schema, migrations_for, placed
from .postgres_line import Line, lent

T = TypeVar("T")

PATIENCE: Final = 15.0
"""Seconds that a step of an operator's long work may take."""
CONNECTIONS: Final = 10


class PostgresLink:
    """Carries the store's statements. Nothing is opened before the first use.

    where: a URL, or a pool, which stays its owner's.
    """

    def __init__(
        self, where: Any, schema: str | None, connect_within: float, answer_within: float
    ) -> None:
        if not isinstance(where, (str, ConnectionPool)):
            raise SettingsError(
                "PostgresStore is given a URL or a psycopg_pool.ConnectionPool, not"
                f" {type(where).__name__}. The other kind of pool is for the store of the other colour."
            )
        self.address = Address.of(where, schema) if isinstance(where, str) else Address.of_pool(schema)
        self.sql = for_schema(self.address.schema)
        self._connect_within = connect_within
        self._answer_within = self.address.answer_within or answer_within
        self._owners = None if isinstance(where, str) else where
        self._pool = self._owners
        self._connector = Connector()
        self._lock = Lock()
        self._process: int | None = None
        self._ready = self._commits_late = False

    # ── statements ───────────────────────────────────────────────────────────────────────────

    def rows(self, statement: str, values: Sequence[Any], *, patient: bool = False) -> list[Any]:
        """What a statement that only reads gives."""
        bound = PATIENCE if patient else self._answer_within
        began = monotonic()
        while True:
            line = None
            try:
                with lent(self._open(), self._connect_within) as line:
                    self._prepare(line)
                    line.allow(bound)
                    cursor = line.execute(self.sql[statement], values, binary=True)
                    return cursor.fetchall()
            except psycopg.Error as error:
                if not _again(error, line) or monotonic() - began > bound:
                    raise self._broken(error) from error

    def step(
        self,
        work: Callable[[Line], T],
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
                with lent(self._open(), self._connect_within) as line:
                    self._prepare(line)
                    line.allow(bound)
                    with line.pipeline():
                        kind = "REPEATABLE READ" if snapshot else "READ COMMITTED"
                        line.execute(f"BEGIN ISOLATION LEVEL {kind} READ WRITE")
                        # The server gives up a little earlier, so that the connection is still of use;
                        # a COMMIT that waits for a replica is not a statement to it.
                        line.execute(f"SET LOCAL statement_timeout = {int(bound * 900)}")
                        if lasting is self._commits_late:
                            commits = "on" if lasting else "off"
                            line.execute(f"SET LOCAL synchronous_commit = {commits}")
                        answer = work(line)
                        line.allow(bound)
                        leaving = True
                        line.execute("COMMIT")
                    return answer
            except psycopg.Error as error:
                if leaving and line is not None and line.gone:
                    raise AnswerUnknown from error
                if not _again(error, line) or monotonic() - began > bound:
                    raise self._broken(error) from error

    # ── opening ──────────────────────────────────────────────────────────────────────────────

    def _open(self) -> ConnectionPool[Any]:
        if self._pool is not None and self._process == os.getpid():
            return self._pool
        forked = self._process not in (None, os.getpid())
        if forked and self._owners is not None:
            raise StoreUnavailable("The pool was used before the fork; open one in each process.")
        self._process = os.getpid()
        if self._owners is not None:
            return self._owners
        if forked:  # the parent's connections are left to the parent
            self._pool, self._lock = None, Lock()
        with self._lock:
            if self._pool is None:
                pool: ConnectionPool[Any] = ConnectionPool(
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
                pool.open()
                self._pool = pool
        return self._pool

    def _prepare(self, line: Line) -> None:
        """Refuse what only reads; bring the schema up to date."""
        if self._ready:
            return
        with self._lock:
            if not self._ready:
                self._look(line)
                self._ready = True

    def _look(self, line: Line) -> None:
        line.allow(self._answer_within)
        cursor = line.execute(
            "SELECT pg_is_in_recovery(), current_setting('transaction_read_only'),"
            " current_setting('client_encoding'), current_setting('synchronous_commit') = 'off'"
        )
        recovering, read_only, encoding, self._commits_late = (cursor.fetchall())[0]
        if encoding != "UTF8":
            raise SettingsError("The pool's connections are without client_encoding=utf8.")
        if recovering or read_only == "on":
            raise StoreUnavailable(
                f"{self.address.shown} only reads: a replica, or a primary with"
                " default_transaction_read_only. Sessions are kept on a primary that writes."
            )
        todo = migrations_for(self.address.schema)
        version = self._version(line)
        if version < todo[-1].number:
            line.allow(PATIENCE)
            self._upgrade(line)
        elif version > todo[-1].number:
            raise SchemaError(
                f"The store has schema {version}, and this version of signedin knows {todo[-1].number}."
                " Upgrade signedin."
            )

    def _version(self, line: Line) -> int:
        table = f'"{self.address.schema}".migration'
        cursor = line.execute("SELECT to_regclass($1)", (table,))
        if (cursor.fetchall())[0][0] is None:
            return 0
        cursor = line.execute(placed("SELECT max(number) FROM @migration", self.address.schema))
        return int((cursor.fetchall())[0][0] or 0)

    def _upgrade(self, line: Line) -> None:
        schema = self.address.schema
        try:
            line.execute("BEGIN READ WRITE")
            # Whoever comes at the same moment waits here, and finds it done.
            line.execute("SELECT pg_advisory_xact_lock(hashtext($1))", (f"signedin {schema}",))
            line.execute(f'CREATE SCHEMA IF NOT EXISTS "{schema}"')
            table = "CREATE TABLE IF NOT EXISTS @migration (number integer PRIMARY KEY, name text)"
            line.execute(placed(table, schema))
            version = self._version(line)
            for migration in migrations_for(schema):
                if migration.number > version:
                    line.execute(migration.sql)
                    note = placed("INSERT INTO @migration VALUES ($1, $2)", schema)
                    line.execute(note, migration[:2])
            line.execute("COMMIT")
        except errors.InsufficientPrivilege as error:
            raise SchemaError(
                f"The schema {schema!r} is not up to date, and this role may not change it. Run"
                " signedin schema upgrade as its owner."
            ) from error

    def close(self) -> None:
        """Let go of the connections; the next use opens again. A pool passed in is its owner's."""
        pool, self._pool = self._pool, None
        if pool is not None and pool is not self._owners:
            pool.close()

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


class Connector:
    """Opens a pool's connections, and remembers why the last one could not be opened."""

    failure: psycopg.Error | None = None

    def connect(self, conninfo: str, **settings: Any) -> Connection[Any]:
        """See :meth:`Connection.connect`."""
        try:
            connection = connect(conninfo, **settings)
        except psycopg.Error as error:
            self.failure = error
            # Its frames hold the error, and the attempt: a server that is silent would keep a
            # connection open for each of them, until the garbage is collected.
            clear_frames(error.__traceback__)
            raise
        self.failure = None
        return connection


def _again(error: psycopg.Error, line: Line | None) -> bool:
    """Whether a step that has changed nothing is tried again."""
    if isinstance(error, (errors.SerializationFailure, errors.DeadlockDetected)):
        return True
    return line is not None and line.gone and not isinstance(error, errors._WaitTimeout)
