# Generated from _async by scripts/unasync.py; edit that one.
"""A walk through all keys: on a cluster through those of all primaries, side by side.

SCAN promises that what was there all the time is met at least once; what comes or goes meanwhile may be
missed, or met twice. It promises so within one life of a server: after a restart or a failover the order
is another, and the walk begins anew there.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple, TypeVar

from ...redis.failures import refused
from ...redis.keys import Keys, Under
from .redis_link import AT_ONCE, RedisLink

T = TypeVar("T")
SCANNED: Final = 250
"""About so many keys a step of a node."""
_is_place = re.compile(r"([0-9a-f]{1,8})-([0-9a-f]{0,8})-([0-9]{1,20}|end)").fullmatch
_run_id = re.compile(rb"^run_id:([0-9a-f]{8})", re.MULTILINE).search


class Place(NamedTuple):
    """Where the walk is at a node. run: which life of its server. cursor: of its scan, or ``end``."""

    run: str
    cursor: str


class Walk:
    """Through the keys of a pattern. cursor: where an earlier walk was. at_once: a step goes through all
    nodes; else through the first that isn't through.
    """

    def __init__(
        self,
        link: RedisLink,
        keys: Keys,
        pattern: str,
        cursor: str | None = None,
        *,
        at_once: bool = True,
    ) -> None:
        self._link = link
        self._keys = keys
        self._pattern = pattern
        self._places = _places(cursor) if cursor else {}
        self._at_once = at_once
        self.over = False
        self.here = ""
        self.users_at_once = AT_ONCE

    @property
    def cursor(self) -> str | None:
        """Where it is; None at the end. ``here`` is where its last step began."""
        return None if self.over else _text(self._places)

    def step(self) -> list[Under]:
        """What comes next, sorted. A node that wasn't there before has all of its keys before it."""
        nodes, places = self._link.nodes(), self._places
        left = [node for node in nodes if node not in places or places[node].cursor != "end"]
        left = left if self._at_once else left[:1]
        self.users_at_once = AT_ONCE * max(len(left), 1)
        answers = self._link.at_nodes({node: self._commands(node) for node in left})
        found: set[Under] = set()
        following: dict[str, Place] = {}
        for node, (scanned, told) in zip(left, answers, strict=True):
            if isinstance(scanned, Exception):
                raise refused(scanned) from scanned
            run = _run(told)
            if node in places and places[node].run != run:
                del places[node]
                continue
            places.setdefault(node, Place(run, "0"))
            cursor = scanned[0].decode()
            following[node] = Place(run, "end" if cursor == "0" else cursor)
            found.update(under for key in scanned[1] if (under := self._keys.parse(key)) is not None)
        self.here = _text(places)
        places |= following
        self.over = all(node in places and places[node].cursor == "end" for node in nodes)
        return sorted(found)

    def _commands(self, node: str) -> tuple[Sequence[Any], ...]:
        cursor = self._places[node].cursor if node in self._places else "0"
        scan = ("SCAN", cursor, "MATCH", self._pattern, "COUNT", SCANNED, "TYPE", "hash")
        return scan, ("INFO", "server")


def _run(told: Any) -> str:
    """Which life of a server this is; nothing where it isn't permitted to ask."""
    match = _run_id(told) if isinstance(told, bytes) else None
    return "" if match is None else match[1].decode()


def _text(places: Mapping[str, Place]) -> str:
    return ",".join(f"{node}-{place.run}-{place.cursor}" for node, place in places.items())


def _places(cursor: str) -> dict[str, Place]:
    found = {}
    for text in cursor.split(","):
        match = _is_place(text)
        if match is None or (match[3] != "end" and int(match[3]) >= 2**64):
            raise ValueError(f"{cursor!r} is not a cursor of this list.")
        found[match[1]] = Place(match[2], match[3])
    return found


def parts(items: Sequence[T], size: int) -> list[Sequence[T]]:
    """So many at a time."""
    return [items[start : start + size] for start in range(0, len(items), size)]
