"""A WSGI application behind an ASGI face, each request in a thread: the suite of the web, once more."""

from __future__ import annotations

import io
import sys
import time
from collections.abc import Iterable
from typing import Any
from wsgiref.validate import validator

import anyio

from signedin.threads import Background

from ..support import AsAsync


class Touches:
    """Waits for what the thread beside requests does."""

    def __init__(self, background: Background) -> None:
        self._background = background

    async def drain(self) -> None:
        await anyio.to_thread.run_sync(self._background.close)


class Bridge:
    """What the tests of the web ask of an application. wsgi: the application, under our care."""

    def __init__(self, wsgi: Any, flow: AsAsync, background: Background) -> None:
        self.wsgi = validator(wsgi)
        self.sessions = flow
        self._touches = Touches(background)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        body = b""
        while True:
            message = await receive()
            body += message.get("body", b"")
            if not message.get("more_body", False):
                break
        status, headers, sent = await anyio.to_thread.run_sync(self._run, environ_of(scope, body))
        await send(
            {
                "type": "http.response.start",
                "status": int(status.split()[0]),
                "headers": [
                    (n.lower().encode("latin-1"), v.strip().encode("latin-1")) for n, v in headers
                ],
            }
        )
        await send({"type": "http.response.body", "body": sent})

    def _run(self, environ: dict[str, Any]) -> tuple[str, list[tuple[str, str]], bytes]:
        head: list[Any] = []

        def start(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
            head[:] = [status, headers]
            return lambda data: None

        answered: Iterable[bytes] = self.wsgi(environ, start)
        try:
            sent = b"".join(answered)
        finally:
            answered.close()  # type: ignore[attr-defined]
        return head[0], head[1], sent


def environ_of(scope: Any, body: bytes) -> dict[str, Any]:
    """As a server makes it (PEP 3333)."""
    environ: dict[str, Any] = {
        "REQUEST_METHOD": scope["method"],
        "SCRIPT_NAME": scope.get("root_path", ""),
        "PATH_INFO": scope["path"].encode().decode("latin-1"),
        "QUERY_STRING": scope["query_string"].decode("latin-1"),
        "SERVER_NAME": scope["server"][0],
        "SERVER_PORT": str(scope["server"][1] or 443),
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": scope["client"][0],
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": scope["scheme"],
        "wsgi.input": io.BytesIO(body),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
    }
    for raw, value in scope["headers"]:
        name, text = raw.decode().upper().replace("-", "_"), value.decode("latin-1")
        name = name if name in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{name}"
        joint = "; " if name == "HTTP_COOKIE" else ", "
        environ[name] = environ[name] + joint + text if name in environ else text
    return environ


def until(found: Any, seconds: float = 10) -> None:
    """Wait for what another thread does."""
    end = time.monotonic() + seconds
    while not found():
        assert time.monotonic() < end
        time.sleep(0.01)
