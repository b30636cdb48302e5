"""``flask.session``: a dict that the server keeps with the session, or with a visitor."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final

import msgspec
from flask import current_app
from flask.json.provider import DefaultJSONProvider
from flask.sessions import NullSession, SessionMixin, session_json_serializer
from werkzeug.datastructures import CallbackDict

from .._sync.request import Exchange
from ..events import logger

REMEMBER: Final = "_remember"
"""Where Flask-Login notes what becomes of its cookie. It looks there at the end of every request."""

_decode: Final = msgspec.json.Decoder().decode
_UNCHANGEABLE: Final = frozenset((str, int, float, bool, type(None)))


class Bag(CallbackDict[str, Any], SessionMixin):
    """The data bag of one request. Changes deep inside count, too: what was accessed is compared.

    exchange: the request's. told: hears whose the bag is, at first and after a change. permanent: kept,
    and without effect: how long a session lasts is the policy's. new: whether there was nothing before.
    """

    def __init__(self, exchange: Exchange, told: Callable[[Bag], None] | None = None) -> None:
        super().__init__(_decoded(exchange.data), _accessed)
        self._stored, self._found = exchange.data, dict(self)
        self._told = told
        self._user_id = None if exchange.session is None else exchange.session.user_id
        self.exchange = exchange
        self.new = exchange.data is None
        if told is not None:
            told(self)

    @property
    def modified(self) -> bool:
        """Whether it differs from what is kept."""
        return self.encoded() != self.exchange.data

    @modified.setter
    def modified(self, value: bool) -> None:
        """Nothing needs to be said of a change to ``flask.session``."""
        self.accessed = self.accessed or value

    def encoded(self) -> bytes | None:
        """As it is kept; None when it is empty."""
        if not self:
            return None
        if self._stored is not None and self._is_as_found():
            return self._stored
        text: str = session_json_serializer.dumps(dict(self))
        return text.encode()

    def _is_as_found(self) -> bool:
        """Whether that is certain at a glance: the same objects, and none that can change inside."""
        found = self._found
        return len(self) == len(found) and all(
            type(value) in _UNCHANGEABLE and name in found and found[name] is value
            for name, value in self.items()
        )

    def follow(self) -> None:
        """Be whose the session is now: what was another user's is gone, and all of it after a
        sign-out.
        """
        session = self.exchange.session
        user_id = None if session is None else session.user_id
        if self._user_id not in (None, user_id):
            self.clear()
        self._user_id = user_id
        if self._told is not None:
            self._told(self)


def _accessed(bag: Any) -> None:
    bag.accessed = True


def _decoded(bag: bytes | None) -> dict[str, Any]:
    if bag is None:
        return {}
    try:
        found = _read(bag)
    except Exception:  # Flask's tags fail in many ways on what Flask didn't write
        found = None
    if isinstance(found, dict):
        return found
    logger.warning("A session's data is not what Flask writes; it begins empty.")
    return {}


def _read(bag: bytes) -> Any:
    """As Flask's serializer reads it; quicker where the application has no JSON of its own."""
    if type(current_app.json) is DefaultJSONProvider:
        try:
            return _untagged(_decode(bag))
        except msgspec.MsgspecError:
            pass  # Python writes what is no JSON elsewhere: NaN, infinity, half of a surrogate pair
    return session_json_serializer.loads(bag.decode())


def _untagged(value: Any) -> Any:
    if type(value) is dict:
        return session_json_serializer.untag({key: _untagged(each) for key, each in value.items()})
    return [_untagged(each) for each in value] if type(value) is list else value


class Unknown(SessionMixin):
    """The data bag in an outage: using it says so."""

    modified = False

    def __init__(self, exchange: Exchange) -> None:
        self.exchange = exchange

    def __getitem__(self, key: str) -> Any:
        raise self._outage(key)

    def __setitem__(self, key: str, value: Any) -> None:
        raise self._outage(key)

    def __delitem__(self, key: str) -> None:
        raise self._outage(key)

    def __iter__(self) -> Iterator[str]:
        raise self._outage(None)

    def __len__(self) -> int:
        raise self._outage(None)

    def __bool__(self) -> bool:
        raise self._outage(None)

    def _outage(self, key: str | None) -> Exception:
        if key == REMEMBER:
            return KeyError(key)
        outage = self.exchange._outage
        assert outage is not None
        return outage

    def encoded(self) -> bytes | None:
        """Nothing is known, and nothing is kept."""
        return None

    def follow(self) -> None:
        """It is nobody's."""


class Excluded(NullSession):
    """Where the setting ``exclude`` names the path: empty, and not to be written."""

    def _refuse(self, *args: Any, **kwargs: Any) -> Any:
        raise RuntimeError("There is no session here: SIGNEDIN_EXCLUDE names this path.")

    __setitem__ = __delitem__ = clear = pop = popitem = update = setdefault = _refuse
