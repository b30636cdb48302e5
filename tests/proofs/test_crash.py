"""``kill -9`` of the application, the service and the engine: the short form of ``python -m tests.proofs.crash``."""

from __future__ import annotations

import pytest

from .crash import rounds
from .test_processes import prove


@pytest.mark.parametrize(
    ("name", "colour", "count"),
    [
        ("sqlite", "sync", 50),
        ("sqlite", "async", 4),
        ("redis", "async", 3),
        ("valkey", "sync", 3),
        ("cluster", "async", 2),
        ("postgres", "async", 2),
    ],
)
def test_the_application(name: str, colour: str, count: int) -> None:
    """What was acknowledged to an application that was killed is there, and what had ended has ended (DUR-1)."""
    prove("tests.proofs.crash", "application", name, colour, str(count))


def test_the_service() -> None:
    """The same of people who use the service, which goes on when it is started again."""
    prove("tests.proofs.crash", "service", "sqlite", "2")


@pytest.mark.parametrize(
    ("name", "colour", "count"),
    [
        ("redis", "sync", 5),
        ("valkey", "async", 5),
        ("cluster", "sync", 1),
        ("postgres", "async", 2),
    ],
)
def test_the_engine(name: str, colour: str, count: int) -> None:
    """The same of an application whose server was killed, and is there again."""
    assert rounds("engine", name, colour, count).acknowledged.total() > 0
