"""Moving what is kept to another store, and from one: a user at a time, nothing revived."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import apsw
import msgspec

from ..policy import HISTORY_LENGTH
from ..remember_me import Series
from ..rows import ended_session, id_of, key_of, packed_device
from ..session import EndedRecord, Record, user_tag
from ..sql import statements
from ..steps import Exported, Imported, UserRecords

_SQL: Final = statements("sqlite/copying.sql")
_WRITE: Final = statements("sqlite/writing.sql")
_json = msgspec.json.Encoder().encode


def export(reader: apsw.Cursor, cursor: str | None, limit: int) -> Exported:
    """See :meth:`AsyncStore.export`. Raises ValueError for a cursor that is none."""
    connection = reader.connection
    with connection:  # one snapshot, so each user is whole
        place = bytes.fromhex(cursor or "")
        tags: list[Any] = connection.execute(_SQL["tags"], (place, limit)).fetchall()
        users = [user for (tag,) in tags for user in _of_tag(connection, tag)]
    return Exported(users, tags[-1][0].hex() if len(tags) == limit else None)


def _of_tag(connection: apsw.Connection, tag: bytes) -> list[UserRecords]:
    """Nearly always one user."""
    found: dict[str, UserRecords] = {}

    def of(user_id: str) -> UserRecords:
        return found.setdefault(user_id, UserRecords(user_id, 0, [], [], [], {}))

    for user_id, barrier in connection.execute(_SQL["barriers"], (tag,)):
        found[user_id] = of(user_id)._replace(barrier=barrier)
    for row in connection.execute(_SQL["ended"], (tag,)):
        of(row[2]).ended.append(EndedRecord(ended_session(row), row[11]))
    rows: Any = connection.execute(_SQL["data"], (tag,))
    bags = dict(rows)
    for _, random, *row in connection.execute(_SQL["sessions"], (tag,)):
        record = Record(id_of(tag, random), *row)
        of(record.user_id).records.append(record)
        if random in bags:
            of(record.user_id).data[record.id] = bags[random]
    for row in connection.execute(_SQL["series"], (tag,)):
        key, user_id, secret, previous, nonce, seen_at, random, created, expires = row
        session_id = id_of(tag, random)
        series = Series(key, user_id, secret, previous, nonce, seen_at, session_id, created, expires)
        of(user_id).series.append(series)
    return list(found.values())


def import_users(connection: apsw.Connection, users: Sequence[UserRecords]) -> Imported:
    """See :meth:`AsyncStore.import_users`."""
    done = [_import(connection, user) for user in users]
    return Imported(*map(sum, zip((0,) * 4, *done, strict=True)))


def _import(connection: apsw.Connection, user: UserRecords) -> Imported:
    tag = user_tag(user.user_id)

    def changed(statement: str, values: Sequence[Any]) -> int:
        connection.execute(_SQL[statement], values)
        return connection.changes()

    if user.barrier:
        connection.execute(_WRITE["raise_barrier"], (tag, user.user_id, user.barrier)).fetchall()
    ended = sum(changed("import_ended", _row_of_ended(tag, entry)) for entry in user.ended)
    for entry in user.ended:
        key = key_of(entry.session.id)
        if changed("drop_session", (*key, user.user_id)):
            connection.execute(_WRITE["drop_data"], key)
    connection.execute(_WRITE["bound_history"], (tag, user.user_id, HISTORY_LENGTH))
    keys = _json([series.key.hex() for series in user.series]).decode()
    connection.execute(_SQL["forget_others"], (tag, user.user_id, keys))
    series = sum(changed("import_series", _row_of_series(tag, each)) for each in user.series)
    sessions = refused = 0
    for record in user.records:
        key = key_of(record.id)
        if connection.execute(_SQL["has_ended"], key).get:
            refused += 1
        elif changed("import_session", (*key, *msgspec.structs.astuple(record)[1:])):
            sessions += 1
            bag = user.data.get(record.id)
            if bag is None:
                connection.execute(_WRITE["drop_data"], key)
            else:
                connection.execute(_SQL["import_data"], (*key, bag))
    connection.execute(_SQL["not_remembered"], (tag, user.user_id))
    return Imported(sessions, series, ended, refused)


def _row_of_ended(tag: bytes, entry: EndedRecord) -> tuple[Any, ...]:
    s = entry.session
    times = (s.signed_in_at, s.last_active_at, s.ended_at)
    device = packed_device(s.device)
    random = key_of(s.id)[1]
    return tag, random, s.user_id, *times, s.reason, s.actor, s.ip, s.name, device, entry.secret_hash


def _row_of_series(tag: bytes, s: Series) -> tuple[Any, ...]:
    hashes = (s.secret_hash, s.previous_hash, s.nonce, s.seen_at)
    return tag, s.key, s.user_id, *hashes, key_of(s.session_id)[1], s.created_at, s.expires_at
