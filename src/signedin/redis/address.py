"""Where a store is: the URL of a Redis or Valkey server, of a Sentinel's service, or of a cluster."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any, Final, Literal
from urllib.parse import parse_qsl, unquote, urlsplit

from ..errors import SettingsError

PREFIX: Final = "signedin"
PORT: Final = 6379
SENTINEL_PORT: Final = 26379
_is_prefix = re.compile(r"[A-Za-z0-9_.:-]{1,64}").fullmatch
_is_seconds = re.compile(r"[0-9]{1,3}(\.[0-9]{1,3})?").fullmatch
_TLS_FILES: Final = ("ssl_ca_certs", "ssl_certfile", "ssl_keyfile")
_KNOWN: Final = {
    "prefix", "db", "replicas", "rdb_only", "answer_within", "protocol",
    *_TLS_FILES, "ssl_check_hostname",
}  # fmt: skip
POSSIBLE: Final = (
    "Write redis://host:6379/0 or valkey://…, rediss:// or valkeys:// for TLS,"
    " redis+unix:///path/of/socket?db=0, redis+sentinel://host:26379,host/service/0, or"
    " redis+cluster://host:6379,host; behind a question mark: prefix=, replicas=, rdb_only=yes,"
    " answer_within=0.5 seconds, protocol=2 or 3, ssl_ca_certs=."
)


@dataclass(frozen=True)
class Address:
    """Where a store is, and how its server is to be met.

    kind: one server, a service that Sentinels know, or a cluster. hosts: names and ports. prefix: what
    leads every key. replicas: how many of them must have a change before it counts. rdb_only: whether
    snapshots are accepted as the only persistence. answer_within: seconds, or None for the store's own.
    options: of each connection, the driver's names.
    """

    kind: Literal["server", "sentinel", "cluster"]
    hosts: tuple[tuple[str, int], ...] = ()
    path: str | None = None
    service: str | None = None
    tls: bool = False
    prefix: str = PREFIX
    replicas: int = 0
    rdb_only: bool = False
    answer_within: float | None = None
    options: dict[str, Any] = field(default_factory=dict, repr=False)

    @property
    def shown(self) -> str:
        """For people: without user name and password."""
        if self.path is not None:
            return self.path
        hosts = ",".join(f"{host}:{port}" for host, port in self.hosts)
        return f"{hosts}/{self.service}" if self.service else hosts

    @classmethod
    def of(cls, url: str) -> Address:
        """The address that a URL names. Raises SettingsError, which says what is possible."""
        try:
            return cls._of(url)
        except ValueError as error:
            told = f" {error}." if str(error) else ""
            raise SettingsError(f"store is no URL of Redis or Valkey:{told} {POSSIBLE}") from None

    @classmethod
    def _of(cls, url: str) -> Address:
        # A list of hosts is more than urlsplit's own port understands: it is taken apart here.
        try:
            parts = urlsplit(url)
            query = dict(parse_qsl(parts.query, True, bool(parts.query)))
        except ValueError:  # its text might quote the password
            raise ValueError("it can't be read") from None
        family, _, kind = parts.scheme.partition("+")
        if family == "unix" and not kind:
            family, kind = "redis", "unix"
        if family not in ("redis", "rediss", "valkey", "valkeys"):
            raise ValueError(f"its scheme is {parts.scheme!r}")
        if query.keys() - _KNOWN:
            raise ValueError("a parameter behind the question mark is not known")
        if family in ("redis", "valkey") and any(name.startswith("ssl_") for name in query):
            raise ValueError("ssl_… is for rediss:// and valkeys://")
        options = _options(query)
        before, _, hosts = parts.netloc.rpartition("@")
        user, has_password, password = before.partition(":")
        if before:
            options |= {"username": unquote(user) or None}
            options |= {"password": unquote(password) if has_password else None}
        common: dict[str, Any] = {
            "tls": family in ("rediss", "valkeys"),
            "prefix": _prefix(query.get("prefix", PREFIX)),
            "replicas": _number(query.get("replicas", "0"), "replicas"),
            "rdb_only": _yes(query.get("rdb_only", "no"), "rdb_only"),
            "answer_within": _seconds(query["answer_within"]) if "answer_within" in query else None,
            "options": options,
        }
        steps = [unquote(step) for step in parts.path.split("/")[1:]]
        if kind == "unix":
            if hosts or not parts.path.strip("/"):
                raise ValueError("a socket is a path")
            return cls("server", path=unquote(parts.path), **common)
        if kind == "":
            return cls("server", _hosts(hosts, PORT, 1), **_with_db(common, steps))
        if kind == "sentinel":
            if not steps or not steps[0]:
                raise ValueError("the service's name is missing")
            found = _hosts(hosts, SENTINEL_PORT, 99)
            return cls("sentinel", found, service=steps[0], **_with_db(common, steps[1:]))
        if kind == "cluster":
            if options["db"] or (any(steps) and steps != ["0"]):
                raise ValueError("a cluster has database 0 only")
            return cls("cluster", _hosts(hosts, PORT, 99), **common)
        raise ValueError(f"its scheme is {parts.scheme!r}")


def _options(query: dict[str, str]) -> dict[str, Any]:
    options: dict[str, Any] = {"db": _number(query.get("db", "0"), "db")}
    if "protocol" in query:
        options["protocol"] = _number(query["protocol"], "protocol")
        if options["protocol"] not in (2, 3):
            raise ValueError("protocol is 2 or 3")
    for name in _TLS_FILES:
        if name in query:
            options[name] = query[name]
    if "ssl_check_hostname" in query:
        options["ssl_check_hostname"] = _yes(query["ssl_check_hostname"], "ssl_check_hostname")
    return options


def _with_db(common: dict[str, Any], steps: list[str]) -> dict[str, Any]:
    if len(steps) > 1:
        raise ValueError("there is too much behind the host")
    if steps and steps[0]:
        common["options"]["db"] = _number(steps[0], "the database")
    return common


def _hosts(text: str, port: int, most: int) -> tuple[tuple[str, int], ...]:
    found = []
    for one in text.split(","):
        match = re.fullmatch(r"(\[[0-9A-Fa-f:.]+\]|[^:\[\]@/]*)(?::(\d{1,5}))?", one)
        if match is None:
            raise ValueError("a host is a name or an address, and perhaps a port")
        found.append((match[1].strip("[]") or "localhost", int(match[2] or port)))
    if len(found) > most:
        raise ValueError("it names several hosts")
    return tuple(found)


def _prefix(text: str) -> str:
    if _is_prefix(text) is None:
        raise ValueError("prefix is 1 to 64 letters, digits and _ . : -")
    return text


def _number(text: str, name: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 6):
        raise ValueError(f"{name} is a number")
    return int(text)


def _seconds(text: str) -> float:
    if _is_seconds(text) is None or not float(text):
        raise ValueError("answer_within is a number of seconds")
    return float(text)


def _yes(text: str, name: str) -> bool:
    if text not in ("yes", "no"):
        raise ValueError(f"{name} is yes or no")
    return text == "yes"
