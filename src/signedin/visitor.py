"""Who isn't signed in and whose data bag was written to: a visitor. Pure.

A visitor is no session: it is nobody's, it isn't listed, and signing in leaves nothing of it.
"""

from __future__ import annotations

import os
from typing import Final, NamedTuple

from .token import ID_BYTES, Token, new_secret

VISITOR_FOR: Final = 2 * 3_600_000
"""Milliseconds that a visitor's bag is kept after it was last written."""
RENEWED_AFTER: Final = VISITOR_FOR // 10
"""Milliseconds after which a visitor that is used is kept for the whole time again."""


class Visitor(NamedTuple):
    """What a store keeps of a visitor. id: 48 hex digits. expires_at: milliseconds. Confidential."""

    id: str
    secret_hash: bytes
    expires_at: int
    bag: bytes

    def __repr__(self) -> str:
        return "Visitor(<redacted>)"


def new_visitor(bag: bytes, now: int) -> tuple[Visitor, Token]:
    """A visitor with this bag, and the token of its cookie."""
    token = Token(os.urandom(ID_BYTES).hex(), new_secret())
    return Visitor(token.id, token.hash(), now + VISITOR_FOR, bag), token


def is_current(visitor: Visitor, token: Token, now: int) -> bool:
    """Whether the token is this visitor's, in time."""
    return now < visitor.expires_at and token.matches(visitor.secret_hash)


def is_due(visitor: Visitor, now: int) -> bool:
    """Whether a visitor that is used should be kept for longer."""
    return now >= visitor.expires_at - VISITOR_FOR + RENEWED_AFTER
