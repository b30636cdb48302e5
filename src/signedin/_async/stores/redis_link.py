"""What carries the store's commands to a server, or to whichever of a Sentinel's is the primary.

Commands go over the driver's own connections and pool, not through its client, so that it is known
whether one has left: if not, nothing was changed; if so, it may have been. Writes are never sent twice.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

import redis.asyncio
import redis.asyncio.sentinel
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import NoScriptError, ResponseError
from redis.maint_notifications import MaintNotificationsConfig

from ...errors import AnswerUnknown
from ...lua import script
from ...redis.address import Address
from ...redis.colours import AsyncConnections, async_connection_class
from ...redis.failures import BROKEN, Unsent, is_dropped, is_refusal, lost, refused

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
        self._waits = waits_for(replicas, answer_within)
        self._watchers: list[Any] = []
        self.nodes_at_once = True

    @classmethod
    def to(cls, address: Address, *, connect_within: float, answer_within: float) -> AsyncRedisLink:
        """To the server of an address; nothing is opened yet."""
        options = options_of(address, connect_within, answer_within)
        options |= {
            "connection_class": async_connection_class(address),
            "max_connections": CONNECTIONS,
        }
        watchers: list[Any] = []
        if address.kind == "sentinel":
            # Without the password, which is the servers'; with their TLS.
            own = {k: v for k, v in options.items() if k.startswith(("socket_", "ssl_", "retry"))}
            sentinel = redis.asyncio.sentinel.Sentinel(
                address.hosts, sentinel_kwargs={"ssl": address.tls, **own}
            )
            pool: Any = redis.asyncio.sentinel.SentinelConnectionPool(
                address.service, sentinel, **options
            )
            watchers = [client.connection_pool for client in sentinel.sentinels]
        else:
            if address.path is None:
                options["host"], options["port"] = address.hosts[0]
            else:
                options["path"] = address.path
            pool = redis.asyncio.ConnectionPool(**options)
        link = cls(pool, answer_within=answer_within, replicas=address.replicas)
        link._watchers = watchers
        return link

    async def ask(self, *command: Any) -> Any:
        """A read. Raises StoreUnavailable."""
        return (await self.ask_all((command,)))[0]

    async def ask_all(self, commands: Sequence[Sequence[Any]]) -> list[Any]:
        """Reads, in one round trip; a refusal of one is raised."""
        answers = await self._read(commands)
        for answer in answers:
            if isinstance(answer, ResponseError):
                raise refused(answer) from answer
        return answers

    async def _read(self, commands: Sequence[Sequence[Any]]) -> list[Any]:
        """The same with the refusals among the answers."""
        try:
            return await self._exchange(commands, None)
        except BROKEN as error:
            if not is_dropped(error):
                raise refused(error) from error
        try:
            return await self._exchange(commands, ())
        except BROKEN as again:
            raise refused(again) from again

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
        refusals = [answer for answer in answers if isinstance(answer, ResponseError)]
        if refusals:
            # Nothing was changed only if none of them did anything.
            told = refused if len(refusals) == len(answers) else lost
            raise told(refusals[0]) from refusals[0]
        return answers

    async def write(self, command: Sequence[Any]) -> Any:
        """A command that writes. Raises StoreUnavailable, AnswerUnknown."""
        (answer,) = await self._send((command,))
        if isinstance(answer, ResponseError):
            raise refused(answer) from answer
        return answer

    async def _send(self, commands: Sequence[Sequence[Any]]) -> list[Any]:
        """Writes; whoever waits for replicas does so behind them, on the same connection."""
        try:
            answers = await self._exchange(commands, self._waits)
        except Unsent as error:
            raise refused(error) from error
        except BROKEN as error:
            raise refused(error) if is_refusal(error) else lost(error) from error
        if self._waits:
            reached = answers.pop()
            if isinstance(reached, ResponseError) or reached < self._waits[0][1]:
                raise AnswerUnknown(
                    f"{reached} of {self._waits[0][1]} replicas confirmed the change in time."
                )
        return answers

    async def _exchange(
        self, commands: Sequence[Sequence[Any]], waits: Sequence[Sequence[Any]] | None
    ) -> list[Any]:
        """The answers, and last, if that is waited for, how many replicas have it. waits: None for what
        is asked again where the connection turns out to be no more.
        """
        return await self._with(self._connections, commands, waits)

    async def _with(
        self,
        connections: AsyncConnections,
        commands: Sequence[Sequence[Any]],
        waits: Sequence[Sequence[Any]] | None = (),
    ) -> list[Any]:
        """The same over one of these connections. Raises Unsent before anything was sent."""
        try:
            connection = await connections.take(check=waits is not None)
        except BROKEN as error:
            raise Unsent(error) from error
        return await self._over(connections, connection, [*commands, *waits] if waits else commands)

    async def _over(
        self, connections: AsyncConnections, connection: Any, commands: Sequence[Sequence[Any]]
    ) -> list[Any]:
        """The answers, refusals among them, over a connection that is given back. Whatever breaks off
        in between, a cancelled request too, closes it: nobody gets another's answer.
        """
        good = False
        try:
            answers = await connections.converse(connection, commands)
            good = True
        finally:
            await connections.give(connection, good=good)
        return [flat(answer) for answer in answers]

    async def nodes(self) -> list[str]:
        """The names of the nodes that a walk goes through: those that can be written to."""
        return ["0"]

    async def at_nodes(self, asked: Mapping[str, Sequence[Sequence[Any]]]) -> list[list[Any]]:
        """Reads of each of these nodes, side by side, with the refusals among the answers."""
        return [await self._read(commands) for commands in asked.values()]

    async def at_node(self, node: str, *command: Any) -> Any:
        """A read of one of them."""
        ((answer,),) = await self.at_nodes({node: (command,)})
        if isinstance(answer, ResponseError):
            raise refused(answer) from answer
        return answer

    async def close(self) -> None:
        """Let go of the connections."""
        await self._connections.close()
        for pool in self._watchers:
            await pool.disconnect()


def waits_for(replicas: int, answer_within: float) -> Sequence[tuple[Any, ...]]:
    """What stands behind a write so that so many replicas have it; nothing for none."""
    # The server looks at its clock ten times a second, and shall answer before our patience ends.
    return [("WAIT", replicas, int(answer_within * 500))] if replicas else []


def options_of(address: Address, connect_within: float, answer_within: float) -> dict[str, Any]:
    """What the driver is told of each connection."""
    return {
        "protocol": 2,  # lists are what is wanted of a hash, not maps
        **address.options,
        "socket_connect_timeout": connect_within,
        "socket_timeout": answer_within,
        "retry": Retry(NoBackoff(), 0),
        # Two more commands for each connection, which a user may not be permitted.
        "maint_notifications_config": MaintNotificationsConfig(enabled=False),
        "driver_info": None,
    }
