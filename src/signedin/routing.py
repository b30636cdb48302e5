"""The routes of the page and its API: one table, for answering and for the OpenAPI document. Pure."""

from __future__ import annotations

from typing import Final, NamedTuple


class Route(NamedTuple):
    """A method and a path below the page's own, ``{id}`` being a session's.

    name: of what answers it. answer: the JSON document of success; empty for 204; None where only a
    page answers. form: fields that may be sent, with their meaning. errors: codes beside 401.
    """

    method: str
    path: str
    name: str
    summary: str
    answer: str | None = None
    form: dict[str, str] = {}  # noqa: RUF012 - a NamedTuple's default; never written to
    errors: tuple[int, ...] = ()


ROUTES: Final = (
    Route("GET", "", "overview", "Your active sessions, the current one first.", "ListDocument"),
    Route("GET", "current", "current", "The session of this request.", "CurrentDocument"),
    Route("GET", "history", "history", "What ended in the last 30 days, and why.", "HistoryDocument"),
    Route("GET", "openapi.json", "openapi", "This document."),
    Route("GET", "revoke_others", "confirm_others", "Ask before all others are revoked."),
    Route(
        "POST",
        "revoke_others",
        "revoke_others",
        "End all sessions but the current one.",
        "RevokeDocument",
    ),
    Route(
        "POST",
        "revoke_selected",
        "revoke_selected",
        "End the selected sessions.",
        "RevokeDocument",
        {"id": "A session to end; may be repeated.", "confirm": "1: do it; else a page asks first."},
    ),
    Route("POST", "forget_others", "forget_others", "Turn off Remember me on other devices.", ""),
    Route("POST", "sign_out", "sign_out", "End the current session.", ""),
    Route("GET", "sign_out_everywhere", "confirm_everywhere", "Ask before signing out on all devices."),
    Route(
        "POST",
        "sign_out_everywhere",
        "sign_out_everywhere",
        "End all sessions, the current one too.",
        "",
    ),
    Route("GET", "{id}", "show", "One active session.", "SessionDocument", errors=(404,)),
    Route("DELETE", "{id}", "revoke", "End a session.", "RevokeDocument", errors=(404, 409)),
    Route("GET", "{id}/revoke", "confirm", "Ask before a session is revoked.", errors=(404,)),
    Route("POST", "{id}/revoke", "revoke", "End a session.", "RevokeDocument", errors=(404, 409)),
    Route(
        "POST",
        "{id}/name",
        "rename",
        "Give a session a name of your own.",
        "SessionDocument",
        {"name": "64 characters at most; empty for none."},
        (404,),
    ),
)


def is_below(path: str, page: str | None) -> bool:
    """Whether a path is a page's own or below it."""
    return page is not None and path.startswith(page) and path[len(page) :][:1] in ("", "/")


_FIXED: Final = {route.path for route in ROUTES if "{id}" not in route.path}


def find(method: str, path: str) -> tuple[Route, str] | tuple[str, ...]:
    """The route and the id in its path; else the methods that the path has, perhaps none."""
    wanted = "GET" if method == "HEAD" else method
    first, _, rest = path.partition("/")
    pattern, session_id = path, ""
    if path not in _FIXED:
        pattern, session_id = "{id}" + ("/" + rest if rest else ""), first
    there = [route for route in ROUTES if route.path == pattern]
    for route in there:
        if route.method == wanted:
            return route, session_id
    return tuple(route.method for route in there)
