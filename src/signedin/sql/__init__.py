"""SQL in named files: a statement is a comment ``-- name: sentence`` and what follows it."""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files
from typing import NamedTuple

_HEADING = re.compile(r"^-- (\w+): (.+)$", re.MULTILINE)


class Migration(NamedTuple):
    """A numbered step of a schema."""

    number: int
    name: str
    sql: str


@cache
def statements(file: str) -> dict[str, str]:
    """The statements of a file, such as ``sqlite/session.sql``, by their names."""
    text = files(__name__).joinpath(file).read_text("utf-8")
    parts = _HEADING.split(text)[1:]
    return {
        name: " ".join(line for line in sql.split("\n") if not line.lstrip().startswith("--")).strip()
        for name, sql in zip(parts[::3], parts[2::3], strict=True)
    }


@cache
def migrations(engine: str) -> tuple[Migration, ...]:
    """The numbered files of an engine's schema, in order."""
    folder = files(__name__).joinpath(engine, "migrations")
    return tuple(
        Migration(int(file.name[:4]), file.name[5:-4], file.read_text("utf-8"))
        for file in sorted(folder.iterdir(), key=lambda file: file.name)
        if file.name.endswith(".sql")
    )
