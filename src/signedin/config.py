"""The one place where parts are put together: settings, a store, the clock."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from importlib import import_module
from inspect import iscoroutinefunction
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote, urlsplit

from .errors import SettingsError
from .events import Listener
from .settings import Settings
from .stores import driver

if TYPE_CHECKING:
    from ._async.sessions import AsyncSessions
    from ._async.stores.contract import AsyncStore
    from ._sync.sessions import Sessions
    from ._sync.stores.contract import Store
    from .directory import Directory, Person
    from .health import Check


MADE: Final = "made://in-code"
"""Stands for a store's URL where code has made the store."""


def now_ms() -> int:
    """The time, in milliseconds since the epoch."""
    return time.time_ns() // 1_000_000


def sqlite_path(url: str) -> str:
    """The file of a store's URL: ``sqlite:///relative.db``, ``sqlite:////absolute.db``, or a path.

    Raises SettingsError, which says what is possible.
    """
    if url == MADE:
        raise SettingsError("This store was made in code, so it has no URL: it can't be opened again.")
    parts = urlsplit(url)
    if parts.scheme == "" and url:
        return url
    path = unquote(parts.path).removeprefix("/")
    if parts.scheme != "sqlite" or parts.netloc or not path:
        raise SettingsError(
            f"store is {url!r}. Write sqlite:///sessions.db for a file beside the application, or"
            " sqlite:////var/lib/app/sessions.db for an absolute path."
        )
    if path == ":memory:":
        raise SettingsError("A store in memory would be another one in each thread. Give it a file.")
    return path


_SERVERS: Final = {
    "redis": "redis",
    "rediss": "redis",
    "unix": "redis",
    "valkey": "redis",
    "valkeys": "redis",
    "postgres": "postgres",
    "postgresql": "postgres",
}
"""Which engine the scheme of a store's URL names, up to its first plus sign; any other is SQLite's."""


def engine_of(url: str) -> str:
    """What keeps the sessions: ``sqlite``, ``redis`` or ``postgres``."""
    scheme, separator, _ = url.partition("://")
    return _SERVERS.get(scheme.partition("+")[0].lower(), "sqlite") if separator else "sqlite"


def store_file(url: str) -> str | None:
    """The file of a store, or None where it is kept by a server. Raises SettingsError."""
    return sqlite_path(url) if engine_of(url) == "sqlite" else None


def store_place(url: str) -> str:
    """Where a store is, for people: without user names and passwords. Raises SettingsError."""
    if engine_of(url) == "redis":
        from .redis.address import Address

        return Address.of(url).shown
    if engine_of(url) == "postgres":
        from .postgres.address import Address as Database

        return Database.of(url).shown
    return os.path.abspath(sqlite_path(url))


def open_async_store(settings: Settings) -> AsyncStore:
    """The store that the settings name, for the async flow. Nothing is opened before its first use."""
    if engine_of(settings.store) == "redis":
        from .stores import AsyncRedisStore

        return AsyncRedisStore(settings.store)
    if engine_of(settings.store) == "postgres":
        from .stores import AsyncPostgresStore

        return AsyncPostgresStore(settings.store)
    from .stores import AsyncSqliteStore

    return AsyncSqliteStore(sqlite_path(settings.store), inline_reads=settings.inline_reads)


def open_store(settings: Settings) -> Store:
    """The store that the settings name, for the sync flow. Nothing is opened before its first use."""
    if engine_of(settings.store) == "redis":
        from .stores import RedisStore

        return RedisStore(settings.store)
    if engine_of(settings.store) == "postgres":
        from .stores import PostgresStore

        return PostgresStore(settings.store)
    from .stores import SqliteStore

    return SqliteStore(sqlite_path(settings.store), inline_reads=settings.inline_reads)


def store_checks(settings: Settings) -> Iterator[Check]:
    """What a doctor finds about the store that the settings name, without changing it."""
    if engine_of(settings.store) == "redis":
        with driver("redis"):
            from .redis.health import checks as of_server

        return of_server(settings.store, now_ms())
    if engine_of(settings.store) == "postgres":
        with driver("postgres"):
            from .postgres.health import checks as of_database

        return of_database(settings.store, now_ms())
    from .sqlite.health import checks

    return checks(os.path.abspath(sqlite_path(settings.store)))


def store_library() -> str:
    """What the stores are made of, and its version."""
    from .sqlite.health import library

    return f"SQLite {library()}"


def open_directory(settings: Settings) -> Directory[Person] | None:
    """The directory that the settings name, or None. Raises SettingsError."""
    if settings.directory is None:
        return None
    module, _, name = settings.directory.partition(":")
    try:
        found: Any = import_module(module)
        for part in name.split("."):
            found = getattr(found, part)
    except (ImportError, AttributeError, ValueError) as error:
        raise SettingsError(
            f"directory is {settings.directory!r}, and that can't be found: {error}. Write module:name,"
            " and see that the module is on PYTHONPATH."
        ) from error
    return found() if isinstance(found, type) else found  # type: ignore[no-any-return]


def open_async_sessions(
    settings: Settings | None = None,
    *,
    store: AsyncStore | str | None = None,
    clock: Callable[[], int] = now_ms,
    listeners: Iterable[Listener] = (),
    account_active: Callable[[str], object] | None = None,
    **values: Any,
) -> AsyncSessions:
    """The async flow under these settings, or under those that keywords name.

    store: its URL, or a store that was made in code, see :mod:`signedin.stores`; the flow closes it.
    """
    from ._async.sessions import AsyncSessions

    chosen, made = _settings(settings, store, values, awaited=True)
    return AsyncSessions(
        made or open_async_store(chosen),
        chosen,
        clock,
        listeners=listeners,
        account_active=account_active,
    )


def open_sessions(
    settings: Settings | None = None,
    *,
    store: Store | str | None = None,
    clock: Callable[[], int] = now_ms,
    listeners: Iterable[Listener] = (),
    account_active: Callable[[str], object] | None = None,
    **values: Any,
) -> Sessions:
    """The sync flow under these settings, or under those that keywords name.

    store: its URL, or a store that was made in code, see :mod:`signedin.stores`; the flow closes it.
    """
    from ._sync.sessions import Sessions

    chosen, made = _settings(settings, store, values, awaited=False)
    return Sessions(
        made or open_store(chosen),
        chosen,
        clock,
        listeners=listeners,
        account_active=account_active,
    )


def _settings(
    settings: Settings | None, store: Any, values: dict[str, Any], *, awaited: bool
) -> tuple[Settings, Any]:
    """The settings, and the store if it has been made: then no URL leads to it."""
    if isinstance(store, str):
        values, store = {"store": store, **values}, None
    if settings is not None and values:
        raise SettingsError("Give a Settings object or single settings, not both.")
    chosen = settings or Settings.of(values)
    if store is None:
        return chosen, None
    if not hasattr(store, "find_series"):
        raise SettingsError(f"store is a URL, or a store made in code, not a {type(store).__name__}.")
    if iscoroutinefunction(store.find) is not awaited:
        wanted = "open_sessions" if awaited else "open_async_sessions"
        raise SettingsError(f"{type(store).__name__} is for {wanted}(...).")
    return replace(chosen, store=MADE), store
