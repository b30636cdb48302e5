# Generated from _async by scripts/unasync.py; edit that one.
"""The flow's part for visitors: data bags of people who aren't signed in."""

from __future__ import annotations

from ..cookies import Cookie
from ..token import Token
from ..visitor import VISITOR_FOR, Visitor, is_current, new_visitor
from .core import Core


class Visiting(Core):
    """A visitor is stored only where a bag is written, and goes two hours after that."""

    def find_visitor(self, token: str | None) -> Visitor | None:
        """The visitor of this token, or None. Any text is allowed."""
        parsed = Token.parse(token)
        found = None if parsed is None else self.store.find_visitor(parsed.id)
        if parsed is None or found is None or not is_current(found, parsed, self.clock()):
            return None
        return found

    def add_visitor(self, bag: bytes) -> tuple[Visitor, Cookie]:
        """A new visitor with this bag, and its cookie. Raises DataTooLarge."""
        visitor, token = new_visitor(bag, self.clock())
        self.store.keep_visitor(visitor, self.clock(), new=True)
        names = self.settings.cookies
        return visitor, names.set(names.visitor, token.text)

    def set_visitor(self, visitor: Visitor, bag: bytes) -> bool:
        """Write a visitor's bag; False when the visitor has gone. Raises DataTooLarge."""
        now = self.clock()
        kept = visitor._replace(bag=bag, expires_at=now + VISITOR_FOR)
        return self.store.keep_visitor(kept, now, new=False)

    def drop_visitor(self, visitor: Visitor) -> None:
        """Nothing of a visitor stays."""
        self.store.drop_visitor(visitor.id)
