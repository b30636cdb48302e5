"""``kill -9``, again and again: what was acknowledged must be there, and what was revoked must not.

``python -m tests.proofs.crash 1000`` runs a thousand rounds. In each, two processes sign in and
revoke on one file and tell what was acknowledged through a pipe; both are killed at a random
moment, and the file is looked at by a third.
"""

from __future__ import annotations

import os
import random
import select
import signal
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import NoReturn

from signedin import Client, SignedIn, open_sessions
from signedin.session import SessionId

CLIENT = Client("203.0.113.24", "crash")


def work(path: str, pipe: int, user: str) -> NoReturn:
    """Sign in and revoke until killed, telling before a revoke is tried and after each answer."""
    flow = open_sessions(store=path)
    tell = threading.Lock()

    def say(word: str, token: str) -> None:
        with tell:
            os.write(pipe, f"{word} {token}\n".encode())

    def one() -> None:
        dice = random.Random()
        while True:
            outcome = flow.sign_in(user, CLIENT, started_at=flow.clock(), remember=True)
            assert isinstance(outcome, SignedIn)
            token = outcome.cookies[0].value
            say("in", token)
            if dice.random() < 0.5:
                say("try", token)
                flow.revoke(user, SessionId(token[:48]), current=None)
                say("out", token)

    for _ in range(3):
        threading.Thread(target=one, daemon=True).start()
    while True:
        time.sleep(1)


def check(path: str, told: list[bytes]) -> int:
    """Compare the file with what was acknowledged; how many facts were compared."""
    words: dict[str, set[str]] = {"in": set(), "try": set(), "out": set()}
    for line in told:
        word, _, token = line.decode().partition(" ")
        words[word].add(token)
    flow = open_sessions(store=path)
    for token in words["out"]:
        assert flow.validate(token) is None, "an acknowledged revoke was undone"
    for token in words["in"] - words["try"]:
        assert flow.validate(token) is not None, "an acknowledged sign-in is lost"
    connection = flow.store._engine.reader  # type: ignore[attr-defined]
    assert connection.execute("PRAGMA integrity_check").get == "ok"
    half = connection.execute("SELECT count(*) FROM session JOIN ended USING (tag, random)").get
    assert half == 0, "a session is alive and in the history"
    flow.close()
    return len(words["in"])


def rounds(count: int, folder: str) -> int:
    """So many rounds; how many acknowledged sign-ins were compared."""
    facts = 0
    dice = random.Random(int.from_bytes(os.urandom(8)))
    for number in range(count):
        path = str(Path(folder) / f"{number // 20}.db")
        reading, writing = os.pipe()
        children = []
        for worker in range(2):
            child = os.fork()
            if child == 0:
                os.close(reading)
                # No cap in the way: each round has users of its own.
                work(path, writing, f"{number}-{worker}-{dice.random()}")
            children.append(child)
        os.close(writing)
        told, end = b"", time.monotonic() + 0.05 + dice.random() * 0.1
        while (left := end - time.monotonic()) > 0 or not told:
            if select.select([reading], [], [], max(left, 0.01))[0]:
                told += os.read(reading, 65536)
        for child in children:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
        while more := os.read(reading, 65536):
            told += more
        os.close(reading)
        facts += check(path, told.split(b"\n")[:-1])
    return facts


if __name__ == "__main__":
    wanted = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    with tempfile.TemporaryDirectory() as place:
        compared = rounds(wanted, place)
    print(f"{wanted} rounds, {compared} acknowledged sign-ins compared: nothing lost, nothing undone")
