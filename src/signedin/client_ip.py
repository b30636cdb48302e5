"""Which address a request comes from (NET-1). Pure.

The socket's peer, unless that is a proxy we were told to trust: then the chosen header, read from
the right, past every address that is a trusted proxy too.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final, TypeAlias

from .errors import SettingsError

Networks: TypeAlias = tuple[IPv4Network | IPv6Network, ...]
UNKNOWN: Final = "0.0.0.0"  # noqa: S104 - "no address", as for a Unix socket; nothing is bound to it
_HOPS: Final = 64


def networks(texts: Sequence[str]) -> Networks:
    """Trusted proxies as networks; SettingsError names the one that isn't an address."""
    try:
        return tuple(ip_network(text.strip(), strict=False) for text in texts)
    except ValueError as error:
        raise SettingsError(
            f"trusted_proxies: {error}. Give addresses or networks, such as 10.0.0.0/8."
        ) from None


@lru_cache(4096)
def _parsed(text: str) -> IPv4Address | IPv6Address | None:
    text = text.strip().strip('"')
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address


@lru_cache(4096)
def canonical_ip(text: str) -> str:
    """An address in its one canonical spelling; ``0.0.0.0`` for what is none."""
    address = _parsed(text)
    return UNKNOWN if address is None else str(address)


def client_ip(peer: str, header: str | None, trusted: Networks) -> str:
    """The client's address, canonical. header: all values of the proxy's header, joined by commas."""
    if header is None or not trusted:
        return canonical_ip(peer)
    address = _parsed(peer)
    if not _is_trusted(address, trusted):
        return canonical_ip(peer)
    for hop in reversed(header.rsplit(",", _HOPS)[-_HOPS:]):
        seen = _parsed(_forwarded_for(hop))
        if seen is None:
            break
        address = seen
        if not _is_trusted(address, trusted):
            break
    return UNKNOWN if address is None else str(address)


def _is_trusted(address: IPv4Address | IPv6Address | None, trusted: Networks) -> bool:
    return address is not None and any(address in network for network in trusted)


def _forwarded_for(hop: str) -> str:
    """The address of one hop, in ``X-Forwarded-For``'s form or in RFC 7239's (``for=…``)."""
    if "=" not in hop:
        return hop
    for pair in hop.split(";"):
        key, _, value = pair.partition("=")
        if key.strip().lower() == "for":
            return value
    return ""
