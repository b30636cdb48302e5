"""``signedin schema``: what the store's tables are, and bringing them up to date."""

from __future__ import annotations

import os

import click

from ..config import engine_of, sqlite_path
from ..sql import migrations
from ..sqlite.engine import Engine, schema_status
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
    path = _file(frame)
    version, known = schema_status(path), migrations("sqlite")
    todo = [migration for migration in known if migration.number > version]
    if as_json:
        names = [f"{m.number:04}_{m.name}" for m in todo]
        print_json({"schema": "signedin.schema/1", "version": version, "pending": names})
        return
    click.echo(f"{path}: schema {version} of {known[-1].number}")
    for migration in todo:
        click.echo(f"pending: {migration.number:04}_{migration.name}")


@schema.command()
@framed
def upgrade(frame: Frame) -> None:
    """Apply what is pending, in one transaction; a missing store is made."""
    path = _file(frame)
    before = schema_status(path)
    engine = Engine(path)
    engine.open()
    engine.close()
    count = schema_status(path) - before
    say(f"{path}: applied {plural(count, 'migration')}." if count else f"{path} is up to date.")


def _file(frame: Frame) -> str:
    """Whose schema it is: only a file has one."""
    url = frame.settings.store
    if engine_of(url) == "redis":
        raise Failure("usage", "a Redis or Valkey store has no schema: there is nothing to upgrade.")
    return os.path.abspath(sqlite_path(url))


@schema.command()
@framed
def sql(frame: Frame) -> None:
    """Print all migrations, for those who run their own."""
    for migration in migrations("sqlite"):
        click.echo(f"-- {migration.number:04}_{migration.name}\n{migration.sql.rstrip()}\n")
