"""What responses must say, and refusals, the same for every framework. Pure."""

from __future__ import annotations

from typing import Final
from urllib.parse import quote

from .replies import Reply, problem
from .session import Session

NO_STORE: Final = "no-store"


def varies(vary: str) -> bool:
    """Whether a ``Vary`` header, lower-case, already names the cookies."""
    return not {part.strip() for part in vary.split(",")}.isdisjoint(("cookie", "*"))


def private_control(control: str) -> str | None:
    """The ``Cache-Control`` of a response that a session had part in (HDR-1): ``no-store``, or what it
    says, lower-case, made at least ``private``. None where that is so already.
    """
    said = {part.strip() for part in control.split(",")} - {""}
    if not said:
        return NO_STORE
    if not said.isdisjoint((NO_STORE, "private")) and "public" not in said:
        return None
    kept = [part for part in sorted(said) if part != "public" and not part.startswith("s-maxage")]
    return ", ".join(["private", *kept]) if kept else NO_STORE


def refusal(
    session: Session | None, sign_in_path: str, *, method: str, path: str, query: str, accept: str
) -> Reply:
    """To who may not see something: a person is sent to sign in and comes back, a program is told.

    session: one that isn't fresh enough, or None. path, query: of what was asked for.
    """
    if "text/html" in accept:
        if method not in ("GET", "HEAD"):
            return Reply.redirect(sign_in_path)
        target = path + ("?" + query if query else "")
        return Reply.redirect(f"{sign_in_path}?next={quote(target, safe='/')}")
    if session is None:
        return problem(401, "sign_in_required", "Sign in first.")
    return problem(403, "reauthentication_required", "Give your credentials again first.")
