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


def spell_duration(duration: timedelta) -> str:
    """A duration as :func:`parse_duration` reads it, in whole days, hours, minutes or seconds."""
    for letter in "dhm":
        count, rest = divmod(duration, timedelta(**{_UNITS[letter]: 1}))
        if not rest:
            return f"{count}{letter}"
    return f"{duration // timedelta(seconds=1)}s"
