"""Running the service: what may be bound where, and uvicorn."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_address
from typing import Final

import uvicorn

from ..asgi.types import ASGIApp
from ..errors import SettingsError
from ..settings import Settings
from .http import BoundedHttp

GRACE: Final = 5
"""Seconds that open requests have at shutdown."""


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach the address."""
    if host == "localhost":
        return True
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def settings_for(settings: Settings, host: str) -> Settings:
    """The settings under which this address may be served; SettingsError says what is missing."""
    if is_loopback(host) or settings.insecure_http:
        return settings
    if settings.url is None or not settings.url.startswith("https://"):
        raise SettingsError(
            f"{host} can be reached from other machines, and cookies must travel encrypted. Put a proxy"
            " that speaks HTTPS in front, and say how people reach it: --url https://app.example"
            " --trusted-proxy ADDRESS-OF-THE-PROXY. Or serve this machine only: --host 127.0.0.1."
        )
    return settings


def demo_settings(settings: Settings, host: str, port: int, *, known: bool) -> Settings:
    """The same for the demo, whose passwords everybody knows."""
    if is_loopback(host):
        return settings
    if not known:
        raise SettingsError(
            f"{host} can be reached from other machines, and everybody knows the demo's passwords. If"
            " that is meant, add --i-know-this-is-a-demo. For this machine only: --host 127.0.0.1."
        )
    if settings.url is not None and settings.url.startswith("https://"):
        return settings
    return replace(settings, url=settings.url or f"http://{host}:{port}", insecure_http=True)


def run(app: ASGIApp, host: str, port: int) -> None:
    """Serve until a signal says stop; requests under way are finished, activity is recorded."""
    uvicorn.run(
        app,
        host=host.strip("[]"),
        port=port,
        http=BoundedHttp,
        ws="none",
        log_level="warning",
        access_log=False,
        server_header=False,
        # The middleware judges for itself which proxy to believe.
        proxy_headers=False,
        timeout_graceful_shutdown=GRACE,
    )
