"""A failover of PostgreSQL: how many acknowledged revokes come back, and how soon the store goes on.

``python -m tests.proofs.failover_postgres 10`` runs ten of each kind; the tests run one. The replica is behind a
network that takes 50 ms, and the primary is killed while people revoke.
"""

from __future__ import annotations

import random
import sys
import threading
import time
from collections.abc import Iterable
from typing import NamedTuple

from signedin import Client, Settings, SignedIn
from signedin._sync.sessions import Sessions
from signedin._sync.stores.postgres import PostgresStore
from signedin.config import now_ms
from signedin.errors import AnswerUnknown, StoreUnavailable
from signedin.session import SessionId

from ..postgres import Postgres
from ..proxy import Proxy

CLIENT = Client("203.0.113.24", "failover")
USERS = 6
EACH = 60
LATE = 0.05


class Failover(NamedTuple):
    """acknowledged: revokes; back: of them, sessions that were alive again; unknown: not confirmed in time;
    seconds: from the kill to the store's first answer.
    """

    acknowledged: int
    back: int
    unknown: int
    seconds: float


class Pair:
    """A primary, a replica behind a network, and the flow on a store that names both."""

    def __init__(self) -> None:
        self.primary = Postgres(fsync="on")
        self.network = Proxy(self.primary.port)
        self.replica = self.primary.replica(self.network.port, fsync="on")
        hosts = f"127.0.0.1:{self.primary.port},127.0.0.1:{self.replica.port}"
        store = PostgresStore(f"postgresql://postgres@{hosts}/postgres")
        self.flow = Sessions(store, Settings(), now_ms)

    def sign_in(self, user: str) -> SessionId:
        outcome = self.flow.sign_in(user, CLIENT, started_at=self.flow.clock())
        assert isinstance(outcome, SignedIn)
        return outcome.session.id

    def synchronize(self) -> None:
        """From now on commits wait for the replica."""
        self.primary.execute("ALTER SYSTEM SET synchronous_standby_names = '*'")
        self.primary.reload()
        while not self.primary.execute("SELECT 1 FROM pg_stat_replication WHERE sync_state = 'sync'"):
            time.sleep(0.02)

    def lose_primary(self) -> None:
        """And what was under way to the replica."""
        self.primary.kill()
        self.network.stop()

    def promote(self) -> None:
        self.replica.execute("SELECT pg_promote()")

    def alive(self, users: Iterable[str]) -> set[SessionId]:
        """Whose sessions are active, as soon as the store has found where to ask."""
        end = time.monotonic() + 30
        while True:
            try:
                return {session.id for user in users for session in self.flow.list(user)}
            except StoreUnavailable:
                assert time.monotonic() < end, "the store doesn't find the new primary"

    def stop(self) -> None:
        self.flow.close()
        self.primary.stop()
        self.replica.stop()


def failover(*, synchronous: bool) -> Failover:
    """Revoke, kill the primary, promote the replica, look."""
    pair = Pair()
    sessions = {str(user): [pair.sign_in(str(user)) for _ in range(EACH)] for user in range(USERS)}
    pair.primary.wait_for_replica()
    if synchronous:
        pair.synchronize()
    pair.network.delay = LATE
    acknowledged: set[SessionId] = set()
    unknown: set[SessionId] = set()

    def revoke(user: str) -> None:
        for session_id in sessions[user]:
            try:
                pair.flow.revoke(user, session_id, current=None)
                acknowledged.add(session_id)
            except AnswerUnknown:
                unknown.add(session_id)
            except StoreUnavailable:
                return

    threads = [threading.Thread(target=revoke, args=(user,)) for user in sessions]
    for thread in threads:
        thread.start()
    time.sleep(0.25 + random.random() * 0.25 if synchronous else 0.03 + random.random() * 0.05)
    began = time.monotonic()
    pair.lose_primary()
    for thread in threads:
        thread.join()
    pair.promote()
    alive = pair.alive(sessions)
    seconds = time.monotonic() - began
    pair.sign_in("after")
    pair.stop()
    return Failover(len(acknowledged), len(acknowledged & alive), len(unknown), seconds)


def main() -> None:
    """Print a line for each kind of replication."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    for synchronous in (False, True):
        done = [failover(synchronous=synchronous) for _ in range(rounds)]
        acknowledged, back, unknown = (sum(column) for column in list(zip(*done, strict=True))[:3])
        print(
            f"{'synchronous' if synchronous else 'asynchronous'}: {acknowledged} acknowledged revokes in"
            f" {rounds} failovers, {back} came back; {unknown} told as unknown; the store went on after"
            f" at most {max(each.seconds for each in done):.1f} s"
        )
        assert not (synchronous and back), "a revoke that two servers had came back"


if __name__ == "__main__":
    main()
