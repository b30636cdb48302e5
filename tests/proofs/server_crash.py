"""Rounds of ``kill -9`` of the server itself: what was acknowledged survives, what was revoked stays dead (DUR-1).

``python -m tests.proofs.server_crash 100`` is the long form; the tests run a short one.
"""

from __future__ import annotations

import random
import sys
import threading
import time

from signedin import Client, SignedIn, open_sessions
from signedin.errors import StoreUnavailable
from signedin.session import SessionId
from signedin.steps import Query

from ..postgres import Postgres
from ..servers import REDIS, VALKEY, Server

CLIENT = Client("203.0.113.24", "crash")
THREADS = 4


def one_round(server: Server | Postgres, number: int, dice: random.Random) -> int:
    """Work, kill, start again, compare; how many acknowledged facts were compared."""
    place = "schema" if isinstance(server, Postgres) else "prefix"
    flow = open_sessions(store=f"{server.url}?{place}=round{number}", cap=10_000)
    flow.list("1")
    signed_in: set[str] = set()
    tried: set[str] = set()
    revoked: set[str] = set()

    def work(user: str) -> None:
        choose = random.Random(user)
        try:
            while True:
                outcome = flow.sign_in(user, CLIENT, started_at=flow.clock(), remember=True)
                assert isinstance(outcome, SignedIn)
                token = outcome.cookies[0].value
                signed_in.add(token)
                if choose.random() < 0.5:
                    tried.add(token)
                    flow.revoke(user, SessionId(token[:48]), current=None)
                    revoked.add(token)
        except StoreUnavailable:
            pass

    threads = [threading.Thread(target=work, args=(f"{number}-{n}",)) for n in range(THREADS)]
    for thread in threads:
        thread.start()
    time.sleep(0.02 + dice.random() * 0.1)
    server.kill()
    for thread in threads:
        thread.join()
    server.start()
    for token in revoked:
        assert flow.validate(token) is None, "an acknowledged revoke was undone"
    for token in signed_in - tried:
        assert flow.validate(token) is not None, "an acknowledged sign-in is lost"
    live = {record.id for record in flow.store.search(Query(100_000)).records}
    gone = {ended.id for n in range(THREADS) for ended in flow.history(f"{number}-{n}")}
    assert not live & gone, "a session is alive and in the history"
    flow.close()
    return len(signed_in) + len(revoked)


def rounds(server: Server | Postgres, count: int) -> int:
    """So many rounds on one server; how many acknowledged facts were compared."""
    dice = random.Random()
    try:
        return sum(one_round(server, number, dice) for number in range(count))
    finally:
        server.stop()


def durable(binary: str) -> Server:
    """A Redis or Valkey server that has a change on its disk before it says so."""
    return Server(binary, appendonly="yes", appendfsync="always")


if __name__ == "__main__":
    wanted = int(sys.argv[1]) if len(sys.argv) > 1 else 100
    for name in ("Redis", "Valkey", "PostgreSQL"):
        binary = {"Redis": REDIS, "Valkey": VALKEY}.get(name)
        compared = rounds(Postgres(fsync="on") if binary is None else durable(binary), wanted)
        print(f"{name}: {wanted} rounds, {compared} acknowledged facts: nothing lost, nothing undone")
