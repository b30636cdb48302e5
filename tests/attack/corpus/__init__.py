"""Inputs worth trying again: made by hand, and found by the fuzzer. A file a target, a line an input, as
Python writes bytes.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable
from pathlib import Path

FOLDER = Path(__file__).parent


def seeds(target: str) -> list[bytes]:
    """The inputs of a target."""
    lines = (FOLDER / f"{target}.txt").read_text("ascii").splitlines()
    return [ast.literal_eval(line) for line in lines]


def keep(target: str, found: Iterable[bytes]) -> None:
    """Add what isn't there yet."""
    known = seeds(target)
    with (FOLDER / f"{target}.txt").open("a", encoding="ascii") as file:
        file.writelines(f"{data!r}\n" for data in found if data not in known)
