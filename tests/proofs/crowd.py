"""Many processes on one file: the cap, fairness, and no validation after a revoke has returned.

``python -m tests.proofs.crowd cap|revoke STORE``; the tests start it, and so can anyone.
"""

from __future__ import annotations

import multiprocessing
import sys
import threading
import time
from typing import Any

from signedin import Client, SignedIn, open_sessions

CLIENT = Client("203.0.113.24", "crowd")
SIGN_INS = 300
PROCESSES = 4
THREADS = 5


def _sign_in(path: str, count: int, start: Any, answers: Any) -> None:
    flow = open_sessions(store=path)
    start.wait()

    def some() -> None:
        for _ in range(count // THREADS):
            outcome = flow.sign_in("1", CLIENT, started_at=flow.clock())
            answers.put(outcome.session.id if isinstance(outcome, SignedIn) else repr(outcome))

    threads = [threading.Thread(target=some) for _ in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    flow.close()


def cap(path: str) -> str:
    """300 sign-ins of one user from 4 processes leave exactly 100, the newest (LIM-1)."""
    context = multiprocessing.get_context("spawn")
    start, answers = context.Barrier(PROCESSES), context.Queue()
    arguments = (path, SIGN_INS // PROCESSES, start, answers)
    workers = [context.Process(target=_sign_in, args=arguments) for _ in range(PROCESSES)]
    for worker in workers:
        worker.start()
    ids = {answers.get(timeout=60) for _ in range(SIGN_INS)}
    for worker in workers:
        worker.join()
    flow = open_sessions(store=path)
    live, gone = flow.list("1"), flow.history("1")
    flow.close()
    assert len(ids) == SIGN_INS, "a sign-in failed"
    assert len(live) == 100, f"{len(live)} sessions are left"
    assert {s.id for s in live} | {s.id for s in gone} == ids
    assert {s.reason for s in gone} == {"limit"}
    assert len(gone) == SIGN_INS - 100
    # Clocks are read before the turn to write comes, so neighbours may overtake one another.
    assert max(s.signed_in_at for s in gone) <= max(s.signed_in_at for s in live)
    oldest = sorted(s.signed_in_at for s in (*live, *gone))[SIGN_INS - 100 - PROCESSES * THREADS]
    assert all(s.signed_in_at >= oldest for s in live), "an old one survived a newer one"
    return f"{SIGN_INS} sign-ins from {PROCESSES} processes left {len(live)}"


def _validate(path: str, tokens: list[str], seen: Any, stop: Any) -> None:
    flow = open_sessions(store=path)
    for token in tokens:
        last = 0
        while True:
            began = time.monotonic_ns()
            if flow.validate(token) is None:
                break
            last = began
        seen.put((token, last))
    stop.wait()
    flow.close()


def revoke(path: str) -> str:
    """No validation that starts after a revoke has returned succeeds, in any process (E5)."""
    flow = open_sessions(store=path, cap=1000)
    tokens = []
    for _ in range(60):
        outcome = flow.sign_in("1", CLIENT, started_at=flow.clock())
        assert isinstance(outcome, SignedIn)
        tokens.append(outcome.cookies[0].value)
    context = multiprocessing.get_context("spawn")
    seen, stop = context.Queue(), context.Event()
    watchers = [context.Process(target=_validate, args=(path, tokens, seen, stop)) for _ in range(3)]
    for watcher in watchers:
        watcher.start()
    time.sleep(1)
    returned = {}
    for token in tokens:
        flow.revoke("1", token[:48], current=None)  # type: ignore[arg-type]
        returned[token] = time.monotonic_ns()
    late = 0
    for _ in range(len(tokens) * len(watchers)):
        token, last = seen.get(timeout=60)
        late += last > returned[token]
    stop.set()
    for watcher in watchers:
        watcher.join()
    flow.close()
    assert late == 0, f"{late} validations succeeded after the revoke had returned"
    return f"{len(tokens)} revokes, {len(watchers)} processes looking: none saw a session again"


if __name__ == "__main__":
    print({"cap": cap, "revoke": revoke}[sys.argv[1]](sys.argv[2]))
