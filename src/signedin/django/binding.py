"""A request's part in the flow, for sync and async views of one site alike."""

from __future__ import annotations

from contextvars import ContextVar
from typing import Any, Final, cast

from asgiref.sync import sync_to_async
from django.core.handlers.asgi import ASGIRequest
from django.http import HttpRequest

from .._async.request import AsyncExchange
from .._sync.request import Exchange
from ..errors import SignedinError
from ..origin import SAFE_METHODS
from ..outcomes import Presented
from ..session import Client
from .flow import flow

CURRENT: Final[ContextVar[Binding | None]] = ContextVar("signedin", default=None)
"""The request under way: what a signal without a request belongs to."""


class _OfProcess:
    """The flow of one colour, never an exchange's own."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __get__(self, instance: object, owner: type) -> Any:
        return getattr(flow(), self._name)

    def __set__(self, instance: object, value: object) -> None:
        pass


class _InThread(Exchange):
    sessions = _OfProcess("sessions")


class _InLoop(AsyncExchange):
    sessions = _OfProcess("async_sessions")


class _FromLoop:
    """The exchange of a thread, for coroutines in a loop that ends with their request."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._exchange, name)
        return sync_to_async(found) if callable(found) else found


class Binding:
    """One exchange in two colours: both have the same state. with_data: with the data bag.

    loop_lasts: coroutines run in the server's own loop, where a store can stay open.
    """

    opened = False
    loop_lasts = False
    remember = False
    is_resuming = False

    def __init__(
        self, presented: Presented, client: Client, *, with_data: bool, **options: bool
    ) -> None:
        self.presented = presented
        self.with_data = with_data
        self.sync = _InThread(None, presented, client, flow().clock(), **options)  # type: ignore[arg-type]
        self.authenticated_by: tuple[str, ...] = ("password",)
        self.barrier: int | None = None
        self.barriers: dict[str, int] = {}

    @classmethod
    def of(cls, request: HttpRequest, *, with_data: bool) -> Binding:
        """What this request brings."""
        here, sent = flow(), request.META
        agent = sent.get("HTTP_USER_AGENT", "").encode("latin-1", "replace")
        client = here.incoming.client(sent.get("REMOTE_ADDR", ""), sent.get(here.proxy_header), agent)
        presented = here.incoming.presented(sent.get("HTTP_COOKIE", ""))
        passive = sent.get("HTTP_SIGNEDIN_PASSIVE") == "1"
        ours = request.method in SAFE_METHODS or not _tells_origin(request) or is_from_ours(request)
        made = cls(presented, client, with_data=with_data, passive=passive, from_ours=ours)
        made.loop_lasts = isinstance(request, ASGIRequest)
        return made

    @property
    def in_loop(self) -> AsyncExchange:
        """The same exchange, for coroutines."""
        if not self.loop_lasts:
            return cast(AsyncExchange, _FromLoop(self.sync))
        twin = _InLoop.__new__(_InLoop)
        twin.__dict__ = self.sync.__dict__
        return twin

    @property
    def brings_cookie(self) -> bool:
        """Whether there is something to look up."""
        return self.presented != (None, None, None)

    def open(self) -> Exchange:
        """Look up the session, once."""
        if not self.opened:
            self.opened = True
            if self.brings_cookie:
                self.sync.open(may_resume=True, with_data=self.with_data)
        return self.sync

    async def aopen(self) -> AsyncExchange:
        """Look up the session, once."""
        exchange = self.in_loop
        if not self.opened:
            self.opened = True
            if self.brings_cookie:
                await exchange.open(may_resume=True, with_data=self.with_data)
        return exchange


def is_from_ours(request: HttpRequest) -> bool:
    """Whether a request may change something as far as its origin goes (CSRF-1)."""
    sent = request.META
    return flow().incoming.is_from_ours(
        request.method or "",
        request.scheme or "http",
        request._get_raw_host(),  # type: ignore[attr-defined]
        sent.get("HTTP_SEC_FETCH_SITE"),
        sent.get("HTTP_ORIGIN"),
    )


def _tells_origin(request: HttpRequest) -> bool:
    """Of a request that doesn't, Django's CSRF middleware is the judge."""
    return "HTTP_ORIGIN" in request.META or "HTTP_SEC_FETCH_SITE" in request.META


def binding_or_none(request: HttpRequest | None) -> Binding | None:
    """The binding of a request that passed one of our middlewares, or whose dict is ours."""
    found = getattr(request, "_signedin", None)
    if found is None:
        found = getattr(getattr(request, "session", None), "binding", None)
    return found if isinstance(found, Binding) else None


def binding_of(request: HttpRequest) -> Binding:
    """The binding of a request that has one."""
    found = binding_or_none(request)
    if found is None:
        raise SignedinError(
            "This request passed neither signedin.django.SignedinMiddleware nor"
            " signedin.django.SessionMiddleware. Name one in MIDDLEWARE."
        )
    return found
