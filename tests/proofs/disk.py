"""A disk under SQLite that fails at every call it is asked, or whose power goes before it (DUR-1).

``python -m tests.proofs.disk`` prints the whole table, ``… disk errors sqlite sync 400`` a line of it. A life
of some steps is lived again and again, and the trouble comes at the first call, at the second and so on:

- *errors*: one call fails, as SQLite's own tests do it; *broken*: it and all after it, until somebody
  repairs the disk; *full*, *filled*: the same of writes, for which there is no room.
- *power*: the machine stops. Of what was written and not yet synced a random part is on the disk, also
  halves; what was synced is. *crowd*: the same at a random call, with four writers.

A *lying* disk, which syncs nothing, must be found out; it is in the tests.
"""

from __future__ import annotations

import itertools
import os
import random
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import apsw

from signedin import Settings
from signedin._sync.sessions import Sessions
from signedin._sync.stores.sqlite import SqliteStore
from signedin.config import now_ms
from signedin.sqlite import engine

from .books import CAP, Tally, compared, goes_on, print_table
from .writers import Crowd, Library, write

STEPS = 14
CALLS = 400
"""A life has somewhat fewer."""
SECTOR = 512
TABLE = (
    ("errors", "sqlite", "sync", 400),
    ("broken", "sqlite", "sync", 400),
    ("full", "sqlite", "sync", 400),
    ("filled", "sqlite", "sync", 400),
    ("power", "sqlite", "sync", 400),
    ("crowd", "sqlite", "sync", 100),
)
FAILS = {
    "open": apsw.SQLITE_CANTOPEN,
    "delete": apsw.SQLITE_IOERR_DELETE,
    "read": apsw.SQLITE_IOERR_READ,
    "write": apsw.SQLITE_IOERR_WRITE,
    "sync": apsw.SQLITE_IOERR_FSYNC,
    "truncate": apsw.SQLITE_IOERR_TRUNCATE,
    "size": apsw.SQLITE_IOERR_FSTAT,
}
_numbers = itertools.count()


class Disk(apsw.VFS):
    """The system's files, and what a subclass makes of each call. calls: how many there were."""

    def __init__(self) -> None:
        self.name = f"disk-{next(_numbers)}"
        self.calls = 0
        super().__init__(self.name, base="")

    def before(self, call: str) -> None:
        """Raises an error of SQLite's where the call fails."""

    def excepthook(self, *failure: Any) -> bool:
        """What SQLite doesn't want to know is nobody's business."""
        return True

    def xOpen(self, name: Any, flags: list[int]) -> File:
        self.before("open")
        return File(self, name, flags)

    def xDelete(self, name: str, syncdir: bool) -> None:
        self.before("delete")
        super().xDelete(name, syncdir)
        self.deleted(name, synced=syncdir)

    def opened(self, name: str) -> None: ...

    def written(self, name: str, offset: int, data: bytes) -> None: ...

    def truncated(self, name: str, size: int) -> None: ...

    def synced(self, name: str) -> None: ...

    def deleted(self, name: str, *, synced: bool) -> None: ...


class File(apsw.VFSFile):
    """One of its files. A sync is only counted: the machine under the test doesn't fail."""

    def __init__(self, disk: Disk, name: Any, flags: list[int]) -> None:
        self._disk = disk
        self._name = name if isinstance(name, str) else name.filename()
        super().__init__("", name, flags)
        disk.opened(self._name)

    def excepthook(self, *failure: Any) -> bool:
        return True

    def xRead(self, amount: int, offset: int) -> bytes:
        self._disk.before("read")
        return super().xRead(amount, offset)

    def xWrite(self, data: bytes, offset: int) -> None:
        self._disk.before("write")
        super().xWrite(data, offset)
        self._disk.written(self._name, offset, bytes(data))

    def xTruncate(self, size: int) -> None:
        self._disk.before("truncate")
        super().xTruncate(size)
        self._disk.truncated(self._name, size)

    def xSync(self, flags: int) -> None:
        self._disk.before("sync")
        self._disk.synced(self._name)

    def xFileSize(self) -> int:
        self._disk.before("size")
        return super().xFileSize()


