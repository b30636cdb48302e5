"""The names of keys: all of a user's lie under one hash tag, and so in one slot of a cluster."""

from __future__ import annotations

import re
from typing import Final, NamedTuple

KINDS: Final = ("", ":h", ":d", ":b")
"""Sessions and series; history; data bags; barriers."""
_parse = re.compile(rb".*:\{([0-9a-f]{24})\}(:[hdb])?", re.DOTALL).fullmatch


class Under(NamedTuple):
    """A key of a user: the tag in hex, and which of the kinds it is."""

    tag: str
    kind: int


class Keys:
    """The keys of a store. prefix: what leads them all."""

    def __init__(self, prefix: str) -> None:
        self._start = f"{prefix}:{{"
        self.users = f"{prefix}:{{*}}"
        self.histories = f"{prefix}:{{*}}:h"
        self.all = f"{prefix}:{{*"
        self._visitors = f"{prefix}:visitor:"
        self.everybody = f"{prefix}:everybody"
        self.log = f"{prefix}:{{audit}}:log"
        self.firsts = f"{prefix}:{{audit}}:first"
        self.runs = f"{prefix}:{{audit}}:runs"

    def sessions(self, tag: str) -> str:
        """Sessions and series of a tag in hex."""
        return f"{self._start}{tag}}}"

    def history(self, tag: str) -> str:
        """What ended."""
        return f"{self._start}{tag}}}:h"

    def data(self, tag: str) -> str:
        """The data bags."""
        return f"{self._start}{tag}}}:d"

    def visitor(self, visitor_id: str) -> str:
        """A visitor's own key; it is nobody's, so it lies anywhere."""
        return f"{self._visitors}{visitor_id}"

    def of(self, tag: str) -> tuple[str, str, str, str]:
        """All keys of a tag: sessions, history, data bags, barriers."""
        start = f"{self._start}{tag}}}"
        return start, f"{start}:h", f"{start}:d", f"{start}:b"

    def parse(self, key: bytes) -> Under | None:
        """What a key that a scan has met is of; None for what is nobody's."""
        match = _parse(key)
        if match is None:
            return None
        return Under(match[1].decode(), KINDS.index((match[2] or b"").decode()))
