"""``signedin doctor``: what can be checked of settings, users, store and clock, each with a way out."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_network
from typing import Final

import click

from ..config import now_ms, store_checks
from ..cookies import CookieNames
from ..duration import spell_duration
from ..errors import SignedinError
from ..health import Check
from ..policy import SWEEP_CLOCK_TOLERANCE
from ..settings import Settings
from .failures import Failure
from .frame import Frame, framed, plural
from .output import Out, inert, print_json, printing

UNSWEPT: Final = 10_000
"""Expired sessions that nobody has swept: then nobody sweeps."""
WIDE: Final = 8
"""A proxy network of so few fixed bits is much of the world."""
COLOURS: Final = {"pass": "green", "warn": "yellow", "fail": "red"}


@click.command()
@framed
@printing("json")
def doctor(frame: Frame, out: Out) -> None:
    """Check settings, store, clock and cookie flags; exit with 1 if something is wrong."""
    checks = [*_of_settings(frame.settings), *_of_users(frame), *store_checks(frame.settings)]
    if all(check.state != "fail" for check in checks):
        checks += _of_sessions(frame)
    failed = sum(check.state == "fail" for check in checks)
    if out.form == "json":
        told = [check._asdict() for check in checks]
        print_json({"schema": "signedin.doctor/1", "failed": failed, "checks": told})
    else:
        for check in checks:
            state = f"{check.state:<4}"
            shown = click.style(state, fg=COLOURS[check.state]) if frame.colour else state
            click.echo(f"{shown}  {check.name}: {inert(check.found)}")
            if check.remedy:
                click.echo(f"      → {inert(check.remedy)}")
    if failed:
        raise Failure("failed", f"{plural(failed, 'check')} failed.")


def _of_settings(settings: Settings) -> Iterator[Check]:
    policy = settings.policy
    idle = "no limit" if policy.idle_timeout is None else spell_duration(policy.idle_timeout)
    yield Check("policy", "pass", f"{policy.cap or 'no limit of'} sessions a user, idle timeout {idle}")
    names = settings.cookies
    if settings.insecure_http:
        yield Check("cookies", "warn", "insecure_http: sent over plain HTTP", "serve over https://")
    elif not names.secure:
        remedy = "serve over https://, and let the cookie be Secure"
        yield Check("cookies", "warn", f"{names.session}: sent over plain HTTP as well", remedy)
    elif names != CookieNames():
        yield Check("cookies", "pass", f"{names.session}, Secure")
    else:
        yield Check("cookies", "pass", "__Host- prefix, Secure, HttpOnly, SameSite=Lax")
    if settings.url is None:
        yield Check("origin", "warn", "url is not set, so the Host header is believed", "set url")
    else:
        yield Check("origin", "pass", settings.url)
    wide = [text for text in settings.trusted_proxies if ip_network(text, strict=False).prefixlen < WIDE]
    trusted = ", ".join(settings.trusted_proxies)
    if wide:
        remedy = "name the proxies' own addresses: whoever is there can claim any address"
        yield Check("proxies", "fail", f"trusts {', '.join(wide)}", remedy)
    elif trusted:
        yield Check("proxies", "pass", f"{settings.proxy_header} of {trusted}")
    else:
        yield Check("proxies", "pass", "none is trusted; the address is the connection's")


def _of_users(frame: Frame) -> Iterator[Check]:
    try:
        person = next(iter(frame.directory().all()), None)
    except SignedinError as error:
        yield Check("users", "fail", str(error))
        return
    if person is None:
        remedy = "name the application's users in the setting directory"
        yield Check("users", "warn", "no directory: users are called by their ids", remedy)
    else:
        yield Check("users", "pass", frame.settings.directory or "the service's accounts")


def _of_sessions(frame: Frame) -> Iterator[Check]:
    try:
        with frame.sessions() as sessions:
            counts, newest = sessions.counts(), sessions.store.newest()
    except SignedinError as error:
        yield Check("sessions", "fail", str(error))
        return
    whose = f"{plural(counts.sessions, 'session')} of {plural(counts.users, 'user')}"
    yield Check("sessions", "pass", whose)
    waiting = f"{plural(counts.over, 'expired session')} to sweep"
    if counts.over > UNSWEPT:
        yield Check("sweep", "warn", waiting, "signedin sweep, by cron or by the setting sweep_every")
    else:
        yield Check("sweep", "pass", waiting)
    ahead = newest - now_ms()
    if ahead > SWEEP_CLOCK_TOLERANCE:
        remedy = "set the clock; until then nothing is swept"
        yield Check("clock", "fail", f"the newest record lies {ahead // 1000:,} s ahead of it", remedy)
    else:
        yield Check("clock", "pass", "no record lies ahead of it")
