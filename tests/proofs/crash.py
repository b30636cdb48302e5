"""``kill -9``, again and again: what was acknowledged is there, and what ended has ended (DUR-1).

``python -m tests.proofs.crash`` prints the whole table, ``… crash application sqlite 1000`` some lines of
it. What is killed: the *application*, two processes of the library; the *service*, which people use by
HTTP; or the *engine* under an application that goes on.
"""

from __future__ import annotations

import random
import tempfile
import time
from collections.abc import Callable

from .books import VERBS, Tally, compared, goes_on
from .durable import Durable, durable
from .processes import Application, Service, opened
from .table import print_table
from .writers import Crowd, Library, each_is_told

PER_STORE = 20
TABLE = (
    ("application", "sqlite", "sync", 1000),
    ("application", "sqlite", "async", 100),
    ("application", "redis", "sync", 50),
    ("application", "redis", "async", 50),
    ("application", "valkey", "sync", 50),
    ("application", "valkey", "async", 50),
    ("application", "cluster", "sync", 50),
    ("application", "cluster", "async", 50),
    ("application", "postgres", "sync", 50),
    ("application", "postgres", "async", 50),
    ("service", "sqlite", "async", 100),
    ("service", "redis", "async", 30),
    ("service", "postgres", "async", 30),
    ("engine", "redis", "sync", 50),
    ("engine", "redis", "async", 50),
    ("engine", "valkey", "sync", 50),
    ("engine", "valkey", "async", 50),
    ("engine", "cluster", "sync", 17),  # each kills three
    ("engine", "cluster", "async", 17),
    ("engine", "postgres", "sync", 50),
    ("engine", "postgres", "async", 50),
)


def application(engine: Durable, url: str, colour: str, name: str) -> Tally:
    """Two processes are killed while they work."""
    killed = Application(url, colour, name)
    killed.listen(0.05 + random.random() * 0.1)
    journal = killed.kill()
    engine.settle()
    return compared(url, journal)


def service(engine: Durable, url: str, colour: str, name: str) -> Tally:
    """The service is killed while people use it, and started again."""
    with tempfile.TemporaryDirectory() as folder:
        killed = Service(url, folder)
        journal: list[bytes] = []
        crowd = Crowd(killed.hands, name, journal.append)
        _some_time(journal)
        killed.kill()
        crowd.stop()
        engine.settle()
        killed.start()
        crowd = Crowd(killed.hands, name + "-again", journal.append, count=1)
        each_is_told(journal, VERBS, writers=1)
        crowd.stop()
        killed.kill()
        killed.close()
    return compared(url, journal)


def engine(killed: Durable, url: str, colour: str, name: str) -> Tally:
    """The engine is killed under an application, which goes on as soon as it is there again."""
    with opened(url, colour) as flow:
        journal: list[bytes] = []
        crowd = Crowd(Library(flow), name, journal.append)
        _some_time(journal)
        killed.kill()
        killed.start()
        goes_on(flow, name)
        crowd.stop()
    return compared(url, journal)


ROUNDS: dict[str, Callable[[Durable, str, str, str], Tally]] = {
    "application": application,
    "service": service,
    "engine": engine,
}


def rounds(what: str, name: str, colour: str, count: int) -> Tally:
    """So many rounds on an engine; what was compared."""
    place = durable(name)
    try:
        tally = Tally()
        for number in range(count):
            if number % PER_STORE == 0 or what == "service":  # whose users are numbered
                url = place.fresh()
            tally += ROUNDS[what](place, url, colour, str(number))
        return tally
    finally:
        place.stop()


def _some_time(journal: list[bytes]) -> None:
    """Until each writer has been told something, and a random time."""
    each_is_told(journal, VERBS)
    time.sleep(random.random() * 0.1)


if __name__ == "__main__":
    print_table("kill -9", TABLE, rounds)
