"""``signedin schema``: what the store's tables are, and bringing them up to date."""

from __future__ import annotations

import click

from ..config import engine_of, open_store, store_place
from ..sql import Migration, migrations
from .failures import Failure
from .frame import Frame, Suggesting, framed, plural, say
from .output import print_json


@click.group(cls=Suggesting)
def schema() -> None:
    """The store's schema. A store is brought up to date when it is opened, too."""


@schema.command()
@framed
@click.option("--json", "as_json", is_flag=True, help="JSON on stdout.")
def status(frame: Frame, as_json: bool) -> None:
    """Which migrations the store has seen; nothing is changed."""
    known = _migrations(frame)
    version = _version(frame)
    todo = [migration for migration in known if migration.number > version]
    if as_json:
        names = [f"{m.number:04}_{m.name}" for m in todo]
        print_json({"schema": "signedin.schema/1", "version": version, "pending": names})
        return
    click.echo(f"{store_place(frame.settings.store)}: schema {version} of {known[-1].number}")
    for migration in todo:
        click.echo(f"pending: {migration.number:04}_{migration.name}")


@schema.command()
@framed
def upgrade(frame: Frame) -> None:
    """Apply what is pending, in one transaction; a missing store is made."""
    place = store_place(frame.settings.store)
    _migrations(frame)
    before = _version(frame)
    store = open_store(frame.settings)
    store.everybody_barrier()  # the first use brings it up to date
    store.close()
    count = _version(frame) - before
    say(f"{place}: applied {plural(count, 'migration')}." if count else f"{place} is up to date.")


@schema.command()
@framed
def sql(frame: Frame) -> None:
    """Print all migrations, for those who run their own."""
    for migration in _migrations(frame):
        click.echo(f"-- {migration.number:04}_{migration.name}\n{migration.sql.rstrip()}\n")


def _migrations(frame: Frame) -> tuple[Migration, ...]:
    """The steps of the schema that the store has."""
    engine = engine_of(frame.settings.store)
    if engine == "redis":
        raise Failure("usage", "a Redis or Valkey store has no schema: there is nothing to upgrade.")
    if engine == "postgres":
        from ..postgres.address import Address
        from ..postgres.statements import migrations_for

        return migrations_for(Address.of(frame.settings.store).schema)
    return migrations("sqlite")


def _version(frame: Frame) -> int:
    """The last step that the store has seen; 0 when there is none."""
    if engine_of(frame.settings.store) == "postgres":
        from ..postgres.health import schema_status as status_of_database

        return status_of_database(frame.settings.store)
    from ..sqlite.engine import schema_status

    return schema_status(store_place(frame.settings.store))
