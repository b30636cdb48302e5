"""What a request brings, read the same way for every framework. Pure."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from .client_ip import client_ip
from .cookies import read as read_cookies
from .origin import SAFE_METHODS, is_our_origin, is_ours, normal_origin
from .outcomes import Presented
from .session import Client, clean_user_agent
from .settings import Settings

USER_AGENT_BYTES: Final = 512
FORWARDED_BYTES: Final = 4096
_NOTHING: Final = Presented()


class Incoming:
    """Reads requests under these settings. Header values are text as ``latin-1`` reads it."""

    def __init__(self, settings: Settings) -> None:
        self._names = settings.cookies
        self._proxies = settings.proxies
        self._origin = settings.origin
        # The same few clients come again and again; what they send of themselves is cut short before.
        self._known = lru_cache(4096)(self._read_client)

    def presented(self, cookie: str) -> Presented:
        """Our cookies in a ``Cookie`` header."""
        sent = read_cookies(cookie, self._names) if cookie else None
        if not sent:
            return _NOTHING
        names = self._names
        return Presented(sent.get(names.session), sent.get(names.remember), sent.get(names.visitor))

    def client(self, peer: str, forwarded: str | None, user_agent: bytes) -> Client:
        """Who asks. peer: the socket's other end. forwarded: the setting ``proxy_header``'s header."""
        told = forwarded[-FORWARDED_BYTES:] if forwarded and self._proxies else None
        return self._known(peer, told, user_agent[:USER_AGENT_BYTES])

    def _read_client(self, peer: str, forwarded: str | None, user_agent: bytes) -> Client:
        return Client(client_ip(peer, forwarded, self._proxies), clean_user_agent(user_agent))

    def is_from_ours(
        self, method: str, scheme: str, host: str | None, fetch_site: str | None, origin: str | None
    ) -> bool:
        """Whether a request may change something as far as its origin goes (CSRF-1)."""
        if method in SAFE_METHODS:
            return True
        return is_ours(fetch_site, origin, self._ours(scheme, host))

    def is_socket_from_ours(self, scheme: str, host: str | None, origin: str | None) -> bool:
        """The same of a WebSocket handshake."""
        return is_our_origin(origin, self._ours(scheme, host))

    def _ours(self, scheme: str, host: str | None) -> str | None:
        """Our origin; None for a request that doesn't say where it was sent."""
        if self._origin is not None or host is None:
            return self._origin
        return normal_origin(f"{scheme}://{host}")
