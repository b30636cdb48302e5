"""Bodies that need looking after: event streams end with their session (E10)."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from typing import Final

from .._sync.request import Exchange
from ..errors import StoreUnavailable

CHECK_EVERY: Final = 1.0
KEPT_WITHOUT_STORE: Final = 10.0


class EventStream:
    """An event stream that ends within about a second of the end of its session.

    Between two of its events the session is looked up, once a second at most; a stream that is silent
    for longer ends with its next event.
    """

    def __init__(self, events: Iterable[bytes], exchange: Exchange) -> None:
        assert exchange.session is not None
        self._iterable = events
        self._events = iter(events)
        self._sessions = exchange.sessions
        self._key = (exchange.session.id, exchange.started_at)
        self._checked = self._known = time.monotonic()

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        event = next(self._events)
        now = time.monotonic()
        if now - self._checked >= CHECK_EVERY:
            self._checked = now
            if self._is_over(now):
                raise StopIteration
        return event

    def _is_over(self, now: float) -> bool:
        try:
            closing = self._sessions.connections_to_close({self._key})
        except StoreUnavailable:
            return now - self._known >= KEPT_WITHOUT_STORE
        self._known = now
        return bool(closing)

    def close(self) -> None:
        """The response is over."""
        close: Callable[[], object] | None = getattr(self._iterable, "close", None)
        if close is not None:
            close()
