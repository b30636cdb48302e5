"""What operators do, with a million sessions of a third as many users."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

from signedin import Settings
from signedin._sync.sessions import Sessions
from signedin._sync.stores.sqlite import SqliteStore
from signedin.selector import Reading, select
from signedin.session import SessionId

from .tools import START, Result, timed, turns

READING = Reading(START + 60_000, lambda key, text: ())
MINUTES = 60_000


def opened(path: str) -> Sessions:
    """The flow, a moment after everybody was last active."""
    return Sessions(SqliteStore(path), Settings(), lambda: START + MINUTES)


def compared(small: str, large: str) -> list[Result]:
    """One user's sessions, and one session by its whole id: as quick among very many as among few."""
    few, many = opened(small), opened(large)
    users = [str(number) for number in range(0, 3000, 3)]
    ids = {flow: [SessionId(flow.list(user)[0].id) for user in users] for flow in (few, many)}

    def lists(flow: Sessions) -> Callable[[], float]:
        return lambda: timed(lambda: [flow.list(user) for user in users], len(users))

    def shows(flow: Sessions) -> Callable[[], float]:
        return lambda: timed(lambda: [flow.find(i) for i in ids[flow]], len(users))

    count = many.counts().sessions
    results = []
    for what, work in (("list --user", lists), ("show", shows)):
        a, b, ratio = turns(21, work(few), work(many))
        results.append(Result(f"{what}, {count:,} sessions", "the same with 10,000", a, b, ratio, 2))
    few.close()
    many.close()
    return results


def told(path: str) -> list[str]:
    """Pages of a search, everybody signed out, and what a command costs: in plain figures."""
    flow = opened(path)
    lines = []
    for term in (("ip", "10.3.7.0/24"), ("idle", ">30s")):
        selector = select([term], READING)

        def page(selector: Any = selector) -> object:
            return flow.search_page(selector, limit=50)

        page()
        took = statistics.median(timed(page, 1) for _ in range(9)) / 1000
        lines.append(f"The first 50 of a search by {selector}: {took:.1f} ms.")
    for arguments in (["--help"], ["list", "--user", "1", "--store", path]):
        spent = statistics.median(cpu(*arguments) for _ in range(5))
        shown = " ".join(arguments[:2]).strip()
        lines.append(f"signedin {shown}: {spent:.0f} ms of CPU; the mark is 250.")
    count = flow.counts().sessions
    began = time.perf_counter()
    done = flow.revoke_everyone(operator="benchmark")
    took = time.perf_counter() - began
    flow.close()
    assert done.sessions == count
    lines.append(
        f"Everybody signed out, history included: {count:,} sessions in {took:.1f} s,"
        f" {count / took:,.0f} a second; the mark is 100,000."
    )
    return lines


def cpu(*arguments: str) -> float:
    """Milliseconds of CPU that a command takes."""
    command = [sys.executable, "-m", "signedin", *arguments]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0
    return (usage.ru_utime + usage.ru_stime) * 1000
