"""The Active Sessions page and its API as a router, for ``/docs`` and for any place in the application.

What answers is the page itself, so the answers are the same to the byte; the routes and what is told
of them come from the one table.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from enum import Enum
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response

from .. import api
from ..asgi.page import ActiveSessionsPage, Layout
from ..asgi.types import Receive, Scope, Send, path_of, send_reply
from ..openapi import operation
from ..replies import Reply
from ..routing import ROUTES
from ..settings import PAGE
from ..static_files import static_file
from .dependencies import SCHEME
from .models import model_of

METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"]


class _Sent(Response):
    """A reply of ours, as it is."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(status_code=reply.status)
        self._reply = reply

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send_reply(send, self._reply, body=scope["method"] != "HEAD")


def sessions_router(
    prefix: str = PAGE,
    *,
    layout: Layout | None = None,
    time_zone: Callable[[Scope], str | None] | None = None,
    limit: Callable[[Scope], object] | None = None,
    tags: list[str | Enum] | None = None,
) -> APIRouter:
    """The page and its API below this path, wherever the router is included.

    layout, time_zone, limit: as :class:`~signedin.asgi.SignedinMiddleware` takes them. Give the
    middleware ``page=None`` where the page shall be nowhere else, or the same path as its ``page``:
    then it answers itself, and the router documents it.
    """
    router = APIRouter(prefix=prefix, tags=tags or ["active sessions"])
    page = ActiveSessionsPage(prefix, layout, time_zone, limit)
    components = api.schemas()[1]
    for route in ROUTES:
        if route.answer is None:
            continue
        told = operation(route, components)
        told["responses"].pop("200", None)
        router.add_api_route(
            "/" + route.path if route.path else "",
            _answering(page, route.path.count("/") + bool(route.path)),
            methods=[route.method],
            name=route.name,
            summary=route.summary,
            status_code=200 if route.answer else 204,
            response_model=model_of(getattr(api, route.answer)) if route.answer else None,
            response_class=JSONResponse if route.answer else Response,
            responses={int(status): said for status, said in told["responses"].items()},
            openapi_extra={key: told[key] for key in ("parameters", "requestBody") if key in told},
            dependencies=[SCHEME],
        )
    rest = "/{rest:path}"
    router.add_api_route(rest, _answering(page, None), methods=METHODS, include_in_schema=False)
    router.add_api_route("", _answering(page, 0), methods=METHODS, include_in_schema=False)
    return router


def _answering(page: ActiveSessionsPage, parts: int | None) -> Callable[[Request], Awaitable[Any]]:
    """The endpoint of a route whose path has so many parts; None: as many as there are."""

    async def endpoint(request: Request) -> Response:
        scope = request.scope
        rest = request.path_params.get("rest", "")
        if rest.startswith("static/"):
            return _Sent(static_file(rest.removeprefix("static/")))
        below = rest.count("/") + 1 if parts is None else parts
        prefix = path_of(scope).rsplit("/", below)[0]
        url = scope.get("root_path", "") + prefix
        return _Sent(await page.reply(scope, request.receive, prefix, url))

    return endpoint
