"""The store's verbs for operators: ending everybody in sets rather than one by one, the audit trail."""

from __future__ import annotations

from dataclasses import astuple
from typing import Any, Final

import apsw

from ..audit import AuditEntry
from ..policy import HISTORY_LENGTH
from ..rows import PACKED_UNKNOWN, device_in, ended_session, key_of
from ..session import decode_tail, judge
from ..sql import statements
from ..steps import Batch, EndingEverybody
from . import engine

_SQL: Final = statements("sqlite/writing.sql")
CHECKPOINT: Final = 25_000
"""Pages in the write-ahead log before they are carried over, while everybody ends: the same pages are
written again and again.
"""
_NO_KEY: Final = (b"", b"")


def end_everybody(
    connection: apsw.Connection, ending: EndingEverybody, cursor: bytes | None, limit: int, told: bool
) -> Batch:
    """See :meth:`AsyncStore.end_everybody`: the rules of ``_end_rows``, as statements over a range."""
    reason, actor, now, spared = ending
    tag, random = _NO_KEY if spared is None else key_of(spared)
    start = cursor or b""
    found: Any = connection.execute(_SQL["everybody_until"], (start, limit - 1)).fetchone()
    ends = [end for end in found if end is not None]
    until = min(ends, default=b"\xff" * 12)
    connection.create_scalar_function("device_of", _device_of, 1, deterministic=True)  # type: ignore[arg-type]
    connection.create_scalar_function("why_over", _why_over, 5, deterministic=True)  # type: ignore[arg-type]
    bounds = (start, until)
    users = connection.execute(_SQL["everybody_users"], (*bounds, tag, random)).get
    history = (*bounds, now, reason.name, actor, tag, random)
    connection.execute(_SQL["everybody_history"], history)
    rows: list[Any] = []
    if told:
        rows = connection.execute(_SQL["everybody_told"], (*bounds, tag, random)).fetchall()
    connection.execute(_SQL["everybody_data"], (*bounds, tag, random))
    connection.execute(_SQL["everybody_sessions"], (*bounds, tag, random))
    sessions = connection.changes()
    connection.execute(_SQL["everybody_series"], bounds)
    forgotten = connection.changes()
    connection.execute(_SQL["everybody_spared"], bounds)
    for (long,) in connection.execute(_SQL["everybody_long"], (*bounds, HISTORY_LENGTH)).fetchall():
        for (user_id,) in connection.execute(_SQL["everybody_long_users"], (long,)).fetchall():
            connection.execute(_SQL["bound_history"], (long, user_id, HISTORY_LENGTH))
    next_one = until if ends else None
    connection.wal_autocheckpoint(engine.CHECKPOINT if next_one is None else CHECKPOINT)
    return Batch(sessions, users, forgotten, tuple(map(ended_session, rows)), next_one)


def audit(connection: apsw.Connection, entry: AuditEntry, once: bool) -> None:
    """See :meth:`AsyncStore.audit`."""
    connection.execute(_SQL["audit_once" if once else "audit"], astuple(entry))


def _device_of(tail: bytes) -> bytes:
    return device_in(tail) or PACKED_UNKNOWN


def _why_over(active: int, idle: int | None, expires: int | None, tail: bytes, now: int) -> str:
    return "unreadable" if decode_tail(tail) is None else judge(active, idle, expires, now)
