"""What carries the store's commands: a server, whichever of a Sentinel's is the primary, or a cluster.

A server's commands go over the driver's own connections and pool, not through its client, so that it
is known whether a command has left: one that hasn't changed nothing, one that has may have. Writes are
never sent twice.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from threading import Lock
from typing import Any, Final, NamedTuple

import redis.asyncio
import redis.asyncio.cluster
import redis.asyncio.sentinel
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import NoScriptError, ResponseError
from redis.maint_notifications import MaintNotificationsConfig

from ...errors import AnswerUnknown
from ...lua import script
from ...redis.address import Address
from ...redis.colours import (
    AsyncConnections,
    async_close,
    async_connection_class,
    async_on_node,
    async_ready,
    async_turns,
)
from ...redis.failures import (
    BROKEN,
    is_dropped,
    is_refusal,
    lost,
    refused,
    was_never_sent,
)

CONNECTIONS: Final = 32
"""So many at a time; who comes later waits for one as long as for an answer."""
AT_ONCE: Final = 100
"""So many users a script or a pipeline, where there are many to go through: some milliseconds."""


class Step(NamedTuple):
    """A script, its keys and its arguments."""

    name: str
    keys: Sequence[Any]
    args: Sequence[Any] = ()

    def command(self, *, known: bool) -> tuple[Any, ...]:
        """As the server is asked: by the script's name, or with its text."""
        text = script(self.name)
        what = ("EVALSHA", text.sha) if known else ("EVAL", text.text)
        return (*what, len(self.keys), *self.keys, *self.args)


def flat(reply: Any) -> Any:
    """What is a map in one version of the protocol and a list in the other, as a list."""
    return [part for pair in reply.items() for part in pair] if isinstance(reply, dict) else reply


class AsyncRedisLink:
    """To one server at a time. replicas: how many must have a change before it counts."""

    def __init__(self, pool: Any, *, answer_within: float, replicas: int = 0) -> None:
        self._connections = AsyncConnections(pool, CONNECTIONS, answer_within)
        # The server looks at its clock ten times a second: its answer shall come before our patience ends.
        self._waits = (("WAIT", replicas, int(answer_within * 500)),) if replicas else ()
        self.nodes_at_once = True

    @classmethod
    def to(cls, address: Address, *, connect_within: float, answer_within: float) -> AsyncRedisLink:
        """To the server of an address; nothing is opened yet."""
        options = _options(address, connect_within, answer_within)
        if address.kind == "sentinel":
            own = {k: options[k] for k in ("socket_timeout", "socket_connect_timeout", "retry")}
            sentinel = redis.asyncio.sentinel.Sentinel(address.hosts, **own)
            pool: Any = redis.asyncio.sentinel.SentinelConnectionPool(
                address.service, sentinel, ssl=address.tls, max_connections=CONNECTIONS, **options
            )
        else:
            if address.path is None:
                options["host"], options["port"] = address.hosts[0]
            else:
                options["path"] = address.path
            pool = redis.asyncio.ConnectionPool(
                connection_class=async_connection_class(address), max_connections=CONNECTIONS, **options
            )
        return cls(pool, answer_within=answer_within, replicas=address.replicas)

    async def ask(self, *command: Any) -> Any:
        """A read. Raises StoreUnavailable."""
        return (await self.ask_all((command,)))[0]

    async def ask_all(self, commands: Sequence[Sequence[Any]]) -> list[Any]:
        """Reads, in one round trip; a refusal of one is raised."""
        try:
            answers = await self._exchange(commands)
        except BROKEN as error:
            if not is_dropped(error):
                raise refused(error) from error
            try:
                answers = await self._exchange(commands)
            except BROKEN as again:
                raise refused(again) from again
        for answer in answers:
            if isinstance(answer, ResponseError):
                raise refused(answer) from answer
        return answers

    async def look(self, steps: Sequence[Step]) -> list[Any]:
        """Scripts that only read, in one round trip."""
        commands = [step.command(known=True) for step in steps]
        try:
            return await self.ask_all(commands)
        except Exception as error:
            if not isinstance(error.__cause__, NoScriptError):
                raise
        return await self.ask_all([step.command(known=False) for step in steps])

    async def run(self, step: Step) -> Any:
        """A script that writes. Raises StoreUnavailable, AnswerUnknown."""
        return (await self.run_all((step,)))[0]

    async def run_all(self, steps: Sequence[Step]) -> list[Any]:
        """Scripts that write, one step each, in one round trip."""
        answers = await self._send([step.command(known=True) for step in steps])
        unknown = [n for n, answer in enumerate(answers) if isinstance(answer, NoScriptError)]
        if unknown:  # they didn't run: the server has forgotten its scripts
            again = await self._send([steps[n].command(known=False) for n in unknown])
            for n, answer in zip(unknown, again, strict=True):
                answers[n] = answer
        for answer in answers:
            if isinstance(answer, ResponseError):
                raise refused(answer) from answer
        return answers

    async def _send(self, commands: Sequence[Sequence[Any]]) -> list[Any]:
        """Writes; whoever waits for replicas does so behind them, on the same connection."""
        try:
            connection = await self._connections.take()
        except BROKEN as error:
            raise refused(error) from error
        try:
            answers = await self._over(connection, (*commands, *self._waits))
        except BROKEN as error:
            raise refused(error) if is_refusal(error) else lost(error) from error
        if self._waits:
            reached = answers.pop()
            if isinstance(reached, ResponseError) or reached < self._waits[0][1]:
                raise AnswerUnknown(
                    f"{reached} of {self._waits[0][1]} replicas confirmed the change in time."
                )
        return answers

    async def _exchange(self, commands: Sequence[Sequence[Any]]) -> list[Any]:
        return await self._over(await self._connections.take(), commands)

    async def _over(self, connection: Any, commands: Sequence[Sequence[Any]]) -> list[Any]:
        """The answers, refusals among them, over a connection that is given back. Whatever breaks off
        in between, a cancelled request too, closes it: nobody gets another's answer.
        """
        answers: list[Any] = []
        good = False
        try:
            await connection.send_packed_command(connection.pack_commands(commands))
            for _ in commands:
                try:
                    answers.append(flat(await connection.read_response()))
                except ResponseError as error:
                    answers.append(error)
            good = True
        finally:
            await self._connections.give(connection, good=good)
        return answers

    async def nodes(self) -> int:
        """How many nodes a scan goes through."""
        return 1

    async def at_node(self, node: int, *command: Any) -> Any:
        """A read of one of them."""
        return await self.ask(*command)

    async def close(self) -> None:
        """Let go of the connections."""
        await self._connections.close()


