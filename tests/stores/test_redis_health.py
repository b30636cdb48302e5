"""What a doctor finds about a Redis or Valkey server, and the commands on such a store."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from signedin import Client, open_sessions
from signedin.redis.health import checks

from ..engines import ENGINES
from ..servers import REDIS, VALKEY, Server


def found(url: str, now: int | None = None) -> dict[str, tuple[str, str, str]]:
    return {
        check.name: (check.state, check.found, check.remedy)
        for check in checks(url, now or time.time_ns() // 1_000_000)
    }


@pytest.mark.parametrize("name", ["redis", "valkey", "cluster"])
def test_all_is_well(name: str) -> None:
    """Nothing to complain about on a server that evicts nothing and keeps nothing."""
    told = found(ENGINES[name].fresh(""))
    assert {state for state, _, _ in told.values()} == {"pass"}
    if name == "cluster":
        assert told["cluster"][1] == "ok, 16384 of 16384 slots"
        assert "persistence 3" in told


@pytest.mark.parametrize("binary", [REDIS, VALKEY], ids=["redis", "valkey"])
def test_what_is_wrong(binary: str, start: Callable[..., Server]) -> None:
    """Each fault is named with what to do about it."""
    server = start(binary, maxmemory="100mb", maxmemory_policy="allkeys-lru", save="3600 1")
    told = found(server.url, 5)
    assert told["eviction"][0] == "fail"
    assert "noeviction" in told["eviction"][2]
    assert told["persistence"][0] == "fail"
    assert told["server clock"][0] == "warn"
    assert found(server.url + "?rdb_only=yes")["persistence"][0] == "warn"
    assert found(server.url + "?replicas=1")["replicas"][0] == "fail"
    with server.client() as client:
        client.config_set("appendonly", "yes")
        assert "last second" in found(server.url)["persistence"][1]
        client.config_set("appendfsync", "always")
    assert found(server.url)["persistence"][0] == "pass"


def test_replicas(start: Callable[..., Server]) -> None:
    """A replica is no place for a store; a primary with one is told what a failover can undo."""
    primary = start()
    replica = start(replicaof=f"127.0.0.1 {primary.port}")
    with primary.client() as client:
        while client.info("replication")["connected_slaves"] == 0:
            time.sleep(0.01)
    assert found(replica.url)["replicas"][0] == "fail"
    assert "failover" in found(primary.url)["replicas"][1]
    assert found(primary.url + "?replicas=1")["replicas"][0] == "pass"


def test_a_server_that_tells_nothing(start: Callable[..., Server]) -> None:
    """Managed services keep their settings to themselves: a warning each, and the store works."""
    server = start(save="3600 1")
    with server.client() as client:
        client.execute_command(
            *("ACL", "SETUSER", "app", "on", ">secret", "~*", "&*", "+@all"),
            *("-config", "-info", "-time", "-cluster"),
        )
    url = f"redis://app:secret@127.0.0.1:{server.port}"
    told = found(url)
    assert {state for state, _, _ in told.values()} == {"pass", "warn"}
    assert told["persistence"][0] == "warn"
    assert "secret" not in str(told)
    sessions = open_sessions(store=url)
    assert sessions.list("1") == []
    sessions.close()


def test_no_server(start: Callable[..., Server]) -> None:
    """One check fails, with a remedy."""
    server = start()
    server.stop()
    state, _, remedy = found(f"redis://:geheim@127.0.0.1:{server.port}")["store"]
    assert state == "fail"
    assert "--store" in remedy


def test_tls_is_missing() -> None:
    """Secrets' hashes over a network in the clear are worth a warning."""
    assert found("redis://192.0.2.1:1?prefix=x")["TLS"][0] == "warn"


def run(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "signedin", *words],
        capture_output=True,
        text=True,
        cwd=folder,
        check=False,
    )


@pytest.mark.parametrize("name", ["redis", "cluster"])
def test_the_commands(name: str, tmp_path: Path) -> None:
    """What is listed, counted, revoked and checked on a file is so on a server."""
    url = ENGINES[name].fresh("")
    sessions = open_sessions(store=url)
    for user in ("1", "2", "2"):
        sessions.sign_in(user, Client("203.0.113.24", "x"), started_at=sessions.clock())
    sessions.close()
    listed = json.loads(run(tmp_path, "list", "--store", url, "--json").stdout)
    assert len(listed["sessions"]) == 3
    doctor = run(tmp_path, "doctor", "--store", url)
    assert doctor.returncode == 0, doctor.stdout + doctor.stderr
    assert "3 sessions of 2 users" in doctor.stdout
    revoked = run(tmp_path, "revoke", "--store", url, "--user", "2", "--yes", "--reason", "test")
    assert revoked.returncode == 0, revoked.stdout + revoked.stderr
    listed = json.loads(run(tmp_path, "list", "--store", url, "--json").stdout)
    assert len(listed["sessions"]) == 1
    schema = run(tmp_path, "schema", "status", "--store", url)
    assert schema.returncode == 2
    assert "no schema" in schema.stderr
    assert list(tmp_path.iterdir()) == []


def test_without_the_driver(tmp_path: Path) -> None:
    """Who names such a store without its driver is told what to install; no other store imports it."""
    code = (
        "import sys; sys.modules['redis'] = None\n"
        "from signedin import open_sessions\n"
        "open_sessions(store='sqlite:///x.db')\n"
        "open_sessions(store='redis://h')"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path, check=False
    )
    assert (
        "SettingsError: This store needs the package redis: pip install 'signedin[redis]'" in done.stderr
    )