class Failing(Disk):
    """at: the call that fails, of those that may. lasting: those after it, too, until it is repaired. full:
    writes only, and for want of room.
    """

    def __init__(self, at: int, *, lasting: bool, full: bool) -> None:
        self._at = at
        self._lasting = lasting
        self._full = full
        self.reached = False
        super().__init__()

    def before(self, call: str) -> None:
        if self._full and call != "write":
            return
        self.calls += 1
        if self.calls == self._at or (self._lasting and 0 < self._at < self.calls):
            self.reached = True
            if self._full:
                raise apsw.FullError("no room")
            raise _error(FAILS[call])

    def repair(self) -> None:
        self._at = 0


class Powered(Disk):
    """at: the call before which the power goes. lying: it says that it has synced, and hasn't."""

    def __init__(self, at: int, *, lying: bool = False) -> None:
        self._at = at
        self._lying = lying
        self._lock = threading.RLock()
        self._platters: dict[str, Platter] = {}
        self._unlinked: dict[str, Platter] = {}
        self.left: dict[str, bytes] | None = None
        super().__init__()

    def before(self, call: str) -> None:
        with self._lock:
            self.calls += 1
            if self.calls >= self._at:
                self.go()
                raise _error(FAILS[call])

    def go(self) -> None:
        """The power; ``left`` is what the disk has then."""
        with self._lock:
            if self.left is None:
                there = self._platters | {
                    name: gone for name, gone in self._unlinked.items() if random.random() < 0.5
                }
                self.left = {
                    name: platter.left()
                    for name, platter in there.items()
                    if platter.has_entry or random.random() < 0.5
                }

    def opened(self, name: str) -> None:
        with self._lock:
            if name not in self._platters:
                self._platters[name] = Platter(Path(name).read_bytes())

    def written(self, name: str, offset: int, data: bytes) -> None:
        with self._lock:
            self._platters[name].pending.append((offset, data))

    def truncated(self, name: str, size: int) -> None:
        with self._lock:
            self._platters[name].pending.append((size, None))

    def synced(self, name: str) -> None:
        with self._lock:
            if self._lying:
                return
            platter = self._platters[name]
            platter.sync()
            if name.endswith(("-journal", "-wal")) and not platter.has_entry:
                # With a new one SQLite syncs the folder.
                self._unlinked.clear()
                for each in self._platters.values():
                    each.has_entry = True

    def deleted(self, name: str, *, synced: bool) -> None:
        with self._lock:
            gone = self._platters.pop(name)
            if not synced:
                self._unlinked[name] = gone


class Platter:
    """A file as a disk has it. pending: what was written since the last sync; None: it was cut there."""

    def __init__(self, content: bytes) -> None:
        self._content = bytearray(content)
        self.pending: list[tuple[int, bytes | None]] = []
        self.has_entry = False

    def sync(self) -> None:
        for offset, data in self.pending:
            _apply(self._content, offset, data)
        self.pending = []

    def left(self) -> bytes:
        """After the power went: some of what is pending, in sectors where it is half there."""
        content = bytearray(self._content)
        for offset, data in self.pending:
            roll = random.random()
            if roll < 0.4:
                _apply(content, offset, data)
            elif roll < 0.7 and data is not None:
                for start in range(0, len(data), SECTOR):
                    if random.random() < 0.5:
                        _apply(content, offset + start, data[start : start + SECTOR])
        return bytes(content)


def _apply(content: bytearray, offset: int, data: bytes | None) -> None:
    if data is None:
        del content[offset:]
    else:
        content.extend(bytes(max(offset + len(data) - len(content), 0)))
        content[offset : offset + len(data)] = data


def _error(code: int) -> apsw.Error:
    error = apsw.CantOpenError("trouble") if code == apsw.SQLITE_CANTOPEN else apsw.IOError("trouble")
    error.extendedresult = code
    return error


