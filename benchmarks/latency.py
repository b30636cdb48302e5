"""How long people wait for the running service: ``python -m benchmarks.latency [--quick]``.

``signedin serve`` as it is, one process, sessions and accounts in SQLite, on a core of its own (see
``core.py``); the load (see ``load.py``) has the other one. What the service can answer at most is found
first, then it gets a quarter, half or three quarters of that, on a core that is kept awake, and half
once more on one that isn't. All of that in pieces of a fraction of a second, for a shared machine is
rarely the same for longer. The same is done with an application that does nothing, to show what
uvicorn and the load itself cost.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

from tests.sites import Site

from signedin import Client, SignedIn, open_sessions
from signedin.config import now_ms
from signedin.server.accounts import Accounts
from signedin.settings import PAGE

from .core import Core
from .load import Load, percentile
from .tools import CLIENT

SHARES = (0.25, 0.5, 0.75)
HALF = 0.5
PERCENTILES = (0.5, 0.99, 0.999)
PIECE, PIECES = 0.1, 10
"""Seconds of a piece, and pieces of a run."""
PATIENCE = "seconds to wait, for each page, until others leave the core as fast as it can be (300)"
TICKS = os.sysconf("SC_CLK_TCK")


def bare(port: int) -> None:
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

    run(app, "127.0.0.1", port)


class Service(Site):
    """A server on a core."""

    def __init__(self, command: str, core: Core) -> None:
        self.core = core
        cores = os.sched_getaffinity(0)
        os.sched_setaffinity(0, {core.number})
        try:
            super().__init__(
                [sys.executable, "-m", *command.split(), "{port}"], stdout=subprocess.DEVNULL
            )
        finally:
            os.sched_setaffinity(0, cores)

    def worked(self) -> float:
        """Seconds of processor time so far."""
        _, _, rest = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")
        return sum(map(int, rest.split()[11:13])) / TICKS


def prepare(folder: Path) -> str:
    """Somebody with ten sessions, whom a service knows that starts after; the token of the last one."""
    os.environ["SIGNEDIN_STORE"] = str(folder / "sessions.db")
    os.environ["SIGNEDIN_ACCOUNTS"] = str(folder / "accounts.db")
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


State: TypeAlias = Callable[[], AbstractContextManager[None]]


class Level(NamedTuple):
    """What a load found. top: how many requests a second the service answered at most, just before.
    latencies: milliseconds, in order. busy: for which share of the time the service's core was at work.
    pace: what the core's own piece of work took, in seconds.
    """

    top: float
    latencies: list[float]
    busy: float
    pace: float


def measure(service: Service, asked: bytes, runs: int, patience: float) -> dict[str, Any]:
    """Levels of load: on a core that is awake, and half once more on one that may sleep. Each piece is a
    share of what was answered just before: a shared machine is not as fast as it was a second ago.
    """
    core, load = service.core, Load(service.port, asked)
    core.patience = patience

    def piece(share: float, seed: int) -> Level:
        top = load.saturation(PIECE)
        worked, began = service.worked(), time.perf_counter()
        found = load.latencies(share * top, PIECE, seed)
        busy = (service.worked() - worked) / (time.perf_counter() - began)
        return Level(top, found, busy, core.pace)

    def run(share: float, number: int, state: State) -> Level:
        seeds = range(PIECES * number, PIECES * (number + 1))
        with state():
            found = [core.steadily(partial(piece, share, seed)) for seed in seeds]
        tops, latencies, busy, paces = zip(*found, strict=True)
        together = sorted(chain.from_iterable(latencies))
        middle = statistics.median
        return Level(middle(tops), together, statistics.mean(busy), middle(paces))

    levels: dict[float, list[Level]] = {share: [] for share in SHARES}
    asleep: list[Level] = []
    for number in range(runs):
        for share, found in levels.items():
            found.append(run(share, number, core.awake))
        asleep.append(run(HALF, number, nullcontext))
    load.close()
    return {
        "saturation": spread([one.top for found in levels.values() for one in found]),
        "levels": [{"share": share, **told(found, core)} for share, found in levels.items()],
        "asleep": {"share": HALF, **told(asleep, core)},
    }


def told(runs: list[Level], core: Core) -> dict[str, Any]:
    """A level's runs as the report has them."""
    percentiles = {
        f"p{wanted * 100:g}": spread([percentile(run.latencies, wanted) for run in runs])
        for wanted in PERCENTILES
    }
    requests = sum(len(run.latencies) for run in runs)
    return {
        "requests": requests,
        "busy": spread([run.busy for run in runs]),
        "slower": spread([run.pace / core.least for run in runs]),
        **percentiles,
    }


def spread(values: list[float]) -> list[float]:
    """The median of the runs, the least and the most."""
    return [round(value, 3) for value in (statistics.median(values), min(values), max(values))]


def service(runs: int, patience: float) -> dict[str, Any]:
    """All of it, by what is asked for; how many pieces were set aside, and how many counted though they
    should have been. patience: for each that is asked for.
    """
    first, *_, last = sorted(os.sched_getaffinity(0))  # the server and the load need a core each
    core = Core(first, patience)
    os.sched_setaffinity(0, {last})
    found = {}
    with tempfile.TemporaryDirectory(prefix="signedin-bench-") as name:
        folder = Path(name)
        token = prepare(folder)
        with Service("benchmarks.latency --bare", core) as nothing:
            asked = request("/", token)
            found["an application that does nothing"] = measure(nothing, asked, runs, patience)
        with Service("signedin serve --port", core) as ours:
            for what, path in (("the home page", "/"), ("the Active Sessions page", PAGE)):
                found[what] = measure(ours, request(path, token), runs, patience)
    return {
        "python": platform.python_version(),
        "runs": runs,
        "aside": core.aside,
        "unsteady": core.unsteady,
        "asked": found,
    }


def main() -> None:
    """Measure and print."""
    if sys.argv[1:2] == ["--bare"]:
        return bare(int(sys.argv[2]))
    parser = argparse.ArgumentParser(prog="python -m benchmarks.latency", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one run of each level, not five")
    parser.add_argument("--patience", type=float, default=300, help=PATIENCE)
    chosen = parser.parse_args()
    runs, patience = (1, min(chosen.patience, 20)) if chosen.quick else (5, chosen.patience)
    print(json.dumps(service(runs, patience), indent=1))
    return None


if __name__ == "__main__":
    main()
