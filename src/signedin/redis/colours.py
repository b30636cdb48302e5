"""What differs between the driver's two colours, side by side."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import repeat
from queue import Empty, SimpleQueue
from typing import Any, Final

from hiredis import pack_command
from redis import Connection, Redis, RedisCluster, SSLConnection, UnixDomainSocketConnection
from redis.asyncio import Connection as AsyncConnection
from redis.asyncio import Redis as AsyncRedis
from redis.asyncio import RedisCluster as AsyncRedisCluster
from redis.asyncio import SSLConnection as AsyncSSLConnection
from redis.asyncio import UnixDomainSocketConnection as AsyncUnixConnection
from redis.asyncio.sentinel import SentinelManagedConnection as AsyncSentinelConnection
from redis.asyncio.sentinel import SentinelManagedSSLConnection as AsyncSentinelSSLConnection
from redis.exceptions import MaxConnectionsError, RedisError, ResponseError
from redis.exceptions import TimeoutError as DriversTimeoutError
from redis.sentinel import SentinelManagedConnection, SentinelManagedSSLConnection

from ..errors import SettingsError
from .address import Address
from .deadlines import Deadlines

_pack: Callable[[Sequence[Any]], bytes] = pack_command  # type: ignore[assignment]
MOST_THREADS: Final = 32
"""So many nodes at once where each takes a thread."""
_WHO: Final = ("username", "password", "credential_provider", "client_name")
"""With what begins with ssl_, all that is taken of a cluster's client."""


class AsyncConnections:
    """The connections of a link: the driver's pool makes them, and knows where to. In between they are
    kept here, for its pool costs as much as a quarter of a command.
    """

    def __init__(self, pool: Any, most: int, wait: float) -> None:
        self._pool = pool
        self._turns = asyncio.Semaphore(most)
        self._wait = wait
        self._free: list[Any] = []
        self._deadlines = Deadlines()

    async def take(self, *, check: bool) -> Any:
        """One that is connected. check: whether to make sure that the server hasn't closed it meanwhile,
        which asks the system once more. Raises what the driver raises.
        """
        if self._turns.locked():
            try:
                async with asyncio.timeout(self._wait):
                    await self._turns.acquire()
            except TimeoutError:
                raise MaxConnectionsError("All connections are in use.") from None
        else:
            await self._turns.acquire()
        try:
            while self._free:
                connection = self._free.pop()
                if not check or await self._is_usable(connection):
                    return connection
                await self._drop(connection)  # the server has closed it
            return await self._pool.get_connection()
        except BaseException:
            self._turns.release()
            raise

    async def give(self, connection: Any, *, good: bool) -> None:
        """It comes back. One that isn't good may have somebody else's answer on its way in it, and where
        one broke the others may lead to where no primary is any more.
        """
        self._turns.release()
        if good:
            self._free.append(connection)
            return
        others, self._free = self._free, []
        for each in (connection, *others):
            await self._drop(each)

    async def converse(self, connection: Any, commands: Sequence[Sequence[Any]]) -> list[Any]:
        """The answers of these commands, refusals among them, within the connection's bound. That is for
        all of it: the driver's own, one for each step, cost as much as the rest. Raises what the driver
        raises.
        """
        within, connection.socket_timeout = connection.socket_timeout, None
        answers: list[Any] = []
        try:
            with self._deadlines.begin(within):
                await connection.send_packed_command(b"".join(map(_pack, commands)))
                for _ in commands:
                    try:
                        answers.append(await connection.read_response(disable_decoding=True))
                    except ResponseError as error:
                        answers.append(error)
        except TimeoutError:
            raise DriversTimeoutError("No answer in time.") from None
        finally:
            connection.socket_timeout = within
        return answers

    async def _is_usable(self, connection: Any) -> bool:
        try:
            return connection.is_connected and not await connection.can_read()
        except (RedisError, OSError):
            return False

    async def _drop(self, connection: Any) -> None:
        await connection.disconnect(nowait=True)
        await self._pool.release(connection)

    async def close(self) -> None:
        """Close them all."""
        self._free = []
        await self._pool.disconnect()


