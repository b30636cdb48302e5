"""The service's accounts, in a SQLite database of their own.

A host application has its own; only ``signedin serve`` and ``signedin demo`` use this one.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from difflib import get_close_matches
from importlib.resources import files
from types import EllipsisType
from typing import Any, Final, TypeAlias, TypeVar

import apsw

from ..errors import SchemaError, SignedinError, StoreUnavailable

T = TypeVar("T")

SCHEMA: Final = 1
BUSY: Final = 1000
"""Milliseconds to wait while another process writes."""

_SHOWN: Final = r"[^@\s\x00-\x1f\x7f\ud800-\udfff]"
_id = re.compile(r"[1-9][0-9]{0,17}").fullmatch
_username = re.compile(r"(?!\d+\Z)[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}").fullmatch
_email = re.compile(rf"{_SHOWN}{{1,64}}@{_SHOWN}{{1,188}}").fullmatch
_name = re.compile(r"[^\x00-\x1f\x7f\ud800-\udfff]{1,255}").fullmatch
_SELECT: Final = (
    "SELECT id, username, name, email, admin, disabled, time_zone, password_changed_at FROM account"
)
_INSERT: Final = (
    "INSERT INTO account (username, username_folded, name, email, email_folded, admin, password_hash,"
    " password_changed_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?) RETURNING id"
)
_PROFILE: Final = (
    "UPDATE account SET name = ?2, time_zone = ?3, email = iif(?5, ?4, email),"
    " email_folded = iif(?5, ?6, email_folded) WHERE id = ?1"
)
_PASSWORD: Final = (
    "UPDATE account SET password_hash = ?2, password_changed_at = ?3"  # noqa: S105 - the hash's column
    " WHERE id = ?1 AND (?4 IS NULL OR password_hash = ?4)"
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


Page: TypeAlias = list[Account]  # the class has a ``list`` of its own


class Accounts:
    """The accounts in a file, which is made with mode 0600 at the first use; for any thread.

    Every method raises StoreUnavailable when the file can't be used.
    """

    def __init__(self, path: str) -> None:
        self.path = os.path.abspath(path)
        self._process = 0
        self._connection: apsw.Connection | None = None

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
        """As operators name somebody: ``ada``, ``123``, ``ada@example.com``, ``username:ada``."""
        if text.startswith("username:"):
            return self._one("username_folded = ?", folded(text.removeprefix("username:")))
        return self.find(text) if text.isdigit() else self.find_by_login(text)

    def nearest(self, text: str) -> str | None:
        """The username that looks most like this one; None if none does."""
        rows: Any = self._do(
            lambda c: c.execute("SELECT username_folded, username FROM account").fetchall()
        )
        names: dict[str, str] = dict(rows)
        return next((names[near] for near in get_close_matches(folded(text), names, 1)), None)

    def all(self) -> Page:
        """Every account, by username."""
        return self._many("ORDER BY username_folded")

    def list(self, after: str | None = None, limit: int = 500) -> Page:
        """So many accounts by username, from the first one that follows the username ``after``."""
        start = folded(after or "")
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
                " digits alone, beginning with a letter, a digit or '_'."
            )
        _check(name or username, email)
        who = (username, folded(username), name or username, email, email and folded(email))

        def insert(connection: apsw.Connection) -> Account:
            _insist_free(connection, "username", username)
            _insist_free(connection, "email", email)
            key = connection.execute(_INSERT, (*who, admin, password_hash, now)).get
            return _account(_row(connection, "id = ?", key))

        return self.transaction(insert)

    def set_password(
        self, account_id: str, password_hash: str, *, now: int, expected: str | None = None
    ) -> bool:
        """Another password hash; only in the place of ``expected``, if that is given. now: ms."""
        return self._changed(_PASSWORD, _key(account_id), password_hash, now, expected)

    def set_disabled(self, account_id: str, disabled: bool) -> bool:
        """Whether the account may sign in. Its sessions are ended by ``account_disabled``."""
        return self._changed(
            "UPDATE account SET disabled = ?2 WHERE id = ?1", _key(account_id), disabled
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
        key, given = _key(account_id), None if email is ... else email
        _check(name, given)

        def change(connection: apsw.Connection) -> Account | None:
            _insist_free(connection, "email", given, but=key)
            address = (given, email is not ..., given and folded(given))
            connection.execute(_PROFILE, (key, name, time_zone, *address))
            row = _row(connection, "id = ?", key)
            return None if row is None else _account(row)

        return self.transaction(change)

    def delete(self, account_id: str) -> bool:
        """Remove the account; its id is not given again."""
        return self._changed("DELETE FROM account WHERE id = ?", _key(account_id))

    # ── the file ─────────────────────────────────────────────────────────────────────────────

    def transaction(self, work: Callable[[apsw.Connection], T]) -> T:
        """Do this in one transaction that writes."""

        def do(connection: apsw.Connection) -> T:
            with connection:
                result = work(connection)
            return result  # noqa: RET504 - mypy takes the with for one that swallows errors

        return self._do(do)

    def close(self) -> None:
        """Close the file; the next use opens it again."""
        with self._turn():
            connection, self._connection = self._connection, None
            if connection is not None:
                connection.close()

    def _one(self, condition: str, value: object) -> Account | None:
        row = self._do(lambda c: _row(c, condition, value))
        return None if row is None else _account(row)

    def _many(self, rest: str, *values: Any) -> Page:
        rows = self._do(lambda c: c.execute(f"{_SELECT} {rest}", values).fetchall())
        return [_account(row) for row in rows]

    def _changed(self, sql: str, *values: Any) -> bool:
        return self.transaction(lambda c: c.execute(f"{sql} RETURNING 1", values).get) is not None

    def _do(self, work: Callable[[apsw.Connection], T]) -> T:
        try:
            with self._turn():
                self._connection = self._connection or _open(self.path)
                return work(self._connection)
        except (apsw.Error, OSError) as error:
            raise StoreUnavailable(
                f"The accounts {self.path} can't be used: {error}. Nothing was changed."
            ) from error


def folded(text: str) -> str:
    """A username or an address as it is compared: without space around it, and without case."""
    # A lone surrogate can't be stored. NUL can, and is in no name: so this names nobody.
    return re.sub("[\ud800-\udfff]", "\0", text.strip().casefold())


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
            _prepare(connection, path)
        except BaseException:
            connection.close()
            raise
    finally:
        os.close(folder)
    return connection


def _prepare(connection: apsw.Connection, path: str) -> None:
    connection.set_busy_timeout(BUSY)
    connection.transaction_mode = "IMMEDIATE"
    version: int = connection.execute("PRAGMA user_version").get
    if version > SCHEMA:
        raise SchemaError(
            f"The accounts {path} have schema {version}, and this version of signedin knows {SCHEMA}."
            " Upgrade signedin."
        )
    if version == 0 and connection.execute("SELECT 1 FROM sqlite_schema LIMIT 1").get:
        raise SchemaError(f"{path} is a database of something else. Give the accounts their own.")
    connection.execute("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL").fetchall()
    if version == 0:
        tables = files(__package__ or "").joinpath("accounts.sql").read_text("utf-8")
        with connection:
            connection.execute(f"{tables} PRAGMA user_version = {SCHEMA}").fetchall()


def _key(account_id: str) -> int | None:
    """The row of an id in its one spelling; None, which is the key of no row, for anything else."""
    return int(account_id) if _id(account_id) else None


def _check(name: str, email: str | None) -> None:
    if not _name(name):
        raise ValueError(f"{name!r} can't be a name: use 1 to 255 characters that can be shown.")
    if email is not None and not _email(email):
        raise ValueError(f"{email!r} is not an e-mail address.")


def _insist_free(
    connection: apsw.Connection, field: str, text: str | None, but: int | None = None
) -> None:
    row = None if text is None else _row(connection, f"{field}_folded = ?", folded(text))
    if row is not None and row[0] != but:
        raise AccountExists(f"There is already an account with the {field} {text!r}.")


def _row(connection: apsw.Connection, condition: str, value: object) -> Any:
    return connection.execute(f"{_SELECT} WHERE {condition}", (value,)).get


def _account(row: Any) -> Account:
    key, username, name, email, admin, disabled, zone, changed_at = row
    return Account(str(key), username, name, email, bool(admin), bool(disabled), zone, changed_at)
