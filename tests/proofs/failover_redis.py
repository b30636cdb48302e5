"""What a failover undoes, for each setting: ``python -m tests.proofs.failover_redis``.

Users are signed out one after the other while their server dies and its replica takes over: at once, or
after the two could no longer hear each other for three seconds.
"""

from __future__ import annotations

import threading
import time
from typing import NamedTuple

from redis import Redis
from redis.exceptions import ResponseError

from signedin._sync.stores.redis import RedisStore
from signedin.errors import AnswerUnknown, StoreUnavailable
from signedin.reasons import REASONS
from signedin.steps import AllBut, Ending

from ..proxy import Proxy
from ..servers import REDIS, VALKEY, Server
from ..support import START, make_record, step

GUARDED = {"min_replicas_to_write": "1", "min_replicas_max_lag": "1"}
USERS = 3000


class Undone(NamedTuple):
    """Of the revokes: how many were acknowledged, and how many of these came back; how many were told as
    unknown, and how many as refused.
    """

    acknowledged: int
    came_back: int
    unknown: int
    refused: int


def is_followed(client: Redis) -> bool:
    """Whether the server takes a write."""
    try:
        return bool(client.set("followed", "yes"))
    except ResponseError as error:
        if not str(error).startswith("NOREPLICAS"):
            raise
        return False


def failover(
    binary: str, parameters: str, settings: dict[str, str], *, apart: float, users: int
) -> Undone:
    """Let a server die after its replica hasn't heard of it for so many seconds, while users go."""
    primary = Server(binary, **settings)
    between = Proxy(primary.port)
    replica = Server(binary, replicaof=f"127.0.0.1 {between.port}")
    with replica.client() as client:
        while client.info("replication")["master_link_status"] != "up":
            time.sleep(0.01)
    with primary.client() as client:
        while not is_followed(client):  # it counts its replicas once a second
            time.sleep(0.01)
        while client.wait(1, 1000) != 1:
            pass
    store = RedisStore(f"{primary.url}?{parameters}")
    records = [make_record(str(number))[0] for number in range(users)]
    for record in records:
        store.add(step(record))
    with primary.client() as client:
        while client.wait(1, 1000) != 1:
            pass
    done: list[str] = []
    unknown = refused = 0

    def die() -> None:
        time.sleep(0.5)
        if apart:
            between.hold()
            time.sleep(apart)
        primary.kill()

    dying = threading.Thread(target=die)
    dying.start()
    for record in records:
        if not dying.is_alive():
            break
        try:
            store.end(Ending(record.user_id, AllBut(None), REASONS["revoked"], None, START))
            done.append(record.id)
        except AnswerUnknown:
            unknown += 1
        except StoreUnavailable:
            refused += 1
        time.sleep(0.002)
    dying.join()
    store.close()
    with replica.client() as client:
        client.replicaof("NO", "ONE")
    store = RedisStore(replica.url)
    alive = {record.id for record in store.find_many([record.id for record in records])}
    store.close()
    assert len(alive - set(done)) > users - len(done) - unknown - refused - 2, "the replica has all"
    between.stop()
    primary.stop()
    replica.stop()
    return Undone(len(done), len(alive & set(done)), unknown, refused)


def main() -> None:
    """Print the table."""
    print("| server | setting | apart | acknowledged | came back | unknown | refused |")
    print("|---|---|---:|---:|---:|---:|---:|")
    for name, binary in (("Redis", REDIS), ("Valkey", VALKEY)):
        for parameters in ("", "replicas=1"):
            for settings in ({}, GUARDED):
                told = (
                    ", ".join(filter(None, (parameters, settings and "min-replicas-to-write 1")))
                    or "none"
                )
                for apart in (0.0, 3.0):
                    row = " | ".join(
                        map(str, failover(binary, parameters, settings, apart=apart, users=USERS))
                    )
                    print(f"| {name} | {told} | {apart:.0f} s | {row} |", flush=True)


if __name__ == "__main__":
    main()
