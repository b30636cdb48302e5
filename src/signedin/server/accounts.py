"""The service's accounts, in a SQLite database of their own.

A host application has its own; only ``signedin serve`` and ``signedin demo`` use this one. They are the
:class:`~signedin.directory.Directory` that operators are given there.
"""

from __future__ import annotations

import fcntl
import os
import re
import threading
import weakref
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from importlib.resources import files
from typing import Any, Final, TypeVar

import apsw

from ..errors import SchemaError, SignedinError, StoreUnavailable

T = TypeVar("T")

SCHEMA: Final = 1
PAGE: Final = 1000
BUSY: Final = 1000
"""Milliseconds to wait while another process writes."""

_username = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}").fullmatch
_id = re.compile(r"[1-9][0-9]{0,17}").fullmatch
_shown = r"[^@\s\x00-\x1f\x7f\ud800-\udfff]"
_email = re.compile(rf"{_shown}{{1,64}}@{_shown}{{1,188}}").fullmatch
_SELECT: Final = (
    "SELECT id, username, name, email, admin, disabled, time_zone, password_changed_at FROM account"
)
_INSERT: Final = (
    "INSERT INTO account (username, username_folded, name, email, email_folded, admin, password_hash,"
    " password_changed_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?) RETURNING id"
)


class AccountExists(SignedinError):
    """An account with this username or e-mail address exists."""


@dataclass(frozen=True)
class Account:
    """Somebody who can sign in. id: opaque text, never given twice. password_changed_at: ms."""

    id: str
    username: str
    name: str
    email: str | None
    admin: bool
    disabled: bool
    time_zone: str | None
    password_changed_at: int


