"""The command line: ``signedin``. Data goes to stdout, everything else to stderr.

One rule to learn: ``list`` and ``revoke`` take the same selectors; what you list is what you revoke.
"""

from __future__ import annotations

import sys

import click

from .. import __version__
from .accounts import user
from .console import console
from .copying import copy
from .doctor import doctor
from .failures import CODES, Failure, report, wants_json
from .frame import HostSettings, Suggesting
from .helping import completion, help_, version
from .listing import list_, show
from .revoking import revoke, sweep
from .schema import schema
from .service import demo, serve
from .summing import history, stats, users
from .trail import audit
from .watching import watch

__all__ = ["command", "main"]


@click.group(
    cls=Suggesting, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100}
)
@click.version_option(__version__, prog_name="signedin")
def command() -> None:
    """See where your users are signed in, and sign them out anywhere.

    What 'list' lists is what 'revoke' revokes with the same selectors. The store is --store or
    SIGNEDIN_STORE, else sqlite:///signedin.db. Exit codes: signedin help exit-codes.
    """


_LOOKING = (list_, show, users, history, stats, watch, audit, console)
_DOING = (revoke, sweep, copy, serve, demo, user, schema, doctor, completion, version, help_)
for part in (*_LOOKING, *_DOING):
    command.add_command(part)


def main(group: click.Group = command, host: HostSettings | None = None) -> None:
    """Run the command; the exit code tells how it went (see ``signedin --help``). host: of the
    application that it runs in.
    """
    as_json = wants_json()
    try:
        sys.exit(group.main(standalone_mode=False, obj=host) or 0)
    except Failure as failure:
        report(failure, as_json)
        sys.exit(failure.exit_code)
    except click.exceptions.Exit as done:
        sys.exit(done.exit_code)
    except (click.Abort, KeyboardInterrupt):
        report(Failure("interrupted", "Interrupted. What was done stays done."), as_json)
        sys.exit(CODES["interrupted"])
    except click.ClickException as wrong:
        report(Failure("usage", wrong.format_message()), as_json)
        sys.exit(CODES["usage"])
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(0)
