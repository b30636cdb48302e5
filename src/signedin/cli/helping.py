"""``signedin help``, ``completion`` and ``version``."""

from __future__ import annotations

import platform
from typing import Final

import click
from click.shell_completion import get_completion_class

from .. import __version__
from .failures import CODES, Failure
from .frame import Suggesting

MEANINGS: Final = {
    "failed": "failed; --debug shows where",
    "usage": "wrong usage",
    "not_found": "no such user or session; an empty list with --fail-empty",
    "confirmation_required": "not confirmed; nothing was changed",
    "partly_failed": "partly failed: it says what is done and what is not",
    "store_unavailable": "the store can't be reached; nothing was changed",
    "read_only": "not permitted: the console is read-only",
    "interrupted": "interrupted; it says what was done, and it can be run again",
}


@click.command("help")
@click.argument("topic", nargs=-1, metavar="[COMMAND]")
@click.pass_context
def help_(ctx: click.Context, topic: tuple[str, ...]) -> None:
    """Tell of a command, or of 'exit-codes'."""
    assert ctx.parent is not None
    if topic == ("exit-codes",):
        click.echo("  0  done; an empty list is done, too")
        for name, code in CODES.items():
            click.echo(f"{code:>3}  {MEANINGS[name]}")
        return
    command: click.Command = ctx.parent.command
    context = ctx.parent
    for name in topic:
        found = command.get_command(context, name) if isinstance(command, click.Group) else None
        if found is None:
            if isinstance(command, Suggesting):
                command.resolve_command(context, [name])
            raise Failure("usage", f"{command.name} has no command {name!r}.")
        context = click.Context(found, info_name=name, parent=context)
        command = found
    click.echo(command.get_help(context))


@click.command()
@click.argument("shell", type=click.Choice(("bash", "zsh", "fish")))
@click.pass_context
def completion(ctx: click.Context, shell: str) -> None:
    """Print what makes a shell complete commands and options.

    bash: signedin completion bash > ~/.local/share/bash-completion/completions/signedin
    """
    kind = get_completion_class(shell)
    assert kind is not None
    assert ctx.parent is not None
    click.echo(kind(ctx.parent.command, {}, "signedin", "_SIGNEDIN_COMPLETE").source())


@click.command()
def version() -> None:
    """Which version this is, and of what it is made."""
    from ..config import store_library

    click.echo(f"signedin {__version__}")
    click.echo(f"Python {platform.python_version()}, {store_library()}", err=True)
