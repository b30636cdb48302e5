"""What differs between the driver's two colours, side by side."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

from redis import Connection, SSLConnection, UnixDomainSocketConnection
from redis.asyncio import Connection as AsyncConnection
from redis.asyncio import SSLConnection as AsyncSSLConnection
from redis.asyncio import UnixDomainSocketConnection as AsyncUnixConnection

from .address import Address


async def async_drop(connection: Any) -> None:
    """Close a connection at once: somebody else's answer may be on its way in it."""
    await connection.disconnect(nowait=True)


def drop(connection: Any) -> None:
    """Close a connection at once: somebody else's answer may be on its way in it."""
    connection.disconnect()


def async_connection_class(address: Address) -> type[AsyncConnection]:
    """The driver's connection for an address."""
    if address.path is not None:
        return AsyncUnixConnection  # type: ignore[return-value]
    return AsyncSSLConnection if address.tls else AsyncConnection


def connection_class(address: Address) -> type[Connection]:
    """The driver's connection for an address."""
    if address.path is not None:
        return UnixDomainSocketConnection  # type: ignore[return-value]
    return SSLConnection if address.tls else Connection


async def async_on_node(node: Any, command: tuple[Any, ...]) -> Any:
    """A command for one node of a cluster."""
    return await node.execute_command(*command)


def on_node(node: Any, command: tuple[Any, ...]) -> Any:
    """A command for one node of a cluster."""
    return node.redis_connection.execute_command(*command)


async def async_ready(client: Any) -> None:
    """A cluster's client knows its nodes from the first use on."""
    await client.initialize()


def ready(client: Any) -> None:
    """A cluster's client knows its nodes from the beginning."""


async def async_close(client: Any) -> None:
    """Close a cluster's client."""
    await client.aclose()


def close(client: Any) -> None:
    """Close a cluster's client."""
    client.close()


def async_turns(count: int) -> asyncio.Semaphore:
    """So many at a time, the others wait."""
    return asyncio.Semaphore(count)


def turns(count: int) -> threading.Semaphore:
    """So many at a time, the others wait."""
    return threading.Semaphore(count)
