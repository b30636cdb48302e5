"""Disks and memories that are full: the short form of ``full_disk.py``."""

from __future__ import annotations

import pytest

from .test_processes import run


@pytest.mark.parametrize(
    ("what", "name", "colour"),
    [
        ("disk", "sqlite", "sync"),
        ("disk", "redis", "async"),
        ("disk", "valkey", "sync"),
        ("disk", "postgres", "sync"),
        ("everysec", "redis", "sync"),
        ("memory", "valkey", "async"),
    ],
)
def test_full(what: str, name: str, colour: str) -> None:
    """What doesn't fit is refused, what was acknowledged is there, and with room it goes on."""
    assert "as told" in run("tests.proofs.full_disk", what, name, colour, "1")
