"""``manage.py signedin list ada``: the command line, under the site's settings, with its users."""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from typing import Any

from django.core.management.base import BaseCommand

from ...flow import flow

DIRECTORY = "signedin.django.directory:SiteUsers"
LEFT_OUT = ("serve", "demo", "user")
"""Commands of the service, which has its own settings."""


class Command(BaseCommand):
    """All that follows the command's name is the command line's."""

    help = "Lists and revokes sessions: manage.py signedin --help"

    def run_from_argv(self, argv: list[str]) -> None:
        """The command line reads its arguments itself."""
        from signedin.cli import command, main
        from signedin.cli.frame import HostSettings, Suggesting

        kept = {name: each for name, each in command.commands.items() if name not in LEFT_OUT}
        group = Suggesting(
            command.name, kept, help=command.help, context_settings=command.context_settings
        )
        found = flow().settings
        named = found.directory or os.environ.get("SIGNEDIN_DIRECTORY", DIRECTORY)
        sys.argv = ["signedin", *argv[2:]]
        main(group, HostSettings(replace(found, directory=named)))

    def handle(self, **options: Any) -> None:
        """Called from code, which has ``signedin.open_sessions`` for this."""
        raise NotImplementedError
