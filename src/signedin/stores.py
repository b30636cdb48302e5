"""The stores, for code that makes one itself, of a client or a pool that it has.

Each has two colours: ``AsyncRedisStore`` is for a flow that is awaited, ``RedisStore`` for the other.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import TYPE_CHECKING, Any

from .errors import SettingsError

if TYPE_CHECKING:
    from ._async.stores.postgres import AsyncPostgresStore
    from ._async.stores.redis import AsyncRedisStore
    from ._async.stores.sqlite import AsyncSqliteStore
    from ._sync.stores.postgres import PostgresStore
    from ._sync.stores.redis import RedisStore
    from ._sync.stores.sqlite import SqliteStore

__all__ = [
    "AsyncPostgresStore",
    "AsyncRedisStore",
    "AsyncSqliteStore",
    "PostgresStore",
    "RedisStore",
    "SqliteStore",
]


def __getattr__(name: str) -> Any:
    """A store is imported when it is asked for: not everybody has every driver. Raises SettingsError."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    colour = "_async" if name.startswith("Async") else "_sync"
    engine = name.removeprefix("Async").removesuffix("Store").lower()
    with driver(engine):
        return getattr(import_module(f"signedin.{colour}.stores.{engine}"), name)


@contextmanager
def driver(extra: str) -> Iterator[None]:
    """A driver is installed with the extra of its name. Raises SettingsError."""
    try:
        yield
    except ModuleNotFoundError as error:
        if error.name is None or error.name.startswith("signedin"):
            raise
        package = error.name.partition(".")[0]
        raise SettingsError(
            f"This store needs the package {package}: pip install 'signedin[{extra}]'"
        ) from error
