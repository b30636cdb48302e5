"""What every command starts from: the options that all have, the store, the users."""

from __future__ import annotations

import getpass
import os
import platform
import sys
import tomllib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields
from difflib import get_close_matches
from functools import cached_property, wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from ..config import open_directory, open_sessions, sqlite_path, store_file
from ..errors import SettingsError
from ..settings import Settings
from .failures import Failure, told

if TYPE_CHECKING:
    from .._sync.sessions import Sessions
    from ..directory import Directory, Person
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


@dataclass(frozen=True)
class HostSettings:
    """A host's own settings, where a command runs inside its application: a context's object."""

    settings: Settings


@dataclass(frozen=True)
class Frame:
    """What the options of every command say.

    store: what --store says, or None. named: settings by their names, unchecked. accounts: where the
    service's accounts are, or None. may_ask: whether somebody is there to answer. colour: whether the
    terminal shall be coloured. kind: a host's own class of settings, which knows its cookies.
    """

    store: str | None
    named: dict[str, Any]
    accounts: str | None
    may_ask: bool
    colour: bool
    kind: type[Settings] = Settings

    @cached_property
    def settings(self) -> Settings:
        """The settings, checked."""
        return self.kind.of(self.named)

    @property
    def operator(self) -> str:
        """Who is at the terminal, for the history and the audit trail."""
        return f"cli:{getpass.getuser()}"

    @property
    def origin(self) -> str:
        """Where the terminal is."""
        return platform.node()

    def with_settings(self, **more: Any) -> Settings:
        """The settings, and what options of a command name on top."""
        return self.kind.of(self.named | {k: value for k, value in more.items() if value is not None})

    @contextmanager
    def sessions(self) -> Iterator[Sessions]:
        """The sessions of an existing store; looking must not make an empty one."""
        path = store_file(self.settings.store)
        if path is not None and not Path(path).exists():
            raise Failure(
                "store_unavailable",
                f"there is no store at {os.path.abspath(path)}.",
                "say where it is: --store sqlite:////path/to/sessions.db, or SIGNEDIN_STORE",
            )
        sessions = open_sessions(self.settings)
        try:
            yield sessions
        finally:
            sessions.close()

    def service_accounts(self) -> Accounts:
        """The service's accounts: where the option says, else beside the store, or in the working
        directory where the store is no file.
        """
        from ..server.accounts import Accounts

        file = store_file(self.settings.store)
        beside = "accounts.db" if file is None else str(Path(file).parent / "accounts.db")
        return Accounts(beside if self.accounts is None else sqlite_path(self.accounts))

    def directory(self) -> Directory[Person]:
        """Who the users are: the directory of the settings, else the service's accounts, if there are
        any; else every id is somebody without a name.
        """
        from ..directory import NoDirectory

        chosen = open_directory(self.settings)
        if chosen is not None:
            return chosen
        accounts = self.service_accounts()
        return accounts if Path(accounts.path).exists() else NoDirectory()


_OPTIONS = (
    click.option("--store", metavar="URL", help="The session store. [env: SIGNEDIN_STORE]"),
    click.option(
        "--accounts",
        metavar="URL",
        envvar="SIGNEDIN_ACCOUNTS",
        help="The service's accounts. [default: accounts.db beside the store]",
    ),
    click.option("--config", metavar="FILE", help="Settings, a TOML file with a table [signedin]."),
    click.option("--no-color", is_flag=True, help="No colours. [env: NO_COLOR]"),
    click.option("--no-input", is_flag=True, help="Ask nothing; fail where an answer is needed."),
    click.option("--debug", is_flag=True, help="Show where an unexpected error came from."),
)


def framed(function: F) -> F:
    """The options that every command has, given to it as a :class:`Frame`; the library's errors are
    told as failures.
    """

    @wraps(function)
    def wrapped(
        store: str | None,
        accounts: str | None,
        config: str | None,
        no_color: bool,
        no_input: bool,
        debug: bool,
        **options: Any,
    ) -> Any:
        with told(debug=debug):
            host = click.get_current_context().find_object(HostSettings)
            named = _named_settings(config, host, store)
            may_ask = not no_input and sys.stdin.isatty()
            colour = not no_color and _colourful()
            kind = Settings if host is None else type(host.settings)
            return function(Frame(store, named, accounts, may_ask, colour, kind), **options)

    for option in reversed(_OPTIONS):
        wrapped = option(wrapped)
    return wrapped  # type: ignore[return-value]


def _named_settings(config: str | None, host: HostSettings | None, store: str | None) -> dict[str, Any]:
    """What an option names, over what the host says, over the environment, over the file."""
    named: dict[str, Any] = {} if config is None else _read(config)
    named |= Settings.from_environment(os.environ)
    if host is not None:
        named |= {each.name: getattr(host.settings, each.name) for each in fields(host.settings)}
    return named if store is None else named | {"store": store}


def _read(path: str) -> dict[str, Any]:
    try:
        with open(path, "rb") as file:
            table = tomllib.load(file).get("signedin", {})
    except OSError as error:
        raise SettingsError(f"{path} can't be read: {error.strerror}.") from error
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{path} is not TOML: {error}.") from error
    if not isinstance(table, dict):
        raise SettingsError(f"{path}: signedin is to be a table, [signedin].")
    return table


def _colourful() -> bool:
    environ = os.environ
    return sys.stdout.isatty() and not environ.get("NO_COLOR") and environ.get("TERM") != "dumb"


def say(text: str) -> None:
    """A sentence for the person at the terminal, on stderr."""
    click.echo(text, err=True)


def plural(count: int, noun: str) -> str:
    """``1 session``, ``1,204 sessions``."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
