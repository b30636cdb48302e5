"""The books of a proof: what a crowd was told, and whether a store says the same afterwards.

Each writer (``writers.py``) has a user of its own and does one thing after the other, so what must be
there is known to the letter. What it is told goes into a journal, a line at a time: what it asks for,
before it does, and the answer. "Nothing was changed" is taken at its word. Where no answer came, the
user's book is closed: the last step was done, or it was not, but nothing in between.
"""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import apsw

from signedin import Client, SignedIn, open_sessions
from signedin._sync.sessions import Sessions
from signedin.config import engine_of
from signedin.errors import StoreUnavailable
from signedin.remember_me import judge, series_key
from signedin.session import SessionId
from signedin.token import Token

from ..engines import patient

CLIENT = Client("203.0.113.24", "proof")
CAP = 4
VERBS = ("sign_in", "revoke", "resume", "sign_out")


class Held(NamedTuple):
    """The cookies of a browser."""

    token: str
    remember: str

    @property
    def id(self) -> SessionId:
        return SessionId(self.token[:48])


class State(NamedTuple):
    """What there is of a user: the sessions, why each that is no more ended, the keys of the series."""

    live: set[str]
    ended: dict[str, str]
    series: set[str]


class Book:
    """One user's. live: sessions and their tokens; ended: sessions and why; dead: tokens; series: by their
    keys, what a browser holds; forgotten: remember-me tokens; open: what was asked for and not answered. A
    token that nobody was told is "".
    """

    def __init__(self) -> None:
        self.live: dict[str, str] = {}
        self.ended: dict[str, str] = {}
        self.dead: set[str] = set()
        self.series: dict[str, Held] = {}
        self.forgotten: set[str] = set()
        self.open: tuple[str, str] | None = None

    @property
    def state(self) -> State:
        return State(set(self.live), self.ended, set(self.series))

    def note(self, word: str, facts: list[Any]) -> None:
        """A line of the journal."""
        if word == "asks":
            verb, subject = facts
            self.open = verb, subject
            return
        if word in VERBS:
            assert self.open is not None
            self._enter(word, self.open[1], *facts)
        if word != "unknown":
            self.open = None

    def _enter(
        self,
        verb: str,
        subject: str,
        token: str = "",
        remember: str = "",
        evicted: Iterable[str] = (),
        *,
        new: tuple[str, str] | None = None,
    ) -> None:
        """A step that was done. new: the session and the key of its series, where its token isn't known."""
        if verb == "revoke":
            self._end(subject, "revoked")
            for key in list(self.series):
                self._forget(key)
        elif verb == "sign_out":
            self._end(subject, "signed_out")
            for key in [key for key, held in self.series.items() if held.id == subject]:
                self._forget(key)
        else:
            if verb == "resume" and (earlier := self.series[_key(subject)].id) in self.live:
                self._end(earlier, "resumed")
            for session_id in evicted:
                self._end(session_id, "limit")
            session_id, key = new or (token[:48], _key(remember))
            self.live[session_id] = token
            self.series[key] = Held(token or session_id, remember)

    def _end(self, session_id: str, reason: str) -> None:
        assert session_id in self.live, "a session ended twice"
        self.dead.add(self.live.pop(session_id))
        self.ended[session_id] = reason

    def _forget(self, key: str) -> None:
        self.forgotten.add(self.series.pop(key).remember)

    def close(self, found: State) -> bool:
        """Enter the step without an answer as done, if anything of it is there; whether it is."""
        if self.open is None or found == self.state:
            return False
        verb, subject = self.open
        if verb in ("revoke", "sign_out"):
            self._enter(verb, subject)
            return True
        begun = found.live - self.live.keys()
        assert len(begun) == 1, "something acknowledged is lost, or a step is half done"
        evicted = [i for i, reason in found.ended.items() if i in self.live and reason == "limit"]
        assert not evicted or len(found.live) == CAP, "ended below the cap"
        keys = found.series - self.series.keys() or {_key(subject)}
        assert len(keys) == 1, "one browser is remembered twice"
        (session_id,), (key,) = begun, keys
        self._enter(verb, subject, evicted=evicted, new=(session_id, key))
        return True


