"""The settings: one frozen object, and the same names everywhere.

Keyword arguments, ``SIGNEDIN_*`` in the environment, ``[signedin]`` in TOML, Flask's and Django's
keys: all become a :class:`Settings` through :meth:`Settings.of`, which checks them. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, fields, replace
from datetime import timedelta
from difflib import get_close_matches
from functools import cached_property
from typing import Any, Final, Literal

from .client_ip import Networks, networks
from .cookies import CookieNames
from .duration import parse_duration
from .errors import SettingsError
from .origin import normal_origin
from .policy import NAMED, Policy, milliseconds

ENVIRONMENT_PREFIX: Final = "SIGNEDIN_"
LOOPBACK: Final = ("127.0.0.1", "localhost", "::1")
PAGE: Final = "/-/user_settings/active_sessions"


@dataclass(frozen=True)
class Settings:
    """How sessions are kept and bound to the web. Durations are ``timedelta``.

    store: URL of the store. url: the application's own, ``https://app.example``; checked against
    ``Origin``, else the request's Host is. policy: a :class:`Policy` or the name of one. cap,
    remember_me: that policy with another cap, another time for Remember me (None: the policy's).
    trusted_proxies: addresses or networks of proxies whose header tells the client's address.
    proxy_header: which header. exclude: path prefixes that need no session and cost nothing.
    page: path of the Active Sessions page, or None for none. sign_in_path: where people sign in.
    insecure_http: cookies over plain HTTP, for a host other than loopback. sign_out_forgets: which
    Remember me a sign-out turns off. fresh_for: how long after giving credentials a session may do
    what asks for a fresh one. reauth: "others" lets the page revoke several sessions at once only from a
    fresh one. clock_skew: how far the clocks of several servers may differ.
    sweep_every: how often expired sessions are moved to the history; None when cron does it.
    directory: who the users are, for operators: ``module:name`` of a
    :class:`~signedin.directory.Directory`. inline_reads: read SQLite in the event loop, which is
    faster than a thread; not on network disks.
    """

    store: str = field(default="sqlite:///signedin.db", repr=False)  # a URL may hold a password
    url: str | None = None
    policy: Policy = field(default_factory=Policy.gitlab)
    cap: int | None = None
    remember_me: timedelta | None = None
    trusted_proxies: tuple[str, ...] = ()
    proxy_header: str = "x-forwarded-for"
    exclude: tuple[str, ...] = ()
    page: str | None = PAGE
    sign_in_path: str = "/sign_in"
    insecure_http: bool = False
    sign_out_forgets: Literal["this", "everywhere"] = "this"
    fresh_for: timedelta = timedelta(minutes=10)
    reauth: Literal["never", "others"] = "never"
    clock_skew: timedelta = timedelta(seconds=2)
    sweep_every: timedelta | None = timedelta(minutes=10)
    directory: str | None = None
    inline_reads: bool = True

    def __post_init__(self) -> None:
        if self.cap is not None:
            object.__setattr__(self, "policy", replace(self.policy, cap=self.cap))
        if self.remember_me is not None:
            object.__setattr__(self, "policy", replace(self.policy, remember_me=self.remember_me))
        if self.sign_out_forgets not in ("this", "everywhere"):
            raise SettingsError(
                f"sign_out_forgets is 'this' or 'everywhere', not {self.sign_out_forgets!r}."
            )
        if self.reauth not in ("never", "others"):
            raise SettingsError(f"reauth is 'never' or 'others', not {self.reauth!r}.")
        for name in ("fresh_for", "sweep_every"):
            value = getattr(self, name)
            if value is not None and value <= timedelta(0):
                raise SettingsError(f"{name} must be longer than zero.")
        if self.clock_skew < timedelta(0):
            raise SettingsError("clock_skew can't be negative.")
        for name in ("page", "sign_in_path"):
            path = getattr(self, name)
            if path is not None and not path.startswith("/"):
                raise SettingsError(f"{name} is a path that starts with '/', not {path!r}.")
        self._check_transport()
        networks(self.trusted_proxies)

    def _check_transport(self) -> None:
        if self.url is None:
            return
        origin = normal_origin(self.url)
        if origin is None:
            raise SettingsError(f"url is not a web address: {self.url!r}. Write https://app.example.")
        plain = origin.startswith("http:")
        loopback = origin[origin.index("//") + 2 :].rpartition(":")[0].strip("[]") in LOOPBACK
        if plain and not loopback and not self.insecure_http:
            raise SettingsError(
                f"url is {self.url}: cookies would travel unencrypted. Use https://, or say"
                " insecure_http=True if that is meant."
            )
        if self.insecure_http and not plain:
            raise SettingsError("insecure_http goes with an http:// url; with https:// leave it out.")

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> Settings:
        """Settings from any source: text is read as TOML and the environment write it.

        Raises SettingsError, which names the setting and what it may be.
        """
        known = {each.name for each in fields(cls)}
        for name in values:
            if name not in known:
                near = get_close_matches(name, known, 1)
                hint = f" Did you mean {near[0]!r}?" if near else ""
                raise SettingsError(f"There is no setting {name!r}.{hint}")
        return cls(**{name: _read(name, value) for name, value in values.items()})

    @classmethod
    def from_environment(cls, environ: Mapping[str, str]) -> dict[str, str]:
        """The settings that the environment names, without the prefix, as :meth:`of` takes them."""
        found = {
            name.removeprefix(ENVIRONMENT_PREFIX).lower(): value
            for name, value in environ.items()
            if name.startswith(ENVIRONMENT_PREFIX)
        }
        return {each.name: found[each.name] for each in fields(cls) if each.name in found}

    @cached_property
    def cookies(self) -> CookieNames:
        """The cookies' names and attributes."""
        return CookieNames.insecure() if self.insecure_http else CookieNames()

    @cached_property
    def proxies(self) -> Networks:
        """The trusted proxies as networks."""
        return networks(self.trusted_proxies)

    @cached_property
    def origin(self) -> str | None:
        """The origin of ``url``, or None when the request's Host is to be believed."""
        return None if self.url is None else normal_origin(self.url)

    @cached_property
    def fresh_ms(self) -> int:
        """``fresh_for`` in milliseconds."""
        return milliseconds(self.fresh_for)

    @cached_property
    def skew_ms(self) -> int:
        """``clock_skew`` in milliseconds."""
        return milliseconds(self.clock_skew)


_DURATION: Final = ("a timedelta, or text such as '12h'", (timedelta, str))
_LIST: Final = ("a list, or text with commas", (str, tuple, list, set, frozenset))
_SWITCH: Final = ("yes or no", (bool, str))
_KINDS: Final[dict[str, tuple[str, tuple[type, ...]]]] = {
    "policy": ("a Policy, or the name of one", (Policy, str)),
    "cap": ("a number", (int, str)),
    "remember_me": _DURATION,
    "fresh_for": _DURATION,
    "clock_skew": _DURATION,
    "sweep_every": _DURATION,
    "trusted_proxies": _LIST,
    "exclude": _LIST,
    "insecure_http": _SWITCH,
    "inline_reads": _SWITCH,
}
"""What a setting may be given as; any other is text."""
_OR_NONE: Final = frozenset({"url", "cap", "remember_me", "page", "sweep_every", "directory"})


@contextmanager
def told_by_key(host: Container[str], prefix: str = "") -> Iterator[None]:
    """What is wrong with a setting is told of its key in the host's configuration, if it is there."""
    try:
        yield
    except SettingsError as error:
        name, text = re.split(r"(?=\W)", str(error), maxsplit=1)
        key = prefix + name.upper()
        if key not in host:
            raise
        raise SettingsError(key + text) from None


def _check_kind(name: str, value: object) -> None:
    words, kinds = _KINDS.get(name, ("text", (str,)))
    if not isinstance(value, kinds) and not (value is None and name in _OR_NONE):
        told = type(value).__name__ if name == "store" else repr(value)  # it may hold a password
        raise SettingsError(f"{name} is {words}, not {told}.")


def _read(name: str, value: Any) -> Any:
    _check_kind(name, value)
    try:
        if name == "policy" and isinstance(value, str):
            if value not in NAMED:
                raise ValueError(f"{value!r} is not one of {', '.join(NAMED)}")
            return NAMED[value]()
        if name in ("trusted_proxies", "exclude"):
            parts = value.split(",") if isinstance(value, str) else value
            return tuple(part.strip() for part in parts if part.strip())
        if name in ("remember_me", "fresh_for", "clock_skew", "sweep_every") and isinstance(value, str):
            return None if name == "sweep_every" and value in ("", "none") else parse_duration(value)
        if name in ("insecure_http", "inline_reads") and isinstance(value, str):
            return _YES_NO[value.lower()]
        if name == "cap" and isinstance(value, str):
            return int(value)
        if name == "page" and value == "":
            return None
        if name == "proxy_header":
            return str(value).lower()
    except KeyError:
        raise SettingsError(f"{name} is yes or no, not {value!r}.") from None
    except ValueError as error:
        raise SettingsError(f"{name}: {error}") from None
    return value


_YES_NO: Final = {"1": True, "true": True, "yes": True, "on": True} | {
    "0": False,
    "false": False,
    "no": False,
    "off": False,
    "": False,
}
