"""System checks: a setting that can't work is told before the site starts."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.conf import settings as site
from django.core.checks import CheckMessage, Error, Tags, Warning
from django.core.checks import register as register_check

from ..errors import SettingsError
from .flow import is_engine, site_clock, site_settings

OURS = "signedin.django.SignedinMiddleware"
OURS_OF_ENGINE = "signedin.django.SessionMiddleware"
DJANGOS = "django.contrib.sessions.middleware.SessionMiddleware"
AUTHENTICATION = "django.contrib.auth.middleware.AuthenticationMiddleware"


def register() -> None:
    """With Django's checks of security."""
    register_check(check_settings, Tags.security)
    register_check(check_deployment, Tags.security, deploy=True)


def check_settings(app_configs: Any = None, **more: Any) -> Iterable[CheckMessage]:
    """SIGNEDIN can be read, and the middleware fits the engine."""
    try:
        site_settings()
        site_clock()
    except SettingsError as error:
        yield Error(str(error), hint="See the dict SIGNEDIN in the settings.", id="signedin.E001")
    yield from _middleware(list(site.MIDDLEWARE))
    yield from _cookie()
    if "pickle" in site.SESSION_SERIALIZER.lower():
        yield Error(
            "SESSION_SERIALIZER is a pickle: who can write to the store could run code.",
            hint="Use django.contrib.sessions.serializers.JSONSerializer.",
            id="signedin.E005",
        )


def _middleware(named: list[str]) -> Iterable[CheckMessage]:
    wanted, other = (OURS_OF_ENGINE, OURS) if is_engine() else (OURS, OURS_OF_ENGINE)
    if wanted not in named:
        hint = f"Put it in the place of {DJANGOS}." if is_engine() else f"Put it after {AUTHENTICATION}."
        yield Error(f"MIDDLEWARE lacks {wanted}.", hint=hint, id="signedin.E002")
    if other in named or (is_engine() and DJANGOS in named):
        extra = other if other in named else DJANGOS
        yield Error(
            f"MIDDLEWARE has {extra}, which doesn't go with SESSION_ENGINE = {site.SESSION_ENGINE!r}.",
            hint="Leave it out.",
            id="signedin.E003",
        )
    if wanted in named and AUTHENTICATION in named:
        is_after = named.index(wanted) > named.index(AUTHENTICATION)
        if is_after == is_engine():
            place = "before" if is_engine() else "after"
            yield Error(
                f"{wanted} stands in the wrong place of MIDDLEWARE.",
                hint=f"Put it {place} {AUTHENTICATION}.",
                id="signedin.E004",
            )


def _cookie() -> Iterable[CheckMessage]:
    """What browsers refuse: then nobody stays logged in."""
    if not is_engine():
        return
    name, remedies = site.SESSION_COOKIE_NAME.lower(), []
    if name.startswith("__host-"):
        if site.SESSION_COOKIE_DOMAIN:
            remedies.append("SESSION_COOKIE_DOMAIN = None")
        if site.SESSION_COOKIE_PATH != "/":
            remedies.append("SESSION_COOKIE_PATH = '/'")
    is_none = str(site.SESSION_COOKIE_SAMESITE).lower() == "none" and site.SESSION_COOKIE_SAMESITE
    if not site.SESSION_COOKIE_SECURE and (name.startswith(("__host-", "__secure-")) or is_none):
        remedies.append("SESSION_COOKIE_SECURE = True")
    if remedies:
        told = f"SESSION_COOKIE_SAMESITE = {site.SESSION_COOKIE_SAMESITE!r}" if is_none else "this name"
        yield Error(
            f"Browsers refuse the cookie {site.SESSION_COOKIE_NAME!r} as it is set.",
            hint=f"With {told} it needs {' and '.join(remedies)}.",
            id="signedin.E006",
        )


def check_deployment(app_configs: Any = None, **more: Any) -> Iterable[CheckMessage]:
    """What is fine on the own machine and isn't in production."""
    if not is_engine():
        return
    for name in ("SESSION_COOKIE_SECURE", "SESSION_COOKIE_HTTPONLY"):
        if not getattr(site, name):
            yield Warning(
                f"{name} is off: the session's token could be read by others.",
                hint=f"Set {name} = True.",
                id="signedin.W001",
            )
    if not site.SESSION_COOKIE_SAMESITE or site.SESSION_COOKIE_SAMESITE.lower() == "none":
        yield Warning(
            "SESSION_COOKIE_SAMESITE lets requests that other sites make carry the session.",
            hint="Set SESSION_COOKIE_SAMESITE = 'Lax', unless your pages are shown inside another site.",
            id="signedin.W002",
        )
