"""``flask signedin …``: the commands of the terminal, under the application's settings."""

from __future__ import annotations

from typing import Any

import click
from flask import current_app
from flask.cli import AppGroup, with_appcontext

from ..cli import command
from ..cli.failures import Failure, report, wants_json
from ..cli.frame import HostSettings


class Commands(AppGroup):
    """Tells failures as the terminal's own command does."""

    def invoke(self, ctx: click.Context) -> Any:
        """One command."""
        try:
            return super().invoke(ctx)
        except Failure as failure:
            report(failure, wants_json())
            ctx.exit(failure.exit_code)


@click.group("signedin", cls=Commands)
@click.pass_context
@with_appcontext
def group(ctx: click.Context) -> None:
    """See where your users are signed in, and sign them out anywhere."""
    ctx.obj = HostSettings(current_app.extensions["signedin"].sessions.settings)


WANTED = ("list", "show", "users", "history", "stats", "watch", "audit", "console", "revoke", "sweep")
for name in (*WANTED, "schema", "doctor"):
    group.add_command(command.commands[name])
