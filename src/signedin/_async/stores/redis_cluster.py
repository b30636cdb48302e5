"""What carries the store's commands to a cluster: to the node that has the key's slot, even as it moves.

The driver's own cluster client sends ASKING over whatever connection is free and the command over
another: while a slot moves and many ask at once it loses its way. And it doesn't say whether a command
has left.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple

import redis.asyncio
from redis.crc import key_slot
from redis.exceptions import (
    AskError,
    ClusterDownError,
    ConnectionError,
    MovedError,
    NoScriptError,
    SlotNotCoveredError,
    TryAgainError,
)

from ...redis.address import Address
from ...redis.colours import (
    AsyncConnections,
    async_connection_class,
    async_pause,
    async_side_by_side,
)
from ...redis.failures import BROKEN, Unsent, refused
from .redis_link import CONNECTIONS, AsyncRedisLink, options_of, waits_for

ROUNDS: Final = 10
"""So often a command is sent after its slot, or again to a node that is just getting it."""
PAUSE: Final = 0.02
"""Seconds between two rounds, where the keys of one user are on their way."""
SOURCES: Final = 100
"""Of so many nodes it is remembered that they can tell the slots."""
SENT_ON: Final = (MovedError, AskError, TryAgainError, ClusterDownError)
"""Answers of a node that has done nothing."""
Node = tuple[str, int]


class Turn(NamedTuple):
    """Commands for one node, by their places. asking: the slot is only just arriving there."""

    node: Node
    places: list[int]
    asking: bool = False


class Slots(NamedTuple):
    """Which node has each slot, and the nodes by their names."""

    nodes: list[Node | None]
    named: dict[str, Node]


class AsyncRedisClusterLink(AsyncRedisLink):
    """To the nodes of a cluster. make: the driver's pool for a node."""

    def __init__(
        self, make: Callable[[Node], Any], hosts: Sequence[Node], *, answer_within: float, replicas: int
    ) -> None:
        self._make = make
        # Whom to ask for the slots: who answered last comes first, who didn't comes last.
        self._sources = list(hosts)
        self._answer_within = answer_within
        self._nodes: dict[Node, AsyncConnections] = {}
        self._slots: Slots | None = None
        self._waits = waits_for(replicas, answer_within)
        self.nodes_at_once = False

    @classmethod
    def to(cls, address: Address, *, connect_within: float, answer_within: float) -> AsyncRedisLink:
        """To the cluster of an address; nothing is opened yet."""
        options = options_of(address, connect_within, answer_within) | {
            "connection_class": async_connection_class(address),
            "max_connections": CONNECTIONS,
        }

        def make(node: Node) -> Any:
            return redis.asyncio.ConnectionPool(host=node[0], port=node[1], **options)

        return cls(make, address.hosts, answer_within=answer_within, replicas=address.replicas)

    def _to(self, node: Node) -> AsyncConnections:
        found = self._nodes.get(node)
        if found is None:  # two threads may both make one: the first stays
            found = AsyncConnections(self._make(node), CONNECTIONS, self._answer_within)
            found = self._nodes.setdefault(node, found)
        return found

    async def _map(self) -> Slots:
        if self._slots is None:
            self._slots = await self._told()
        return self._slots

    async def _told(self) -> Slots:
        """Which node has which slot, as one of the nodes tells."""
        failure: Exception | None = None
        for node in tuple(self._sources):
            try:
                (answer,) = await self._with(self._to(node), [("CLUSTER", "SLOTS")])
            except BROKEN as error:
                answer = error
            if isinstance(answer, Exception) or not answer:
                failure = answer or Unsent(SlotNotCoveredError("The cluster has no slots."))
                self._sources = [*(source for source in self._sources if source != node), node]
                continue
            slots = Slots([None] * 16384, {})
            others: list[Node] = []
            for first, last, *owners in answer:
                told = [(host.decode() if host else node[0], int(port)) for host, port, *_ in owners]
                slots.nodes[first : last + 1] = [told[0]] * (last - first + 1)
                slots.named[owners[0][2][:8].decode()] = told[0]
                others += told
            self._sources = list(dict.fromkeys((node, *others, *self._sources)))[:SOURCES]
            return slots
        assert failure is not None
        raise failure

    async def _exchange(
        self, commands: Sequence[Sequence[Any]], waits: Sequence[Sequence[Any]] | None
    ) -> list[Any]:
        """Round by round, until each has its answer; a node that sends on has changed nothing."""
        answers: list[Any] = [None] * len(commands)
        reached: list[Any] = []
        turns = await self._turns(commands, range(len(commands)))
        for _ in range(ROUNDS):
            given = await async_side_by_side(self._turn, [(turn, commands, waits) for turn in turns])
            failure: BaseException | None = None
            for turn, result in zip(turns, given, strict=True):
                if isinstance(result, BaseException):
                    self._slots = None  # that node may be no primary any more
                    if failure is None or isinstance(failure, Unsent):
                        failure = result
                    continue
                for place, answer in zip(turn.places, result, strict=False):
                    answers[place] = answer
                if waits and not all(isinstance(answers[place], SENT_ON) for place in turn.places):
                    reached.append(result[-1])
            if failure is not None:
                raise _in_part(failure, answers)
            try:
                turns = await self._again(commands, answers)
            except Unsent as error:
                raise _in_part(error, answers) from error
            if not turns:
                break
        return [*answers, _fewest(reached, waits[0][1])] if waits else answers

    async def _turns(self, commands: Sequence[Sequence[Any]], places: Sequence[int]) -> list[Turn]:
        slots = (await self._map()).nodes
        turns: dict[Node, Turn] = {}
        for place in places:
            node = slots[key_slot(_key(commands[place]))]
            if node is None:
                self._slots = None
                raise Unsent(SlotNotCoveredError("No node has the slot of this key."))
            turns.setdefault(node, Turn(node, [])).places.append(place)
        return list(turns.values())

    async def _turn(
        self, turn: Turn, commands: Sequence[Sequence[Any]], waits: Sequence[Sequence[Any]] | None
    ) -> list[Any]:
        own = [commands[place] for place in turn.places]
        if not turn.asking:
            return await self._with(self._to(turn.node), own, waits)
        # Each command needs an ASKING of its own, on its own connection.
        both = [part for command in own for part in (("ASKING",), command)]
        answers = await self._with(self._to(turn.node), both, waits)
        return [*answers[1 : len(both) : 2], *answers[len(both) :]]

    async def _again(self, commands: Sequence[Sequence[Any]], answers: Sequence[Any]) -> list[Turn]:
        """What has to be sent once more, and where to."""
        turns: dict[Node, Turn] = {}
        moved: list[int] = []
        waiting = False
        for place, answer in enumerate(answers):
            if type(answer) is AskError:
                node = (answer.host, answer.port)
                turns.setdefault(node, Turn(node, [], asking=True)).places.append(place)
            elif isinstance(answer, SENT_ON):
                moved.append(place)
                waiting = waiting or not isinstance(answer, MovedError)
        if waiting:
            await async_pause(PAUSE)
        if moved:
            self._slots = None
        return [*turns.values(), *(await self._turns(commands, moved) if moved else [])]

    async def nodes(self) -> list[str]:
        """The names of the primaries, as one of the nodes tells now."""
        try:
            self._slots = await self._told()
            if None in self._slots.nodes:
                raise Unsent(SlotNotCoveredError("Some slots of the cluster have no node."))
        except BROKEN as error:
            raise refused(error) from error
        return sorted(self._slots.named)

    async def at_nodes(self, asked: Mapping[str, Sequence[Sequence[Any]]]) -> list[list[Any]]:
        """Reads of each of these nodes, side by side, with the refusals among the answers."""
        answers: list[list[Any]] = await async_side_by_side(self._at, list(asked.items()))
        for answer in answers:
            if isinstance(answer, BaseException):
                raise answer
        return answers

    async def _at(self, name: str, commands: Sequence[Sequence[Any]]) -> list[Any]:
        try:
            node = (await self._map()).named.get(name)
            if node is None:
                raise Unsent(SlotNotCoveredError("A node has left the cluster."))
            return await self._with(self._to(node), commands)
        except BROKEN as error:
            self._slots = None
            raise refused(error) from error

    async def close(self) -> None:
        """Let go of the connections."""
        for connections in self._nodes.values():
            await connections.close()


def _key(command: Sequence[Any]) -> bytes:
    """The key that says where a command goes: a script's stand behind their number."""
    key = command[3] if command[0] in ("EVALSHA", "EVAL") else command[1]
    return key if isinstance(key, bytes) else key.encode()


def _in_part(failure: BaseException, answers: Sequence[Any]) -> BaseException:
    """A failure where other nodes may have done their part is none that says nothing was changed."""
    if all(answer is None or isinstance(answer, (*SENT_ON, NoScriptError)) for answer in answers):
        return failure
    return ConnectionError(str(failure))


def _fewest(reached: Sequence[Any], wanted: int) -> Any:
    """How many replicas have what each node did, or a node's refusal to say; where none did anything,
    nothing is wanting.
    """
    refusals = [answer for answer in reached if isinstance(answer, Exception)]
    return refusals[0] if refusals else min(reached, default=wanted)
