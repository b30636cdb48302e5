"""The secret in a cookie: ``<id>.<secret>``, and nothing else about it.

Pure, but for the operating system's random source. A token is never stored and never shown: what
is kept of it is :meth:`Token.hash`. A session's token and a remember-me token have the same shape;
a session's id is public, a remember-me series' id is confidential.
"""

from __future__ import annotations

import os
import re
from base64 import urlsafe_b64encode
from hashlib import sha256
from hmac import compare_digest
from typing import Final, NamedTuple

ID_BYTES: Final = 24
LENGTH: Final = 48 + 1 + 43

# 32 bytes are 43 characters of base64url, the last of which carries 4 bits: only 16 letters are
# canonical there. A second spelling of a token would otherwise look like a stolen one.
_new = tuple.__new__
_fullmatch = re.compile(r"([0-9a-f]{48})\.([A-Za-z0-9_-]{42}[AEIMQUYcgkosw048])").fullmatch


class Token(NamedTuple):
    """An id (48 hex digits) and its secret (43 characters of base64url, 256 bits)."""

    id: str
    secret: str

    @classmethod
    def parse(cls, text: str | None) -> Token | None:
        """The token that the text spells, or None for anything else. No input raises."""
        if text is None or len(text) != LENGTH:
            return None
        match = _fullmatch(text)
        return None if match is None else _new(cls, match.groups())

    @property
    def text(self) -> str:
        """The cookie's value."""
        return f"{self.id}.{self.secret}"

    def hash(self) -> bytes:
        """SHA-256 of the secret, 32 bytes: the only form that is stored (ASVS 7.2, OWASP)."""
        return sha256(self.secret.encode()).digest()

    def matches(self, secret_hash: bytes) -> bool:
        """Whether the secret has this hash, compared in constant time."""
        return compare_digest(secret_hash, sha256(self.secret.encode()).digest())

    def __repr__(self) -> str:
        return "Token(<redacted>)"


def encode_secret(raw: bytes) -> str:
    """32 bytes as the 43 characters that stand in a token."""
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


def new_secret() -> str:
    """A fresh secret from the operating system; its failure is the caller's failure."""
    return encode_secret(os.urandom(32))
