"""Where a store is: the URL of a PostgreSQL database, as libpq reads it, and a schema in it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

from ..errors import SettingsError

SCHEMA: Final = "signedin"
POSSIBLE: Final = (
    "Write postgresql://user@host:5432/database?schema=signedin; behind the question mark whatever"
    " libpq knows, prepare=no for a PgBouncer before 1.21, and answer_within=0.5 for another number of"
    " seconds than a quarter."
)
_is_seconds = re.compile(r"\d{1,3}(\.\d{1,3})?").fullmatch
_is_schema = re.compile(r"[a-z_][a-z0-9_]{0,62}").fullmatch


@dataclass(frozen=True)
class Address:
    """Where a store is. conninfo: for libpq; it may hold a password. schema: whose tables they are.
    prepares: whether statements are prepared. answer_within: seconds, or None for the store's own.
    shown: for people, without user name and password.
    """

    conninfo: str = field(repr=False)
    schema: str
    prepares: bool
    answer_within: float | None
    shown: str

    @classmethod
    def of(cls, url: str, schema: str | None = None) -> Address:
        """The address that a URL names. Raises SettingsError, which says what is possible."""
        parts = urlsplit(url)
        options = dict(parse_qsl(parts.query, keep_blank_values=True))
        named, prepare = options.pop("schema", None), options.pop("prepare", "yes")
        schema = _checked(schema or named)
        if prepare not in ("yes", "no"):
            raise SettingsError(f"prepare is yes or no, not {prepare!r}. {POSSIBLE}")
        within = options.pop("answer_within", None)
        if within is not None and not _is_seconds(within):
            raise SettingsError(f"answer_within is a number of seconds, not {within!r}. {POSSIBLE}")
        options.setdefault("target_session_attrs", "read-write")  # a replica is behind
        options.setdefault("application_name", "signedin")
        options.setdefault("client_encoding", "utf8")  # a database may have none
        options.setdefault("connect_timeout", "2")  # or a worker waits for an address where nobody is
        bare = f"postgresql://{parts.netloc}{parts.path}"
        conninfo = f"{bare}?{urlencode(options, quote_via=quote)}"
        host = parts.netloc.rpartition("@")[2] or options.get("host", "")
        shown = f"{host}{parts.path} schema {schema}"
        return cls(conninfo, schema, prepare == "yes", None if within is None else float(within), shown)

    @classmethod
    def of_pool(cls, schema: str | None) -> Address:
        """A schema in whatever database a pool leads to. Raises SettingsError."""
        schema = _checked(schema)
        return cls("", schema, True, None, f"the pool's database schema {schema}")


def _checked(schema: str | None) -> str:
    schema = SCHEMA if schema is None else schema
    if not _is_schema(schema):
        raise SettingsError(f"schema is {schema!r}: lower-case letters, digits and _ are possible.")
    return schema