class Accounts:
    """The accounts in a file, which is made with mode 0600 at the first use.

    Every method raises StoreUnavailable when the file can't be used.
    """

    def __init__(self, path: str) -> None:
        self.path = os.path.abspath(path)
        self._threads = threading.local()
        self._connections: weakref.WeakSet[apsw.Connection] = weakref.WeakSet()

    # ── finding ──────────────────────────────────────────────────────────────────────────────

    def find(self, account_id: str) -> Account | None:
        """The account with this id."""
        return self._one("id = ?", int(account_id)) if _id(account_id) else None

    def find_many(self, account_ids: Iterable[str]) -> dict[str, Account]:
        """Those that exist, by id."""
        found = {account_id: self.find(account_id) for account_id in account_ids}
        return {key: account for key, account in found.items() if account is not None}

    def find_by_login(self, login: str) -> Account | None:
        """By username or e-mail address, in any case."""
        folded = _folded(login)
        return self.find_by_email(folded) if "@" in folded else self.find_by_username(folded)

    def find_by_username(self, username: str) -> Account | None:
        """By username, in any case."""
        return self._one("username_folded = ?", _folded(username))

    def find_by_email(self, email: str) -> Account | None:
        """By e-mail address, in any case."""
        return self._one("email_folded = ?", _folded(email))

    def search(self, text: str, limit: int) -> list[Account]:
        """Those in whose username, name or e-mail address the text is found, in any case."""
        sql = (
            f"{_SELECT} WHERE instr(username_folded, ?1) OR instr(email_folded, ?1)"
            " OR instr(lower(name), ?1) ORDER BY username_folded LIMIT ?2"
        )
        rows = self._do(lambda c: c.execute(sql, (_folded(text), limit)).fetchall())
        return [_account(row) for row in rows]

    def all(self) -> Iterator[Account]:
        """Every account, by username; a thousand at a time are in memory."""
        after = ""
        while True:
            sql = f"{_SELECT} WHERE username_folded > ? ORDER BY username_folded LIMIT {PAGE}"
            rows = self._do(lambda c, a=after, q=sql: c.execute(q, (a,)).fetchall())  # type: ignore[misc]
            yield from map(_account, rows)
            if len(rows) < PAGE:
                return
            after = _folded(str(rows[-1][1]))

    def password_hash(self, account_id: str) -> str | None:
        """The hash of the account's password."""
        found: Any = self._do(
            lambda c: c.execute("SELECT password_hash FROM account WHERE id = ?", (account_id,)).get
        )
        return None if found is None else str(found)

    # ── changing ─────────────────────────────────────────────────────────────────────────────

    def add(
        self,
        username: str,
        *,
        password_hash: str,
        now: int,
        name: str | None = None,
        email: str | None = None,
        admin: bool = False,
    ) -> Account:
        """A new account. ValueError for an impossible name, AccountExists for a taken one."""
        if not _username(username) or username.isdigit():
            raise ValueError(
                f"{username!r} can't be a username: use 1 to 64 letters, digits, '_', '.' and '-', not"
                " digits alone, beginning with a letter, a digit or '_'."
            )
        if email is not None and not _email(email):
            raise ValueError(f"{email!r} is not an e-mail address.")
        values = (
            username,
            _folded(username),
            name or username,
            email,
            None if email is None else _folded(email),
            admin,
            password_hash,
            now,
        )
        try:
            key = self._do(lambda c: c.execute(_INSERT, values).get)
        except apsw.ConstraintError:
            taken = username if self.find_by_login(username) else email
            raise AccountExists(f"There is already an account {taken!r}.") from None
        account = self.find(str(key))
        assert account is not None
        return account

    def set_password(
        self, account_id: str, password_hash: str, *, now: int, expected: str | None = None
    ) -> bool:
        """Another password hash; only in the place of ``expected``, if that is given."""
        return self._changed(
            "UPDATE account SET password_hash = ?, password_changed_at = ?"
            " WHERE id = ? AND (?4 IS NULL OR password_hash = ?4)",
            (password_hash, now, account_id, expected),
        )

    def set_disabled(self, account_id: str, disabled: bool) -> bool:
        """Whether the account may sign in. Its sessions are ended by ``account_disabled``."""
        return self._changed("UPDATE account SET disabled = ? WHERE id = ?", (disabled, account_id))

    def set_profile(self, account_id: str, *, name: str, time_zone: str | None) -> bool:
        """Display name, and IANA time zone."""
        return self._changed(
            "UPDATE account SET name = ?, time_zone = ? WHERE id = ?", (name, time_zone, account_id)
        )

    def delete(self, account_id: str) -> bool:
        """Remove the account; its id is not given again."""
        return self._changed("DELETE FROM account WHERE id = ?", (account_id,))

    # ── the file ─────────────────────────────────────────────────────────────────────────────

    def transaction(self, work: Callable[[apsw.Connection], T]) -> T:
        """Do this in one transaction that writes."""

        def do(connection: apsw.Connection) -> T:
            connection.execute("BEGIN IMMEDIATE")
            try:
                result = work(connection)
                connection.execute("COMMIT")
            except BaseException:
                if not connection.get_autocommit():
                    connection.execute("ROLLBACK")
                raise
            return result

        return self._do(do)

    def close(self) -> None:
        """Close the connections; the next use opens again."""
        connections = list(self._connections)
        self._threads = threading.local()
        for connection in connections:
            connection.close()

    def _one(self, condition: str, value: object) -> Account | None:
        row: Any = self._do(lambda c: c.execute(f"{_SELECT} WHERE {condition}", (value,)).fetchone())
        return None if row is None else _account(row)

    def _changed(self, sql: str, values: tuple[Any, ...]) -> bool:
        def change(connection: apsw.Connection) -> bool:
            connection.execute(sql, values)
            return connection.changes() > 0

        return self._do(change)

    def _do(self, work: Callable[[apsw.Connection], T]) -> T:
        try:
            return work(self._connection())
        except apsw.ConstraintError:
            raise
        except (apsw.Error, OSError) as error:
            raise StoreUnavailable(
                f"The accounts {self.path} can't be used: {error}. Nothing was changed."
            ) from error

    def _connection(self) -> apsw.Connection:
        # A forked child must not use its parent's connection.
        if getattr(self._threads, "process", None) != os.getpid():
            connection = self._opened()
            self._connections.add(connection)
            self._threads.connection, self._threads.process = connection, os.getpid()
        return self._threads.connection  # type: ignore[no-any-return]

    def _opened(self) -> apsw.Connection:
        """A new connection, to a file that is made and brought up to date if need be."""
        folder = os.open(os.path.dirname(self.path), os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            # One process at a time: SQLite doesn't wait for the file when it turns it to WAL.
            fcntl.flock(folder, fcntl.LOCK_EX)
            with suppress(FileExistsError):
                flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
                os.close(os.open(self.path, flags, 0o600))
            connection = apsw.Connection(self.path, flags=apsw.SQLITE_OPEN_READWRITE)
            connection.set_busy_timeout(BUSY)
            self._upgrade(connection)
            connection.execute("PRAGMA synchronous = FULL").fetchall()
        finally:
            os.close(folder)
        return connection

    def _upgrade(self, connection: apsw.Connection) -> None:
        version: Any = connection.execute("PRAGMA user_version").get
        if version > SCHEMA:
            connection.close()
            raise SchemaError(
                f"The accounts {self.path} have schema {version}, and this version of signedin knows"
                f" {SCHEMA}. Upgrade signedin."
            )
        if version == 0 and connection.execute("SELECT 1 FROM sqlite_schema LIMIT 1").get:
            connection.close()
            raise SchemaError(
                f"{self.path} is a database of something else. Give the accounts their own."
            )
        connection.execute("PRAGMA journal_mode = WAL").fetchall()
        if version == 0:
            sql = files(__package__ or "").joinpath("accounts.sql").read_text("utf-8")
            script = f"BEGIN IMMEDIATE; {sql} PRAGMA user_version = {SCHEMA}; COMMIT"
            connection.execute(script).fetchall()


def _account(row: Any) -> Account:
    key, username, name, email, admin, disabled, zone, changed_at = row
    return Account(str(key), username, name, email, bool(admin), bool(disabled), zone, changed_at)


def _folded(text: str) -> str:
    # A lone surrogate can't be stored. NUL can, and is in no name: so this names nobody.
    return re.sub("[\ud800-\udfff]", "\0", text.strip().casefold())
