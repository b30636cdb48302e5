"""The store's statements for one schema: ``@`` in the files stands for it."""

from __future__ import annotations

from functools import cache

from ..sql import Migration, migrations, statements


@cache
def for_schema(schema: str) -> dict[str, str]:
    """All statements by their names, with the schema in its place."""
    found: dict[str, str] = {}
    for file in ("reading", "writing", "copying"):
        found |= statements(f"postgres/{file}.sql")
    gone = found.pop("everybody_gone").rstrip(";")
    for name in ("everybody_counted", "everybody_told"):
        found[name] = f"{gone}\n{found[name]}"
    told = found.pop("ended_told")
    for name in ("end_one", "end_all_but", "end_expired"):
        found[name] = f"{found[name].rstrip(';')}\n{told}"
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
