"""A real PostgreSQL server for the tests: on a socket of its own, stopped at the end."""

from __future__ import annotations

import contextlib
import glob
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

import psycopg

from .servers import STARTED, free_port

_OWNER = os.getpid()


def programs() -> str:
    """Where Debian keeps the newest server's programs."""
    found = glob.glob("/usr/lib/postgresql/*/bin")
    return max(found, key=lambda path: int(path.split("/")[-2]), default="/usr/bin")


class Postgres:
    """A server with these settings beside those that make tests quick: ``Postgres(fsync="on")``.

    follows: the URL of a primary, whose replica it is. small: the size of a disk in its folder, which
    nobody else sees.
    """

    def __init__(self, follows: str | None = None, small: str = "", **settings: str) -> None:
        self.folder = tempfile.mkdtemp(prefix="signedin-postgres-")
        self.data = str(Path(self.folder) / "data")
        self.port = free_port()
        self.settings = {
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": self.folder,
            "fsync": "off",
            "max_connections": "200",
        } | settings
        # The server refuses to run as root.
        self.user = "postgres" if os.getuid() == 0 else pwd.getpwuid(os.getuid()).pw_name
        shutil.chown(self.folder, self.user)
        self.small = small
        self.process: subprocess.Popen[bytes] | None = None
        if follows is None:
            self._run(
                "initdb", "-D", self.data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync"
            )
        else:
            self._run("pg_basebackup", "-D", self.data, "-d", follows, "-R", "-c", "fast", "--no-sync")
        self.start()
        STARTED.add(self)

    def _command(self, program: str, *arguments: str) -> list[str]:
        command = [str(Path(programs()) / program), *arguments]
        return (
            ["setpriv", "--reuid", self.user, "--init-groups", *command] if os.getuid() == 0 else command
        )

    def _disk(self) -> list[str]:
        """How a command comes to a disk of its own: by a namespace, in which who isn't root is."""
        if not self.small:
            return []
        uid, gid = os.getuid(), os.getgid()
        back = f"unshare --user --map-user={uid} --map-group={gid} " if uid else ""
        made = f"mkdir -p small && mount -t tmpfs -o mode=1777,size={self.small} none small"
        inner = ["sh", "-c", f'{made} && exec {back}"$@"', "sh"]
        return ["unshare", "--mount", *(["--map-root-user"] if uid else []), *inner]

    def _run(self, program: str, *arguments: str) -> None:
        done = subprocess.run(
            self._command(program, *arguments),
            capture_output=True,
            text=True,
            check=False,
            cwd=self.folder,
        )
        assert done.returncode == 0, done.stdout + done.stderr

    def start(self) -> None:
        """Start it, and wait until it answers."""
        told = [part for name, value in self.settings.items() for part in ("-c", f"{name}={value}")]
        with open(Path(self.folder) / "log", "ab") as log:
            self.process = subprocess.Popen(
                self._disk() + self._command("postgres", "-D", self.data, "-p", str(self.port), *told),
                stdout=log, stderr=log, stdin=subprocess.DEVNULL, cwd=self.folder, start_new_session=True,
            )  # fmt: skip
        end = time.monotonic() + 30
        while True:
            try:
                with psycopg.connect(self.url):
                    return
            except psycopg.OperationalError:
                assert time.monotonic() < end, (Path(self.folder) / "log").read_text()
                assert self.process.poll() is None, (Path(self.folder) / "log").read_text()
                time.sleep(0.02)

    @property
    def url(self) -> str:
        return f"postgresql://postgres@127.0.0.1:{self.port}/postgres"

    def replica(self, port: int | None = None, **settings: str) -> Postgres:
        """Another server, which follows this one. port: where it finds this one."""
        return Postgres(self.url.replace(f":{self.port}/", f":{port or self.port}/"), **settings)

    def wait_for_replica(self) -> None:
        """Until a replica has everything."""
        end = time.monotonic() + 30
        behind = "SELECT count(*) FROM pg_stat_replication WHERE flush_lsn = pg_current_wal_lsn()"
        while self.execute(behind) != [(1,)]:
            assert time.monotonic() < end, "the replica doesn't follow"
            time.sleep(0.02)

    def execute(self, sql: str) -> list[Any]:
        """What the test does itself, as the superuser."""
        with psycopg.connect(self.url, autocommit=True) as connection:
            cursor = connection.execute(sql)  # type: ignore[call-overload]
            return [] if cursor.description is None else cursor.fetchall()

    def rules(self, *lines: str) -> None:
        """Who may come in, and how."""
        (Path(self.data) / "pg_hba.conf").write_text("".join(f"{line}\n" for line in lines))
        self.reload()

    def reload(self) -> None:
        """What has been set applies to whoever comes from now on."""
        ((before,),) = self.execute("SELECT pg_conf_load_time() FROM pg_reload_conf()")
        end = time.monotonic() + 20
        while self.execute("SELECT pg_conf_load_time()") == [(before,)]:
            assert time.monotonic() < end
            time.sleep(0.01)

    def signal(self, number: int) -> None:
        """To the server and all its children, each of which leads a group of its own."""
        assert self.process is not None
        pid = self.process.pid
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        for one in (pid, *map(int, children)):
            with contextlib.suppress(ProcessLookupError):
                os.kill(one, number)

    def kill(self) -> None:
        """As a power cut does, without a word."""
        assert self.process is not None
        if self.process.poll() is None:
            self.signal(signal.SIGKILL)
            self.process.wait()

    def stop(self) -> None:
        """Stop it and remove what it kept. Once more does no harm."""
        if self.process is not None and os.getpid() == _OWNER:
            self.kill()
            shutil.rmtree(self.folder, ignore_errors=True)
            self.process = None
            STARTED.discard(self)


class Bouncer:
    """PgBouncer in transaction mode before a server: two connections for everybody."""

    def __init__(self, server: Postgres) -> None:
        self.port = free_port()
        self._settings = Path(server.folder) / "pgbouncer.ini"
        self._settings.write_text(
            "[databases]\n"
            f"postgres = host=127.0.0.1 port={server.port} user=postgres\n"
            "[pgbouncer]\n"
            f"listen_addr = 127.0.0.1\nlisten_port = {self.port}\nunix_socket_dir =\n"
            "auth_type = any\npool_mode = transaction\ndefault_pool_size = 2\n"
        )
        command = server._command(
            shutil.which("pgbouncer") or "/usr/sbin/pgbouncer", str(self._settings)
        )
        self.process = subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=server.folder
        )
        end = time.monotonic() + 20
        while True:
            try:
                with psycopg.connect(self.url.partition("?")[0]):
                    return
            except psycopg.OperationalError:
                assert time.monotonic() < end
                time.sleep(0.02)

    @property
    def url(self) -> str:
        return f"postgresql://postgres@127.0.0.1:{self.port}/postgres?prepare=no"

    def stop(self) -> None:
        self.process.kill()
        self.process.wait()
