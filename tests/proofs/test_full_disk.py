"""Disks and memories that are full: the short form of ``full_disk.py``."""

from __future__ import annotations

import pytest

from .full_disk import proof
from .test_processes import prove


def test_a_file() -> None:
    """What doesn't fit is refused, what was acknowledged is there, and with room it goes on."""
    prove("tests.proofs.full_disk", "disk", "sqlite", "sync", "2")


@pytest.mark.parametrize(
    ("what", "name", "colour"),
    [("disk", "redis", "async"), ("everysec", "valkey", "sync"), ("memory", "redis", "async")],
)
def test_a_server(what: str, name: str, colour: str) -> None:
    """The same of a server that ends itself, refuses, or has no memory left."""
    assert proof(what, name, colour, 2).refused > 0