class Connections:
    """The same for threads."""

    def __init__(self, pool: Any, most: int, wait: float) -> None:
        self._pool = pool
        self._wait = wait
        self._free: list[Any] = []
        self._turns: SimpleQueue[None] = SimpleQueue()
        for _ in range(most):
            self._turns.put(None)

    def take(self, *, check: bool) -> Any:
        """One that is connected, as in the other colour. Raises what the driver raises."""
        try:
            self._turns.get(timeout=self._wait)
        except Empty:
            raise MaxConnectionsError("All connections are in use.") from None
        try:
            while True:
                try:
                    connection = self._free.pop()
                except IndexError:
                    return self._pool.get_connection()
                if not check or self._is_usable(connection):
                    return connection
                self._drop(connection)  # the server has closed it
        except BaseException:
            self._turns.put(None)
            raise

    def give(self, connection: Any, *, good: bool) -> None:
        """It comes back, as in the other colour."""
        if good:
            self._free.append(connection)
        else:
            others, self._free = self._free, []
            for each in (connection, *others):
                self._drop(each)
        self._turns.put(None)

    def converse(self, connection: Any, commands: Sequence[Sequence[Any]]) -> list[Any]:
        """The answers of these commands, refusals among them; the socket's bound is for each."""
        answers: list[Any] = []
        connection.send_packed_command([b"".join(map(_pack, commands))])
        for _ in commands:
            try:
                answers.append(connection.read_response(disable_decoding=True))
            except ResponseError as error:
                answers.append(error)
        return answers

    def _is_usable(self, connection: Any) -> bool:
        try:
            return connection.is_connected and not connection.can_read()
        except (RedisError, OSError):
            return False

    def _drop(self, connection: Any) -> None:
        connection.disconnect()
        self._pool.release(connection)

    def close(self) -> None:
        """Close them all."""
        self._free = []
        self._pool.disconnect()


def async_connection_class(address: Address) -> type[AsyncConnection]:
    """The driver's connection for an address."""
    if address.path is not None:
        return AsyncUnixConnection  # type: ignore[return-value]
    if address.kind == "sentinel":
        return AsyncSentinelSSLConnection if address.tls else AsyncSentinelConnection
    return AsyncSSLConnection if address.tls else AsyncConnection


class _Greeting:
    """Right after the handshake of TLS 1.3 the server sends what a later connection may begin with. The
    driver's pool takes it for an answer that nobody has asked for, unless one was read before it looks.
    """

    def on_connect_check_health(self: Any, check_health: bool = True) -> None:
        super().on_connect_check_health(check_health)  # type: ignore[misc]
        self.send_command("PING")
        self.read_response()


class _TLSConnection(_Greeting, SSLConnection):
    pass


class _SentinelTLSConnection(_Greeting, SentinelManagedSSLConnection):
    pass


def connection_class(address: Address) -> type[Connection]:
    """The driver's connection for an address."""
    if address.path is not None:
        return UnixDomainSocketConnection  # type: ignore[return-value]
    if address.kind == "sentinel":
        return _SentinelTLSConnection if address.tls else SentinelManagedConnection
    return _TLSConnection if address.tls else Connection


def async_address_of(client: Any) -> Address:
    """Where a client of the driver leads. Raises SettingsError, which says what is wanted."""
    if isinstance(client, (Redis, RedisCluster)):
        raise SettingsError("This client blocks: AsyncRedisStore takes one of redis.asyncio, or a URL.")
    return _address(client, AsyncRedis, AsyncRedisCluster)


def address_of(client: Any) -> Address:
    """Where a client of the driver leads. Raises SettingsError, which says what is wanted."""
    if isinstance(client, (AsyncRedis, AsyncRedisCluster)):
        raise SettingsError("This client is for asyncio: RedisStore takes redis.Redis, or a URL.")
    return _address(client, Redis, RedisCluster)


def _address(client: Any, of_one: type, of_many: type) -> Address:
    if isinstance(client, of_one):
        return Address("server")
    if not isinstance(client, of_many):
        raise SettingsError("store is a URL, or a client of redis-py.")
    cluster: Any = client
    told = cluster.get_connection_kwargs()
    return Address(
        "cluster",
        tuple((node.host, int(node.port)) for node in cluster.nodes_manager.startup_nodes.values()),
        tls=bool(told.get("ssl")) or told.get("connection_class") in (SSLConnection, AsyncSSLConnection),
        options={k: v for k, v in told.items() if k in _WHO or k.startswith("ssl_")},
    )


async def async_side_by_side(
    function: Callable[..., Any], calls: Sequence[tuple[Any, ...]]
) -> list[Any]:
    """What each call returns or raises; all at once."""
    if len(calls) == 1:
        try:
            return [await function(*calls[0])]
        except Exception as error:
            return [error]
    return await asyncio.gather(*(function(*call) for call in calls), return_exceptions=True)


def side_by_side(function: Callable[..., Any], calls: Sequence[tuple[Any, ...]]) -> list[Any]:
    """What each call returns or raises; each of several in a thread that ends with it."""
    if len(calls) == 1:
        return [_result(function, calls[0])]
    with ThreadPoolExecutor(MOST_THREADS) as threads:
        return list(threads.map(_result, repeat(function), calls))


def _result(function: Callable[..., Any], call: tuple[Any, ...]) -> Any:
    try:
        return function(*call)
    except Exception as error:
        return error


async def async_pause(seconds: float) -> None:
    """Wait a little."""
    await asyncio.sleep(seconds)


def pause(seconds: float) -> None:
    """Wait a little."""
    time.sleep(seconds)
