"""What to list or revoke: one selector for library, CLI, console, API and admin page. Pure.

A selector is written as terms, ``user:ada ip:203.0.113.0/24 idle:>3d``; what has no ``key:`` is looked
for in names, addresses and devices. The command line's options are the same terms.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from difflib import get_close_matches
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Any, Final, NamedTuple, get_args

from .device import Kind
from .duration import parse_duration
from .policy import milliseconds
from .session import LATEST, SHORT_ID, EndedSession, Session

KINDS: Final[tuple[str, ...]] = get_args(Kind)
EVERYBODY: Final = "everybody"
LAST: Final = "~"
"""Sorts behind everything that an address is written with."""


class SelectorError(ValueError):
    """A term that can't be understood; the message says what is possible."""


class NoSuchUser(SelectorError):
    """A term names a user whom nobody knows."""


class Word(NamedTuple):
    """A free word, and the ids of the users whose names it is part of."""

    text: str
    users: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Selector:
    """Which sessions are meant; everything that is given must hold.

    users: user ids; empty for all users. session: how the session's id begins. ip: a network. idle,
    seen: not used, or used, for or within so long, milliseconds. browser, os: part of the name, in
    any case. kind: the device's. signed_in_before, signed_in_after: milliseconds since the epoch.
    remembered, admin_mode, impersonated: or not. words: each must be found somewhere.
    """

    users: tuple[str, ...] = ()
    session: str | None = None
    ip: IPv4Network | IPv6Network | None = None
    idle: int | None = None
    seen: int | None = None
    browser: str | None = None
    os: str | None = None
    kind: str | None = None
    signed_in_before: int | None = None
    signed_in_after: int | None = None
    remembered: bool | None = None
    admin_mode: bool | None = None
    impersonated: bool | None = None
    words: tuple[Word, ...] = ()

    @property
    def is_everybody(self) -> bool:
        """Whether nothing narrows it down."""
        return self == Selector()

    @property
    def is_whole_users(self) -> bool:
        """Whether all sessions of certain users are meant."""
        return bool(self.users) and self == Selector(users=self.users)

    @property
    def is_of_the_living(self) -> bool:
        """Whether it asks for what only active sessions have."""
        living = (self.idle, self.seen, self.remembered, self.admin_mode, self.impersonated)
        return any(value is not None for value in living)

    def matches(self, session: Session, now: int) -> bool:
        """Whether the selector means this session at ``now``."""
        return (
            self._is_of(session)
            and (self.idle is None or now - session.last_active_at >= self.idle)
            and (self.seen is None or now - session.last_active_at <= self.seen)
            and (self.remembered is None or session.remembered == self.remembered)
            and (self.admin_mode is None or _in_admin_mode(session, now) == self.admin_mode)
            and (self.impersonated is None or (session.acting_as is not None) == self.impersonated)
        )

    def matches_ended(self, session: EndedSession) -> bool:
        """Whether the selector means this ended session; for what only the living have, never."""
        return not self.is_of_the_living and self._is_of(session)

    def _is_of(self, session: Session | EndedSession) -> bool:
        device = session.device
        return (
            (not self.users or session.user_id in self.users)
            and (self.session is None or session.id.startswith(self.session))
            and (self.ip is None or _is_in(session.ip, self.ip))
            and _contains(device.browser, self.browser)
            and _contains(device.os, self.os)
            and (self.kind is None or device.kind == self.kind)
            and (self.signed_in_before is None or session.signed_in_at < self.signed_in_before)
            and (self.signed_in_after is None or session.signed_in_at >= self.signed_in_after)
            and all(_is_found(word, session) for word in self.words)
        )

    def __str__(self) -> str:
        """The selector in the canonical form of its language; times are absolute."""
        terms: list[tuple[str, object]] = [("user", user) for user in self.users]
        terms += [("session", self.session), ("ip", self.ip), ("browser", self.browser), ("os", self.os)]
        terms += [("type", self.kind)]
        terms += [("idle", f">{_duration(self.idle)}")] if self.idle is not None else []
        terms += [("seen", f"<{_duration(self.seen)}")] if self.seen is not None else []
        terms += [("created", f"<{_iso(self.signed_in_before)}")] if self.signed_in_before else []
        terms += [("created", f">{_iso(self.signed_in_after)}")] if self.signed_in_after else []
        flags = {"remembered": self.remembered, "admin": self.admin_mode}
        flags["impersonated"] = self.impersonated
        terms += [(k, "yes" if v else "no") for k, v in flags.items() if v is not None]
        terms += [("", word.text) for word in self.words]
        written = [_written(key, str(value)) for key, value in terms if value is not None]
        return " ".join(written) or EVERYBODY


