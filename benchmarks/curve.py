"""How a store's cost grows: the median of many calls of each verb, the sizes taking turns."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from ipaddress import ip_network
from typing import Any, Final, NamedTuple

from tests.support import LAPTOP, PHONE, START

from signedin import SignedIn
from signedin._sync.sessions import Sessions
from signedin.selector import Selector
from signedin.steps import Touch

CALLS: Final = 150
SOME: Final = 7
"""Calls of what goes through all sessions."""
NETWORK: Final = ip_network("10.0.0.0/28")


class Place(NamedTuple):
    """A store of some size. users, tokens: from all over it. made: sign-ins that were measured."""

    flow: Sessions
    users: list[str]
    tokens: list[Any]
    made: list[SignedIn]

    def sign_in(self, user: str) -> SignedIn:
        outcome = self.flow.sign_in(user, LAPTOP, started_at=START, remember=True)
        assert isinstance(outcome, SignedIn)
        return outcome

    def session(self, number: int) -> Any:
        return self.made[number].session.id


USERS_VERBS: Final[dict[str, Callable[[Place, int], Any]]] = {
    "validate": lambda p, n: p.flow.validate(p.tokens[n].text),
    "list": lambda p, n: p.flow.list(p.users[n]),
    "sign-in": lambda p, n: p.made.append(p.sign_in(p.users[n])),
    "sign-in at the cap": lambda p, n: p.sign_in("full"),
    "touch": lambda p, n: p.flow.touch(Touch(p.session(n), PHONE)),
    "rename": lambda p, n: p.flow.rename(p.users[n], p.session(n), "mine"),
    "resume": lambda p, n: p.flow.resume(p.made[n].cookies[1].value, LAPTOP, started_at=START),
    "revoke": lambda p, n: p.flow.revoke(p.users[n], p.tokens[n].id, current=None),
    "sign out everywhere": lambda p, n: p.flow.sign_out_everywhere(p.users[n]),
    "history": lambda p, n: p.flow.history(p.users[n]),
}
OPERATORS_VERBS: Final[dict[str, Callable[[Place, int], Any]]] = {
    "search by address": lambda p, n: p.flow.search_page(Selector(ip=NETWORK), limit=50),
    "search, latest first": lambda p, n: p.flow.search_page(Selector(), limit=50),
    "counts": lambda p, n: p.flow.counts(),
}


def table(places: dict[int, Place]) -> None:
    """Measure and print: a line for each verb, a column for each number of sessions."""
    for place in places.values():
        for _ in range(100):
            place.sign_in("full")
    print(
        "| µs a call, sessions | " + " | ".join(f"{count:,}" for count in places) + " | last ÷ first |"
    )
    print("|---|" + "---:|" * (len(places) + 1))
    for verbs, calls in ((USERS_VERBS, CALLS), (OPERATORS_VERBS, SOME)):
        for name, verb in verbs.items():
            took: list[list[float]] = [[] for _ in places]
            for number in range(calls):
                for place, column in zip(places.values(), took, strict=True):
                    began = time.perf_counter()
                    verb(place, number)
                    column.append((time.perf_counter() - began) * 1e6)
            found = [statistics.median(column) for column in took]
            cells = " | ".join(f"{each:.0f}" for each in found)
            print(f"| {name} | {cells} | {found[-1] / found[0]:.2f} |", flush=True)
