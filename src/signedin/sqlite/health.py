"""What can be checked of a SQLite store from outside: the library, the file, the disk, the contents."""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Iterator
from typing import Any, Final

import apsw

from ..health import Check
from ..sql import migrations
from .engine import schema_status

SAFE: Final = (3, 51, 3)
"""From this release on a reset of the write-ahead log can't damage the file."""
FREE: Final = 256 * 2**20
"""Bytes that a disk should have free."""
NETWORK_DISKS: Final = {"nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "fuse.sshfs", "ceph", "afs"}
RESTORE: Final = "put back a backup, and revoke everybody afterwards"


def library() -> str:
    """The version of SQLite."""
    return apsw.sqlite_lib_version()


def checks(path: str) -> Iterator[Check]:
    """What is found, a check at a time; the last that fails ends it. The file is only read."""
    version = library()
    if tuple(int(part) for part in version.split(".")) < SAFE:
        yield Check("SQLite", "fail", version, "upgrade apsw")
    else:
        yield Check("SQLite", "pass", version)
    if not os.path.exists(path):
        yield Check("store", "fail", f"there is none at {path}", "signedin schema upgrade, or --store")
        return
    mode = stat.S_IMODE(os.stat(path).st_mode)
    if mode & 0o077:
        yield Check("file", "fail", f"{path} has mode {mode:04o}", f"chmod 0600 {path}")
    else:
        yield Check("file", "pass", f"{path}, mode {mode:04o}")
    disk = disk_of(path)
    if disk in NETWORK_DISKS:
        yield Check("disk", "fail", f"{disk} is a network disk", "move the store to a local one")
    free = shutil.disk_usage(os.path.dirname(path)).free
    room = f"{free // 2**20:,} MiB free"
    yield Check("space", "warn", room, "make room") if free < FREE else Check("space", "pass", room)
    yield from _of_contents(path)


def _of_contents(path: str) -> Iterator[Check]:
    connection: apsw.Connection | None = None
    try:
        connection = apsw.Connection(path, flags=apsw.SQLITE_OPEN_READONLY)
        journal: Any = connection.pragma("journal_mode")
        damage: Any = connection.pragma("quick_check")
    except apsw.Error as error:
        yield Check("contents", "fail", str(error), RESTORE)
        return
    finally:
        if connection is not None:
            connection.close()
    if damage != "ok":
        yield Check("contents", "fail", str(damage), RESTORE)
        return
    yield Check("contents", "pass", f"undamaged, journal {journal}")
    seen, known = schema_status(path), migrations("sqlite")[-1].number
    state, remedy = ("warn", "signedin schema upgrade") if seen < known else ("pass", "")
    yield Check("schema", state, f"{seen} of {known}", remedy)  # type: ignore[arg-type]


def disk_of(path: str) -> str:
    """The type of the file system that a path is on; empty where that can't be told."""
    best, kind = "", ""
    try:
        with open("/proc/mounts") as mounts:
            for line in mounts:
                _, place, name, *_ = line.split()
                if path.startswith(place.rstrip("/") + "/") and len(place) >= len(best):
                    best, kind = place, name
    except OSError:
        return ""
    return kind
