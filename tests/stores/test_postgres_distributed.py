"""That the tables can be distributed by the user's tag: what Citus asks for, checked with partitions."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import psycopg
import pytest

from signedin import Settings, SignedIn
from signedin._sync.sessions import Sessions
from signedin._sync.stores.postgres import PostgresStore
from signedin._sync.stores.postgres_line import Line
from signedin.outcomes import Presented
from signedin.policy import Policy
from signedin.postgres.address import Address
from signedin.postgres.statements import migrations_for
from signedin.session import SessionId

from ..engines import ENGINES
from ..support import LAPTOP, MINUTE, Clock

DOCS = Path(__file__).parent.parent.parent / "docs" / "postgresql.md"
TABLES = re.findall(r"create_distributed_table\('signedin\.(\w+)', 'tag'", DOCS.read_text())
PARTS = 16


@pytest.fixture
def url() -> str:
    return ENGINES["postgres"].fresh("")


def test_every_unique_key_leads_with_the_tag(url: str) -> None:
    """Of each table that the docs distribute; the others have no tag."""
    PostgresStore(url).everybody_barrier()
    schema = Address.of(url).schema
    keys = f"""
      SELECT t.relname, a.attname FROM pg_index AS i
      JOIN pg_class AS t ON t.oid = i.indrelid AND t.relnamespace = '{schema}'::regnamespace
      JOIN pg_attribute AS a ON a.attrelid = t.oid AND a.attnum = i.indkey[0]
      WHERE i.indisunique"""
    tagged = f"""
      SELECT DISTINCT table_name FROM information_schema.columns
      WHERE table_schema = '{schema}' AND column_name = 'tag'"""
    with psycopg.connect(Address.of(url).conninfo) as connection:
        found = connection.execute(keys).fetchall()
        assert {table for (table,) in connection.execute(tagged).fetchall()} == set(TABLES)
    first = {table: {column for name, column in found if name == table} for table, _ in found}
    assert {table for table, columns in first.items() if columns == {"tag"}} == set(TABLES)


def partitioned(connection: psycopg.Connection[Any], schema: str) -> None:
    """The schema as it is, each of the tables in parts by the tag's hash."""
    connection.execute(f"CREATE SCHEMA {schema}")
    connection.execute(f"CREATE TABLE {schema}.migration (number integer PRIMARY KEY, name text)")
    for migration in migrations_for(schema):
        form = rf'(CREATE TABLE "{schema}"\.(?:{"|".join(TABLES)}) \(.*?\n\))[^;]*;'
        sql = re.sub(form, r"\1 PARTITION BY HASH (tag);", migration.sql, flags=re.DOTALL)
        connection.execute(sql)
        connection.execute(f"INSERT INTO {schema}.migration VALUES (%s, %s)", migration[:2])
    for table in TABLES:
        for number in range(PARTS):
            connection.execute(
                f"CREATE TABLE {schema}.{table}_part{number} PARTITION OF {schema}.{table}"
                f" FOR VALUES WITH (MODULUS {PARTS}, REMAINDER {number})"
            )


def test_a_users_verbs_stay_in_the_users_part(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """All of a user's tables lie in one part, and no statement of the user's verbs looks into another.
    Only touches, which come for many users together, and operators' walks do.
    """
    ran: list[tuple[str, Sequence[Any]]] = []
    execute = Line.execute

    def noted(self: Line, query: str, values: Any = None, *, binary: bool = False) -> Any:
        if values is not None:
            ran.append((query, values))
        return execute(self, query, values, binary=binary)

    monkeypatch.setattr(Line, "execute", noted)
    address, clock = Address.of(url), Clock()
    with psycopg.connect(address.conninfo, autocommit=True) as connection:
        partitioned(connection, address.schema)
        flow = Sessions(PostgresStore(url, answer_within=5), Settings(cap=4), clock)
        a_whole_life(flow, clock)
        flow.close()
        raw = psycopg.RawCursor(connection)
        parts: dict[str, set[str]] = {}
        for query, values in ran:
            if any(f'"{address.schema}".{table}' in query for table in TABLES):
                plan = "\n".join(line for (line,) in raw.execute(f"EXPLAIN {query}", values).fetchall())
                parts.setdefault(query, set()).update(re.findall(r"_part(\d+)\b", plan))
    assert len(parts) >= 24
    assert len(set.union(*parts.values())) == 1
    for query, found in parts.items():  # where a row is put is not in a plan: its tag comes first
        assert found or re.match(r"INSERT INTO \S+ \(tag, ", query), query


def a_whole_life(flow: Sessions, clock: Clock) -> None:
    """Every verb of a user."""

    def sign_in(presented: Presented | None = None, **options: Any) -> SignedIn:
        clock.tick(MINUTE)
        outcome = flow.sign_in(
            "1", LAPTOP, presented=presented or Presented(), started_at=clock(), **options
        )
        assert isinstance(outcome, SignedIn)
        return outcome

    first, second = sign_in(remember=True), sign_in()
    token, remember = (cookie.value for cookie in first.cookies)
    sign_in(Presented(second.cookies[0].value))
    assert flow.validate(token) is not None
    assert flow.store.set_data(first.session.id, b"bag", clock())
    assert flow.store.data(first.session.id) == b"bag"
    assert flow.store.set_data(first.session.id, None, clock())
    assert flow.rename("1", first.session.id, "x")
    flow.rotate(token)
    resumed = flow.resume(remember, LAPTOP, started_at=clock())
    assert isinstance(resumed, SignedIn)
    for _ in range(4):
        last = sign_in(remember=True)
    flow.forget("1")
    flow.why_ended(token)
    flow.sign_out(Presented(last.cookies[0].value))
    ids = [SessionId(session.id) for session in flow.list("1")]
    assert flow.revoke("1", ids[0], current=None).ended
    assert flow.revoke("1", ids[0], current=None).already
    assert flow.revoke_others("1", current=ids[1]).ended
    flow.credentials_changed("1")
    assert flow.revoke_all("1", operator="cli:root").ended == ()
    assert flow.history("1")
    full, now = Settings(policy=Policy(cap=1, at_cap="refuse")), clock.tick(MINUTE)
    assert isinstance(Sessions(flow.store, full, clock).sign_in("1", LAPTOP, started_at=now), SignedIn)
