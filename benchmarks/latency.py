"""How long people wait for the running service: ``python -m benchmarks.latency [--quick]``.

``signedin serve`` as it is, one process, sessions and accounts in SQLite, on a core of its own; the load
(see ``load.py``) has the other one. What the service can answer at most is found first, then it gets a
quarter, half, three quarters and nine tenths of that. The same is done with an application that does
nothing, to show what uvicorn and the load itself cost.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.sites import Site

from signedin import Client, SignedIn, open_sessions
from signedin.config import now_ms
from signedin.server.accounts import Accounts
from signedin.settings import PAGE

from .load import Load, percentile
from .tools import CLIENT

SHARES = (0.25, 0.5, 0.75, 0.9)
PERCENTILES = (0.5, 0.99, 0.999)


def bare() -> None:
    """An application that only answers, in uvicorn as the service has it."""
    from signedin.server.run import run

    body = b"x" * 1000

    async def app(scope: Any, receive: Any, send: Any) -> None:
        assert scope["type"] in ("http", "lifespan")
        if scope["type"] == "lifespan":
            return
        headers = [(b"content-type", b"text/html"), (b"content-length", b"1000")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    run(app, "127.0.0.1", int(sys.argv[2]))


@contextmanager
def running(command: str, cores: list[int]) -> Iterator[int]:
    """A server on the first core, until the end of the block; this process is on the last. Its port."""
    os.sched_setaffinity(0, cores[:1])
    site = Site([sys.executable, "-m", *command.split(), "{port}"], stdout=subprocess.DEVNULL)
    os.sched_setaffinity(0, cores[-1:])
    try:
        yield site.port
    finally:
        site.stop()
        os.sched_setaffinity(0, cores)


def prepare(folder: Path) -> str:
    """Somebody with ten sessions; the token of the last one."""
    accounts = Accounts(str(folder / "accounts.db"))
    person = accounts.add("ada", name="Ada Okafor", email="ada@example.com", password_hash="x", now=1)
    accounts.close()
    sessions = open_sessions(store=str(folder / "sessions.db"), sweep_every=None)
    token = ""
    for number in range(10):
        client = Client(f"203.0.113.{number}", CLIENT.user_agent)
        outcome = sessions.sign_in(person.id, client, started_at=now_ms())
        assert isinstance(outcome, SignedIn)
        token = outcome.cookies[0].value
    sessions.close()
    return token


def request(path: str, token: str) -> bytes:
    lines = (
        f"GET {path} HTTP/1.1",
        "host: 127.0.0.1",
        f"user-agent: {CLIENT.user_agent}",
        "accept: text/html",
        "accept-language: en",
        f"cookie: __Host-signedin={token}",
    )
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def measure(port: int, asked: bytes, seconds: float, runs: int) -> dict[str, Any]:
    """Saturation, and the percentiles at shares of it: medians of the runs, least and most. Each run
    finds its own saturation, for a shared machine is not as fast now as it was a minute ago.
    """
    load = Load(port, asked)
    load.saturation(1)
    tops = []
    found_at: dict[float, list[list[float]]] = {share: [] for share in SHARES}
    for seed in range(runs):
        tops.append(load.saturation(max(seconds / 2, 2)))
        for share in SHARES:
            found_at[share].append(load.latencies(share * tops[-1], seconds, seed))
    levels = []
    for share, rows in found_at.items():
        found = {}
        for wanted in PERCENTILES:
            values = [percentile(row, wanted) for row in rows]
            found[f"p{wanted * 100:g}"] = spread(values)
        levels.append({"share": share, "requests": sum(map(len, rows)), **found})
    load.close()
    return {"saturation": spread(tops), "levels": levels}


def spread(values: list[float]) -> list[float]:
    """The median, the least and the most."""
    return [round(value, 3) for value in (statistics.median(values), min(values), max(values))]


def service(seconds: float, runs: int) -> dict[str, Any]:
    """All of it, by what is asked for."""
    cores = sorted(os.sched_getaffinity(0))
    assert len(cores) > 1, "the server and the load need a core each"
    found = {}
    with tempfile.TemporaryDirectory(prefix="signedin-bench-") as name:
        folder = Path(name)
        token = prepare(folder)
        with running("benchmarks.latency --bare", cores) as port:
            asked = request("/", token)
            found["an application that does nothing"] = measure(port, asked, seconds, runs)
        os.environ["SIGNEDIN_STORE"] = str(folder / "sessions.db")
        os.environ["SIGNEDIN_ACCOUNTS"] = str(folder / "accounts.db")
        with running("signedin serve --port", cores) as port:
            for what, path in (("the home page", "/"), ("the Active Sessions page", PAGE)):
                found[what] = measure(port, request(path, token), seconds, runs)
    return found


def main() -> None:
    """Measure and print."""
    if sys.argv[1:2] == ["--bare"]:
        return bare()
    parser = argparse.ArgumentParser(prog="python -m benchmarks.latency", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="4 seconds a level and one run")
    quick = parser.parse_args().quick
    print(json.dumps(service(*((4.0, 1) if quick else (8.0, 3))), indent=1))
    return None


if __name__ == "__main__":
    main()
