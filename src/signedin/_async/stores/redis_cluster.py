"""What carries the store's commands to a cluster: to the node that has the key's slot, even as it moves.

The driver's own cluster client sends ASKING over whatever connection is free and the command over
another: while a slot moves and many ask at once it loses its way. And it doesn't say whether a command
has left.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple

import redis.asyncio
from redis.crc import key_slot
from redis.exceptions import AskError, ClusterDownError, MovedError, SlotNotCoveredError, TryAgainError

from ...redis.address import Address
from ...redis.colours import (
    AsyncConnections,
    async_connection_class,
    async_pause,
    async_side_by_side,
)
from ...redis.failures import BROKEN, Unsent, refused
from .redis_link import CONNECTIONS, AsyncRedisLink, options_of

ROUNDS: Final = 10
"""So often a command is sent after its slot, or again to a node that is just getting it."""
PAUSE: Final = 0.02
"""Seconds between two rounds, where the keys of one user are on their way."""
Node = tuple[str, int]


class Turn(NamedTuple):
    """Commands for one node, by their places. asking: the slot is only just arriving there."""

    node: Node
    places: list[int]
    asking: bool = False


class AsyncRedisClusterLink(AsyncRedisLink):
    """To the nodes of a cluster. make: the driver's pool for a node."""

    def __init__(self, make: Callable[[Node], Any], hosts: Sequence[Node], wait: float) -> None:
        self._make = make
        self._hosts = tuple(hosts)
        self._wait = wait
        self._nodes: dict[Node, AsyncConnections] = {}
        self._slots: list[Node | None] | None = None
        self.nodes_at_once = False
        self._waits = ()

    @classmethod
    def to(cls, address: Address, *, connect_within: float, answer_within: float) -> AsyncRedisLink:
        """To the cluster of an address; nothing is opened yet."""
        options = options_of(address, connect_within, answer_within) | {
            "connection_class": async_connection_class(address),
            "max_connections": CONNECTIONS,
        }

        def make(node: Node) -> Any:
            return redis.asyncio.ConnectionPool(host=node[0], port=node[1], **options)

        return cls(make, address.hosts, answer_within)

    def _to(self, node: Node) -> AsyncConnections:
        found = self._nodes.get(node)
        if found is None:  # two threads may both make one: the first stays
            found = AsyncConnections(self._make(node), CONNECTIONS, self._wait)
            found = self._nodes.setdefault(node, found)
        return found

    async def _map(self) -> list[Node | None]:
        """Which node has which slot, as one of the nodes tells."""
        if self._slots is not None:
            return self._slots
        failure: Exception | None = None
        for node in dict.fromkeys((*self._nodes, *self._hosts)):
            try:
                (answer,) = await self._with(self._to(node), [("CLUSTER", "SLOTS")])
            except BROKEN as error:
                failure = error
                continue
            if isinstance(answer, Exception):
                failure = answer
                continue
            slots: list[Node | None] = [None] * 16384
            for first, last, primary, *_ in answer:
                host = primary[0].decode() if primary[0] else node[0]
                slots[first : last + 1] = [(host, int(primary[1]))] * (last - first + 1)
            self._slots = slots
            return slots
        assert failure is not None
        raise failure

    async def _exchange(self, commands: Sequence[Sequence[Any]]) -> list[Any]:
        """Round by round, until each has its answer; a node that sends on has changed nothing."""
        answers: list[Any] = [None] * len(commands)
        sent = False
        turns = await self._turns(commands, range(len(commands)))
        for _ in range(ROUNDS):
            given = await async_side_by_side(self._turn, [(turn, commands) for turn in turns])
            failure: BaseException | None = None
            for turn, result in zip(turns, given, strict=True):
                if isinstance(result, BaseException):
                    self._slots = None  # that node may be no primary any more
                    if failure is None or isinstance(failure, Unsent):
                        failure = result
                    continue
                sent = True
                for place, answer in zip(turn.places, result, strict=True):
                    answers[place] = answer
            if failure is not None:
                # Nothing was changed only if nothing was sent to any node.
                raise failure.error if isinstance(failure, Unsent) and sent else failure
            turns = await self._again(commands, answers)
            if not turns:
                break
        return answers

    async def _turns(self, commands: Sequence[Sequence[Any]], places: Sequence[int]) -> list[Turn]:
        slots = await self._map()
        turns: dict[Node, Turn] = {}
        for place in places:
            node = slots[key_slot(_key(commands[place]))]
            if node is None:
                self._slots = None
                raise Unsent(SlotNotCoveredError("No node has the slot of this key."))
            turns.setdefault(node, Turn(node, [])).places.append(place)
        return list(turns.values())

    async def _turn(self, turn: Turn, commands: Sequence[Sequence[Any]]) -> list[Any]:
        own = [commands[place] for place in turn.places]
        if not turn.asking:
            return await self._with(self._to(turn.node), own)
        # Each command needs an ASKING of its own, on its own connection.
        both = [part for command in own for part in (("ASKING",), command)]
        return (await self._with(self._to(turn.node), both))[1::2]

    async def _again(self, commands: Sequence[Sequence[Any]], answers: Sequence[Any]) -> list[Turn]:
        """What has to be sent once more, and where to."""
        turns: dict[Node, Turn] = {}
        moved: list[int] = []
        waiting = False
        for place, answer in enumerate(answers):
            if type(answer) is AskError:
                node = (answer.host, answer.port)
                turns.setdefault(node, Turn(node, [], asking=True)).places.append(place)
            elif isinstance(answer, (MovedError, TryAgainError, ClusterDownError)):
                moved.append(place)
                waiting = waiting or not isinstance(answer, MovedError)
        if waiting:
            await async_pause(PAUSE)
        if moved:
            self._slots = None
        return [*turns.values(), *(await self._turns(commands, moved) if moved else [])]

    async def _primaries(self) -> list[Node]:
        return sorted({node for node in await self._map() if node is not None})

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
            (answer,) = await self._with(self._to(primaries[node % len(primaries)]), [command])
        except BROKEN as error:
            self._slots = None
            raise refused(error) from error
        if isinstance(answer, Exception):
            raise refused(answer) from answer
        return answer

    async def close(self) -> None:
        """Let go of the connections."""
        for connections in self._nodes.values():
            await connections.close()


def _key(command: Sequence[Any]) -> bytes:
    """The key that says where a command goes: a script's stand behind their number."""
    key = command[3] if command[0] in ("EVALSHA", "EVAL") else command[1]
    return key if isinstance(key, bytes) else key.encode()
