"""What a URL of Redis or Valkey can say, and that it never says the password to anybody."""

from __future__ import annotations

from typing import Any

import pytest

from signedin.config import engine_of, open_store, store_place
from signedin.errors import SettingsError
from signedin.redis.address import Address
from signedin.settings import Settings


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("redis://", {"kind": "server", "hosts": (("localhost", 6379),)}),
        ("valkey://h:7000/3", {"hosts": (("h", 7000),), "options": {"db": 3}}),
        ("rediss://h", {"tls": True}),
        ("valkeys://h", {"tls": True}),
        ("redis://[::1]:7000", {"hosts": (("::1", 7000),)}),
        ("redis+unix:///run/redis.sock?db=2", {"path": "/run/redis.sock", "options": {"db": 2}}),
        ("unix:///run/redis.sock", {"path": "/run/redis.sock"}),
        (
            "redis+sentinel://a:26380,b/main/1",
            {"kind": "sentinel", "hosts": (("a", 26380), ("b", 26379)), "service": "main"},
        ),
        ("valkey+cluster://a,b:7001", {"kind": "cluster", "hosts": (("a", 6379), ("b", 7001))}),
        ("redis://h?prefix=app1&replicas=2&rdb_only=yes", {"prefix": "app1", "replicas": 2, "rdb_only": True}),
        ("redis://h?answer_within=0.5", {"answer_within": 0.5}),
        ("redis://ada:p%40ss@h", {"options": {"db": 0, "username": "ada", "password": "p@ss"}}),
        ("redis://:secret@h", {"options": {"db": 0, "username": None, "password": "secret"}}),
    ],
)  # fmt: skip
def test_what_is_possible(url: str, expected: dict[str, Any]) -> None:
    """One server, a socket, Sentinels, a cluster; with TLS; parameters behind the question mark."""
    address = Address.of(url)
    for name, value in expected.items():
        assert getattr(address, name) == value
    assert engine_of(url) == "redis"


@pytest.mark.parametrize(
    "url",
    [
        "redis://:geheim@a,b",
        "redis://:geheim@h/x",
        "redis://:geheim@h/1/2",
        "redis://:geheim@h:port",
        "redis://:geheim@h?prefix={a}",
        "redis://:geheim@h?protocol=4",
        "redis://:geheim@h?rdb_only=true",
        "redis://:geheim@h?answer_within=0",
        "redis://:geheim@h?answer_within=-1",
        "redis://:geheim@h?unknown=1",
        "redis://:geheim@h?ssl_ca_certs=file",
        "redis://:geheim@h?broken",
        "redis://:ge?heim=geheim@h",
        "redis://:geheim[@h",
        "redis+cluster://:geheim@h/1",
        "redis+sentinel://:geheim@h",
        "redis+carrier-pigeon://:geheim@h",
        "redis+unix://:geheim@h/path",
    ],
)
def test_what_is_not(url: str) -> None:
    """A URL that can't be right is refused with what is possible, and without its password."""
    with pytest.raises(SettingsError, match="redis://host") as caught:
        open_store(Settings(store=url))
    assert "geheim" not in str(caught.value)
    assert "geheim" not in repr(caught.value)


def test_passwords_are_not_shown() -> None:
    """Neither by repr nor where people are told where the store is."""
    url = "redis://ada:geheim@h:7000/2"
    assert "geheim" not in repr(Address.of(url))
    assert store_place(url) == "h:7000"
    assert "geheim" not in repr(Settings(store=url))
