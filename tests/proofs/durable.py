"""Engines that have on their disk what they acknowledge, to be killed, stopped for a while and filled up."""

from __future__ import annotations

import itertools
import resource
import signal
import subprocess
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Protocol

from ..postgres import Postgres
from ..proxy import Proxy
from ..servers import REDIS, VALKEY, Cluster, Server

LITTLE = 20_000


class Durable(Protocol):
    """An engine, started."""

    def fresh(self) -> str:
        """The URL of an empty store."""

    def through(self, url: str) -> tuple[str, list[Proxy]]:
        """The same store, behind a network that may fail."""

    def kill(self) -> None:
        """As a power cut does, without a word."""

    def start(self) -> None:
        """Again, until it answers."""

    def pause(self) -> None: ...

    def go_on(self) -> None: ...

    def settle(self) -> None:
        """Until nobody is connected any more, so that what was asked for is done or never will be."""

    def fill(self) -> None:
        """There is room for a little more, and then for nothing."""

    def make_room(self) -> None:
        """And start what the full disk has stopped."""

    def stop(self) -> None:
        """And remove what it kept."""


class File:
    """A SQLite file: there is nobody to kill but the application."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="signedin-file-")
        self._numbers = itertools.count()

    def fresh(self) -> str:
        return f"{self._folder.name}/{next(self._numbers)}.db"

    def kill(self) -> None:
        raise NotImplementedError

    start = pause = go_on = fill = make_room = kill

    def through(self, url: str) -> tuple[str, list[Proxy]]:
        raise NotImplementedError

    def settle(self) -> None:
        pass

    def stop(self) -> None:
        self._folder.cleanup()


class Servers:
    """A Redis or Valkey server, or a cluster of them."""

    def __init__(self, url: str, servers: Sequence[Server]) -> None:
        self._url = url
        self._servers = servers
        self._numbers = itertools.count()

    def fresh(self) -> str:
        return f"{self._url}?prefix=t{next(self._numbers)}"

    def through(self, url: str) -> tuple[str, list[Proxy]]:
        proxies = []
        for server in self._servers:
            proxies.append(Proxy(server.port))
            url = url.replace(f":{server.port}", f":{proxies[-1].port}")
            if "cluster-enabled" in server.settings:
                with server.client() as client:
                    client.config_set("cluster-announce-port", proxies[-1].port)
        return url, proxies

    def kill(self) -> None:
        """Each when it likes."""
        for server in self._servers:
            server.kill()

    def start(self) -> None:
        for server in self._servers:
            server.start()
        self._wait()

    def _wait(self) -> None:
        for server in self._servers:
            with server.client() as client:
                while "cluster-enabled" in server.settings and not _is_whole(client):
                    time.sleep(0.02)

    def pause(self) -> None:
        for server in self._servers:
            server.pause()

    def go_on(self) -> None:
        for server in self._servers:
            server.go_on()

    def settle(self) -> None:
        """Wait until whoever was there has let go."""
        for server in self._servers:
            with server.client() as client:
                end = time.monotonic() + 30
                while len(left := client.client_list()) > 1:
                    assert time.monotonic() < end, left
                    time.sleep(0.01)

    def fill(self) -> None:
        for server in self._servers:
            assert server.process is not None
            may_write(server.process.pid, largest(server.folder) + LITTLE)

    def make_room(self) -> None:
        for server in self._servers:
            assert server.process is not None
            if server.process.poll() is None:
                may_write(server.process.pid, resource.RLIM_INFINITY)
            else:
                server.start()
        self._wait()

    def fill_memory(self) -> None:
        for server in self._servers:
            with server.client() as client:
                client.config_set("maxmemory", client.info("memory")["used_memory"] + LITTLE)

    def free_memory(self) -> None:
        for server in self._servers:
            with server.client() as client:
                client.config_set("maxmemory", 0)

    def stop(self) -> None:
        for server in self._servers:
            server.stop()


class Database:
    """A PostgreSQL server."""

    def __init__(self) -> None:
        self.server = Postgres(fsync="on")
        self._numbers = itertools.count()

    def fresh(self) -> str:
        return f"{self.server.url}?sslmode=disable&schema=t{next(self._numbers)}"

    def through(self, url: str) -> tuple[str, list[Proxy]]:
        proxy = Proxy(self.server.port)
        return url.replace(f":{self.server.port}/", f":{proxy.port}/"), [proxy]

    def kill(self) -> None:
        self.server.kill()

    def start(self) -> None:
        self.server.start()

    def pause(self) -> None:
        self.server.signal(signal.SIGSTOP)

    def go_on(self) -> None:
        self.server.signal(signal.SIGCONT)

    def settle(self) -> None:
        connected = "SELECT state FROM pg_stat_activity WHERE application_name = 'signedin'"
        end = time.monotonic() + 40
        while states := self.server.execute(connected):
            assert time.monotonic() < end, states
            time.sleep(0.02)

    def fill(self) -> None:
        # Wherever the log is in its segment, it is behind this.
        self._may_write(str(LITTLE))

    def make_room(self) -> None:
        self._may_write("unlimited")
        process = self.server.process
        assert process is not None
        with suppress(subprocess.TimeoutExpired):
            process.wait(1)
            self.server.start()

    def _may_write(self, size: str) -> None:
        """The same for another user's processes, by that user."""
        for pid in self._processes():
            command = ("/usr/bin/prlimit", "--pid", str(pid), f"--fsize={size}:unlimited")
            subprocess.run(self.server._command(*command), capture_output=True, check=False)

    def _processes(self) -> list[int]:
        """The server's own first, whose children have what it has."""
        assert self.server.process is not None
        parent = self.server.process.pid
        children = Path(f"/proc/{parent}/task/{parent}/children")
        return [parent, *map(int, children.read_text().split())] if children.exists() else []

    def stop(self) -> None:
        self.server.stop()


def durable(name: str, fsync: str = "always") -> Durable:
    """The engine of this name. fsync: when Redis and Valkey sync."""
    if name == "sqlite":
        return File()
    if name == "postgres":
        return Database()
    settings = {"appendonly": "yes", "appendfsync": fsync}
    if name == "cluster":
        cluster = Cluster(VALKEY, **settings)
        return Servers(cluster.url, [*cluster.servers])
    server = Server({"redis": REDIS, "valkey": VALKEY}[name], **settings)
    return Servers(server.url, [server])


def may_write(pid: int, size: int) -> None:
    """How far into a file a process may write; beyond it there is no room, as on a full disk."""
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))


def largest(folder: str) -> int:
    """The size of the largest file in a folder."""
    return max(file.stat().st_size for file in Path(folder).rglob("*") if file.is_file())


def _is_whole(client: Any) -> bool:
    return "cluster_state:ok" in str(client.execute_command("CLUSTER", "INFO"))
