"""Random lives, compared with a model after every step, on every engine in both colours."""

from __future__ import annotations

import pytest

from ..engines import ENGINES
from .lives import live


@pytest.mark.parametrize("name", ENGINES)
@pytest.mark.parametrize("colour", ["async", "sync"])
def test_lives(name: str, colour: str) -> None:
    """Whatever happens in whatever order, the model and the store say the same."""
    live(name, colour, 40 if name == "sqlite" else 12)
