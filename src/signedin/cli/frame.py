"""What the commands share: the store's options, opening it, tables, suggestions."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from difflib import get_close_matches
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click
import msgspec

from ..config import open_sessions, sqlite_path
from ..settings import Settings
from .failures import Failure, told

if TYPE_CHECKING:
    from .._sync.sessions import Sessions
    from ..server.accounts import Accounts

F = TypeVar("F", bound=Callable[..., Any])


class Suggesting(click.Group):
    """Names the nearest command for an unknown one; it never runs the guess."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As click does, with another sentence."""
        name = args[0]
        if self.get_command(ctx, name) is None and not name.startswith("-"):
            near = get_close_matches(name, self.list_commands(ctx), 1)
            hint = f" Did you mean {near[0]!r}?" if near else " See: signedin --help"
            raise Failure("usage", f"unknown command {name!r}.{hint}")
        return super().resolve_command(ctx, args)


def store_options(function: F) -> F:
    """``--store`` and ``--accounts``; the errors of the library are told as failures."""

    @click.option("--store", metavar="URL", help="The session store. [env: SIGNEDIN_STORE]")
    @click.option(
        "--accounts",
        metavar="URL",
        envvar="SIGNEDIN_ACCOUNTS",
        help="The service's accounts. [default: accounts.db beside the store]",
    )
    @wraps(function)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        with told():
            return function(*args, **kwargs)

    return wrapped  # type: ignore[return-value]


def settings_of(store: str | None, **more: Any) -> Settings:
    """The settings of the environment, and those that options name on top."""
    named = Settings.from_environment(os.environ)
    if store is not None:
        named["store"] = store
    return Settings.of(named | {key: value for key, value in more.items() if value is not None})


@contextmanager
def opened(settings: Settings) -> Iterator[Sessions]:
    """The sessions of an existing store; looking must not make an empty one."""
    path = sqlite_path(settings.store)
    if not Path(path).exists():
        raise Failure(
            "store_unavailable",
            f"there is no store at {os.path.abspath(path)}.",
            "say where it is: --store sqlite:////path/to/sessions.db, or SIGNEDIN_STORE",
        )
    sessions = open_sessions(settings)
    try:
        yield sessions
    finally:
        sessions.close()


def accounts_of(accounts: str | None, settings: Settings) -> Accounts:
    """The service's accounts: where the option says, else beside the store."""
    from ..server.accounts import Accounts

    beside = str(Path(sqlite_path(settings.store)).parent / "accounts.db")
    return Accounts(beside if accounts is None else sqlite_path(accounts))


def print_json(value: object) -> None:
    """A document on stdout."""
    click.echo(json.dumps(msgspec.to_builtins(value), indent=1, ensure_ascii=False))


def print_table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Columns as wide as they need, on stdout."""
    widths = [max(map(len, column)) for column in zip(headings, *rows, strict=True)]
    for row in (headings, *rows):
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        click.echo("   ".join(cells).rstrip())


def say(text: str) -> None:
    """A sentence for the person at the terminal, on stderr."""
    click.echo(text, err=True)


def plural(count: int, noun: str) -> str:
    """``1 session``, ``1,204 sessions``."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
