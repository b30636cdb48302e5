"""The service's accounts, in a SQLite database of their own.

A host application has its own; only ``signedin serve`` and ``signedin demo`` use this one.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import threading
import weakref
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from difflib import get_close_matches
from importlib.resources import files
from types import EllipsisType
from typing import Any, Final, TypeAlias, TypeVar

import apsw

from ..errors import AnswerUnknown, SchemaError, SignedinError, StoreUnavailable

T = TypeVar("T")

SCHEMA: Final = 1
BUSY: Final = 1000
"""Milliseconds to wait while another process writes."""

_id = re.compile(r"[1-9][0-9]{0,17}").fullmatch
_username = re.compile(r"[A-Za-z0-9_.][A-Za-z0-9_.-]{0,63}").fullmatch
_email = re.compile(r"[^@\s\x00-\x1f\x7f]{1,64}@[^@\s\x00-\x1f\x7f]{1,188}").fullmatch
_SELECT: Final = (
    "SELECT id, username, name, email, admin, disabled, time_zone, password_changed_at FROM account"
)
_INSERT: Final = (
    "INSERT INTO account (username, username_folded, name, email, email_folded, admin, password_hash,"
    " password_changed_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?) RETURNING id"
)
_PROFILE: Final = (
    "UPDATE account SET name = ?, time_zone = ?, email = iif(?3, ?4, email),"
    " email_folded = iif(?3, ?5, email_folded) WHERE id = ?6"
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


Page: TypeAlias = list[Account]
"""Some accounts; the class below has a ``list`` of its own."""


class Accounts:
    """The accounts in a file, which is made with mode 0600 at the first use; for any thread.

    Every method raises StoreUnavailable when the file can't be used.
    """

    def __init__(self, path: str) -> None:
        self.path = os.path.abspath(path)
        self._begin()
        _opened.add(self)

    def _begin(self) -> None:
        # One connection in turns is enough: a read takes microseconds, and SQLite has one writer.
        self._lock = threading.RLock()
        self._connection: apsw.Connection | None = None

    def after_fork(self) -> None:
        """As new: a child must neither use nor close its parent's connection."""
        _inherited.append(self._connection)
        self._begin()

    # ── finding ──────────────────────────────────────────────────────────────────────────────

    def find(self, account_id: str) -> Account | None:
        """The account with this id."""
        return self._one("id = ?", _key(account_id))

    def find_many(self, account_ids: Iterable[str]) -> dict[str, Account]:
        """Those that exist, by id."""
        keys = json.dumps([_key(account_id) for account_id in account_ids])
        found = self._many("WHERE id IN (SELECT value FROM json_each(?))", keys)
        return {account.id: account for account in found}

    def find_by_login(self, login: str) -> Account | None:
        """By username or e-mail address, in any case."""
        name = folded(login)
        return self._one("email_folded = ?" if "@" in name else "username_folded = ?", name)

    def named(self, text: str) -> Account | None:
        """As operators name somebody: ``ada``, ``123``, ``ada@example.com``, ``username:123``."""
        if text.startswith("username:"):
            return self._one("username_folded = ?", folded(text.removeprefix("username:")))
        return self.find(text) if text.isdigit() else self.find_by_login(text)

    def nearest(self, text: str) -> str | None:
        """The username that looks most like this one; None if none does."""
        sql = "SELECT username_folded, username FROM account"
        names: dict[str, str] = dict(self._do(lambda c: c.execute(sql).fetchall()))
        return next((names[near] for near in get_close_matches(folded(text), names, 1)), None)

    def all(self) -> Page:
        """Every account, by username."""
        return self._many("ORDER BY username_folded")

    def list(self, after: str | None = None, limit: int = 500) -> Page:
        """So many accounts by username, those that follow ``after``: the last username one has."""
        start = "" if after is None else folded(after)
        return self._many("WHERE username_folded > ? ORDER BY username_folded LIMIT ?", start, limit)

    def password_hash(self, account_id: str) -> str | None:
        """The hash of the account's password; None if there is no such account."""
        sql, key = "SELECT password_hash FROM account WHERE id = ?", _key(account_id)
        found: str | None = self._do(lambda c: c.execute(sql, (key,)).get)
        return found

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
        """A new account. now: ms. ValueError for impossible values, AccountExists for taken ones."""
        if not _username(username):
            raise ValueError(
                f"{username!r} can't be a username: use 1 to 64 letters, digits, '_', '.' and '-', not"
                " beginning with '-'."
            )
        _check(name or username, email)
        values = (
            username,
            folded(username),
            name or username,
            email,
            email and folded(email),
            admin,
            password_hash,
            now,
        )

        def insert(connection: apsw.Connection) -> Account:
            _insist_free(connection, username=username, email=email)
            return _account(_row(connection, "id = ?", connection.execute(_INSERT, values).get))

        return self.transaction(insert)

    def set_password(
        self, account_id: str, password_hash: str, *, now: int, expected: str | None = None
    ) -> bool:
        """Another password hash; only in the place of ``expected``, if that is given. now: ms."""
        return self._changed(
            "UPDATE account SET password_hash = ?, password_changed_at = ?"
            " WHERE id = ? AND (?4 IS NULL OR password_hash = ?4)",
            (password_hash, now, _key(account_id), expected),
        )

    def set_disabled(self, account_id: str, disabled: bool) -> bool:
        """Whether the account may sign in. Its sessions are ended by ``account_disabled``."""
        return self._changed(
            "UPDATE account SET disabled = ? WHERE id = ?", (disabled, _key(account_id))
        )

    def set_profile(
        self,
        account_id: str,
        *,
        name: str,
        time_zone: str | None,
        email: str | EllipsisType | None = ...,
    ) -> Account | None:
        """Display name, IANA time zone, and e-mail address, which stays as it is when left out.

        The account as it is now; None if there is none. ValueError and AccountExists as in ``add``.
        """
        given = None if email is ... else email
        _check(name, given)
        values = (name, time_zone, email is not ..., given, given and folded(given), _key(account_id))

        def change(connection: apsw.Connection) -> Account | None:
            _insist_free(connection, email=given, but=values[-1])
            connection.execute(_PROFILE, values)
            row = _row(connection, "id = ?", values[-1])
            return None if row is None else _account(row)

        return self.transaction(change)

    def delete(self, account_id: str) -> bool:
        """Remove the account; its id is not given again."""
        return self._changed("DELETE FROM account WHERE id = ?", (_key(account_id),))

    # ── the file ─────────────────────────────────────────────────────────────────────────────

    def transaction(self, work: Callable[[apsw.Connection], T]) -> T:
        """Do this in one transaction that writes; AnswerUnknown if its end isn't confirmed."""

        def do(connection: apsw.Connection) -> T:
            connection.execute("BEGIN IMMEDIATE")
            try:
                result = work(connection)
                try:
                    connection.execute("COMMIT")
                except apsw.Error as error:
                    raise AnswerUnknown(f"{AnswerUnknown.__doc__} ({self.path}: {error})") from error
            except BaseException:
                if not connection.get_autocommit():
                    connection.execute("ROLLBACK")
                raise
            return result

        return self._do(do)

    def close(self) -> None:
        """Close the file; the next use opens it again."""
        with self._lock:
            connection, self._connection = self._connection, None
            if connection is not None:
                connection.close()

    def _one(self, condition: str, value: object) -> Account | None:
        row = self._do(lambda c: _row(c, condition, value))
        return None if row is None else _account(row)

    def _many(self, rest: str, *values: Any) -> Page:
        return [
            _account(row)
            for row in self._do(lambda c: c.execute(f"{_SELECT} {rest}", values).fetchall())
        ]

    def _changed(self, sql: str, values: tuple[Any, ...]) -> bool:
        def change(connection: apsw.Connection) -> bool:
            connection.execute(sql, values)
            return connection.changes() > 0

        return self.transaction(change)

    def _do(self, work: Callable[[apsw.Connection], T]) -> T:
        try:
            with self._lock:
                if self._connection is None:
                    self._connection = _open(self.path)
                return work(self._connection)
        except (apsw.Error, OSError) as error:
            raise StoreUnavailable(
                f"The accounts {self.path} can't be used: {error}. Nothing was changed."
            ) from error