# ── the language ─────────────────────────────────────────────────────────────────────────────


class Reading(NamedTuple):
    """How terms are read: at what time, and who knows the users.

    find_users: ``find_users("user" or "email", text)``, the ids that a text names; raises NoSuchUser.
    find_word: the ids of the users in whose names a free word is found.
    """

    now: int
    find_users: Callable[[str, str], Sequence[str]]
    find_word: Callable[[str], Iterable[str]] = lambda text: ()


def select(terms: Iterable[tuple[str, str]], reading: Reading) -> Selector:
    """The selector of these terms, each a key and what it shall be; a free word has the key ``""``.

    Raises SelectorError, which names the term, what is possible, and the nearest key.
    """
    selector = Selector()
    for key, value in terms:
        selector = _with(selector, key, value, reading)
    return selector


def parse_selector(text: str, reading: Reading) -> tuple[Selector, tuple[str, ...]]:
    """The selector that a person wrote, as far as it can be understood, and what is wrong with it."""
    selector, wrong = Selector(), []
    for key, value in split_terms(text):
        try:
            selector = _with(selector, key, value, reading)
        except SelectorError as error:
            wrong.append(str(error))
    return selector, tuple(wrong)


def split_terms(text: str) -> list[tuple[str, str]]:
    """The terms of a text: ``browser:"Samsung Internet" ada`` has a key and a free word."""
    return [
        (match["key"] or "", (match["quoted"] if match["quoted"] is not None else match["plain"]))
        for match in _term.finditer(text)
    ]


_EPOCH: Final = datetime.fromtimestamp(0, UTC)
_term = re.compile(r'(?:(?P<key>[A-Za-z_]+):(?=\S))?(?:"(?P<quoted>[^"]*)"?|(?P<plain>\S+))')


def parse_network(text: str) -> IPv4Network | IPv6Network:
    """An address or a network; ValueError says what is possible."""
    try:
        return ip_network(text, strict=False)
    except ValueError:
        raise SelectorError(
            f"{text!r} is not an address or a network. Write 203.0.113.24 or 203.0.113.0/24."
        ) from None


def parse_time(text: str, now: int) -> int:
    """A time, ISO 8601 or ``2h ago``, in milliseconds since the epoch; ValueError says what is
    possible. Without a zone it is UTC.
    """
    try:
        if text.endswith(" ago"):
            return max(now - milliseconds(parse_duration(text.removesuffix(" ago"))), 1)
        when = datetime.fromisoformat(text)
        ms = milliseconds((when if when.tzinfo else when.replace(tzinfo=UTC)) - _EPOCH)
        if not 0 < ms <= LATEST:
            raise ValueError
        return ms
    except ValueError:
        raise SelectorError(
            f"{text!r} is not a time. Write 2026-11-23, 2026-11-23T08:00Z or '2h ago'."
        ) from None


def text_range(network: IPv4Network | IPv6Network) -> tuple[str, str]:
    """The first and the last text, in the order of bytes, between which every address of the network
    is written (and some others): what an index on the text of addresses can narrow by.
    """
    first = str(network.network_address)
    if network.prefixlen == network.max_prefixlen:
        return first, first
    if isinstance(network, IPv4Network):
        parts, mark, known = first.split("."), ".", network.prefixlen // 8
    else:
        parts, mark, known = network.network_address.exploded.split(":"), ":", network.prefixlen // 16
        parts = [part.lstrip("0") for part in parts]
        # A run of zeros is left out of the text, so nothing behind the first zero can be told.
        known = next((n for n, part in enumerate(parts[:known]) if not part), known)
    start = "".join(part + mark for part in parts[:known])
    return start, start + LAST


def _with(selector: Selector, key: str, value: str, reading: Reading) -> Selector:
    if key == "":
        word = Word(value, frozenset(reading.find_word(value)))
        return replace(selector, words=(*selector.words, word))
    read = _TERMS.get(key.lower())
    if read is None:
        near = get_close_matches(key.lower(), _TERMS, 1)
        hint = f" Did you mean {near[0]}:?" if near else f" Possible: {', '.join(_TERMS)}."
        raise SelectorError(f"{key}: is not known.{hint}")
    try:
        changes = read(value, reading)
    except SelectorError:
        raise
    except ValueError as error:
        raise SelectorError(f"{key}: {error}") from None
    if "users" in changes:
        changes["users"] = tuple(dict.fromkeys((*selector.users, *changes["users"])))
    return replace(selector, **changes)


