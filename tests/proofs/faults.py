"""What stops for a while and goes on, and networks that fail, at random moments under load (ERR-1).

``python -m tests.proofs.faults`` prints the whole table, ``… faults network redis 20`` some lines of it. What
is stopped (``SIGSTOP``): the *engine* under the library, the engine *behind* the service, one of two
processes of an *application*, the *service*. Nothing goes on before everybody else has an answer. A
*network* is slow, silent, half open or cut.
"""

from __future__ import annotations

import random
import tempfile
import time
from collections.abc import Callable

from ..proxy import Proxy
from .books import VERBS, Tally, compared, goes_on
from .durable import Durable, durable
from .processes import Application, Service, opened
from .table import print_table
from .writers import NO, Crowd, Library, each_is_told

TABLE = (
    ("engine", "redis", "sync", 20),
    ("engine", "valkey", "async", 20),
    ("engine", "cluster", "sync", 10),
    ("engine", "postgres", "sync", 10),
    ("engine", "postgres", "async", 10),
    ("behind", "redis", "async", 10),
    ("behind", "postgres", "async", 10),
    ("application", "sqlite", "sync", 10),
    ("application", "sqlite", "async", 10),
    ("application", "redis", "sync", 10),
    ("application", "postgres", "async", 10),
    ("service", "sqlite", "async", 10),
    ("network", "redis", "sync", 30),
    ("network", "redis", "async", 30),
    ("network", "valkey", "sync", 30),
    ("network", "cluster", "sync", 30),
    ("network", "cluster", "async", 30),
    ("network", "postgres", "sync", 30),
    ("network", "postgres", "async", 30),
)


def engine(place: Durable, colour: str, count: int) -> Tally:
    """The engine stops under the library: answers are bounded, and it goes on by itself."""
    url, journal = place.fresh(), list[bytes]()
    with opened(url, colour) as flow:
        crowd = Crowd(Library(flow), "writer", journal.append)
        _stop_and_go(place, journal, count)
        crowd.stop()
    place.settle()
    return compared(url, journal)


def behind(place: Durable, colour: str, count: int) -> Tally:
    """The same behind the service, which answers 503 and leaves the cookies alone (V4)."""
    url, journal = place.fresh(), list[bytes]()
    with tempfile.TemporaryDirectory() as folder:
        used = Service(url, folder)
        crowd = Crowd(used.hands, "writer", journal.append)
        _stop_and_go(place, journal, count)
        crowd.stop()
        used.kill()
        used.close()
    place.settle()
    return compared(url, journal)


def _stop_and_go(place: Durable, journal: list[bytes], count: int) -> None:
    for _ in range(count):
        each_is_told(journal, VERBS)
        time.sleep(random.random() * 0.1)
        place.pause()
        each_is_told(journal, NO)
        place.go_on()
    each_is_told(journal, VERBS)


def application(place: Durable, colour: str, count: int) -> Tally:
    """One of two processes stops, perhaps in the middle of a write: the other has its answers."""
    url = place.fresh()
    used = Application(url, colour, "writer")
    for number in range(count):
        used.listen(random.random() * 0.1)
        stopped = used.processes[number % 2]
        stopped.pause()
        used.listen_to(1 - number % 2, (*VERBS, *NO))
        stopped.go_on()
    used.listen(0.5)
    journal = used.kill()
    place.settle()
    return compared(url, journal)


def service(place: Durable, colour: str, count: int) -> Tally:
    """The service stops, and whoever waited for it has an answer afterwards."""
    url, journal = place.fresh(), list[bytes]()
    with tempfile.TemporaryDirectory() as folder:
        used = Service(url, folder)
        crowd = Crowd(used.hands, "writer", journal.append)
        for _ in range(count):
            each_is_told(journal, VERBS)
            used.process.pause()
            time.sleep(random.random())
            used.process.go_on()
        each_is_told(journal, VERBS)
        crowd.stop()
        used.kill()
        used.close()
    return compared(url, journal)


def network(place: Durable, colour: str, count: int) -> Tally:
    """So many faults of the way to the engine, each for a moment; then it goes on."""
    url, journal = place.fresh(), list[bytes]()
    theirs, proxies = place.through(url)
    with opened(theirs, colour) as flow:
        crowd = Crowd(Library(flow), "writer", journal.append)
        for number in range(count):
            each_is_told(journal, VERBS)
            _trouble(random.choice(proxies))
            goes_on(flow, f"after-{number}")
        crowd.stop()
    place.settle()
    tally = compared(theirs, journal)
    for proxy in proxies:
        proxy.stop()
    return tally


def _trouble(proxy: Proxy) -> None:
    """For a moment."""
    match random.choice(("slow", "swallow", "cut", "hold", "end", "hold and end")):
        case "slow":
            proxy.delay = random.random() * 0.5
        case "swallow":
            proxy.answers = "swallow"
        case "cut":
            proxy.answers = "cut"
        case "hold":
            proxy.hold()
        case "end":
            proxy.cut()
        case "hold and end":
            proxy.hold()
            time.sleep(random.random() * 0.3)
            proxy.cut()
    time.sleep(random.random() * 0.4)
    proxy.delay, proxy.answers = 0.0, "pass"
    proxy.go_on()


PROOFS: dict[str, Callable[[Durable, str, int], Tally]] = {
    "engine": engine,
    "behind": behind,
    "application": application,
    "service": service,
    "network": network,
}


def proof(what: str, name: str, colour: str, count: int) -> Tally:
    """So many faults of this kind."""
    place = durable(name)
    try:
        return PROOFS[what](place, colour, count)
    finally:
        place.stop()


if __name__ == "__main__":
    print_table("stops  ", TABLE, proof)
