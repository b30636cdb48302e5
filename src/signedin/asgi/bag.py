"""``request.session``: the data bag of a session, or of a visitor, as a dict."""

from __future__ import annotations

import json
from collections.abc import Iterator, MutableMapping
from typing import Any, Final, NoReturn

import msgspec

from .._async.request import AsyncExchange
from ..errors import StoreUnavailable
from ..events import logger
from .types import Scope

KEY: Final = "session"
TWO_BAGS: Final = (
    "Something else than SignedinMiddleware has set request.session. Take out the other session"
    " middleware, or leave out data=True. To empty it, use request.session.clear()."
)
_encode: Final = json.JSONEncoder(separators=(",", ":")).encode
_decode: Final = msgspec.json.Decoder().decode


class Bag(dict[str, Any]):
    """What an application keeps of whoever makes a request: anything that JSON has.

    Changes are found by comparing, in lists and dicts inside it, too. It goes with the person: a
    visitor's comes along at the sign-in, a user's is empty after a sign-out and for another user.
    """

    accessed = False

    def __init__(self, exchange: AsyncExchange) -> None:
        super().__init__(_decoded(exchange.data))
        self._exchange = exchange
        self._stored, self._outline = exchange.data, _outline(self)
        self._owner = self._user()

    @property
    def modified(self) -> bool:
        """Whether it is another than the one that is stored."""
        return self.encoded() != self._exchange.data

    def mark_accessed(self) -> None:
        """Starlette says so when an endpoint asks for it."""
        self.accessed = True

    def encoded(self) -> bytes | None:
        """As it is stored. Raises TypeError or ValueError for what JSON has not."""
        if not self:
            return None
        # Most requests change nothing, and this tells so in a tenth of the time.
        if self._stored is not None and _outline(self) == self._outline != b"":
            return self._stored
        return _encode(self).encode()

    def follow(self) -> None:
        """Another may be signed in now: what was somebody else's goes."""
        user = self._user()
        if self._owner not in (None, user):
            self.clear()
        self._owner = user

    async def save(self) -> None:
        """Write it, if it has changed. Raises DataTooLarge and StoreUnavailable."""
        self.follow()
        await self._exchange.keep_data(self.encoded())

    def _user(self) -> str | None:
        session = self._exchange.session
        return None if session is None else session.user_id


class Unknown(MutableMapping[str, Any]):
    """The bag in an outage: using it says so, also where the store has come back meanwhile."""

    def __init__(self, outage: StoreUnavailable) -> None:
        self._outage = outage

    def mark_accessed(self) -> None:
        """Starlette says so when an endpoint asks for it."""
        self._fail()

    def _fail(self) -> NoReturn:
        raise self._outage

    def __getitem__(self, key: str) -> Any:
        self._fail()

    def __setitem__(self, key: str, value: Any) -> None:
        self._fail()

    def __delitem__(self, key: str) -> None:
        self._fail()

    def __iter__(self) -> Iterator[str]:
        self._fail()

    def __len__(self) -> int:
        self._fail()


def _outline(bag: Bag) -> bytes:
    """Two bags with the same one are stored alike; empty where there is none."""
    try:
        return msgspec.json.encode(bag)
    except Exception:
        return b""


def bag_of(scope: Scope) -> Bag | None:
    """The request's bag, where the middleware keeps one."""
    found = scope.get(KEY)
    return found if isinstance(found, Bag) else None


def _decoded_slowly(bag: bytes) -> Any:
    # Python writes what is no JSON elsewhere: NaN, infinity, half of a surrogate pair.
    try:
        return json.loads(bag)
    except (ValueError, RecursionError):
        return None


def _decoded(bag: bytes | None) -> dict[str, Any]:
    if bag is None:
        return {}
    try:
        found = _decode(bag)
    except (ValueError, RecursionError):
        found = _decoded_slowly(bag)
    if not isinstance(found, dict):
        logger.warning("A data bag that is no JSON object was taken for an empty one.")
        return {}
    return found
