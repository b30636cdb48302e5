"""What to list or revoke: one selector for library, CLI, API and admin page. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network

from .session import Session


@dataclass(frozen=True)
class Selector:
    """Which sessions are meant; everything that is given must hold.

    users: user ids; empty for all users. ip: a network. idle: not used for so long, milliseconds.
    browser, os: part of the name, in any case. kind: the device's. signed_in_before,
    signed_in_after: milliseconds since the epoch. remembered, admin_mode, impersonated: or not.
    """

    users: tuple[str, ...] = ()
    ip: IPv4Network | IPv6Network | None = None
    idle: int | None = None
    browser: str | None = None
    os: str | None = None
    kind: str | None = None
    signed_in_before: int | None = None
    signed_in_after: int | None = None
    remembered: bool | None = None
    admin_mode: bool | None = None
    impersonated: bool | None = None

    @property
    def is_everybody(self) -> bool:
        """Whether nothing narrows it down."""
        return self == Selector()

    def matches(self, session: Session, now: int) -> bool:
        """Whether the selector means this session at ``now``."""
        return (
            (not self.users or session.user_id in self.users)
            and (self.ip is None or ip_address(session.ip) in self.ip)
            and (self.idle is None or now - session.last_active_at >= self.idle)
            and _contains(session.device.browser, self.browser)
            and _contains(session.device.os, self.os)
            and (self.kind is None or session.device.kind == self.kind)
            and (self.signed_in_before is None or session.signed_in_at < self.signed_in_before)
            and (self.signed_in_after is None or session.signed_in_at >= self.signed_in_after)
            and (self.remembered is None or session.remembered == self.remembered)
            and (self.admin_mode is None or _until(session, now) == self.admin_mode)
            and (self.impersonated is None or (session.acting_as is not None) == self.impersonated)
        )


def parse_network(text: str) -> IPv4Network | IPv6Network:
    """An address or a network; ValueError says what is possible."""
    try:
        return ip_network(text, strict=False)
    except ValueError:
        raise ValueError(
            f"{text!r} is not an address or a network. Write 203.0.113.24 or 203.0.113.0/24."
        ) from None


def _contains(value: str | None, part: str | None) -> bool:
    return part is None or (value is not None and part.casefold() in value.casefold())


def _until(session: Session, now: int) -> bool:
    return session.admin_until is not None and now < session.admin_until
