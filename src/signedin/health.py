"""What a doctor tells: one check of something that can be looked at. Pure."""

from __future__ import annotations

from typing import Literal, NamedTuple


class Check(NamedTuple):
    """What was looked at, how it is, what was found, and what to do about it."""

    name: str
    state: Literal["pass", "warn", "fail"]
    found: str
    remedy: str = ""
