"""A proof that can't fail proves nothing: what the books must find, done on purpose."""

from __future__ import annotations

import random
from typing import Any

import apsw
import pytest

from signedin import open_sessions
from signedin.errors import AnswerUnknown, StoreUnavailable

from .books import CAP, compared
from .writers import Begun, Library, write


def lived(path: str, hands: type[Library] = Library) -> list[bytes]:
    """The journal of some steps on a new file."""
    journal: list[bytes] = []
    flow = open_sessions(store=path, cap=CAP)
    write(hands(flow), "writer", journal.append, lambda: len(journal) > 100, random.Random(4))
    flow.close()
    return journal


def test_honest_books(path: str) -> None:
    """What is as it was told is found to be."""
    assert compared(path, lived(path)).acknowledged.total() > 40


@pytest.mark.parametrize(
    ("sql", "finds"),
    [
        ("DELETE FROM session", "sign-in is lost"),
        ("DELETE FROM ended", "the history is not what happened"),
        (
            "UPDATE ended SET reason = 'theft' WHERE reason = 'revoked'",
            "the history is not what happened",
        ),
        ("DELETE FROM series", "Remember me"),
        ("UPDATE series SET secret_hash = zeroblob(32)", "a remember-me token is"),
        ("UPDATE session SET secret_hash = zeroblob(32)", "listed and not valid"),
        (
            "INSERT INTO ended SELECT tag, random, user_id, secret_hash, signed_in_at, last_active_at,"
            " last_active_at, 'revoked', NULL, ip, NULL, x'' FROM session",
            "alive and in the history",
        ),
    ],
)
def test_what_was_changed_behind_the_back(path: str, sql: str, finds: str) -> None:
    """A lost sign-in, a lost or false entry, a lost series, a session in two states."""
    journal = lived(path)
    connection = apsw.Connection(path)
    connection.execute(sql)
    connection.close()
    with pytest.raises(AssertionError, match=finds):
        compared(path, journal)


class Forgetful(Library):
    """Says that it revoked, and didn't."""

    def revoke(self, user: str, session_id: Any, others: Any) -> None:
        pass


class Undecided(Library):
    """Does it, and says that nothing was changed."""

    def sign_in(self, user: str) -> Begun:
        super().sign_in(user)
        raise StoreUnavailable


class Halfway(Library):
    """Is interrupted when a sign-out has ended the session and not yet forgotten the browser."""

    def sign_out(self, user: str, held: Any) -> None:
        self._flow.revoke(user, held.id, current=None)
        raise AnswerUnknown


@pytest.mark.parametrize("hands", [Forgetful, Undecided, Halfway])
def test_what_lies(path: str, hands: type[Library]) -> None:
    """An ending that is none, a sign-in that is told as none, a step half done."""
    journal = lived(path, hands)
    with pytest.raises(AssertionError):
        compared(path, journal)
