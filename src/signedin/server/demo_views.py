"""The demo's own page: more devices, another time, the limit; and what to try with two browsers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from ..asgi import exchange
from ..device import parse_device
from ..steps import Touch
from .accounts import Accounts
from .demo import DEVICES, HOUR, Example
from .shell import NO_STORE, Shell
from .viewers import viewer

DEVICES_PAGE: Final = "/demo/devices"
MANY: Final = 100
MOVES: Final = {"1": "1 hour", "192": "8 days"}


class DemoClock:
    """The real time, and as much ahead as somebody wished."""

    def __init__(self, real: Callable[[], int]) -> None:
        self._real = real
        self.ahead = 0

    def __call__(self) -> int:
        """The time in milliseconds."""
        return self._real() + self.ahead


class DemoViews:
    """What the demo adds to the service."""

    def __init__(self, accounts: Accounts, shell: Shell, clock: DemoClock) -> None:
        self._accounts = accounts
        self._shell = shell
        self._clock = clock

    async def devices(self, request: Request) -> Response:
        """The page."""
        return self._shell.response(
            "devices.html",
            viewer(self._accounts, request.scope),
            title="Devices",
            here="devices",
            names=[_name(example) for example in DEVICES],
            moves=MOVES,
            ahead=self._clock.ahead // HOUR,
            done=request.query_params.get("done", ""),
        )

    async def sign_in_as(self, request: Request) -> Response:
        """A real session of the current user, on a device that isn't there."""
        async with request.form(max_files=0, max_fields=8) as form:
            chosen, remember = str(form.get("device", "")), bool(form.get("remember_me"))
        index = int(chosen) if chosen.isascii() and chosen.isdigit() else 0
        await self._sign_in(request, DEVICES[index % len(DEVICES)], remember)
        return RedirectResponse(f"{DEVICES_PAGE}?done=device", 303, NO_STORE)

    async def many(self, request: Request) -> Response:
        """A hundred more, to meet the limit."""
        for number in range(MANY):
            await self._sign_in(request, DEVICES[number % len(DEVICES)], remember=False)
        return RedirectResponse(f"{DEVICES_PAGE}?done=many", 303, NO_STORE)

    async def move(self, request: Request) -> Response:
        """The clock goes ahead, for this demo only."""
        async with request.form(max_files=0, max_fields=8) as form:
            hours = str(form.get("hours", ""))
        if hours in MOVES:
            self._clock.ahead += int(hours) * HOUR
        return RedirectResponse(f"{DEVICES_PAGE}?done=clock", 303, NO_STORE)

    async def _sign_in(self, request: Request, example: Example, remember: bool) -> None:
        this = exchange(request)
        assert this.session is not None
        # The session of this browser is in use: it must not be the one that the limit removes.
        await this.sessions.touch(Touch(this.session.id, this.client))
        await this.sessions.sign_in(
            this.session.user_id, example.client, started_at=self._clock(), remember=remember
        )


def _name(example: Example) -> str:
    device = parse_device(example.client.user_agent, example.client.hints)
    return f"{device.name}, {example.client.ip}"
