"""One SQLite file: opened after fork, read by each thread's own connection, written by one thread.

The writer takes all that is waiting and commits it as one group, each operation in a savepoint of
its own, so that eight sign-ins at once cost about one ``fsync``. Several processes on one file take
turns by ``flock`` on a side file, which is fair; SQLite's busy timeout alone lets writers starve.
"""

from __future__ import annotations

import fcntl
import os
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from queue import SimpleQueue
from typing import Any, Final, Generic, NamedTuple, TypeVar

import apsw

from ..errors import AnswerUnknown, SchemaError, StoreUnavailable
from ..sql import Migration, migrations

T = TypeVar("T")

READ_WAIT: Final = 250
"""Milliseconds that a read waits for SQLite's own locks; in WAL mode it hardly ever meets one."""
WRITE_WAIT: Final = 1000
"""Milliseconds that the writer waits for a lock held by something other than signedin."""
CLOSES_WITHIN: Final = 5.0
"""Seconds: as long as a write may take, so whoever asked for one has given up by then."""
CACHE: Final = 16_384
"""KiB of pages that a connection may keep."""
CHECKPOINT: Final = 4000
"""Pages in the write-ahead log before they are carried over; with fewer, many are carried twice."""
LOG_KEPT: Final = 64 * 2**20
"""Bytes that the write-ahead log may keep for itself when it has been carried over."""
GROUP: Final = 256
"""Most operations in one commit, so that no one waits for an endless group."""

_engines: weakref.WeakSet[Engine] = weakref.WeakSet()


class _Waiting(NamedTuple, Generic[T]):
    operation: Callable[[apsw.Connection], T]
    future: Future[T]


