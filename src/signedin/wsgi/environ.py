"""The WSGI interface's types, and reading a request out of its environ (PEP 3333). Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, MutableMapping
from http import HTTPStatus
from typing import Any, Protocol, TypeAlias

from .. import calls
from .._sync.request import Exchange
from .._sync.sessions import Sessions
from ..calls import BODY_BYTES
from ..cookies import Cookie, CookieNames
from ..cookies import read as read_cookies
from ..incoming import Incoming
from ..outgoing import private_control, varies
from ..replies import Call, Reply

Environ: TypeAlias = MutableMapping[str, Any]
Header: TypeAlias = tuple[str, str]
StartResponse: TypeAlias = Callable[..., Callable[[bytes], object]]
WSGIApp: TypeAlias = Callable[[Environ, StartResponse], Iterable[bytes]]

KEY = "signedin"


class Requests:
    """Begins the exchange of each request."""

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions
        self._incoming = Incoming(sessions.settings)
        self._proxy_header = "HTTP_" + sessions.settings.proxy_header.upper().replace("-", "_")

    def exchange(self, environ: Environ) -> Exchange:
        """The request's part in the flow, not opened yet."""
        get, incoming = environ.get, self._incoming
        return Exchange(
            self._sessions,
            incoming.presented(get("HTTP_COOKIE", "")),
            incoming.client(
                get("REMOTE_ADDR", ""),
                get(self._proxy_header),
                get("HTTP_USER_AGENT", "").encode("latin-1", "replace"),
            ),
            self._sessions.clock(),
            passive=get("HTTP_SIGNEDIN_PASSIVE") == "1",
            from_ours=incoming.is_from_ours(
                environ["REQUEST_METHOD"],
                get("wsgi.url_scheme", "http"),
                get("HTTP_HOST"),
                get("HTTP_SEC_FETCH_SITE"),
                get("HTTP_ORIGIN"),
            ),
        )


def text_of(environ: Environ, name: str) -> str:
    """``PATH_INFO`` or ``SCRIPT_NAME`` as text: PEP 3333 hands it over as ``latin-1`` reads bytes."""
    return str(environ.get(name, "")).encode("latin-1").decode("utf-8", "replace")


def is_navigation(environ: Environ) -> bool:
    """Whether a person is on the way to this page, as far as the browser says."""
    return str(environ.get("HTTP_SEC_FETCH_MODE", "navigate")) == "navigate"


def client_hints(environ: Environ) -> dict[str, str]:
    """The client hints, for the sign-in: ``sec-ch-ua`` and its relatives, 512 bytes of each."""
    return {
        name.removeprefix("HTTP_").replace("_", "-").lower(): value[:512]
        for name, value in environ.items()
        if name.startswith("HTTP_SEC_CH_UA")
    }


def read_body(environ: Environ) -> bytes | None:
    """The body, as far as a form may be long and one byte more; None where less came than was told."""
    if environ["REQUEST_METHOD"] in ("GET", "HEAD"):
        return b""
    length = str(environ.get("CONTENT_LENGTH") or "")
    most = BODY_BYTES + 1
    is_told = length.isascii() and length.isdigit() and len(length) < 20
    if is_told:
        most = min(most, int(length))
    elif not environ.get("wsgi.input_terminated"):
        return b""
    parts = []
    while most and (part := environ["wsgi.input"].read(most)):
        parts.append(part)
        most -= len(part)
    return None if is_told and most else b"".join(parts)


def read_call(environ: Environ, body: bytes | None, prefix: str, names: CookieNames) -> Call | Reply:
    """The request as a route below this path sees it; a reply to one that can't be read."""
    if body is None:
        return calls.INCOMPLETE
    get = environ.get
    return calls.read_call(
        environ["REQUEST_METHOD"],
        text_of(environ, "PATH_INFO")[len(prefix) :],
        query=get("QUERY_STRING", ""),
        body=body,
        content_type=get("CONTENT_TYPE", ""),
        accept=get("HTTP_ACCEPT", ""),
        if_none_match=get("HTTP_IF_NONE_MATCH", ""),
        flash=read_cookies(get("HTTP_COOKIE", ""), names).get(names.flash),
    )


class Headers(Protocol):
    """A list of headers, or what a framework has instead of one."""

    def __iter__(self) -> Iterator[Header]: ...

    def __len__(self) -> int: ...

    def __setitem__(self, key: slice, value: Iterable[Header], /) -> None: ...


def dress(headers: Headers, exchange: Exchange, *, session_read: bool) -> str:
    """What the session adds to a response: cookies, and what keeps it out of shared caches (HDR-1).
    The content type, lower-case.
    """
    vary = control = kind = ""
    for name, value in headers:
        lowered = name.lower()
        if lowered == "content-type":
            kind = value.lower()
        elif lowered == "vary":
            vary += value.lower() + ","
        elif lowered == "cache-control":
            control += value.lower() + ","
    cookies: list[Cookie] = exchange.cookies
    added = [] if varies(vary) else [("Vary", "Cookie")]
    better = private_control(control) if session_read or cookies else None
    if better is not None:
        added.append(("Cache-Control", better))
        if control:
            headers[:] = [header for header in headers if header[0].lower() != "cache-control"]
    added += [("Set-Cookie", cookie.header) for cookie in cookies]
    if exchange.clear_cache:
        added.append(("Clear-Site-Data", '"cache"'))
    headers[len(headers) :] = added
    return kind


def send_reply(start: StartResponse, reply: Reply, *, body: bool = True) -> list[bytes]:
    """A whole reply. body: False for a HEAD, which tells the length only."""
    headers = list(reply.headers)
    if reply.status not in (204, 304):  # which have no body, and say nothing of one
        headers.append(("content-length", str(len(reply.body))))
        if headers[0][0] != "content-type":
            headers.append(("content-type", "text/plain"))
    start(f"{reply.status} {HTTPStatus(reply.status).phrase}", headers)
    return [reply.body] if body else []
