# Generated from _async by scripts/unasync.py; edit that one.
"""All that one store keeps, brought to another: nobody is signed out by it, and nothing is revived."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Final

from ..outcomes import Copied
from ..steps import UserRecords
from .stores.contract import Store

USERS: Final = 200
"""How many users travel at once."""
ENTRIES: Final = 1000


def copy_store(
    source: Store,
    target: Store,
    *,
    progress: Callable[[Copied], object] | None = None,
    stop: Callable[[], object] | None = None,
) -> Copied:
    """Copy, then compare. It can be stopped after each group of users, and simply be run again: what has
    ended meanwhile ends in the target, too. To move: copy, stop whoever writes to the source, copy
    again, and let them go on at the target.

    progress: called after each group. stop: asked after each; true ends the copy. Raises
    StoreUnavailable if either store can't be reached; what has arrived stays.
    """
    done = Copied()
    # Barriers before sessions: what is stopped in the source is stopped in the target first.
    barrier = source.everybody_barrier()
    if barrier:
        target.raise_everybody_barrier(barrier)
    for group in _users(source):
        arrived = target.import_users(group)
        done = replace(
            done,
            users=done.users + len(group),
            sessions=done.sessions + sum(len(user.records) for user in group) - arrived.refused,
            ended=done.ended + arrived.ended,
            refused=done.refused + arrived.refused,
        )
        if progress is not None:
            progress(done)
        if stop is not None and stop():
            return replace(done, outcome="stopped")
    entries, cursor = 0, None
    while True:
        page = source.audit_log(cursor, ENTRIES)
        for entry in page.entries:
            target.audit(entry, once=True)
        entries, cursor = entries + len(page.entries), page.cursor
        if cursor is None:
            break
    differences = 0
    for group in _users(source):
        for user in group:
            differences += _differences(user, target)
    return replace(done, entries=entries, differences=differences, outcome="done")


def _users(source: Store) -> Iterator[list[UserRecords]]:
    cursor = None
    while True:
        page = source.export(cursor, USERS)
        if page.users:
            yield page.users
        cursor = page.cursor
        if cursor is None:
            return


def _differences(user: UserRecords, target: Store) -> int:
    """How much of a user is not in the target as it is in the source."""
    there = target.for_user(user.user_id)
    alive = {record.id for record in there.records}
    revived = sum(entry.session.id in alive for entry in user.ended)
    series = {series.key for series in user.series} ^ there.series
    missing = 0
    for record in user.records:
        if record.id not in alive and target.find_ended(record.id) is None:
            missing += 1
    return revived + len(series) + missing
