"""Durations as people write them: ``90s``, ``15m``, ``12h``, ``7d``. Pure."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Final

_UNITS: Final = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_fullmatch = re.compile(r"(\d{1,6})([smhdw])").fullmatch


def parse_duration(text: str) -> timedelta:
    """The duration that the text spells; ValueError says what is possible."""
    match = _fullmatch(text.strip().lower())
    if match is None:
        raise ValueError(f"{text!r} is not a duration. Write 90s, 15m, 12h, 7d or 2w.")
    return timedelta(**{_UNITS[match[2]]: int(match[1])})