class Engine:
    """The file and its connections. Nothing is opened before the first use.

    path: of an existing or new file in an existing directory. vfs: the name of an apsw VFS, for
    tests that count or break what is written.
    """

    def __init__(self, path: str, *, vfs: str | None = None) -> None:
        self.path = os.path.abspath(path)
        self._vfs = vfs
        self._begin()
        _engines.add(self)

    def _begin(self) -> None:
        """As new: in a forked child the parent's connections must be neither used nor closed."""
        self._open_lock = threading.Lock()
        self._is_open = False
        self._threads = threading.local()
        self._readers: weakref.WeakSet[apsw.Connection] = weakref.WeakSet()
        self._queue: SimpleQueue[_Waiting[Any] | None] = SimpleQueue()
        self._writer: threading.Thread | None = None
        self._lock_file = -1

    def after_fork(self) -> None:
        """Leave what the parent holds alone, and keep it from being closed here."""
        _inherited.append((self._threads, self._writer, self._queue))
        if self._lock_file >= 0:
            os.close(self._lock_file)
        self._begin()

    # ── reading ──────────────────────────────────────────────────────────────────────────────

    @property
    def reader(self) -> apsw.Cursor:
        """This thread's cursor, used again and again: a new one would cost as much as a tenth of a
        read. Exhaust what it gives before the next use, or it would hold an old snapshot.
        """
        try:
            return self._threads.cursor  # type: ignore[no-any-return]
        except AttributeError:
            self.open()
            connection = self._connect(READ_WAIT)
            self._readers.add(connection)
            self._threads.cursor = connection.cursor()
            return self._threads.cursor  # type: ignore[no-any-return]

    # ── writing ──────────────────────────────────────────────────────────────────────────────

    def submit(self, operation: Callable[[apsw.Connection], T]) -> Future[T]:
        """Have the writer do this in the next group; the future is done once it is on the disk."""
        if self._writer is None:
            self.open()
            self._start()
        future: Future[T] = Future()
        self._queue.put(_Waiting(operation, future))
        return future

    def close(self) -> None:
        """Finish what is waiting, then close; the next use opens again.

        A writer whose turn doesn't come, because another process keeps it, is left behind: nobody
        waits any more for what it would write, so it writes nothing when its turn does come.
        """
        with self._open_lock:
            writer, self._writer = self._writer, None
            if writer is not None:
                self._queue.put(None)
                writer.join(CLOSES_WITHIN)
                if writer.is_alive():
                    self._queue, self._lock_file = SimpleQueue(), -1  # the others stay its own
            for connection in list(self._readers):
                _close(connection)
            self._threads, self._is_open = threading.local(), False
            if self._lock_file >= 0:
                os.close(self._lock_file)
                self._lock_file = -1

    def _start(self) -> None:
        with self._open_lock:
            if self._writer is None:
                self._writer = threading.Thread(
                    target=self._write, args=(self._queue,), name="signedin-writer", daemon=True
                )
                self._writer.start()

    def _write(self, queue: SimpleQueue[_Waiting[Any] | None]) -> None:
        connection: apsw.Connection | None = None
        stopping = False
        while not stopping:
            group = [queue.get()]
            while len(group) < GROUP and not queue.empty():  # nobody else takes from it
                group.append(queue.get())
            stopping = None in group
            waiting = [item for item in group if item is not None]
            if not waiting:
                continue
            try:
                if connection is None:
                    connection = self._connect(WRITE_WAIT)
                self._commit(connection, waiting)
            except Exception as error:
                failure = broken(error)
                for item in waiting:
                    if item.future.running() or item.future.set_running_or_notify_cancel():
                        item.future.set_exception(failure)
                if connection is not None:
                    _close(connection)
                    connection = None
        if connection is not None:
            _close(connection)

    def _commit(self, connection: apsw.Connection, waiting: list[_Waiting[Any]]) -> None:
        """One group, one transaction. Whoever gave up while it waited for the lock is left out."""
        with self._turn():
            connection.execute("BEGIN IMMEDIATE")
            answers = [
                (item.future, *self._attempt(connection, item.operation))
                for item in waiting
                if item.future.set_running_or_notify_cancel()
            ]
            try:
                connection.execute("COMMIT")
            except apsw.Error as error:
                raise AnswerUnknown() from error
        for future, result, failure in answers:
            if failure is None:
                future.set_result(result)
            else:
                future.set_exception(failure)

    def _attempt(
        self, connection: apsw.Connection, operation: Callable[[apsw.Connection], Any]
    ) -> tuple[Any, Exception | None]:
        connection.execute("SAVEPOINT operation")
        try:
            result = operation(connection)
        except Exception as error:
            if connection.get_autocommit():  # a full disk or an I/O error has undone the whole group
                raise
            connection.execute("ROLLBACK TO operation")
            connection.execute("RELEASE operation")
            return None, broken(error)
        connection.execute("RELEASE operation")
        return result, None

    @contextmanager
    def _turn(self, seconds: float | None = None) -> Iterator[None]:
        """This process's turn to write; the kernel queues those who wait, for ever or so long."""
        number = self._lock_file
        if seconds is None:
            fcntl.flock(number, fcntl.LOCK_EX)
        else:
            _wait_for_turn(number, seconds)
        try:
            yield
        finally:
            fcntl.flock(number, fcntl.LOCK_UN)

    # ── opening ──────────────────────────────────────────────────────────────────────────────

    def open(self) -> None:
        """Make the files if they are missing, and bring the schema up to date."""
        with self._open_lock:
            if self._is_open:
                return
            try:
                self._create()
                if not self._is_ready():
                    # Turning a new file to WAL needs it alone, and SQLite doesn't wait for that.
                    with self._turn(CLOSES_WITHIN):
                        connection = self._connect(WRITE_WAIT)
                        try:
                            upgrade(connection)
                        finally:
                            _close(connection)
            except (OSError, apsw.Error) as error:
                raise broken(error, self.path) from error
            self._is_open = True

    def _is_ready(self) -> bool:
        """Whether the file can be read as it is, though another process may keep the turn."""
        connection = apsw.Connection(self.path, flags=apsw.SQLITE_OPEN_READWRITE, vfs=self._vfs)
        try:
            connection.set_busy_timeout(READ_WAIT)
            return connection.execute("PRAGMA journal_mode").get == "wal" and not pending(connection)
        except apsw.BusyError:
            return False
        finally:
            _close(connection)

    def _create(self) -> None:
        """The files, made with their mode, so that there is no moment in which others may read them.

        A database that is there is not opened here: closing any descriptor of it would drop the
        locks that SQLite holds for other connections of this process (fcntl's rule).
        """
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC
        with suppress(FileExistsError):
            os.close(os.open(self.path, flags | os.O_EXCL, 0o600))
        self._lock_file = os.open(self.path + "-turn", flags, 0o600)

    def _connect(self, wait: int) -> apsw.Connection:
        connection = None
        try:
            connection = apsw.Connection(
                self.path, flags=apsw.SQLITE_OPEN_READWRITE, vfs=self._vfs, statementcachesize=64
            )
            connection.set_busy_timeout(wait)
            connection.execute(
                "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA trusted_schema = OFF;"
                f" PRAGMA temp_store = MEMORY; PRAGMA cache_size = -{CACHE};"
                f" PRAGMA wal_autocheckpoint = {CHECKPOINT}; PRAGMA journal_size_limit = {LOG_KEPT}"
            ).fetchall()
        except apsw.Error as error:
            if connection is not None:
                _close(connection)
            raise broken(error, self.path) from error
        return connection