def _users(how: str) -> Callable[[str, Reading], dict[str, Any]]:
    return lambda value, reading: {"users": tuple(reading.find_users(how, value))}


def _session(value: str, reading: Reading) -> dict[str, Any]:
    text = value.lower()
    if not re.fullmatch(f"[0-9a-f]{{{SHORT_ID},48}}", text):
        raise SelectorError(f"{value!r} is not a session: give at least its first {SHORT_ID} digits.")
    return {"session": text}


def _kind(value: str, reading: Reading) -> dict[str, Any]:
    if value.lower() not in KINDS:
        near = get_close_matches(value.lower(), KINDS, 1)
        hint = f" Did you mean {near[0]!r}?" if near else ""
        raise SelectorError(f"{value!r} is not a type of device.{hint} Possible: {', '.join(KINDS)}.")
    return {"kind": value.lower()}


def _lasting(field: str, sign: str, other: str) -> Callable[[str, Reading], dict[str, Any]]:
    def read(value: str, reading: Reading) -> dict[str, Any]:
        if value[:1] in "<>" and value[:1] != sign:
            raise SelectorError(f"{field}:{value} can't be. Write {field}:{sign}3d, or {other}.")
        return {field: milliseconds(parse_duration(value.removeprefix(sign)))}

    return read


def _created(value: str, reading: Reading) -> dict[str, Any]:
    if value[:1] == "<":
        return {"signed_in_before": parse_time(value[1:], reading.now)}
    if value[:1] == ">":
        return {"signed_in_after": parse_time(value[1:], reading.now)}
    start = parse_time(value, reading.now)
    if not re.fullmatch(r"\d{4}-\d\d-\d\d", value):
        raise SelectorError(f"created:{value} is a moment. Write created:>{value} or created:<{value}.")
    return {"signed_in_after": start, "signed_in_before": min(start + 86_400_000, LATEST)}


def _flag(field: str) -> Callable[[str, Reading], dict[str, Any]]:
    def read(value: str, reading: Reading) -> dict[str, Any]:
        if value.lower() not in ("yes", "no"):
            raise SelectorError(f"{value!r} is neither yes nor no.")
        return {field: value.lower() == "yes"}

    return read


_TERMS: Final[dict[str, Callable[[str, Reading], dict[str, Any]]]] = {
    "user": _users("user"),
    "email": _users("email"),
    "session": _session,
    "ip": lambda value, reading: {"ip": parse_network(value)},
    "browser": lambda value, reading: {"browser": value},
    "os": lambda value, reading: {"os": value},
    "type": _kind,
    "idle": _lasting("idle", ">", "seen:<3d"),
    "seen": _lasting("seen", "<", "idle:>3d"),
    "created": _created,
    "remembered": _flag("remembered"),
    "admin": _flag("admin_mode"),
    "impersonated": _flag("impersonated"),
}


# ── matching and writing ─────────────────────────────────────────────────────────────────────


def _is_in(ip: str, network: IPv4Network | IPv6Network) -> bool:
    try:
        return ip_address(ip) in network
    except ValueError:  # a client without an address
        return False


def _contains(value: str | None, part: str | None) -> bool:
    return part is None or (value is not None and part.casefold() in value.casefold())


def _is_found(word: Word, session: Session | EndedSession) -> bool:
    if session.user_id in word.users or session.user_id == word.text:
        return True
    text = word.text.casefold()
    places = (session.name or "", session.device.name, session.device.os or "")
    return (
        session.ip.startswith(text)
        or session.id.startswith(text)
        or any(text in place.casefold() for place in places)
    )


def _in_admin_mode(session: Session, now: int) -> bool:
    return session.admin_until is not None and now < session.admin_until


def _duration(ms: int) -> str:
    seconds = ms // 1000
    for unit, length in (("d", 86_400), ("h", 3600), ("m", 60)):
        if seconds and seconds % length == 0:
            return f"{seconds // length}{unit}"
    return f"{seconds}s"


def _iso(ms: int) -> str:
    return (_EPOCH + timedelta(milliseconds=ms)).isoformat().replace("+00:00", "Z")


def _written(key: str, text: str) -> str:
    """A term that is read as what it is: what has spaces, or looks like another term, is quoted."""
    start = f"{key}:" if key else ""
    plain = start + text
    return plain if split_terms(plain) == [(key, text)] and plain != EVERYBODY else f'{start}"{text}"'
