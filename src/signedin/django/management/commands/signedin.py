"""``manage.py signedin list ada``: the command line, on the site's store, with its users."""

from __future__ import annotations

import os
import sys
from typing import Any

from django.core.management.base import BaseCommand

from ...flow import flow

DIRECTORY = "signedin.django.directory:SiteUsers"


class Command(BaseCommand):
    """All that follows the command's name is the command line's."""

    help = "Lists and revokes sessions: manage.py signedin --help"

    def run_from_argv(self, argv: list[str]) -> None:
        """The command line reads its arguments itself."""
        from signedin.cli import main

        os.environ["SIGNEDIN_STORE"] = flow().settings.store
        os.environ.setdefault("SIGNEDIN_DIRECTORY", flow().settings.directory or DIRECTORY)
        sys.argv = ["signedin", *argv[2:]]
        main()

    def handle(self, **options: Any) -> None:
        """Called from code, which has ``signedin.open_sessions`` for this."""
        raise NotImplementedError
