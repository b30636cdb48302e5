"""What a route is called with and what it replies: no framework in either. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from .errors import AnswerUnknown, StoreUnavailable
from .messages import say

_json = msgspec.json.Encoder().encode

CONTENT_SECURITY_POLICY: Final = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
SECURITY_HEADERS: Final = (
    ("content-security-policy", CONTENT_SECURITY_POLICY),
    ("x-content-type-options", "nosniff"),
    ("referrer-policy", "same-origin"),
    ("cross-origin-opener-policy", "same-origin"),
)
"""What every page of ours says (HDR-2)."""

Headers = tuple[tuple[str, str], ...]
PRIVATE: Final[Headers] = (("cache-control", "no-store"), ("vary", "Cookie, Accept"))
"""What keeps an answer to one person from being another's (HDR-1)."""


@dataclass(frozen=True)
class Call:
    """A request as a route sees it.

    path: below the page's own, without a leading slash. form: the first value of each field, except
    ``id``, of which ``ids`` has all. accept, if_none_match: the headers. flash: the value of the
    flash cookie.
    """

    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    form: Mapping[str, str] = field(default_factory=dict)
    ids: Sequence[str] = ()
    accept: str = ""
    if_none_match: str = ""
    flash: str | None = None

    @property
    def wants_json(self) -> bool:
        """Whether the caller asks for JSON rather than a page."""
        return "application/json" in self.accept and "text/html" not in self.accept


@dataclass(frozen=True)
class Reply:
    """Status, headers (names lower-case) and body of a response."""

    status: int
    headers: Headers
    body: bytes = b""

    @classmethod
    def html(cls, text: str, status: int = 200, headers: Headers = ()) -> Reply:
        """A page, with the security headers."""
        kind = ("content-type", "text/html; charset=utf-8")
        return cls(status, (kind, *SECURITY_HEADERS, *headers), text.encode())

    @classmethod
    def json(cls, value: Any, status: int = 200, headers: Headers = ()) -> Reply:
        """A JSON document."""
        return cls(
            status, (("content-type", "application/json"), *SECURITY_HEADERS, *headers), _json(value)
        )

    @classmethod
    def redirect(cls, location: str, headers: Headers = ()) -> Reply:
        """See another page (303), by GET."""
        return cls(303, (("location", location), *SECURITY_HEADERS, *headers))


def problem(status: int, code: str, detail: str, headers: Headers = ()) -> Reply:
    """An error as RFC 9457 has it, with a stable ``code``; no cache keeps it."""
    body = {"type": "about:blank", "status": status, "code": code, "detail": detail}
    kind = ("content-type", "application/problem+json")
    return Reply(status, (kind, *SECURITY_HEADERS, *PRIVATE, *headers), _json(body))


_DOWN: Final = ("store_unavailable", say("store_down"), say("store_down_text"))
_UNKNOWN: Final = ("answer_unknown", say("unknown_answer"), say("unknown_answer_text"))


def outage(error: StoreUnavailable) -> tuple[str, str, str]:
    """An outage's code for programs, title and text for people (V4, E6)."""
    return _UNKNOWN if isinstance(error, AnswerUnknown) else _DOWN


RETRY_AFTER: Final = (("retry-after", "5"),)
