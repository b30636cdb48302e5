"""Addresses of clients, made small: 4 or 16 bytes where that says the same."""

from __future__ import annotations

from functools import lru_cache
from socket import AF_INET, AF_INET6, inet_ntop, inet_pton
from typing import Final

_FAMILIES: Final = {4: AF_INET, 16: AF_INET6}
_TEXT: Final = b"\0"
"""Stands before a text that could be taken for something else."""
_LONGER: Final = b"\xff"
"""Stands behind one that would then be as long as an address; no text in UTF-8 has such a byte."""


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
    if len(text) in _FAMILIES or text.startswith(_TEXT):
        text = _TEXT + text
    return text + _LONGER if len(text) in _FAMILIES else text


@lru_cache(4096)
def unpacked_ip(stored: bytes) -> str:
    """A stored address as it was. Raises ValueError for what is none."""
    family = _FAMILIES.get(len(stored))
    if family is not None:
        return inet_ntop(family, stored)
    return stored.removeprefix(_TEXT).removesuffix(_LONGER).decode()
