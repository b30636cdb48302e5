"""What a process has once: the site's settings, the flow in both colours, the work beside requests."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from contextvars import Context
from dataclasses import fields, replace
from datetime import timedelta
from difflib import get_close_matches
from functools import cached_property
from threading import Lock
from typing import Any, Final
from urllib.parse import urlsplit

from django.conf import settings as site
from django.contrib.auth import get_user_model, load_backend
from django.shortcuts import resolve_url
from django.urls import NoReverseMatch
from django.utils.module_loading import import_string

from .._async.sessions import AsyncSessions
from ..config import now_ms, open_async_sessions, open_sessions
from ..cookies import CookieNames
from ..errors import SettingsError
from ..incoming import Incoming
from ..origin import normal_origin
from ..settings import Settings, told_by_key
from ..threads import Background

ENGINE: Final = "signedin.django.sessions"
ELSEWHERE: Final = {
    "PAGE": "the page is where your URLconf includes signedin.django.urls",
    "SIGN_IN_PATH": "people sign in at LOGIN_URL",
    "EXCLUDE": "a view that doesn't use the session costs nothing, or next to it",
}
"""Settings that a site has in another place."""
KEYS: Final = (*(each.name.upper() for each in fields(Settings)), "CLOCK")
"""The keys of ``SIGNEDIN``."""
_OPENING: Final = Lock()


class EngineSettings(Settings):
    """Where ours is the session engine, the cookies are Django's."""

    @cached_property
    def cookies(self) -> CookieNames:
        """Django's name, and three that begin with it."""
        name = site.SESSION_COOKIE_NAME
        rest = (f"{name}-remember", f"{name}-flash", f"{name}-visitor")
        return CookieNames(name, *rest, secure=bool(site.SESSION_COOKIE_SECURE))


def is_engine() -> bool:
    """Whether ours is the session engine."""
    return bool(site.SESSION_ENGINE == ENGINE)


def site_settings() -> Settings:
    """The settings that the site's ``SIGNEDIN`` names. Raises SettingsError."""
    told = getattr(site, "SIGNEDIN", {})
    if not isinstance(told, Mapping):
        raise SettingsError(f"SIGNEDIN is a dict of settings, not {told!r}.")
    for name in told:
        if name != str(name).upper():
            raise SettingsError(f"SIGNEDIN has the key {name!r}. Write it as {str(name).upper()!r}.")
        if name not in KEYS:
            near = get_close_matches(name, KEYS, 1)
            hint = f" Did you mean {near[0]!r}?" if near else ""
            raise SettingsError(f"SIGNEDIN has the key {name!r}, and there is no such setting.{hint}")
    for name, instead in ELSEWHERE.items():
        if name in told:
            raise SettingsError(f"SIGNEDIN has {name}, which Django says itself: {instead}.")
    values: dict[str, Any] = {"sign_in_path": _sign_in_path(told.get("URL"))}
    values |= {name.lower(): value for name, value in told.items() if name != "CLOCK"}
    with told_by_key(told):
        read = Settings.of(values)
    if "POLICY" not in told:
        age = timedelta(seconds=site.SESSION_COOKIE_AGE)
        read = replace(read, policy=replace(read.policy, idle_timeout=age))
    if not is_engine():
        return read
    return EngineSettings(**{each.name: getattr(read, each.name) for each in fields(Settings)})


def site_clock() -> Callable[[], int]:
    """The clock that ``SIGNEDIN`` names, for tests, or the system's. Raises SettingsError."""
    told = getattr(site, "SIGNEDIN", {}).get("CLOCK", now_ms)
    try:
        clock: Any = import_string(told) if isinstance(told, str) else told
    except ImportError as error:
        raise SettingsError(f"CLOCK is {told!r}, and that can't be found: {error}.") from error
    if not callable(clock):
        raise SettingsError(f"CLOCK is called for the time in milliseconds, and {clock!r} can't be.")
    return clock  # type: ignore[no-any-return]


