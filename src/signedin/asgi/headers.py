"""Headers in and out: reading a request's once, and what a response with a session must say. Pure."""

from __future__ import annotations

from collections.abc import Iterable, MutableSequence
from typing import Final, TypeAlias

from ..cookies import Cookie
from ..outgoing import private_control, varies

Header: TypeAlias = tuple[bytes, bytes]

VARY: Final = (b"vary", b"Cookie")
NO_STORE: Final = (b"cache-control", b"no-store")


def read(headers: Iterable[Header], proxy_header: bytes) -> tuple[str, bytes, str | None, bool]:
    """The headers that a session depends on, in one walk: cookies, user agent, what the proxy says,
    and whether the request is only polling. A header in parts is one (RFC 9113 §8.2.3).
    """
    cookie, user_agent, forwarded, passive = b"", b"", None, False
    for name, value in headers:
        if name == b"cookie":
            cookie = value if not cookie else cookie + b"; " + value
        elif name == b"user-agent":
            user_agent = value
        elif name == proxy_header:
            forwarded = value if forwarded is None else forwarded + b"," + value
        elif name == b"signedin-passive":
            passive = value == b"1"
    told = None if forwarded is None else forwarded.decode("latin-1")
    return cookie.decode("latin-1"), user_agent, told, passive


def find(headers: Iterable[Header], name: bytes) -> str | None:
    """The one value of a header; None when it is absent or doubled."""
    values = [value for key, value in headers if key == name]
    return values[0].decode("latin-1") if len(values) == 1 else None


def joined(headers: Iterable[Header], name: bytes) -> str | None:
    """All values of a header as one, as other servers hand it over; None when it is absent."""
    values = [value for key, value in headers if key == name]
    return b", ".join(values).decode("latin-1") if values else None


def client_hints(headers: Iterable[Header]) -> dict[str, str]:
    """The client hints, for the sign-in: ``sec-ch-ua`` and its relatives, 512 bytes of each."""
    return {
        name.decode("latin-1"): value[:512].decode("latin-1")
        for name, value in headers
        if name.startswith(b"sec-ch-ua")
    }


def keep_private(headers: MutableSequence[Header], *, session_read: bool) -> bytes:
    """Let no shared cache give one person's page to another (HDR-1): ``Vary: Cookie`` always, and
    where a session was read or set, ``no-store`` or at least ``private``. The content type.
    """
    vary, control, kind = b"", b"", b""
    for name, value in headers:
        lowered = name.lower()
        if lowered == b"content-type":
            kind = value.lower()
        elif lowered == b"vary":
            vary += value.lower() + b","
        elif lowered == b"cache-control":
            control += value.lower() + b","
    if not vary or not varies(vary.decode("latin-1")):
        headers.append(VARY)
    if not session_read:
        return kind
    if not control:
        headers.append(NO_STORE)
        return kind
    better = private_control(control.decode("latin-1"))
    if better is not None:
        headers[:] = [header for header in headers if header[0].lower() != b"cache-control"]
        headers.append((b"cache-control", better.encode("latin-1")))
    return kind


def set_cookies(headers: MutableSequence[Header], cookies: Iterable[Cookie]) -> None:
    """A ``Set-Cookie`` for each."""
    headers.extend((b"set-cookie", cookie.header.encode("latin-1")) for cookie in cookies)