def _open(path: str) -> apsw.Connection:
    """A connection to a file that is made and given its tables if need be."""
    folder = os.open(os.path.dirname(path), os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        # One process at a time: SQLite doesn't wait for the file when it turns it to WAL.
        fcntl.flock(folder, fcntl.LOCK_EX)
        with suppress(FileExistsError):
            os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
        connection = apsw.Connection(path, flags=apsw.SQLITE_OPEN_READWRITE)
        try:
            connection.set_busy_timeout(BUSY)
            _prepare(connection, path)
        except BaseException:
            connection.close()
            raise
    finally:
        os.close(folder)
    return connection


def _prepare(connection: apsw.Connection, path: str) -> None:
    version: int = connection.execute("PRAGMA user_version").get
    if version > SCHEMA:
        raise SchemaError(
            f"The accounts {path} have schema {version}, and this version of signedin knows {SCHEMA}."
            " Upgrade signedin."
        )
    if version == 0 and connection.execute("SELECT 1 FROM sqlite_schema LIMIT 1").get:
        raise SchemaError(
            f"{path} is a database of something else. Give the accounts a file of their own."
        )
    connection.execute(
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA trusted_schema = OFF"
    ).fetchall()
    if version == 0:
        tables = files(__package__ or "").joinpath("accounts.sql").read_text("utf-8")
        connection.execute(
            f"BEGIN IMMEDIATE; {tables} PRAGMA user_version = {SCHEMA}; COMMIT"
        ).fetchall()


def folded(text: str) -> str:
    """A username or an address as it is compared: without surrounding space and case."""
    # A lone surrogate can't be stored, and NUL is in no name: so it names nobody.
    return re.sub("[\ud800-\udfff]", "\0", text.strip().casefold())


def _key(account_id: str) -> int | None:
    """The row of an id as we spell it; None, which is the key of no row, for anything else."""
    return int(account_id) if _id(account_id) else None


def _check(name: str, email: str | None) -> None:
    if folded(name) != name.strip().casefold():
        raise ValueError(f"{name!r} can't be a name: it has characters that can't be stored.")
    if email is not None and not (_email(email) and folded(email) == email.casefold()):
        raise ValueError(f"{email!r} is not an e-mail address.")


def _insist_free(connection: apsw.Connection, *, but: object = 0, **fields: str | None) -> None:
    """AccountExists, if another account than ``but`` has one of these."""
    for field, text in fields.items():
        row = None if text is None else _row(connection, f"{field}_folded = ?", folded(text))
        if row is not None and row[0] != but:
            raise AccountExists(f"There is already an account with the {field} {text!r}.")


def _row(connection: apsw.Connection, condition: str, value: object) -> Any:
    return connection.execute(f"{_SELECT} WHERE {condition}", (value,)).get


def _account(row: Any) -> Account:
    key, username, name, email, admin, disabled, zone, changed_at = row
    return Account(str(key), username, name, email, bool(admin), bool(disabled), zone, changed_at)


_opened: weakref.WeakSet[Accounts] = weakref.WeakSet()
_inherited: list[object] = []


def _after_fork_in_child() -> None:
    for accounts in list(_opened):
        accounts.after_fork()


os.register_at_fork(after_in_child=_after_fork_in_child)
