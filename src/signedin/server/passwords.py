"""Passwords: hashed with argon2id, off the event loop, a bounded number at a time."""

from __future__ import annotations

import os
import unicodedata
from functools import cached_property
from typing import Final

import anyio
import anyio.to_thread
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from ..events import logger

SHORTEST: Final = 8
LONGEST: Final = 1024

# OWASP's password storage cheat sheet: argon2id with 19 MiB, two passes, one lane, is its first
# choice of equals; the small memory lets a small server bear several sign-ins at once.
MEMORY_KIB: Final = 19_456
PASSES: Final = 2
LANES: Final = 1


def normal(password: str) -> str:
    """One spelling of what can be typed in several: NFC, as NIST SP 800-63B-4 §3.1.1.2 allows."""
    return unicodedata.normalize("NFC", password)


def check_new(password: str) -> None:
    """ValueError says what a new password lacks. Length is all that is asked (NIST SP 800-63B-4)."""
    length = len(normal(password))
    if length < SHORTEST:
        raise ValueError(f"A password has at least {SHORTEST} characters.")
    if length > LONGEST:
        raise ValueError(f"A password has at most {LONGEST} characters.")
    if not _can_be_encoded(password):
        raise ValueError("This password has characters that can't be kept. Type it anew.")


class Passwords:
    """Hashes and verifies. hasher: with other parameters than ours."""

    def __init__(self, hasher: PasswordHasher | None = None) -> None:
        self._hasher = hasher or PasswordHasher(
            time_cost=PASSES, memory_cost=MEMORY_KIB, parallelism=LANES
        )

    async def hash(self, password: str) -> str:
        """The hash of a password that ``check_new`` lets pass."""
        return await anyio.to_thread.run_sync(self.hash_now, password, limiter=self._at_once)

    async def verify(self, password_hash: str | None, password: str) -> bool:
        """Whether it is the password of this hash; the same work for None, an unknown user's."""
        return await anyio.to_thread.run_sync(
            self.verify_now, password_hash, password, limiter=self._at_once
        )

    def hash_now(self, password: str) -> str:
        """The hash, in the caller's thread."""
        return self._hasher.hash(normal(password))

    def verify_now(self, password_hash: str | None, password: str) -> bool:
        """The answer, in the caller's thread."""
        possible = len(password) <= LONGEST and _can_be_encoded(password)
        known = password_hash is not None and possible
        try:
            self._hasher.verify(
                password_hash if known and password_hash else self._nobodys,
                normal(password) if possible else "",
            )
        except VerificationError:
            return False
        except InvalidHashError:
            logger.error("A stored password hash is unreadable; its account can't sign in.")
            return False
        return known

    def needs_rehash(self, password_hash: str) -> bool:
        """Whether the hash was made with other parameters."""
        return self._hasher.check_needs_rehash(password_hash)

    @cached_property
    def _nobodys(self) -> str:
        return self._hasher.hash(os.urandom(16).hex())

    @cached_property
    def _at_once(self) -> anyio.CapacityLimiter:
        return anyio.CapacityLimiter(os.cpu_count() or 1)


def _can_be_encoded(password: str) -> bool:
    try:
        password.encode()
    except UnicodeEncodeError:
        return False
    return True
