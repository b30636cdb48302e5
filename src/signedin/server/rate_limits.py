"""How often one may try to sign in: for each account, and for each address.

A bucket that fills again steadily, kept as one time, the one at which it is full. Who was away has
ten attempts at once and then one every six seconds, where a window that starts anew would let twenty
pass at its edge; a refused attempt takes nothing.
"""

from __future__ import annotations

from hashlib import sha256
from ipaddress import IPv6Address, ip_address, ip_network
from typing import Any, Final

import apsw

from ..client_ip import canonical_ip
from .accounts import Accounts

MINUTE: Final = 60_000
PER_ACCOUNT: Final = 10
PER_ADDRESS: Final = 100
CHANGES: Final = 60
SLACK: Final = 10_000
"""Milliseconds that another process may be ahead: this one read its clock, then waited its turn."""
REMOVED: Final = 100
"""Most old rows that one attempt removes."""


class RateLimits:
    """10 attempts a minute for an account, 100 for an address (for IPv6 its /64), 60 changes for a
    user, across processes.
    """

    def __init__(self, accounts: Accounts) -> None:
        self._accounts = accounts

    def hit(self, login: str, ip: str, now: int) -> int | None:
        """Count an attempt; None if it is allowed, else how many seconds to wait.

        login: as it was typed, whether or not there is such an account. now: ms.
        Raises StoreUnavailable.
        """
        return self._hit(
            now,
            (_key(b"account", login.strip().casefold()), MINUTE // PER_ACCOUNT),
            (_key(b"address", _network(ip)), MINUTE // PER_ADDRESS),
        )

    def change(self, user_id: str, now: int) -> int | None:
        """Count a change that a user makes to sessions; the same answer."""
        return self._hit(now, (_key(b"changes", user_id), MINUTE // CHANGES))

    def _hit(self, now: int, *buckets: tuple[bytes, int]) -> int | None:
        def attempt(connection: apsw.Connection) -> int | None:
            filled = [_full_at(connection, key, now) + cost for key, cost in buckets]
            late = max(filled) - (now + MINUTE)
            if late > 0:
                return -(-late // 1000)
            connection.executemany(
                "INSERT OR REPLACE INTO attempts VALUES (?, ?)",
                [(key, full_at) for (key, _), full_at in zip(buckets, filled, strict=True)],
            )
            connection.execute(
                "DELETE FROM attempts WHERE key IN"
                " (SELECT key FROM attempts WHERE full_at <= ? OR full_at > ? LIMIT ?)",
                (now, now + MINUTE + SLACK, REMOVED),
            )
            return None

        return self._accounts.transaction(attempt)


def _full_at(connection: apsw.Connection, key: bytes, now: int) -> int:
    """When the bucket is full. Much later than in a minute can't be: the clock was set back."""
    found: Any = connection.execute("SELECT full_at FROM attempts WHERE key = ?", (key,)).get
    return found if found is not None and now < found <= now + MINUTE + SLACK else now


def _key(kind: bytes, text: str) -> bytes:
    return sha256(b"signedin attempts " + kind + b"\0" + text.encode("utf-8", "replace")).digest()


def _network(ip: str) -> str:
    address = ip_address(canonical_ip(ip))
    return str(ip_network((address, 64), strict=False) if isinstance(address, IPv6Address) else address)
