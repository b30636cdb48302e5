"""Passwords: hashed with argon2id, off the event loop, a bounded number at a time."""

from __future__ import annotations

import os
import unicodedata
from base64 import b64encode
from typing import Final

import anyio
import anyio.to_thread
from anyio.lowlevel import RunVar
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError, VerifyMismatchError

from ..events import logger

SHORTEST: Final = 8
LONGEST: Final = 1024

# OWASP's password storage cheat sheet: argon2id with 19 MiB, two passes, one lane, is among its
# choices of equal strength. argon2-cffi's own default (RFC 9106: 64 MiB, three passes, four lanes)
# takes several times the work; as anybody may ask for this work, a small server must bear it.
MEMORY_KIB: Final = 19_456
PASSES: Final = 2
LANES: Final = 1

_at_once: RunVar[anyio.CapacityLimiter] = RunVar("signedin_passwords_at_once")


def normal(password: str) -> str:
    """One spelling of what can be typed in several: NFC, as NIST SP 800-63B-4 §3.1.1.2 asks."""
    return unicodedata.normalize("NFC", password)


def check_new(password: str) -> None:
    """ValueError says what a new password lacks. Length is all that is asked (NIST SP 800-63B-4)."""
    if _is_too_long(password):
        raise ValueError(f"A password has at most {LONGEST} characters. Choose a shorter one.")
    if len(normal(password)) < SHORTEST:
        raise ValueError(f"A password has at least {SHORTEST} characters. Choose a longer one.")
    if not _can_be_typed(password):
        raise ValueError("This password has characters that can't be kept. Type it anew.")


class Passwords:
    """Hashes and verifies. hasher: with other parameters than ours."""

    def __init__(self, hasher: PasswordHasher | None = None) -> None:
        self._hasher = hasher or PasswordHasher(
            time_cost=PASSES, memory_cost=MEMORY_KIB, parallelism=LANES
        )
        self._nobodys = _hash_of_nothing(self._hasher)

    async def hash(self, password: str) -> str:
        """The hash of a password that ``check_new`` lets pass."""
        return await anyio.to_thread.run_sync(self.hash_now, password, limiter=_limiter())

    async def verify(self, password_hash: str | None, password: str) -> bool:
        """Whether it is the password of this hash; the same work for None, an unknown user's.

        Never an error: an unreadable hash is nobody's, and is logged.
        """
        return await anyio.to_thread.run_sync(
            self.verify_now, password_hash, password, limiter=_limiter()
        )

    def hash_now(self, password: str) -> str:
        """The hash, in the caller's thread."""
        return self._hasher.hash(normal(password))

    def verify_now(self, password_hash: str | None, password: str) -> bool:
        """The answer, in the caller's thread."""
        possible = not _is_too_long(password) and _can_be_typed(password)
        if password_hash is None or not possible:
            self._matches(self._nobodys, "")
            return False
        try:
            return self._matches(password_hash, normal(password))
        except (VerificationError, ValueError):
            logger.error("A stored password hash is unreadable; its account can't sign in.")
            return self._matches(self._nobodys, "")

    def needs_rehash(self, password_hash: str) -> bool:
        """Whether the hash was made with other parameters, or can't be read."""
        try:
            return self._hasher.check_needs_rehash(password_hash)
        except InvalidHashError:
            return True

    def _matches(self, password_hash: str, password: str) -> bool:
        try:
            return self._hasher.verify(password_hash, password)
        except VerifyMismatchError:
            return False


def _hash_of_nothing(hasher: PasswordHasher) -> str:
    """A hash that takes as much work to verify as one of ours, and that no password has."""
    salt, digest = (
        b64encode(os.urandom(length)).rstrip(b"=").decode()
        for length in (hasher.salt_len, hasher.hash_len)
    )
    costs = f"m={hasher.memory_cost},t={hasher.time_cost},p={hasher.parallelism}"
    return f"$argon2id$v=19${costs}${salt}${digest}"


def _limiter() -> anyio.CapacityLimiter:
    """The one of this event loop. More at once than there are processors would only take memory."""
    limiter = _at_once.get(None)
    if limiter is None:
        limiter = anyio.CapacityLimiter(os.cpu_count() or 1)
        _at_once.set(limiter)
    return limiter


def _is_too_long(password: str) -> bool:
    # NFC makes one character of four at most, and very long text is not worth its time.
    return len(password) > 4 * LONGEST or len(normal(password)) > LONGEST


def _can_be_typed(password: str) -> bool:
    """Whether it is without NUL and lone surrogates, which only broken or hostile clients send."""
    return not any(character == "\0" or "\ud800" <= character <= "\udfff" for character in password)