# ── lives ────────────────────────────────────────────────────────────────────────────────────


def fails(at: int, path: str, *, lasting: bool, full: bool) -> tuple[Tally, bool]:
    """A life in which a call fails; and whether there were so many calls."""
    disk, journal = Failing(at, lasting=lasting, full=full), list[bytes]()
    flow = _flow(path, disk)
    _live(flow, journal, lambda: sum(b"unchanged" in line for line in journal) > 3)
    if not disk.reached:
        flow.close()
    disk.repair()
    goes_on(flow, "after")
    flow.close()
    disk.unregister()
    return compared(path, journal), disk.reached


def power(at: int, path: str, *, lying: bool = False) -> tuple[Tally, bool]:
    """A life that ends with the machine; and whether there were so many calls."""
    disk, journal = Powered(at, lying=lying), list[bytes]()
    flow = _flow(path, disk)
    _live(flow, journal, lambda: disk.left is not None)
    flow.close()
    return _after(disk, path, journal), disk.calls >= at


def crowd(at: int, path: str) -> tuple[Tally, bool]:
    """The same of four writers at once, whose steps share commits."""
    disk, journal = Powered(at), list[bytes]()
    flow = _flow(path, disk)
    writers = Crowd(Library(flow), "writer", journal.append)
    while disk.left is None:
        threading.Event().wait(0.005)
    writers.stop()
    flow.close()
    return _after(disk, path, journal), True


def _flow(path: str, disk: Disk) -> Sessions:
    return Sessions(SqliteStore(path, vfs=disk.name), Settings(cap=CAP), now_ms)


def _live(flow: Sessions, journal: list[bytes], over: Callable[[], bool] = lambda: False) -> None:
    """The same steps every time, as long as nothing happens."""

    def stopping() -> bool:
        return over() or len(journal) >= 2 * STEPS

    write(Library(flow), "writer", journal.append, stopping, random.Random(8))


def _after(disk: Powered, path: str, journal: list[bytes]) -> Tally:
    """The books, compared with what the disk had."""
    disk.go()
    disk.unregister()
    assert disk.left is not None
    place = Path(path).parent / "left"
    place.mkdir()
    for name, content in disk.left.items():
        (place / Path(name).name).write_bytes(content)
    return compared(str(place / Path(path).name), journal)


# ── the table ────────────────────────────────────────────────────────────────────────────────

PROOFS: dict[str, Callable[[int, str], tuple[Tally, bool]]] = {
    "errors": lambda at, path: fails(at, path, lasting=False, full=False),
    "broken": lambda at, path: fails(at, path, lasting=True, full=False),
    "full": lambda at, path: fails(at, path, lasting=False, full=True),
    "filled": lambda at, path: fails(at, path, lasting=True, full=True),
    "power": power,
    "crowd": crowd,
}


@contextmanager
def short_lives() -> Iterator[None]:
    """In which there are checkpoints, and whose connections may go when the disk is broken."""
    before = engine.CHECKPOINT, sys.unraisablehook
    engine.CHECKPOINT, sys.unraisablehook = 10, lambda failure: None
    try:
        yield
    finally:
        engine.CHECKPOINT, sys.unraisablehook = before


def proof(what: str, name: str, colour: str, count: int) -> Tally:
    """The trouble at so many of the calls, evenly spread; at random ones for a crowd."""
    tally, every = Tally(), max(CALLS // count, 1)
    places = itertools.count(random.randint(1, every), every)
    if what == "crowd":
        places = (random.randrange(1, 1000) for _ in range(count))
    with short_lives():
        for at in places:
            with tempfile.TemporaryDirectory() as folder:
                found, reached = PROOFS[what](at, os.path.join(folder, "sessions.db"))
            if not reached:
                break
            tally += found
    return tally


if __name__ == "__main__":
    print_table("disk   ", TABLE, proof)