@dataclass
class Tally:
    """How often books were compared; how many steps were acknowledged, by their names; were refused, with
    nothing changed; had no answer, and of these were done. slowest: seconds that an answer took.
    """

    compared: int = 0
    acknowledged: Counter[str] = field(default_factory=Counter)
    refused: int = 0
    unknown: int = 0
    done: int = 0
    slowest: float = 0.0

    def __add__(self, other: Tally) -> Tally:
        return Tally(
            self.compared + other.compared,
            self.acknowledged + other.acknowledged,
            self.refused + other.refused,
            self.unknown + other.unknown,
            self.done + other.done,
            max(self.slowest, other.slowest),
        )

    def __str__(self) -> str:
        verbs = " ".join(f"{self.acknowledged[verb]:6} {verb}" for verb in VERBS)
        return (
            f"compared {self.compared:4} times; acknowledged {verbs}; refused {self.refused:4}, unknown {self.unknown:4} of which"
            f" {self.done:4} done; slowest {self.slowest:4.1f} s; all as told"
        )


def compare(flow: Sessions, journal: Iterable[bytes]) -> Tally:
    """Raises AssertionError at the first difference between a journal and the store."""
    books: dict[str, Book] = {}
    tally = Tally(compared=1)
    for line in journal:
        _, user, word, seconds, *facts = json.loads(line)
        assert word != "failed", facts[0]
        books.setdefault(user, Book()).note(word, facts)
        tally.acknowledged[word] += word in VERBS
        tally.refused += word == "unchanged"
        tally.slowest = max(tally.slowest, seconds)
    for user, book in books.items():
        if book.open is not None:
            tally.unknown += 1
            tally.done += book.close(_found(flow, user))
        _check(flow, user, book)
        if book.open is not None:
            _ask_again(flow, user, book)
    return tally


def compared(url: str, journal: Iterable[bytes]) -> Tally:
    """The same of the store at a URL."""
    flow = open_sessions(store=patient(url, 20), cap=CAP)
    tally = compare(flow, journal)
    flow.close()
    if engine_of(url) == "sqlite":
        connection = apsw.Connection(url)
        assert connection.execute("PRAGMA integrity_check").get == "ok"
        connection.close()
    return tally


def _found(flow: Sessions, user: str) -> State:
    """What the store says."""
    live = {str(session.id) for session in flow.list(user)}
    history = flow.history(user)
    ended = {str(session.id): session.reason for session in history}
    assert len(ended) == len(history), "a session ended twice"
    assert not live & ended.keys(), "a session is alive and in the history"
    return State(live, ended, {key.hex() for key in flow.store.for_user(user).series})


def _check(flow: Sessions, user: str, book: Book) -> None:
    found = _found(flow, user)
    assert not book.live.keys() - found.live, "an acknowledged sign-in is lost"
    assert not book.ended.keys() & found.live, "an acknowledged ending was undone"
    assert found.live == book.live.keys(), "a session that nobody began"
    assert found.ended == book.ended, "the history is not what happened"
    assert found.series == book.series.keys(), "Remember me is not what it was told to be"
    for token in filter(None, book.live.values()):
        assert flow.validate(token) is not None, "a session is listed and not valid"
    for token in book.dead:
        assert flow.validate(token) is None, "a dead token is valid"
    for held in book.series.values():
        token = Token.parse(held.remember)
        if token is not None:
            stands_for = flow.store.find_series(token.id)
            assert stands_for is not None, "Remember me is lost"
            verdict = judge(stands_for[0], token, flow.clock())
            assert verdict == "current", f"a remember-me token is {verdict}"
    for remember in filter(None, book.forgotten):
        assert flow.store.find_series(remember[:48]) is None, "what was forgotten is remembered"


def _ask_again(flow: Sessions, user: str, book: Book) -> None:
    """Who was told nothing and asks again is told truly (E6), and nothing happens twice."""
    assert book.open is not None
    verb, subject = book.open
    if verb == "revoke":
        again = flow.revoke(user, SessionId(subject), current=None)
        was_done = book.ended.get(subject) == "revoked"
        assert (bool(again.already), bool(again.ended)) == (was_done, not was_done)
    elif verb == "resume":
        resumed = flow.resume(subject, CLIENT, started_at=flow.clock())
        assert isinstance(resumed, SignedIn)
        unseen = [session_id for session_id, token in book.live.items() if not token]
        assert not unseen or [resumed.session.id] == unseen, "a repeat led elsewhere"
    _found(flow, user)


def _key(remember: str) -> str:
    return series_key(remember[:48]).hex()


def goes_on(flow: Any, user: str) -> None:
    """Within some seconds the store takes a sign-in and a revoke, without anybody's doing."""
    end = time.monotonic() + 20
    while True:
        try:
            outcome = flow.sign_in(user, CLIENT, started_at=flow.clock())
            assert isinstance(outcome, SignedIn)
            assert flow.revoke(user, outcome.session.id, current=None).ended
            return
        except StoreUnavailable:
            assert time.monotonic() < end, "it doesn't go on"
            time.sleep(0.02)
