"""What can be checked of a PostgreSQL store from outside: the server's settings and the schema."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import psycopg

from ..errors import StoreUnavailable
from ..health import Check
from .address import Address
from .statements import migrations_for

OLDEST: Final = 140000
"""The first version that the store is written for."""
CLOCKS_APART: Final = 60_000
"""Milliseconds; times come from the applications, so the server's clock only helps to notice theirs."""
WITHIN: Final = 2
_SETTINGS: Final = ("fsync", "full_page_writes", "synchronous_commit", "autovacuum")
_LOOK: Final = """
SELECT current_setting('server_version_num')::int, pg_is_in_recovery(),
       current_setting('transaction_read_only') = 'on',
       (extract(epoch FROM clock_timestamp()) * 1000)::bigint,
       (SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()),
       inet_server_addr() IS NULL OR inet_server_addr() <<= inet '127.0.0.0/8'
         OR inet_server_addr() = inet '::1',
       (SELECT count(*) FROM pg_stat_replication), current_setting('synchronous_standby_names')
"""


def checks(url: str, now: int) -> Iterator[Check]:
    """What is found, a check at a time. The database is only read."""
    address = Address.of(url)
    try:
        with psycopg.connect(address.conninfo, connect_timeout=WITHIN, autocommit=True) as connection:
            looked: Any = connection.execute(_LOOK).fetchone()
            settings = {name: connection.execute(f"SHOW {name}").fetchall()[0][0] for name in _SETTINGS}
            yield from _of_server(looked, settings, now)
            yield _of_schema(connection, address)
    except psycopg.Error as error:
        text = str(error).strip().partition("\n")[0]
        yield Check("store", "fail", text, "see that the server runs, and that --store names it")


def _of_server(looked: Any, settings: dict[str, str], now: int) -> Iterator[Check]:
    version, recovering, read_only, clock, tls, near, replicas, synchronous = looked
    shown = f"PostgreSQL {version // 10000}.{version % 10000}"
    if version < OLDEST:
        yield Check("server", "fail", shown, f"upgrade to {OLDEST // 10000} or later")
    else:
        yield Check("server", "pass", shown)
    if recovering or read_only:
        found = "a replica" if recovering else "default_transaction_read_only is on"
        yield Check("primary", "fail", found, "name the primary: a replica shows what was")
    else:
        yield Check("primary", "pass", "it writes")
    off = [name for name in ("fsync", "full_page_writes") if settings[name] == "off"]
    commit = settings["synchronous_commit"]
    if off:
        remedy = "switch them on: a crash may bring revoked sessions back"
        yield Check("durability", "fail", f"{', '.join(off)} off", remedy)
    elif commit == "off":
        remedy = "on for this role: a crash may bring revoked sessions back"
        yield Check("durability", "fail", "synchronous_commit off", remedy)
    else:
        yield Check("durability", "pass", f"synchronous_commit {commit}")
    yield _of_replicas(replicas, synchronous, commit)
    if tls or near:
        yield Check("tls", "pass", "encrypted" if tls else "on this machine")
    else:
        yield Check("tls", "warn", "not encrypted", "sslmode=verify-full in the URL")
    if settings["autovacuum"] == "off":
        yield Check("autovacuum", "warn", "off", "on: touches leave old rows behind")
    else:
        yield Check("autovacuum", "pass", "on")
    apart = abs(clock - now)
    if apart > CLOCKS_APART:
        remedy = "set the clocks: times come from the applications"
        yield Check("server clock", "warn", f"{apart // 1000:,} s apart", remedy)
    else:
        yield Check("server clock", "pass", "together with this one")


def _of_replicas(replicas: int, synchronous: str, commit: str) -> Check:
    if not replicas and not synchronous:
        return Check("failover", "pass", "no replica that could take over")
    if synchronous and commit in ("on", "remote_apply"):
        return Check("failover", "pass", f"commits wait for {synchronous}")
    found = f"{replicas} replicas, none synchronous: a failover can undo what was just revoked"
    return Check("failover", "warn", found, "synchronous_standby_names, or revoke again afterwards")


def _of_schema(connection: psycopg.Connection[Any], address: Address) -> Check:
    version, known = (
        schema_version(connection, address.schema),
        migrations_for(address.schema)[-1].number,
    )
    found = f"{version} of {known} in {address.schema}"
    if version > known:
        return Check("schema", "fail", found, "upgrade signedin")
    if version < known:
        return Check("schema", "warn", found, "signedin schema upgrade; the first use does it, too")
    return Check("schema", "pass", found)


def schema_version(connection: psycopg.Connection[Any], schema: str) -> int:
    """The number of the last migration that the schema has seen; 0 for none."""
    table = f'"{schema}".migration'
    if connection.execute("SELECT to_regclass(%s)", (table,)).fetchall()[0][0] is None:
        return 0
    query = f"SELECT max(number) FROM {table}"  # noqa: S608 - a checked name
    return int(connection.execute(query).fetchall()[0][0] or 0)


def schema_status(url: str) -> int:
    """The same of the store at a URL, which is only read. Raises StoreUnavailable."""
    address = Address.of(url)
    try:
        with psycopg.connect(address.conninfo, connect_timeout=WITHIN) as connection:
            return schema_version(connection, address.schema)
    except psycopg.Error as error:
        text = str(error).strip().partition("\n")[0]
        raise StoreUnavailable(
            f"The session store can't be used: {text}. Nothing was changed."
        ) from error
