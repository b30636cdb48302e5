"""Whether revoked is revoked, on every engine; and that it would be noticed if it weren't."""

from __future__ import annotations

import re

import pytest

from ..engines import ENGINES
from .history_check import BY_NOBODY, FORKED, LISTED_TOO_MANY, RESTORED, REVIVED
from .test_processes import run


@pytest.mark.parametrize("name", ENGINES)
def test_revoked_is_revoked(name: str, path: str) -> None:
    """Six processes on one store, thousands of validations, a hundred revokes: what has ended has ended, in
    every process, and nobody is signed out by nobody (REV-1).
    """
    told = history(name, path)
    assert "no violation" in told


@pytest.mark.parametrize(
    ("fault", "rule"),
    [
        ("cache", REVIVED),
        ("upsert", REVIVED),
        ("cap", LISTED_TOO_MANY),
        ("replica", REVIVED),
        ("remember", RESTORED),
        ("swap", FORKED),
        ("lose", BY_NOBODY),
    ],
)
def test_a_fault_is_seen(fault: str, rule: str, path: str) -> None:
    """The same history on a store with a fault that others have made breaks the rule, and is shown."""
    told = history("redis", path, "--plant", fault, status=1)
    assert f"times: {rule}" in told
    assert re.search(rf"  {rule}: .+\n(.*\n)*?    > \d+\.\d+ ", told)


def history(engine: str, path: str, *more: str, status: int = 0) -> str:
    """A short history, and what is told of it."""
    many = ("--validations", "2000", "--revokes", "100")
    store = ("--store", ENGINES[engine].fresh(path))
    return run("tests.proofs.history", engine, *many, *store, *more, status=status)
