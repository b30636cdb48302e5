"""What is asked of each peer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

FIREFOX = "Mozilla/5.0 (X11; Ubuntu; Linux x86_64; rv:144.0) Gecko/20100101 Firefox/144.0"
ADDRESS = "203.0.113.24"

Hook = Callable[[], Any]


def nothing() -> None:
    """What need not be done."""


@dataclass
class Peer:
    """A way of keeping sessions, in a framework. What it does may be waited for; what it doesn't offer
    is None. Loading the user's own row is in none of it, unless the peer can't do without.
    """

    bare: Callable[[str], Any]
    """The same request without sessions."""
    request: Callable[[str], Any]
    """A request with this cookie. Answers who is signed in, or ''."""
    sign_in: Callable[[str], Any]
    """A request that signs this user in. Answers the cookie."""
    slow: Callable[[str, Hook], Any]
    """A request that calls the hook when it has read its session, and then writes to it."""
    revoke: Callable[[str, str], Any]
    """End the session of this user with this cookie, as its owner does from another device."""
    list: Callable[[str], Any] | None = None
    """How many sessions the user has, each of them read with what there is to show of it."""
    revoke_others: Callable[[str, str], Any] | None = None
    """End all sessions of the user but the one with this cookie."""
    walk: Callable[[str], Any] | None = None
    """The same as ``list`` where nothing leads from a user to sessions: all are gone through."""
    fill: Callable[[int], Any] | None = None
    """Put so many more sessions of other users into the store, by whichever way is quick."""
    noting: Hook = nothing
    """From now on requests note activity: called before each of them, or before many."""
    noted: Hook = nothing
    """Wait until the last of it is written."""
    close: Hook = nothing
