"""A failover of PostgreSQL: what it undoes, what it can't, and that nobody restarts anything."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from signedin.errors import AnswerUnknown

from ..proofs.failover_postgres import Pair


@pytest.fixture
def pair() -> Iterator[Pair]:
    made = Pair()
    yield made
    made.stop()


def test_asynchronous(pair: Pair) -> None:
    """What a replica hasn't got is undone, revokes too; the store finds the new primary by itself."""
    sessions = [pair.sign_in("1") for _ in range(10)]
    pair.primary.wait_for_replica()
    pair.network.hold()
    for session_id in sessions:
        assert pair.flow.revoke("1", session_id, current=None).ended
    pair.lose_primary()
    pair.promote()
    assert pair.alive(["1"]) == set(sessions), "all of the acknowledged revokes are undone"
    for session_id in sessions:
        assert pair.flow.revoke("1", session_id, current=None).ended
    assert pair.alive(["1"]) == set()


def test_synchronous(pair: Pair) -> None:
    """A revoke that the replica hasn't got is never told as done; one that was stays done."""
    sessions = {str(user): pair.sign_in(str(user)) for user in range(10)}
    pair.primary.wait_for_replica()
    pair.synchronize()
    early, late = list(sessions)[:5], list(sessions)[5:]
    for user in early:
        assert pair.flow.revoke(user, sessions[user], current=None).ended
    pair.network.hold()
    for user in late:
        with pytest.raises(AnswerUnknown):
            pair.flow.revoke(user, sessions[user], current=None)
    pair.lose_primary()
    pair.promote()
    assert pair.alive(early) == set()
