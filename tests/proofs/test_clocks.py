"""A clock that jumps: the short form of ``clocks.py``."""

from __future__ import annotations

import pytest

from ..engines import ENGINES
from .clocks import proof


@pytest.mark.parametrize("name", ENGINES)
@pytest.mark.parametrize("colour", ["async", "sync"])
def test_jumps(name: str, colour: str) -> None:
    """Sessions live longer or shorter by at most the step, and no recorded time decreases (TIME-1)."""
    lives = 6 if name == "sqlite" else 2
    assert proof("jumps", name, colour, lives).jumps > 0
