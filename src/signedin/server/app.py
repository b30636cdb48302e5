"""The service as one ASGI application: accounts, sign-in, profile, password, Active Sessions.

A request's way: security headers, then the middleware (which finds the session and answers the
Active Sessions page itself), then the views. ``create_app`` puts these together.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Final

from anyio.to_thread import run_sync
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route, request_response

from ..admin import PREFIX, Action
from ..asgi import Admin, RequireSession, SignedinMiddleware, exchange
from ..asgi.types import ASGIApp, Message, Receive, Scope, Send
from ..asgi.verbs import KEY
from ..config import now_ms, open_async_sessions
from ..errors import StoreUnavailable
from ..replies import SECURITY_HEADERS, outage
from ..session import Session
from ..settings import PAGE, Settings
from .accounts import Accounts
from .demo_views import DEVICES_PAGE, DemoClock, DemoViews
from .passwords import Passwords
from .rate_limits import RateLimits
from .shell import Demo, Shell
from .viewers import viewer
from .views import PASSWORD, PROFILE, Views

CLEARED: Final = (b"clear-site-data", b'"cache", "cookies", "storage"')
"""At sign-out the service clears all of its origin, which is its own; a library may not (HDR-2)."""


def create_app(
    settings: Settings,
    accounts: Accounts,
    *,
    name: str = "signedin",
    demo: Demo | None = None,
    passwords: Passwords | None = None,
    clock: Callable[[], int] = now_ms,
) -> ASGIApp:
    """The service. name: what it is called on its pages. demo: example people to tell of."""
    time = clock if demo is None else DemoClock(clock)
    shell = Shell(name, settings.page or PAGE, demo)
    limits = RateLimits(accounts)
    views = Views(accounts, passwords or Passwords(), limits, shell)

    def allows(session: Session, action: Action) -> bool:
        account = accounts.find(session.user_id)
        return account is not None and account.admin and not account.disabled

    def may_be_acted_as(user_id: str) -> bool:
        account = accounts.find(user_id)
        return account is not None and not account.admin

    def layout(scope: Scope, title: str, head: str, body: str) -> str:
        if scope["path"].startswith(PREFIX):
            here = "audit" if scope["path"].endswith("/audit") else "sessions"
            who, more = viewer(accounts, scope, own=True), {"section": "admin", "here": here}
            return shell.html("shell.html", who, title=title, head=head, body=body, **more)
        return shell.html(
            "shell.html",
            viewer(accounts, scope),
            title=title,
            head=head,
            body=body,
            section="settings",
            here="history" if scope["path"].endswith("/history") else "active_sessions",
            skip="Skip to active sessions",
        )

    def time_zone(scope: Scope) -> str | None:
        who = viewer(accounts, scope, own=True)
        return None if who is None else who.account.time_zone

    async def limit(scope: Scope) -> int | None:
        this = exchange(scope)
        session = this.session if this.is_known else None
        if session is None:
            return None
        return await run_sync(limits.change, session.user_id, this.sessions.clock())

    def account_active(user_id: str) -> bool:
        account = accounts.find(user_id)
        return account is not None and not account.disabled

    async def unavailable(request: Request, error: Exception) -> Response:
        assert isinstance(error, StoreUnavailable)
        _, title, text = outage(error)
        return shell.problem(503, title, text, retry=True)

    async def http_problem(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        text = "There is nothing at this address." if error.status_code == 404 else ""
        who = viewer(accounts, request.scope) if KEY in request.scope else None
        return shell.problem(error.status_code, error.detail, text, viewer=who)

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        yield
        accounts.close()

    routes = [
        Route("/", RequireSession(request_response(views.home)), methods=["GET"]),
        Route("/sign_in", views.sign_in_page, methods=["GET"]),
        Route("/sign_in", views.sign_in, methods=["POST"]),
        Route("/sign_out", views.sign_out, methods=["POST"]),
        Route(PROFILE, RequireSession(request_response(views.profile)), methods=["GET", "POST"]),
        Route(PASSWORD, RequireSession(request_response(views.password)), methods=["GET", "POST"]),
    ]
    if isinstance(time, DemoClock):
        more = DemoViews(accounts, shell, time)
        routes += [
            Route(DEVICES_PAGE, RequireSession(request_response(more.devices)), methods=["GET"]),
            Route(
                "/demo/sign_in_as", RequireSession(request_response(more.sign_in_as)), methods=["POST"]
            ),
            Route("/demo/clock", RequireSession(request_response(more.move)), methods=["POST"]),
            Route("/demo/many", RequireSession(request_response(more.many)), methods=["POST"]),
        ]
    app = Starlette(
        routes=routes,
        lifespan=lifespan,
        exception_handlers={StoreUnavailable: unavailable, HTTPException: http_problem},
    )
    sessions = open_async_sessions(settings, clock=time, account_active=account_active)
    return SecurityHeaders(
        SignedinMiddleware(
            app,
            sessions=sessions,
            layout=layout,
            time_zone=time_zone,
            limit=limit,
            admin=Admin(allows, accounts, may_be_acted_as=may_be_acted_as),
        )
    )


class SecurityHeaders:
    """Every response of the service says what HDR-2 asks, errors included."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One ASGI connection."""

        async def secured(message: Message) -> None:
            if message["type"] == "http.response.start":
                out = [CLEARED if header[0] == CLEARED[0] else header for header in message["headers"]]
                there = {header[0] for header in out}
                message["headers"] = out + [header for header in _SECURITY if header[0] not in there]
            await send(message)

        await self.app(scope, receive, secured if scope["type"] == "http" else send)


_SECURITY: Final = [(name.encode(), value.encode()) for name, value in SECURITY_HEADERS]
