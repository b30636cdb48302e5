"""What can be checked of a Redis or Valkey store from outside: the server and what it keeps."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_address
from typing import Any, Final, Literal, NamedTuple

from .._sync.stores.redis_cluster import RedisClusterLink
from .._sync.stores.redis_link import RedisLink
from ..errors import StoreUnavailable
from ..health import Check
from .address import Address
from .failures import is_not_permitted
from .persistence import setting

OLDEST: Final = 7
"""The first major version with everything that the scripts use."""
CLOCKS_APART: Final = 60_000
"""Milliseconds. The server's clock only decides when forgotten keys go."""
WITHIN: Final = 1.0
SETTINGS: Final = ("save", "appendonly", "appendfsync", "min-replicas-to-write", "maxmemory-policy")


class Node(NamedTuple):
    """What a server told: INFO by its names, and settings, None where it doesn't tell them."""

    info: dict[str, str]
    settings: dict[str, str | None]


def checks(url: str, now: int) -> Iterator[Check]:
    """What is found, a check at a time; the last that fails ends it. The store is only read."""
    address = Address.of(url)
    made = RedisClusterLink if address.kind == "cluster" else RedisLink
    link = made.to(address, connect_within=WITHIN, answer_within=WITHIN)
    try:
        yield from _of_address(address)
        names = link.nodes()
        for number, name in enumerate(names, 1):
            which = f" {number}" if len(names) > 1 else ""
            place = address.shown if address.kind != "cluster" else f"node {name} of CLUSTER NODES"
            yield from _of_node(address, place, _look(link, name), which)
            yield _of_clock(link, name, now, which)
        if address.kind == "cluster":
            yield _of_cluster(link, names[0])
    except StoreUnavailable as error:
        remedy = "see that the server runs, and that --store names it; of a cluster, CLUSTER NODES"
        yield Check("store", "fail", str(error), remedy)
    finally:
        link.close()


def _look(link: RedisLink, name: str) -> Node:
    info: dict[str, str] = {}
    try:
        info = _pairs(link.at_node(name, "INFO"))
    except StoreUnavailable as error:
        if not is_not_permitted(error.__cause__):
            raise
    settings: dict[str, str | None] = {}
    for key in SETTINGS:
        try:
            settings[key] = setting(link.at_node(name, "CONFIG", "GET", key), key)
        except StoreUnavailable as error:
            if not is_not_permitted(error.__cause__):
                raise
            settings[key] = None
    return Node(info, settings)


def _pairs(reply: Any) -> dict[str, str]:
    """INFO, as the server writes it, or as the driver has read it."""
    if isinstance(reply, bytes):
        lines = [line.partition(":") for line in reply.decode("utf-8", "replace").splitlines()]
        return {name: value for name, colon, value in lines if colon}
    return {str(name): str(value) for name, value in zip(reply[::2], reply[1::2], strict=True)}


def _of_address(address: Address) -> Iterator[Check]:
    hosts = [host for host, _ in address.hosts if not _is_here(host)]
    if address.tls and address.options.get("ssl_check_hostname") is False:
        found = "the server's certificate is checked, its name is not: any that the CA signed will do"
        yield Check("TLS", "warn", found, "leave out ssl_check_hostname=no")
    elif address.tls:
        yield Check("TLS", "pass", "the server's certificate is checked")
    elif hosts:
        yield Check("TLS", "warn", f"none, to {', '.join(hosts)}", "rediss:// or valkeys://")
    else:
        yield Check("TLS", "pass", "none, and none needed on this machine")


