"""A connection lent out of a pool: its waits are bounded, and it goes back as it came."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from time import monotonic
from typing import Any, TypeAlias

import psycopg
from psycopg import AsyncConnection, AsyncPipeline, AsyncRawCursor, errors, waiting
from psycopg.pq import TransactionStatus
from psycopg.rows import tuple_row
from psycopg_pool import AsyncConnectionPool

from ...errors import StoreUnavailable

# What the driver and its pool log is raised as well; who logs nothing must not find it on stderr.
for name in ("psycopg", "psycopg.pool"):
    logging.getLogger(name).addHandler(logging.NullHandler())

Row: TypeAlias = tuple[Any, ...]


class AsyncLine:
    """What a step says to the server, and how long it waits for the answers."""

    _pipeline: AsyncPipeline

    def __init__(self, connection: AsyncConnection[Any]) -> None:
        self._connection = connection
        self._until = 0.0

    def allow(self, seconds: float) -> None:
        """From now on the answers, all together, may take so long."""
        self._until = monotonic() + seconds

    async def execute(
        self, query: str, values: Sequence[Any] | None = None, *, binary: bool = False
    ) -> AsyncRawCursor[Row]:
        """Run a statement, or several without values. Rows are tuples, whatever the owner likes."""
        cursor = AsyncRawCursor(self._connection, row_factory=tuple_row)
        prepare = False if values is None else None
        return await cursor.execute(query, values, prepare=prepare, binary=binary)

    @asynccontextmanager
    async def pipeline(self) -> AsyncIterator[None]:
        """Statements go one behind the other, and only who asks for rows waits for those up to there."""
        async with self._connection.pipeline() as self._pipeline:
            yield

    async def count(self, cursor: AsyncRawCursor[Row]) -> int:
        """How many rows a statement in the pipeline changed."""
        if cursor.rowcount < 0:
            await self._pipeline.sync()
        return cursor.rowcount

    @property
    def gone(self) -> bool:
        """Whether the connection is of no more use."""
        return self._connection.closed

    async def wait(self, gen: Any, interval: float = 0.1, timeout: float | None = None) -> Any:
        """Stands in for the connection's own. Who gets no answer in time, or is cancelled, gives the
        connection up: an answer that comes later would be taken for the next one's.
        """
        pgconn = self._connection.pgconn
        left = max(self._until - monotonic(), 0)
        bound = left if timeout is None else min(left, timeout)
        try:
            return await waiting.wait_async(gen, pgconn.socket, interval, bound)
        except BaseException as error:
            if isinstance(error, errors._WaitTimeout) or not isinstance(error, Exception):
                pgconn.finish()
                with suppress(psycopg.Error):  # its last words, to a connection that is no more
                    gen.close()
            raise

    async def tidy(self) -> None:
        """Leave no transaction behind; where that can't be had in time, no connection."""
        if self._connection.pgconn.transaction_status == TransactionStatus.IDLE:
            return
        try:
            await self._connection.rollback()
        except psycopg.Error:
            self._connection.pgconn.finish()


@asynccontextmanager
async def lent(pool: AsyncConnectionPool[Any], connect_within: float) -> AsyncIterator[AsyncLine]:
    """A connection of a pool, for a step. Raises what the driver raises, and StoreUnavailable where it
    leads to a replica.
    """
    async with pool.connection(connect_within) as connection:
        if connection.pgconn.parameter_status(b"in_hot_standby") == b"on":
            raise StoreUnavailable(
                "The session store can't be used: the connection leads to a replica, which is behind."
                " Nothing was changed."
            )
        line = AsyncLine(connection)
        commits_itself = connection.autocommit
        if not commits_itself:
            await connection.set_autocommit(True)
        connection.wait = line.wait
        try:
            yield line
        finally:
            try:
                await line.tidy()
            finally:
                del connection.wait
                if not commits_itself and not connection.closed:
                    await connection.set_autocommit(False)
