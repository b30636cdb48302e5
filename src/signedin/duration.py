"""Durations as people write them: ``90s``, ``15m``, ``12h``, ``7d``. Pure."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Final

_UNITS: Final = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_LONGEST: Final = timedelta(days=999_999)
_fullmatch = re.compile(r"(\d{1,6})([smhdw])").fullmatch


def parse_duration(text: str) -> timedelta:
    """The duration that the text spells; ValueError says what is possible."""
    match = _fullmatch(text.strip().lower())
    duration = None if match is None else timedelta(**{_UNITS[match[2]]: int(match[1])})
    if duration is None or duration > _LONGEST:
        raise ValueError(f"{text!r} is not a duration. Write 90s, 15m, 12h, 7d or 2w.")
    return duration


def spell_duration(duration: timedelta) -> str:
    """A duration as :func:`parse_duration` reads it, in whole days, hours, minutes or seconds."""
    for letter in "dhm":
        count, rest = divmod(duration, timedelta(**{_UNITS[letter]: 1}))
        if not rest:
            return f"{count}{letter}"
    return f"{duration // timedelta(seconds=1)}s"