def _is_here(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _of_node(address: Address, place: str, node: Node, which: str) -> Iterator[Check]:
    product = "Valkey" if "valkey_version" in node.info else "Redis"
    version = node.info.get("valkey_version") or node.info.get("redis_version", "")
    if not version:
        yield Check(f"server{which}", "warn", "INFO is not permitted", "let the store's user call INFO")
    elif int(version.partition(".")[0]) < OLDEST:
        yield Check(f"server{which}", "fail", f"{product} {version}", f"{product} {OLDEST}.0 or later")
    else:
        yield Check(f"server{which}", "pass", f"{product} {version}, {place}")
    yield _of_eviction(node, which)
    yield _of_persistence(address, node, which)
    yield _of_replicas(address, node, which)


def _of_eviction(node: Node, which: str) -> Check:
    name = f"eviction{which}"
    policy = node.info.get("maxmemory_policy") or node.settings["maxmemory-policy"]
    remedy = "CONFIG SET maxmemory-policy noeviction"
    if policy is None:
        return Check(name, "warn", "the server doesn't tell its maxmemory-policy", remedy)
    if policy == "noeviction":
        return Check(name, "pass", policy)
    bounded = node.info.get("maxmemory", "0") != "0"
    found = f"{policy}: when memory is short, people are signed out and the history goes"
    return Check(name, "fail" if bounded else "warn", found, remedy)


def _of_persistence(address: Address, node: Node, which: str) -> Check:
    name = f"persistence{which}"
    appends = node.settings["appendonly"]
    if appends is None and "aof_enabled" in node.info:
        appends = "yes" if node.info["aof_enabled"] == "1" else "no"
    if appends == "yes":
        fsync = node.settings["appendfsync"]
        if fsync == "always":
            return Check(name, "pass", "append-only file, written before a change is acknowledged")
        found = "append-only file: a power cut can undo what was acknowledged in the last second"
        return Check(name, "warn", found, "CONFIG SET appendfsync always, where that matters")
    if node.settings["save"] is None or appends is None:
        found = "the server doesn't tell: snapshots (RDB) alone bring revoked sessions back"
        return Check(name, "warn", found, "see that it keeps an append-only file, or nothing")
    if node.settings["save"]:
        found = "snapshots (RDB) only: a crash brings revoked sessions back"
        state: Literal["warn", "fail"] = "warn" if address.rdb_only else "fail"
        return Check(name, state, found, "CONFIG SET appendonly yes")
    return Check(name, "pass", "none: after a restart everybody signs in again")


def _of_replicas(address: Address, node: Node, which: str) -> Check:
    name = f"replicas{which}"
    role = node.info.get("role")
    if role is None:
        return Check(name, "warn", "the server doesn't tell", "let the store's user call INFO")
    if role != "master":
        return Check(name, "fail", "this is a replica: it can't be written to", "name the primary")
    connected = int(node.info.get("connected_slaves", "0"))
    if connected < address.replicas:
        found = f"{connected} connected, and replicas={address.replicas} is asked for"
        return Check(name, "fail", found, "start the others: until then no change is acknowledged")
    if connected == 0:
        return Check(name, "pass", "none")
    found = f"{connected} connected"
    if address.replicas:
        return Check(name, "pass", f"{found}; a change counts when {address.replicas} have it")
    if node.settings["min-replicas-to-write"] in (None, "0"):
        found += ": a failover can undo what was acknowledged just before, a revoke too"
        return Check(name, "warn", found, "replicas=1 in the store's URL, and min-replicas-to-write 1")
    found += ", without one nothing is changed: a failover can undo the last seconds before that"
    return Check(name, "warn", found, "replicas=1 in the store's URL")


def _of_clock(link: RedisLink, name: str, now: int, which: str) -> Check:
    try:
        seconds, _ = (int(part) for part in link.at_node(name, "TIME"))
    except StoreUnavailable as error:
        if not is_not_permitted(error.__cause__):
            raise
        return Check(
            f"server clock{which}", "warn", "TIME is not permitted", "let the store's user call TIME"
        )
    apart = abs(seconds * 1000 - now)
    if apart > CLOCKS_APART:
        return Check(
            f"server clock{which}", "warn", f"{apart // 1000:,} s away from this one", "set the clocks"
        )
    return Check(f"server clock{which}", "pass", "agrees with this one")


def _of_cluster(link: RedisLink, name: str) -> Check:
    state = _pairs(link.at_node(name, "CLUSTER", "INFO"))
    found = f"{state.get('cluster_state')}, {state.get('cluster_slots_ok')} of 16384 slots"
    if state.get("cluster_state") == "ok" and state.get("cluster_slots_ok") == "16384":
        return Check("cluster", "pass", found)
    return Check("cluster", "fail", found, "see CLUSTER NODES: some people's sessions can't be reached")
