"""The admin page: who may do what, and its routes. Pure.

Nothing is allowed until the host says so: what is not allowed looks like what is not there.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Literal, NamedTuple, get_args

from .directory import Directory
from .errors import SettingsError
from .session import Session

Action = Literal["list", "history", "revoke", "revoke_many", "reveal_ip", "act_as", "audit"]
ACTIONS: Final[tuple[Action, ...]] = get_args(Action)
PREFIX: Final = "/admin"


def nobody(session: Session, action: Action) -> bool:
    """The default: nobody may do anything."""
    return False


@dataclass(frozen=True)
class Admin:
    """The admin page as a host wants it.

    allows: ``allows(session, action)``, whether whoever makes the request may do this; the session is
    the operator's own. directory: who the users are; None: they are known by their ids. path: where the
    page is. may_be_acted_as: ``may_be_acted_as(user_id)``, whether operators may act as this user; say
    no for other administrators. None: nobody. home: where an operator goes who begins to act as
    somebody. Both functions may be coroutine functions.
    """

    allows: Callable[[Session, Action], object] = nobody
    directory: Directory[Any] | None = None
    path: str = PREFIX
    may_be_acted_as: Callable[[str], object] | None = None
    home: str = "/"

    def __post_init__(self) -> None:
        if not re.fullmatch(r"(/[A-Za-z0-9._~-]+)+", self.path):
            raise SettingsError(f"path is a path such as '/admin', not {self.path!r}.")


class AdminRoute(NamedTuple):
    """A method and a path below the admin page's own; ``{session}``, ``{user}`` and ``{run}`` are ids.

    name: of what answers it. action: what must be allowed; None where the session itself tells. fresh:
    only for a session that gave its credentials lately.
    """

    method: str
    path: str
    name: str
    action: Action | None
    fresh: bool = False


_LIST: Final = "active_sessions"
_USER: Final = "users/{user}/active_sessions"

ADMIN_ROUTES: Final = (
    AdminRoute("GET", "", "entrance", "list"),
    AdminRoute("GET", _LIST, "overview", "list"),
    AdminRoute("POST", f"{_LIST}/show_ips", "show_ips", "reveal_ip"),
    AdminRoute("POST", f"{_LIST}/export", "export", "list"),
    AdminRoute("GET", f"{_LIST}/revoke", "ask_matching", "revoke_many", fresh=True),
    AdminRoute("POST", f"{_LIST}/revoke", "revoke_matching", "revoke_many", fresh=True),
    AdminRoute("POST", f"{_LIST}/revoke_selected", "revoke_selected", "revoke_many", fresh=True),
    AdminRoute("GET", f"{_LIST}/runs/{{run}}", "run", "revoke_many"),
    AdminRoute("GET", f"{_LIST}/runs/{{run}}/result.json", "result", "revoke_many"),
    AdminRoute("POST", f"{_LIST}/runs/{{run}}/stop", "stop_run", "revoke_many"),
    AdminRoute("GET", f"{_LIST}/{{session}}/revoke", "ask_one", "revoke"),
    AdminRoute("POST", f"{_LIST}/{{session}}/revoke", "revoke_one", "revoke"),
    AdminRoute("DELETE", f"{_LIST}/{{session}}", "revoke_one", "revoke"),
    AdminRoute("GET", _USER, "user", "list"),
    AdminRoute("GET", f"{_USER}/history", "user_history", "history"),
    AdminRoute("POST", f"{_USER}/show_ips", "show_user_ips", "reveal_ip"),
    AdminRoute("GET", f"{_USER}/revoke", "ask_user", "revoke_many", fresh=True),
    AdminRoute("POST", f"{_USER}/revoke", "revoke_user", "revoke_many", fresh=True),
    AdminRoute("GET", "users/{user}/act_as", "ask_to_act", "act_as", fresh=True),
    AdminRoute("POST", "users/{user}/act_as", "act", "act_as", fresh=True),
    AdminRoute("POST", "stop_acting", "stop_acting", None),
    AdminRoute("GET", "audit", "audit", "audit"),
)

# A user's id is any text, slashes included: what stands around it tells where it ends.
_PARTS: Final = {"{session}": "(?P<session>[0-9a-f]{48})", "{run}": "(?P<run>[0-9a-f]{16})"} | {
    "{user}": "(?P<user>.{1,255})"
}


def _pattern(path: str) -> re.Pattern[str]:
    for name, part in _PARTS.items():
        path = path.replace(name, part)
    return re.compile(path.replace(".json", r"\.json"), re.DOTALL)


_PATTERNS: Final = tuple((_pattern(route.path), route) for route in ADMIN_ROUTES)


def find_admin(method: str, path: str) -> tuple[AdminRoute, dict[str, str]] | None:
    """The route of a request and the ids in its path, or None."""
    wanted = "GET" if method == "HEAD" else method
    for pattern, route in _PATTERNS:
        match = pattern.fullmatch(path)
        if match is not None and route.method == wanted:
            return route, match.groupdict()
    return None
