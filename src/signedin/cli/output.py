"""How commands print: a table for people, and JSON, JSON lines, CSV or tabs for programs.

Every text of unknown origin goes through :func:`inert` on its way to a terminal.
"""

from __future__ import annotations

import csv
import json
import os
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, tzinfo
from functools import wraps
from typing import Any, Final, Literal, TypeVar
from unicodedata import category, combining, east_asian_width
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import click
import msgspec

from ..describe import DAY, HOUR, MINUTE
from ..session import at, clean_text
from .failures import Failure

F = TypeVar("F", bound=Callable[..., Any])
Form = Literal["table", "json", "jsonl", "csv", "plain"]

CELL: Final = 255
"""Most characters of one cell of a table."""
FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")
"""How a text begins that a spreadsheet might execute."""

_OPTIONS = (
    click.option("--json", "form", flag_value="json", help="One JSON document on stdout."),
    click.option("--jsonl", "form", flag_value="jsonl", help="One JSON document a line."),
    click.option("--csv", "form", flag_value="csv", help="Comma-separated, with a heading."),
    click.option("--plain", "form", flag_value="plain", help="Tab-separated, without a heading."),
    click.option("-q", "--quiet", is_flag=True, help="Nothing but the data and errors."),
    click.option("--utc", is_flag=True, help="Times in UTC."),
    click.option(
        "--tz", metavar="ZONE", help="Times in this zone: Europe/Zurich. [default: this machine's]"
    ),
    click.option("--full-ip/--mask-ip", "full_ip", default=True, help="Whole addresses, or masked."),
    click.option("--columns", metavar="A,B", help="Which columns, in which order."),
    click.option("--fail-empty", is_flag=True, help="Exit with 3 when there is nothing."),
)


@dataclass(frozen=True)
class Out:
    """How to print. columns: the names that were asked for, or None for the usual ones."""

    form: Form
    quiet: bool
    zone: tzinfo
    zone_name: str
    full_ip: bool
    columns: tuple[str, ...] | None
    fail_empty: bool

    def say(self, text: str) -> None:
        """A sentence for the person at the terminal, on stderr, beside a table."""
        if not self.quiet and self.form == "table":
            click.echo(text, err=True)

    def time(self, ms: int) -> str:
        """A time as tables show it: ``2026-11-23 08:12``."""
        return f"{at(ms).astimezone(self.zone):%Y-%m-%d %H:%M}"

    def ip(self, address: str) -> str:
        """An address, masked where that was asked for."""
        from ..describe import masked_ip

        return address if self.full_ip else masked_ip(address)

    def rows(self, headings: Sequence[str], rows: Iterable[Sequence[str]]) -> int:
        """Print rows in the form asked for (not JSON); how many."""
        if self.form == "table":
            held = [[inert(cell) for cell in row] for row in rows]
            if held:
                print_table(headings, held)
            return len(held)
        count = 0
        writer = csv.writer(sys.stdout, lineterminator="\n")
        if self.form == "csv":
            writer.writerow(heading.lower().replace(" ", "_") for heading in headings)
        for row in rows:
            count += 1
            if self.form == "csv":
                writer.writerow(map(guarded, row))
            else:
                click.echo("\t".join(inert(cell) for cell in row))
        return count

    def lines(self, documents: Iterable[Any]) -> int:
        """Print one JSON document a line; how many."""
        count = 0
        for document in documents:
            click.echo(json.dumps(msgspec.to_builtins(document), ensure_ascii=False))
            count += 1
        return count

    def done(self, count: int) -> None:
        """The end of a list of so many: an empty one is done, too, unless that was asked to fail."""
        if not count and self.fail_empty:
            raise Failure("not_found", "nothing matches.")


def printing(*forms: Form) -> Callable[[F], F]:
    """The options of OUT, given to the command as ``out``; forms: which it has beside a table."""

    def decorate(function: F) -> F:
        @wraps(function)
        def wrapped(
            *args: Any,
            form: Form | None,
            quiet: bool,
            utc: bool,
            tz: str | None,
            full_ip: bool,
            columns: str | None,
            fail_empty: bool,
            **options: Any,
        ) -> Any:
            chosen: Form = form or "table"
            if chosen != "table" and chosen not in forms:
                raise Failure("usage", f"this command has no --{chosen}; it has --{', --'.join(forms)}.")
            zone, name = (UTC, "UTC") if utc else local_zone() if tz is None else named_zone(tz)
            names = None if columns is None else tuple(c.strip() for c in columns.split(","))
            out = Out(chosen, quiet, zone, name, full_ip, names, fail_empty)
            return function(*args, out=out, **options)

        for option in reversed(_OPTIONS):
            wrapped = option(wrapped)
        return wrapped  # type: ignore[return-value]

    return decorate


# ── times ────────────────────────────────────────────────────────────────────────────────────


def local_zone() -> tuple[tzinfo, str]:
    """The zone of this machine and its name; UTC where it can't be told."""
    name = os.environ.get("TZ", "").lstrip(":")
    if not name and os.path.islink("/etc/localtime"):
        name = os.path.realpath("/etc/localtime").rpartition("zoneinfo/")[2]
    try:
        return named_zone(name) if name else (UTC, "UTC")
    except Failure:
        return UTC, "UTC"


def named_zone(name: str) -> tuple[tzinfo, str]:
    """The zone with this IANA name. Failure for any other text."""
    try:
        return ZoneInfo(name), "UTC" if name in ("Etc/UTC", "UTC") else name
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise Failure("usage", f"{name!r} is not a time zone. Write one like Europe/Zurich.") from None


def ago(ms: int, now: int) -> str:
    """How long ago, as briefly as can be: ``now``, ``26m ago``, ``4d ago``."""
    since = now - ms
    if since < MINUTE:
        return "now"
    for unit, length, most in (("m", MINUTE, HOUR), ("h", HOUR, DAY)):
        if since < most:
            return f"{since // length}{unit} ago"
    return f"{since // DAY}d ago"


# ── text ─────────────────────────────────────────────────────────────────────────────────────


def inert(text: str) -> str:
    """A text that does nothing in a terminal: no controls, no escapes, no turned directions."""
    return clean_text(text, CELL)


def guarded(text: str) -> str:
    """A text that is no formula in a spreadsheet."""
    clean = inert(text)
    return "'" + clean if clean.startswith(FORMULA) else clean


def print_json(value: object) -> None:
    """A document on stdout."""
    click.echo(json.dumps(msgspec.to_builtins(value), indent=1, ensure_ascii=False))


def print_table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Columns as wide as they need, on stdout."""
    widths = [max(map(width, column)) for column in zip(headings, *rows, strict=True)]
    for row in (headings, *rows):
        cells = (cell + " " * (wide - width(cell)) for cell, wide in zip(row, widths, strict=True))
        click.echo("   ".join(cells).rstrip())


def width(text: str) -> int:
    """How many columns of a terminal a text takes."""
    if text.isascii():
        return len(text)
    return sum(
        0 if combining(c) or category(c) in ("Mn", "Me", "Cf") else 1 + (east_asian_width(c) in "WF")
        for c in text
    )
