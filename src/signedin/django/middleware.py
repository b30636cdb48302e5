"""What both middlewares do, the one beside another session engine and the one of ours, sync and async.

They give a request its binding, make it the one that signals belong to, and on the way out set cookies
and headers. Activity is recorded beside requests. An outage is told where the session is used.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias, cast

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from ..errors import StoreUnavailable
from .binding import Binding
from .flow import flow
from .reports import DISCREET
from .responses import keep_private, outage

Next: TypeAlias = Callable[[HttpRequest], Any]


class Bound:
    """What both do."""

    sync_capable = True
    async_capable = True

    def __init__(self, get_response: Next) -> None:
        self.get_response = get_response
        self._is_async = iscoroutinefunction(get_response)
        if self._is_async:
            markcoroutinefunction(cast(Any, self))

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponseBase | None:
        """A view that needs the session can't have it now."""
        return outage(request, error) if isinstance(error, StoreUnavailable) else None

    @staticmethod
    def bind(request: HttpRequest, *, with_data: bool) -> Binding:
        """The request gets its part in the flow."""
        flow().background.start()
        request.exception_reporter_filter = DISCREET
        binding = request._signedin = Binding.of(request, with_data=with_data)  # type: ignore[attr-defined]
        return binding

    @staticmethod
    def dress(binding: Binding, response: HttpResponseBase) -> None:
        """Headers, and the note of activity."""
        exchange = binding.sync
        if binding.opened or exchange.cookies:
            read = binding.opened and binding.brings_cookie
            keep_private(response, session_read=read or bool(exchange.cookies))
        if exchange.clear_cache:
            response["Clear-Site-Data"] = '"cache"'
        touch = exchange.due_touch()
        if touch is not None:
            flow().background.touch(touch)
