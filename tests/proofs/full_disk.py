"""Disks and memories that are full: what doesn't fit is refused, and with room it goes on.

``python -m tests.proofs.full_disk`` prints the whole table, ``… full_disk disk redis sync 5`` a line of it. A
process that may not write beyond some size meets what a full disk is, with no right to make one: Redis and
Valkey that sync always end themselves, as PostgreSQL does without room for its log; *everysec* stays and
refuses. *memory*: Redis and Valkey with noeviction.
"""

from __future__ import annotations

import resource
from collections.abc import Callable
from pathlib import Path

from .books import VERBS, Tally, compared, print_table
from .durable import LITTLE, Durable, durable, largest, may_write
from .processes import Application, opened
from .writers import NO, Crowd, Library, each_is_told

TABLE = (
    ("disk", "sqlite", "sync", 20),
    ("disk", "redis", "sync", 20),
    ("disk", "valkey", "async", 20),
    ("disk", "cluster", "sync", 5),
    ("disk", "postgres", "async", 10),
    ("everysec", "redis", "async", 10),
    ("everysec", "valkey", "sync", 10),
    ("memory", "redis", "sync", 20),
    ("memory", "valkey", "async", 20),
)


def application(colour: str, count: int) -> Tally:
    """Two processes on a file, which can't grow."""
    place = durable("sqlite")
    url = place.fresh()
    used = Application(url, colour, "writer")
    for _ in range(count):
        for worker in (0, 1):
            used.listen_to(worker, VERBS)
        for process in used.processes:
            may_write(process.pid, largest(str(Path(url).parent)) + LITTLE)
        for worker in (0, 1):
            used.listen_to(worker, NO)
        for process in used.processes:
            may_write(process.pid, resource.RLIM_INFINITY)
    for worker in (0, 1):
        used.listen_to(worker, VERBS)
    tally = compared(url, used.kill())
    place.stop()
    return tally


def server(
    place: Durable,
    colour: str,
    count: int,
    fill: Callable[[], object],
    make_room: Callable[[], object],
) -> Tally:
    """A server under the library."""
    url, journal = place.fresh(), list[bytes]()
    with opened(url, colour) as flow:
        crowd = Crowd(Library(flow), "writer", journal.append)
        for _ in range(count):
            each_is_told(journal, VERBS)
            fill()
            each_is_told(journal, NO)
            make_room()
        each_is_told(journal, VERBS)
        crowd.stop()
    place.settle()
    tally = compared(url, journal)
    place.stop()
    return tally


def proof(what: str, name: str, colour: str, count: int) -> Tally:
    """Full so many times."""
    if name == "sqlite":
        return application(colour, count)
    place = durable(name, "everysec" if what == "everysec" else "always")
    if what == "memory":
        return server(place, colour, count, place.fill_memory, place.free_memory)
    return server(place, colour, count, place.fill, place.make_room)


if __name__ == "__main__":
    print_table("full   ", TABLE, proof)
