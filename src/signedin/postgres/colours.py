"""What differs between the store's two colours, side by side."""

from __future__ import annotations

import asyncio
from asyncio import Lock as AsyncLock
from threading import Lock
from typing import Any

from psycopg import AsyncConnection, Connection

__all__ = ["AsyncLock", "Lock", "connect", "connect_async"]


async def connect_async(conninfo: str, **settings: Any) -> AsyncConnection[Any]:
    """Open a connection, as a task that may be cancelled by the end of its loop.

    The pool's worker takes that for an attempt which failed, and waits for the next one: a program that
    didn't close its store could never end. So the task is cancelled once more, while it waits.
    """
    try:
        return await AsyncConnection.connect(conninfo, **settings)
    except asyncio.CancelledError:
        task = asyncio.current_task()
        assert task is not None
        asyncio.get_running_loop().call_soon(task.cancel)
        raise


def connect(conninfo: str, **settings: Any) -> Connection[Any]:
    """Open a connection."""
    return Connection.connect(conninfo, **settings)
