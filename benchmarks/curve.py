"""How a store's cost grows: what one call of each verb takes, the median of many, at several sizes."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from ipaddress import ip_network
from typing import Any

from tests.support import LAPTOP, PHONE, START

from signedin import SignedIn
from signedin._sync.sessions import Sessions
from signedin.selector import Selector
from signedin.steps import Touch

CALLS = 150
NETWORK = ip_network("10.0.0.0/28")
SOME = 7
"""Calls of what goes through all sessions."""


def medians(flow: Sessions, users: list[str], tokens: list[Any]) -> dict[str, float]:
    """Microseconds by verb, for users and tokens from all over the store."""
    made: list[SignedIn] = []

    def sign_in(number: int) -> None:
        outcome = flow.sign_in(users[number], LAPTOP, started_at=START, remember=True)
        assert isinstance(outcome, SignedIn)
        made.append(outcome)

    def at_cap(number: int) -> None:
        assert isinstance(flow.sign_in("full", LAPTOP, started_at=START, remember=True), SignedIn)

    for _ in range(100):
        at_cap(0)
    verbs: dict[str, Callable[[int], Any]] = {
        "validate": lambda n: flow.validate(tokens[n].text),
        "list": lambda n: flow.list(users[n]),
        "sign-in": sign_in,
        "sign-in at the cap": at_cap,
        "touch": lambda n: flow.touch(Touch(made[n].session.id, PHONE)),
        "rename": lambda n: flow.rename(users[n], made[n].session.id, "mine"),
        "resume": lambda n: flow.resume(made[n].cookies[1].value, LAPTOP, started_at=START),
        "revoke": lambda n: flow.revoke(users[n], tokens[n].id, current=None),
        "sign out everywhere": lambda n: flow.sign_out_everywhere(users[n]),
        "history": lambda n: flow.history(users[n]),
    }
    operators: dict[str, Callable[[int], Any]] = {
        "search by address": lambda n: flow.search_page(Selector(ip=NETWORK), limit=50),
        "search, latest first": lambda n: flow.search_page(Selector(), limit=50),
        "counts": lambda n: flow.counts(),
    }
    return {name: median(verb, CALLS) for name, verb in verbs.items()} | {
        name: median(verb, SOME) for name, verb in operators.items()
    }


def median(verb: Callable[[int], Any], calls: int) -> float:
    """Microseconds of a call."""
    took = []
    for number in range(calls):
        began = time.perf_counter()
        verb(number)
        took.append(time.perf_counter() - began)
    return statistics.median(took) * 1e6


def table(found: dict[int, dict[str, float]]) -> None:
    """Print it: a line for each verb, a column for each number of sessions."""
    last, first = max(found), min(found)
    print("| µs a call, sessions | " + " | ".join(f"{count:,}" for count in found) + " | last ÷ first |")
    print("|---|" + "---:|" * (len(found) + 1))
    for name in found[last]:
        cells = " | ".join(f"{column[name]:.0f}" for column in found.values())
        print(f"| {name} | {cells} | {found[last][name] / found[first][name]:.2f} |")
