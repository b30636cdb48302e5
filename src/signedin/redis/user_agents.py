"""User agents, made small: they repeat one another, and are the largest part of a session.

Raw DEFLATE (RFC 1951) with a dictionary that both sides know: some 110 bytes become a dozen. The
dictionary is part of the stored form: it may never change.
"""

from __future__ import annotations

import zlib
from functools import lru_cache
from typing import Final

CHARACTERS_IN_BYTES: Final = 4096
"""No stored user agent is longer than this: what claims to be is none."""

# What comes most often stands last, where it costs least to point at.
_DICTIONARY: Final = (
    b"compatible; bot crawler spider +http:// curl/ okhttp/4. Dalvik/2.1.0 CFNetwork/ Darwin/24. D"
    b"art/3. (dart:io) python-requests/2. Go-http-client/2.0 Trident/7.0; rv:11.0) like Gecko Sams"
    b"ungBrowser/2 OPR/1 Vivaldi/7. YaBrowser/25. Version/4.0 FxiOS/1 CriOS/1 EdgiOS/1 GSA/3 DuckD"
    b"uckGo/7 Electron/3 Ubuntu; Fedora; CrOS x86_64  Android 15; Mobile; rv:1 SM-S9 Pixel 9 Build"
    b"/ wv) Mozilla/5.0 (iPad; CPU OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko)"
    b" Version/18.6 Mobile/15E148 Safari/604.1 Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS"
    b" X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.0 Mobile/15E148 Safari/604.1 Mozilla"
    b"/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26"
    b".0 Safari/605.1.15 Mozilla/5.0 (Macintosh; Intel Mac OS X 10.15; rv:144.0) Gecko/20100101 Fi"
    b"refox/144.0 Mozilla/5.0 (X11; Ubuntu; Linux x86_64; rv:144.0) Gecko/20100101 Firefox/144.0 M"
    b"ozilla/5.0 (Windows NT 10.0; Win64; x64; rv:144.0) Gecko/20100101 Firefox/144.0 Mozilla/5.0 "
    b"(X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/1 Safari/537.36 Mozilla/5."
    b"0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Mobile Safa"
    b"ri/537.36 Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Ge"
    b"cko) Chrome/140.0.0.0 Safari/537.36 Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/53"
    b"7.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36 Edg/140.0.0.0"
)


@lru_cache(4096)
def packed(user_agent: str) -> bytes:
    """A user agent as it is stored."""
    deflate = zlib.compressobj(9, zlib.DEFLATED, -15, 9, zlib.Z_DEFAULT_STRATEGY, _DICTIONARY)
    return deflate.compress(user_agent.encode()) + deflate.flush()


@lru_cache(4096)
def unpacked(stored: bytes) -> str:
    """A stored user agent as it was. Raises ValueError for what is none."""
    if not stored:  # the history keeps none
        return ""
    inflate = zlib.decompressobj(-15, _DICTIONARY)
    try:
        text = inflate.decompress(stored, CHARACTERS_IN_BYTES)
    except zlib.error as error:
        raise ValueError("This is no stored user agent.") from error
    if not inflate.eof:
        raise ValueError("This is no stored user agent.")
    return text.decode()
