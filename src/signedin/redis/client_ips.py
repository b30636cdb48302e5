"""Addresses of clients, made small: 4 or 16 bytes where that says the same."""

from __future__ import annotations

from functools import lru_cache
from socket import AF_INET, AF_INET6, inet_ntop, inet_pton
from typing import Final

_FAMILIES: Final = {4: AF_INET, 16: AF_INET6}
_TEXT: Final = b"\0"
"""Stands before a text that could be taken for something else."""


@lru_cache(4096)
def packed_ip(ip: str) -> bytes:
    """An address as it is stored; any other text stays one."""
    for family in _FAMILIES.values():
        try:
            raw = inet_pton(family, ip)
        except (OSError, ValueError):
            continue
        if inet_ntop(family, raw) == ip:
            return raw
    text = ip.encode()
    return _TEXT + text if len(text) in _FAMILIES or text.startswith(_TEXT) else text


@lru_cache(4096)
def unpacked_ip(stored: bytes) -> str:
    """A stored address as it was. Raises ValueError for what is none."""
    family = _FAMILIES.get(len(stored))
    return stored.removeprefix(_TEXT).decode() if family is None else inet_ntop(family, stored)
