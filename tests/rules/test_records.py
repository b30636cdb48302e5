"""What the rules and the flow hand out are values."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, is_dataclass
from importlib import import_module
from typing import Any

import msgspec
import pytest

MODULES = (
    "audit cookies device events outcomes policy reasons remember_me selector session settings steps"
)
RECORDS = {
    thing.__name__: thing
    for module in MODULES.split()
    for thing in vars(import_module(f"signedin.{module}")).values()
    if isinstance(thing, type) and thing.__module__ == f"signedin.{module}"
    if is_dataclass(thing) or issubclass(thing, msgspec.Struct)
}


@pytest.mark.parametrize("name", sorted(RECORDS))
def test_records_stay_as_they_are(name: str) -> None:
    """Nobody who was given a record can change it."""
    record: Any = RECORDS[name]
    if issubclass(record, msgspec.Struct):
        assert record.__struct_config__.frozen
        return
    with pytest.raises(FrozenInstanceError):
        setattr(object.__new__(record), next(iter(record.__annotations__)), None)
