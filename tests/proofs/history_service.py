"""The services of a history: two small applications on the library's adapters, one in each colour.

Both have the Active Sessions page with its API, and beside it what an application does itself.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route
from werkzeug import wrappers
from werkzeug.serving import make_server

from signedin import Refused, asgi, wsgi


def serve_async(port: int, settings: dict[str, Any]) -> None:
    """An ASGI application on uvicorn."""

    async def me(request: Request) -> JSONResponse:
        session = asgi.current_session(request)
        return JSONResponse(session and [session.id, session.user_id])

    async def enter(request: Request) -> JSONResponse:
        form = await request.form()
        outcome = await asgi.sign_in(
            request,
            str(form["user"]),
            remember=form["remember"] == "1",
            started_at=int(str(form["began"])),
        )
        return JSONResponse(_told(outcome))

    async def rotate(request: Request) -> JSONResponse:
        return JSONResponse(await asgi.exchange(request).rotate(("password", "otp")) is not None)

    async def leave(request: Request) -> JSONResponse:
        return JSONResponse(_told(await asgi.sign_out(request)))

    async def everywhere(request: Request) -> JSONResponse:
        return JSONResponse(_told(await asgi.sign_out_everywhere(request)))

    posts = (enter, rotate, leave, everywhere)
    routes = [Route("/me", me), *(Route(f"/{each.__name__}", each, methods=["POST"]) for each in posts)]
    app = asgi.SignedinMiddleware(Starlette(routes=routes), **settings)
    uvicorn.run(app, port=port, log_level="error", access_log=False)


def serve_sync(port: int, settings: dict[str, Any]) -> None:
    """A WSGI application on Werkzeug's server, a thread for each connection."""

    def me(request: wrappers.Request) -> object:
        session = wsgi.current_session(request)
        return session and [session.id, session.user_id]

    def enter(request: wrappers.Request) -> object:
        form = request.form
        outcome = wsgi.sign_in(
            request, form["user"], remember=form["remember"] == "1", started_at=int(form["began"])
        )
        return _told(outcome)

    def rotate(request: wrappers.Request) -> object:
        return wsgi.exchange(request).rotate(("password", "otp")) is not None

    def leave(request: wrappers.Request) -> object:
        return _told(wsgi.sign_out(request))

    def everywhere(request: wrappers.Request) -> object:
        return _told(wsgi.sign_out_everywhere(request))

    views: dict[str, Callable[[wrappers.Request], object]] = {
        f"/{view.__name__}": view for view in (me, enter, rotate, leave, everywhere)
    }

    def app(environ: Any, start_response: Any) -> Any:
        request = wrappers.Request(environ)
        answer = json.dumps(views[request.path](request))
        return wrappers.Response(answer, content_type="application/json")(environ, start_response)

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    made = wsgi.SignedinMiddleware(app, **settings)
    make_server("127.0.0.1", port, made, threaded=True).serve_forever()


def _told(outcome: Any) -> object:
    """What ended, or why nothing came of it."""
    if outcome is None:
        return None
    return outcome.why if isinstance(outcome, Refused) else [session.id for session in outcome.ended]
