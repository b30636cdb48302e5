"""What the tests share: short names for what ``signedin.testing`` has, and the canaries."""

from __future__ import annotations

from signedin.testing import AsAsync
from signedin.testing import FrozenClock as Clock
from signedin.testing.records import (
    DAY,
    FIREFOX,
    HOUR,
    IPHONE,
    LAPTOP,
    MINUTE,
    PHONE,
    SECOND,
    START,
    ids,
    make_record,
    make_series,
    signed_in,
    step,
)

__all__ = [
    "DAY",
    "FIREFOX",
    "HOUR",
    "IPHONE",
    "ISSUED",
    "LAPTOP",
    "MINUTE",
    "PHONE",
    "SECOND",
    "START",
    "AsAsync",
    "Clock",
    "ids",
    "make_record",
    "make_series",
    "signed_in",
    "step",
]

ISSUED: set[str] = set()
"""The secrets that were issued in the running test: canaries, not to be seen anywhere."""
