"""What keeps the sessions in tests: each engine is started once and gives every test a place of its own."""

from __future__ import annotations

from typing import Protocol


class Engine(Protocol):
    """An engine that stores stand on. Starting it is its own business, at its first use."""

    def fresh(self, path: str) -> str:
        """The URL of an empty store, of which nobody else knows. path: a file's, not there yet."""


class Sqlite:
    """A file."""

    def fresh(self, path: str) -> str:
        return path


ENGINES: dict[str, Engine] = {"sqlite": Sqlite()}