def _sign_in_path(url: object) -> str:
    """LOGIN_URL as a path of the site, whose address is perhaps known."""
    try:
        there = str(resolve_url(site.LOGIN_URL))
    except NoReverseMatch:
        raise SettingsError(
            f"LOGIN_URL is {str(site.LOGIN_URL)!r}, and no address of the URLconf has that name. Give"
            " one this name, or write the path where people sign in: LOGIN_URL = '/login/'."
        ) from None
    parts = urlsplit(there)
    if not parts.netloc:
        return there
    if url is None or normal_origin(there) is None or normal_origin(there) != normal_origin(str(url)):
        raise SettingsError(
            f"LOGIN_URL is {there!r}, which isn't known to be on this site. Write its path, or the"
            " site's own address as SIGNEDIN['URL']. Where people log in on another site, name a path"
            " of yours that leads there: the page's forms may end on your site only."
        )
    return parts.path or "/"


class Flow:
    """The flow under the site's settings. Nothing is opened before its first use."""

    def __init__(self) -> None:
        self.settings = site_settings()
        self.is_engine = is_engine()
        self.incoming = Incoming(self.settings)
        self.saves_always = bool(site.SESSION_SAVE_EVERY_REQUEST)
        self.serializer: Any = import_string(site.SESSION_SERIALIZER)
        self.sessions = open_sessions(self.settings, clock=site_clock(), account_active=_is_active)
        self.background = Background(self.sessions)
        self.proxy_header = "HTTP_" + self.settings.proxy_header.upper().replace("-", "_")
        self._in_loops: dict[asyncio.AbstractEventLoop, tuple[AsyncSessions, asyncio.Task[None]]] = {}

    @property
    def clock(self) -> Callable[[], int]:
        """The flow's."""
        return self.sessions.clock

    @property
    def async_sessions(self) -> AsyncSessions:
        """The flow of the running event loop, for as long as that lasts."""
        loop = asyncio.get_running_loop()
        found = self._in_loops.get(loop)
        if found is None:
            sessions = open_async_sessions(
                self.settings, clock=self.clock, account_active=_is_active_in_loop
            )
            # In a context of its own: the request that is the first shall not live as long.
            closing = loop.create_task(self._close_at_the_end(loop, sessions), context=Context())
            found = self._in_loops[loop] = sessions, closing
        return found[0]

    async def _close_at_the_end(self, loop: asyncio.AbstractEventLoop, sessions: AsyncSessions) -> None:
        """Whoever runs a loop cancels at its end what is left in it."""
        try:
            await loop.create_future()
        finally:
            del self._in_loops[loop]
            await sessions.close()

    def close(self) -> None:
        """Record what is waiting, and let go of the store."""
        self.background.close()
        self.sessions.close()


_opened: Flow | None = None


def flow() -> Flow:
    """This process's."""
    return _opened or _open()


def _open() -> Flow:
    global _opened
    with _OPENING:
        if _opened is None:
            _opened = Flow()
        return _opened


def forget_flow() -> None:
    """Settings have changed, as tests do it: open anew at the next use."""
    global _opened
    with _OPENING:
        gone, _opened = _opened, None
    if gone is not None:
        gone.close()


def remembered(user_id: str) -> tuple[Any, str] | None:
    """The user whom Remember me logs in, and the first of the site's backends that knows that user;
    which one it was at the sign-in is not kept.
    """
    key = get_user_model()._meta.pk.to_python(user_id)
    for name in site.AUTHENTICATION_BACKENDS:
        user = load_backend(name).get_user(key)
        if user is not None:
            return user, name
    return None


def _is_active(user_id: str) -> bool:
    user = get_user_model()._default_manager.filter(pk=user_id).first()
    return user is not None and user.is_active


async def _is_active_in_loop(user_id: str) -> bool:
    user = await get_user_model()._default_manager.filter(pk=user_id).afirst()
    return user is not None and user.is_active
