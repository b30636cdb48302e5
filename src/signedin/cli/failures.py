"""What can go wrong at the command line: a sentence, a way out, an exit code."""

from __future__ import annotations

import json
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import click

from ..errors import ReadOnly, SettingsError, SignedinError, StoreUnavailable, UserNotFound
from ..selector import NoSuchUser

CODES: Final = {
    "failed": 1,
    "usage": 2,
    "not_found": 3,
    "confirmation_required": 4,
    "partly_failed": 5,
    "store_unavailable": 6,
    "read_only": 7,
    "interrupted": 130,
}


class Failure(Exception):
    """A command that ends here. hint: what to do about it."""

    def __init__(self, code: str, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.hint = hint

    @property
    def exit_code(self) -> int:
        """The process's."""
        return CODES[self.code]


@contextmanager
def told(*, debug: bool = False) -> Iterator[None]:
    """Tell errors as failures of the command. debug: show where an unexpected one came from."""
    try:
        yield
    except (Failure, click.ClickException, click.Abort, click.exceptions.Exit, BrokenPipeError):
        raise
    except (NoSuchUser, UserNotFound) as error:
        raise Failure("not_found", str(error)) from error
    except ReadOnly as error:
        raise Failure("read_only", str(error)) from error
    except SettingsError as error:
        raise Failure("usage", str(error)) from error
    except StoreUnavailable as error:
        raise Failure("store_unavailable", str(error)) from error
    except (SignedinError, ValueError) as error:
        raise Failure("failed", str(error)) from error
    except Exception as error:
        if debug:
            traceback.print_exc()
        hint = None if debug else "run it again with --debug to see where it came from"
        raise Failure("failed", f"unexpected {type(error).__name__}: {error}", hint) from error


def wants_json() -> bool:
    """Whether the command line asks for JSON, also where it couldn't be read to its end."""
    return "--json" in sys.argv or "--jsonl" in sys.argv


def report(failure: Failure, as_json: bool) -> None:
    """The failure on stderr: a line and its hint, or a ``signedin.error/1`` document."""
    if as_json:
        error = {
            "code": failure.code,
            "message": failure.message,
            "exit_code": failure.exit_code,
            "hint": failure.hint,
        }
        click.echo(json.dumps({"schema": "signedin.error/1", "error": error}), err=True)
        return
    click.echo(f"signedin: {failure.message}", err=True)
    if failure.hint:
        click.echo(f"→ {failure.hint}", err=True)
