"""Our cookies: their names, their attributes, reading and writing them. Pure.

``__Host-`` binds a cookie to this very origin (RFC 6265bis §4.1.3.2); browsers then demand
``Secure`` and ``Path=/``, and allow no ``Domain``.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final

HEADER_BYTES: Final = 16_384


@dataclass(frozen=True)
class Cookie:
    """A cookie to set. max_age: seconds; None for as long as the browser runs; 0 to clear it."""

    name: str
    value: str = field(repr=False)
    max_age: int | None
    secure: bool

    @property
    def header(self) -> str:
        """The value of the ``Set-Cookie`` header."""
        parts = [f"{self.name}={self.value}", "Path=/", "HttpOnly", "SameSite=Lax"]
        if self.max_age is not None:
            parts.insert(1, f"Max-Age={self.max_age}")
        if self.secure:
            parts.append("Secure")
        return "; ".join(parts)

    @property
    def clears(self) -> bool:
        """Whether it tells the browser to forget the cookie."""
        return self.max_age == 0


@dataclass(frozen=True)
class CookieNames:
    """The names in use, and whether the cookies travel over HTTPS only."""

    session: str = "__Host-signedin"
    remember: str = "__Host-signedin-remember"
    flash: str = "__Host-signedin-flash"
    visitor: str = "__Host-signedin-visitor"
    secure: bool = True

    @classmethod
    def insecure(cls) -> CookieNames:
        """For plain HTTP on a host other than loopback: no prefix, no ``Secure`` (COOK-1)."""
        names = ("signedin", "signedin-remember", "signedin-flash", "signedin-visitor")
        return cls(*names, secure=False)

    @cached_property
    def find_all(self) -> Callable[[str], list[tuple[str, str]]]:
        """What finds (name, value) of each of our cookies in a ``Cookie`` header."""
        ours = "|".join(map(re.escape, (self.session, self.remember, self.flash, self.visitor)))
        return re.compile(rf"(?:^|;)[ \t]*({ours})[ \t]*=[ \t]*([^;]*)").findall

    def set(self, name: str, value: str, max_age: int | None = None) -> Cookie:
        """A cookie of ours with this value."""
        return Cookie(name, value, max_age, self.secure)

    def clear(self, name: str) -> Cookie:
        """The same cookie, gone."""
        return Cookie(name, "", 0, self.secure)


def read(header: str, names: CookieNames) -> dict[str, str | None]:
    """Our cookies of a request by their names; None for one that came twice, and nothing at all of
    an oversized header (V5).
    """
    if names.session not in header or len(header) > HEADER_BYTES:
        return {}
    pairs = names.find_all(header)
    found: dict[str, str | None] = dict(pairs)
    if len(found) < len(pairs):
        came = [name for name, _ in pairs]
        found |= {name: None for name in came if came.count(name) > 1}
    return found
