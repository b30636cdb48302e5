"""Whether a request that changes something comes from our own pages (CSRF-1). Pure.

Browsers say so themselves in ``Sec-Fetch-Site`` (W3C Fetch Metadata); ``Origin`` (RFC 6454) is the
older word, and the only one for a WebSocket handshake.
"""

from __future__ import annotations

import re
from ipaddress import IPv6Address
from typing import Final
from urllib.parse import urlsplit

SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})
_PORTS: Final = {"http": 80, "https": 443}
# Nothing but scheme, host and port; what reads URLs is more generous.
_is_origin = re.compile(
    r"[a-z]+://(?:\[[0-9a-f:.]+\]|[^\x00-\x20/?#@\\\[\]:]+)(?::[0-9]{1,5})?", re.IGNORECASE
).fullmatch


def normal_origin(url: str) -> str | None:
    """``scheme://host:port`` of a URL, lower-case, the port spelled out; None when it has none."""
    try:
        parts = urlsplit(url)
        port = parts.port or _PORTS.get(parts.scheme)
        if parts.hostname and ":" in parts.hostname:
            IPv6Address(parts.hostname)
    except ValueError:
        return None
    if parts.scheme not in _PORTS or not parts.hostname:
        return None
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    origin = f"{parts.scheme}://{host}:{port}"
    return origin if _is_origin(origin) else None


def is_ours(sec_fetch_site: str | None, origin: str | None, our_origin: str | None) -> bool:
    """Whether a state-changing request comes from our origin.

    our_origin: the configured URL's, else scheme and Host of the request, as :func:`normal_origin`
    spells it. Neither header means: not a browser we can trust, refused for cookies.
    """
    if sec_fetch_site is not None:
        return sec_fetch_site in ("same-origin", "none")
    return is_our_origin(origin, our_origin)


def is_our_origin(origin: str | None, our_origin: str | None) -> bool:
    """Whether ``Origin`` names us: what a WebSocket handshake is judged by."""
    if origin is None or our_origin is None or not _is_origin(origin):
        return False
    return normal_origin(origin) == our_origin


def is_local_path(text: str) -> bool:
    """Whether a ``next`` parameter is a path of this origin, and can be redirected to."""
    return (
        text.startswith("/")
        and not text.startswith(("//", "/\\"))
        and "\\" not in text
        and all(" " < character < "\x7f" for character in text)
        and len(text) <= 2048
    )
