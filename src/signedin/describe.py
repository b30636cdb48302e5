"""A session in words: its title, its times, what is known of its device. Pure.

Times come as milliseconds since the epoch and are told in the time zone given, whose name is
printed when it is UTC: a person must never have to guess.
"""

from __future__ import annotations

from datetime import datetime, tzinfo
from functools import lru_cache
from ipaddress import ip_address, ip_network
from typing import Final, NamedTuple

from .device import Device
from .messages import ENGLISH, say
from .session import EndedSession, Record, Session, at

MINUTE: Final = 60_000
HOUR: Final = 60 * MINUTE
DAY: Final = 24 * HOUR
ACTIVE_NOW: Final = 5 * MINUTE
LIT: Final = 15 * MINUTE
HIDDEN: Final = "•••"
"""Stands for what is not shown of an address."""

_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
# Not by strftime or by formatting numbers: either takes longer than all the rest of a time.
_TWO_DIGITS: Final = tuple(f"{number:02}" for number in range(60))


def title(session: Session | EndedSession) -> str:
    """What a session is called: by its user, else by its device."""
    return session.name or session.device.name


def subline(session: Session) -> str:
    """What else is known of the device, part by part; only what can be trusted is ever there."""
    device = session.device
    parts = [device.name] if session.name and device != Device.of(("unknown",)) else []
    if device.browser and device.browser_version:
        parts.append(f"{device.browser} {device.browser_version}")
    if device.os and device.os_version:
        parts.append(f"{device.os} {device.os_version}")
    if device.model and device.model not in device.name:
        parts.append(device.model)
    if not parts and not device.browser:
        parts.append(say("not_recognized"))
    if session.remembered:
        parts.append(say("remembered"))
    return " · ".join(parts)


def method(session: Session) -> str:
    """How the user signed in: ``Password and one-time code``."""
    return _joined(session.authenticated_by)


@lru_cache(256)
def _joined(ways: tuple[str, ...]) -> str:
    names = [say(key) if (key := f"method_{way}") in ENGLISH else way for way in ways]
    lower = [name if index == 0 else name[:1].lower() + name[1:] for index, name in enumerate(names)]
    if len(lower) < 2:
        return "".join(lower)
    return say("and", first=", ".join(lower[:-1]), last=lower[-1])


def is_idle(session: Session | Record, now: int) -> bool:
    """Unused for half of the session's lifetime, and for a day at least."""
    lifetime = session.idle_timeout
    if lifetime is None and session.expires_at is not None:
        lifetime = session.expires_at - session.signed_in_at
    return now - session.last_active_at >= max(DAY, (lifetime or 0) // 2)


def is_live(session: Session, now: int) -> bool:
    """Seen in the last quarter of an hour: its picture is lit."""
    return now - session.last_active_at <= LIT


class Moment(NamedTuple):
    """A time in all the ways in which a page tells it to somebody in a time zone.

    day: counts days. date: ``23 Nov``. clock: ``09:15``, with the zone's name if it is UTC. full: ``23
    Nov 2026, 09:15 CET``. iso: as :func:`rfc3339`.
    """

    day: int
    year: int
    date: str
    clock: str
    full: str
    iso: str


@lru_cache(1024)  # the same one is told in several places
def moment(ms: int, zone: tzinfo) -> Moment:
    """A time in words."""
    utc = at(ms)
    then = utc.astimezone(zone)
    date, name = f"{then.day} {_MONTHS[then.month - 1]}", then.tzname()
    clock = f"{_TWO_DIGITS[then.hour]}:{_TWO_DIGITS[then.minute]}"
    full = f"{date} {then.year}, {clock} {name}"
    shown = clock + " UTC" if name == "UTC" else clock
    return Moment(then.toordinal(), then.year, date, shown, full, _iso(utc))


def ago(ms: int, now: int, zone: tzinfo) -> str:
    """When it was last active: ``Active now``, ``12 minutes ago``, ``Yesterday, 17:48``."""
    return say("active_now") if now - ms <= ACTIVE_NOW else past(ms, now, zone)


def past(ms: int, now: int, zone: tzinfo) -> str:
    """When something happened: ``Just now``, ``12 minutes ago``, ``Yesterday, 17:48``."""
    since = max(now - ms, 0)
    if since < MINUTE:
        return say("just_now")
    if since < HOUR:
        return say("minutes_ago", n=since // MINUTE)
    then = moment(ms, zone)
    days = moment(now, zone).day - then.day
    if days == 0:
        return say("hours_ago", n=since // HOUR)
    if days == 1:
        return say("yesterday", time=then.clock)
    return say("days_ago", n=days)


def signed_in(ms: int, now: int, zone: tzinfo) -> str:
    """``Signed in today, 08:12`` or ``Signed in 18 Nov, 07:54``; with the year if it isn't this one."""
    then, today = moment(ms, zone), moment(now, zone)
    if then.day == today.day:
        return say("signed_in_today", time=then.clock)
    if then.day == today.day - 1:
        return say("signed_in_yesterday", time=then.clock)
    year = "" if then.year == today.year else f" {then.year}"
    return say("signed_in_on", date=then.date + year, time=then.clock)


def initials(name: str) -> str:
    """The first letters of the first and the last word of a name."""
    words = name.split()
    return "".join(word[0] for word in (words[:1] + words[1:][-1:])).upper()


def masked_ip(ip: str) -> str:
    """An address without the part that tells one household from the next: ``203.0.113.•••``."""
    try:
        address = ip_address(ip)
    except ValueError:  # a client without an address
        return ip and HIDDEN
    if address.version == 4:
        return ip.rpartition(".")[0] + "." + HIDDEN
    return f"{ip_network((address, 48), strict=False).network_address}{HIDDEN}"


def rfc3339(ms: int) -> str:
    """A time for machines, in UTC, to the second."""
    return _iso(at(ms))


def _iso(utc: datetime) -> str:
    two = _TWO_DIGITS
    day = f"{utc.year}-{two[utc.month]}-{two[utc.day]}"
    return f"{day}T{two[utc.hour]}:{two[utc.minute]}:{two[utc.second]}Z"
