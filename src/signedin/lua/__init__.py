"""Lua in named files: a script is one file, behind the files that its first line says it needs."""

from __future__ import annotations

import re
from functools import cache
from hashlib import sha1
from importlib.resources import files
from typing import NamedTuple

from ..policy import BARRIER_KEPT, DAY, HISTORY_AGE, HISTORY_LENGTH, SEEN_AFTER
from ..reasons import RESUMABLE

_NEEDS = re.compile(r"^-- needs: (.+)$", re.MULTILINE)
_RULES = {
    "BARRIER_KEPT": BARRIER_KEPT,
    "HISTORY_AGE": HISTORY_AGE,
    "HISTORY_LENGTH": HISTORY_LENGTH,
    "SEEN_AFTER": SEEN_AFTER,
    "WEEK": 7 * DAY,
}


class Script(NamedTuple):
    """A script: its text, and the name that a server knows it by."""

    text: str
    sha: str


@cache
def script(name: str) -> Script:
    """The script of a file, such as ``redis/add``, with the numbers that the rules in Python say."""
    folder = files(__name__).joinpath("redis")
    own = folder.joinpath(f"{name}.lua").read_text("utf-8")
    needs = _NEEDS.search(own)
    parts = (
        [folder.joinpath(f"{part}.lua").read_text("utf-8") for part in needs[1].split()] if needs else []
    )
    numbers = "".join(f"local {key} = {value}\n" for key, value in _RULES.items())
    words = ", ".join(f"{word} = true" for word in sorted(RESUMABLE))
    text = f"{numbers}local RESUMABLE = {{ {words} }}\n" + "".join([*parts, own])
    return Script(text, sha1(text.encode(), usedforsecurity=False).hexdigest())
