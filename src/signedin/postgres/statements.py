"""The store's statements for one schema: ``@`` in the files stands for it."""

from __future__ import annotations

from functools import cache
from typing import Final

from ..sql import Migration, migrations, statements

_TOLD: Final = (
    " RETURNING tag, random, user_id, signed_in_at, last_active_at, ended_at, reason, actor, ip, name,"
    " device"
)


@cache
def for_schema(schema: str) -> dict[str, str]:
    """All statements by their names, with the schema in its place."""
    found: dict[str, str] = {}
    for file in ("reading", "writing", "copying"):
        found |= statements(f"postgres/{file}.sql")
    # The same, and what was written: only where somebody wants to be told.
    found["everybody_told"] = found["everybody_history"].rstrip(";") + _TOLD
    return {name: placed(sql, schema) for name, sql in found.items()}


@cache
def migrations_for(schema: str) -> tuple[Migration, ...]:
    """The steps of the schema, in order."""
    return tuple(
        migration._replace(sql=placed(migration.sql, schema)) for migration in migrations("postgres")
    )


def placed(sql: str, schema: str) -> str:
    """The text with the schema's name in it, which has been checked."""
    return sql.replace("@", f'"{schema}".')