def _close(connection: apsw.Connection) -> None:
    """What a broken disk doesn't let it carry over stays in the log, for whoever opens the file next."""
    with suppress(apsw.Error):
        connection.close(True)


def _wait_for_turn(number: int, seconds: float) -> None:
    late = time.monotonic() + seconds
    while True:
        try:
            fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > late:
                raise TimeoutError("another process keeps writing to it") from None
            time.sleep(0.01)
        else:
            return


# ── schema ───────────────────────────────────────────────────────────────────────────────────


def schema_version(connection: apsw.Connection) -> int:
    """The number of the last migration that the file has seen; 0 for an empty file."""
    has_table = connection.execute("SELECT 1 FROM sqlite_schema WHERE name = 'migration'").get
    return 0 if has_table is None else connection.execute("SELECT max(number) FROM migration").get or 0


def schema_status(path: str) -> int:
    """The same of a file, which is only read; 0 when there is none."""
    if not os.path.exists(path):
        return 0
    try:
        connection = apsw.Connection(path, flags=apsw.SQLITE_OPEN_READONLY)
        try:
            return schema_version(connection)
        finally:
            connection.close()
    except apsw.Error as error:
        raise broken(error, path) from error


def pending(connection: apsw.Connection) -> tuple[Migration, ...]:
    """The migrations that the file has not seen; SchemaError if a newer signedin wrote it."""
    known, version = migrations("sqlite"), schema_version(connection)
    if version > known[-1].number:
        raise SchemaError(
            f"The store has schema {version}, and this version of signedin knows {known[-1].number}."
            " Upgrade signedin."
        )
    return tuple(migration for migration in known if migration.number > version)


def upgrade(connection: apsw.Connection) -> tuple[Migration, ...]:
    """Bring the file's schema up to date, in one transaction; what was applied."""
    if not pending(connection):
        return ()
    connection.execute("BEGIN IMMEDIATE")
    try:
        todo = pending(connection)
        connection.execute(
            "CREATE TABLE IF NOT EXISTS migration"
            " (number INTEGER PRIMARY KEY, name TEXT NOT NULL) STRICT"
        )
        for migration in todo:
            connection.execute(migration.sql).fetchall()
            connection.execute("INSERT INTO migration VALUES (?, ?)", migration[:2])
        connection.execute("COMMIT")
    except BaseException:
        if not connection.get_autocommit():
            connection.execute("ROLLBACK")
        raise
    return todo


# ── errors and forks ─────────────────────────────────────────────────────────────────────────


def broken(error: Exception, path: str | None = None) -> Exception:
    """A driver's or the system's error as one of ours; a programming error stays what it is."""
    if not isinstance(error, (OSError, apsw.Error)) or isinstance(error, apsw.ConstraintError):
        return error
    where = "The session store" if path is None else f"The session store {path}"
    return StoreUnavailable(f"{where} can't be used: {error}. Nothing was changed.")


_inherited: list[object] = []


def _after_fork_in_child() -> None:
    for engine in list(_engines):
        engine.after_fork()


os.register_at_fork(after_in_child=_after_fork_in_child)
