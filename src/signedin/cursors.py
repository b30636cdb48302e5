"""Where the next page of a list starts: a key, and what else the order goes by. Pure."""

from __future__ import annotations

from typing import Final

from .session import SessionId, parse_session_id

_NO_KEY: Final = (b"", b"")


def beginning_of(text: str) -> tuple[bytes, bytes]:
    """The first and the last random part of session ids that begin with these digits."""
    start = bytes.fromhex(text[: min(len(text), 24) // 2 * 2])
    return start, start + b"\xff" * (13 - len(start))


def position(session_id: SessionId, more: object) -> str:
    """A cursor: a key, and what else the order goes by."""
    return f"{session_id}.{more}"


def place(cursor: str | None) -> tuple[tuple[bytes, bytes], str]:
    """The key of a cursor, (tag, random), and what else it says. Raises ValueError for what is none."""
    if cursor is None:
        return _NO_KEY, ""
    name, _, more = cursor.partition(".")
    session_id = parse_session_id(name)
    if session_id is None:
        raise ValueError(f"{cursor!r} is not a cursor of this list.")
    raw = bytes.fromhex(session_id)
    return (raw[12:], raw[:12]), more


def number(text: str) -> int:
    """The number in a cursor. Raises ValueError for what is none."""
    if not (text.isascii() and text.isdigit() and len(text) < 19):
        raise ValueError(f"{text!r} is not part of a cursor of this list.")
    return int(text)
