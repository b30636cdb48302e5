"""What a verb of the PostgreSQL store costs: its statements, and how often it waits for the server."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from signedin import Settings, SignedIn
from signedin._sync.sessions import Sessions
from signedin._sync.stores.postgres import PostgresStore
from signedin.outcomes import Presented
from signedin.postgres.address import Address
from signedin.session import SessionId
from signedin.steps import Touch

from ..engines import ENGINES, Database
from ..proxy import Proxy
from ..support import LAPTOP, MINUTE, Clock

# (statements, round trips). Before a sign-in the flow asks for everybody's barrier, before a rotation, a
# sign-out and a resume it looks at what was presented.
COUNTED = {
    "find": (1, 1),
    "find_many": (1, 1),
    "validate": (1, 1),
    "list": (1, 1),
    "history": (1, 1),
    "touch": (6, 1),
    "rename": (4, 1),
    "rotate": (5, 2),
    "resume": (13, 7),
    "sign-in below the cap": (7, 4),
    "sign-out": (7, 3),
    "sign-in to the cap": (7, 4),
    "sign-in at the cap": (9, 5),
    "sign-in at the cap, remembered": (10, 5),
    "revoke": (8, 3),
    "revoke two": (9, 3),
    "revoke again": (8, 4),
    "sign out everywhere": (9, 3),
}


class Meter:
    """Counts what a client says to PostgreSQL, out of the protocol's messages."""

    def __init__(self, proxy: Proxy) -> None:
        self._rest = b""
        self._asks = False
        self._statements = self._turns = 0
        proxy.watch = self._see

    def _see(self, from_client: bool, data: bytes) -> None:
        if not from_client:
            self._turns += self._asks
            self._asks = False
            return
        self._rest += data
        while len(self._rest) >= 5 and self._rest[0]:
            length = 1 + int.from_bytes(self._rest[1:5])
            if len(self._rest) < length:
                return
            kind = self._rest[:1]
            self._statements += kind in b"QE"  # Query, Execute
            self._asks |= kind in b"QES"  # and Sync, for an answer
            self._rest = self._rest[length:]
        self._rest = b"" if self._rest[:1] == b"\0" else self._rest  # how a connection begins

    def of(self, call: Callable[[], Any]) -> tuple[int, int]:
        """(statements, round trips) of a call."""
        self._statements = self._turns = 0
        call()
        return self._statements, self._turns


@pytest.fixture
def proxy() -> Iterator[Proxy]:
    engine = ENGINES["postgres"]
    assert isinstance(engine, Database)
    made = Proxy(engine.server.port)
    yield made
    made.stop()


def test_statements_and_round_trips(proxy: Proxy) -> None:
    """One statement for a read, one transaction for a write, in a pipeline: BEGIN, a bound and the lock leave
    with the first question; what follows the last one leaves with COMMIT.
    """
    meter, clock = Meter(proxy), Clock()
    schema = Address.of(ENGINES["postgres"].fresh("")).schema
    # Preparing a statement would be a round trip of its own, once for each connection.
    more = f"schema={schema}&sslmode=disable&prepare=no&answer_within=5"
    store = PostgresStore(f"postgresql://postgres@127.0.0.1:{proxy.port}/postgres?{more}")
    flow = Sessions(store, Settings(cap=4), clock)

    def life(user: str) -> dict[str, tuple[int, int]]:
        made: list[SignedIn] = []

        def sign_in(**options: Any) -> None:
            outcome = flow.sign_in(user, LAPTOP, started_at=clock.tick(MINUTE), **options)
            assert isinstance(outcome, SignedIn)
            made.append(outcome)

        def token(number: int) -> str:
            return made[number].cookies[0].value

        def ids(start: int, end: int) -> list[SessionId]:
            return [SessionId(outcome.session.id) for outcome in made[start:end]]

        sign_in(remember=True), sign_in(), sign_in()
        verbs: dict[str, Callable[[], Any]] = {
            "find": lambda: store.find(made[0].session.id),
            "find_many": lambda: store.find_many(ids(0, 3)),
            "validate": lambda: flow.validate(token(0)),
            "list": lambda: flow.list(user),
            "history": lambda: flow.history(user),
            "touch": lambda: flow.touch(*(Touch(i, LAPTOP) for i in ids(0, 3))),
            "rename": lambda: flow.rename(user, made[0].session.id, "x"),
            "rotate": lambda: flow.rotate(token(1)),
            "resume": lambda: flow.resume(made[0].cookies[1].value, LAPTOP, started_at=clock()),
            "sign-in below the cap": sign_in,
            "sign-out": lambda: flow.sign_out(Presented(token(-1))),
            "sign-in to the cap": sign_in,
            "sign-in at the cap": sign_in,
            "sign-in at the cap, remembered": lambda: sign_in(remember=True),
            "revoke": lambda: flow.revoke(user, made[-1].session.id, current=None),
            "revoke two": lambda: flow.revoke(user, ids(-3, -1), current=None),
            "revoke again": lambda: flow.revoke(user, ids(-3, -1), current=None),
            "sign out everywhere": lambda: flow.sign_out_everywhere(user),
        }
        counted = {}
        for name, verb in verbs.items():
            clock.tick(MINUTE)
            counted[name] = meter.of(verb)
        return counted

    assert store.everybody_barrier() == 0  # it is open
    assert life("1") == COUNTED
    flow.close()
