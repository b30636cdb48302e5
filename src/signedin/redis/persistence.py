"""What a server keeps over a crash, and what that means for revoked sessions. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

SNAPSHOTS: Final = (
    "This server keeps snapshots (RDB) only: after a crash sessions revoked since the last one would be"
    " alive again. Turn on the append-only file (CONFIG SET appendonly yes), or snapshots off"
    " (CONFIG SET save ''), or accept it by name: rdb_only=yes in the store's URL."
)


def setting(reply: Sequence[Any] | Mapping[Any, Any], name: str) -> str | None:
    """A setting out of an answer to CONFIG GET, whichever form it has; None where it isn't told."""
    flat = [part for pair in reply.items() for part in pair] if isinstance(reply, Mapping) else reply
    texts = [part.decode() if isinstance(part, bytes) else str(part) for part in flat]
    return dict(zip(texts[::2], texts[1::2], strict=True)).get(name)


def only_snapshots(save: Sequence[Any], appendonly: Sequence[Any]) -> bool:
    """Whether a crash brings revoked sessions back."""
    return bool(setting(save, "save")) and setting(appendonly, "appendonly") == "no"