class AsyncRedisClusterLink(AsyncRedisLink):
    """To a cluster, through the driver's client, which follows a slot that moves."""

    def __init__(self, make: Callable[[], Any]) -> None:
        self._make = make  # the driver's sync client connects when it is made
        self._made: Any = None
        self._lock = Lock()
        self._turns = async_turns(CONNECTIONS)
        self.nodes_at_once = False

    @classmethod
    def to(cls, address: Address, *, connect_within: float, answer_within: float) -> AsyncRedisLink:
        """To the cluster of an address; nothing is opened yet."""
        options = _options(address, connect_within, answer_within)
        del options["db"]
        # The address that was named may be gone: then another one of the cluster does.
        options |= {"ssl": address.tls, "max_connections": CONNECTIONS, "require_full_coverage": False}

        def make() -> Any:
            nodes = [redis.asyncio.cluster.ClusterNode(host, port) for host, port in address.hosts]
            return redis.asyncio.cluster.RedisCluster(startup_nodes=nodes, **options)

        return cls(make)

    def _client(self) -> Any:
        with self._lock:
            if self._made is None:
                self._made = self._make()
            return self._made

    async def ask_all(self, commands: Sequence[Sequence[Any]]) -> list[Any]:
        """Reads, in one round trip to each node."""
        try:
            answers = await self._exchange(commands)
        except BROKEN as error:
            if is_refusal(error):
                raise refused(error) from error
            try:
                answers = await self._exchange(commands)
            except BROKEN as again:
                raise refused(again) from again
        for answer in answers:
            if isinstance(answer, ResponseError):
                raise refused(answer) from answer
        return answers

    async def _send(self, commands: Sequence[Sequence[Any]]) -> list[Any]:
        try:
            return await self._exchange(commands)
        except BROKEN as error:
            if is_refusal(error) or was_never_sent(error):
                raise refused(error) from error
            raise lost(error) from error

    async def _exchange(self, commands: Sequence[Sequence[Any]]) -> list[Any]:
        client = self._client()
        async with self._turns:  # the client's pools refuse instead of waiting
            if len(commands) == 1:
                try:
                    return [flat(await client.execute_command(*commands[0]))]
                except ResponseError as error:
                    return [error]
            pipeline = client.pipeline()
            for command in commands:
                pipeline.execute_command(*command)
            answers = await pipeline.execute(raise_on_error=False)
        for answer in answers:
            if isinstance(answer, Exception) and not isinstance(answer, ResponseError):
                raise answer
        return [flat(answer) for answer in answers]

    async def _primaries(self) -> list[Any]:
        client = self._client()
        await async_ready(client)
        return sorted(client.get_primaries(), key=lambda node: str(node.name))

    async def nodes(self) -> int:
        """How many nodes a scan goes through."""
        try:
            return len(await self._primaries())
        except BROKEN as error:
            raise refused(error) from error

    async def at_node(self, node: int, *command: Any) -> Any:
        """A read of one of them."""
        try:
            primaries = await self._primaries()
            return flat(await async_on_node(primaries[node % len(primaries)], command))
        except BROKEN as error:
            raise refused(error) from error

    async def close(self) -> None:
        """Let go of the connections."""
        if self._made is not None:
            await async_close(self._made)


def _options(address: Address, connect_within: float, answer_within: float) -> dict[str, Any]:
    """What the driver is told of each connection."""
    return {
        **address.options,
        "socket_connect_timeout": connect_within,
        "socket_timeout": answer_within,
        "retry": Retry(NoBackoff(), 0),
        # Two more commands for each connection, which a user may not be permitted.
        "maint_notifications_config": MaintNotificationsConfig(enabled=False),
        "driver_info": None,
    }
