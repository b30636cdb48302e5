"""A history of many processes on one store, and whether "revoked is revoked" was true in it (REV-1).

``python -m tests.proofs.history ENGINE [--validations N --revokes N]``, ENGINE one of sqlite, redis, valkey,
cluster, postgres, or all. Three processes use the library (two the async flow, one the sync), one is a crowd
of browsers at two services, all on one store. Each writes down what it asked, when, and what was answered;
:mod:`.history_check` reads that. ``--plant`` puts a fault around the stores of the async processes.
"""

from __future__ import annotations

import argparse
import asyncio
import http.client
import logging
import multiprocessing
import os
import sys
import tempfile
import time
from contextlib import suppress
from datetime import timedelta
from typing import Any

from signedin.config import open_async_sessions, open_sessions

from ..engines import ENGINES, patient
from ..servers import free_port
from ..support import AsAsync
from .history_check import Checker, Report
from .history_clients import Client, Totals
from .history_faults import FAULTS
from .history_log import Stopwatch, read
from .history_service import serve_async, serve_sync
from .history_tell import tell
from .history_ways import Http, Library

CAP = 12
TASKS = {"async-1": 12, "async-2": 12, "sync": 4, "http": 2}
"""How many things each process does at a time."""
MOST_FAILED = 0.02
"""A history of which a larger share had no answer shows little."""


def run(url: str, *, validations: int, revokes: int, plant: str | None = None) -> tuple[Report, str]:
    """A history in a store, checked, and what people are told of it."""
    context = multiprocessing.get_context("fork")
    stopwatch = Stopwatch()
    totals = Totals(validations, revokes)
    settings = {
        "store": patient(url),
        "cap": CAP,
        "clock": stopwatch.clock,
        # The checker knows of one clock only.
        "clock_skew": timedelta(0),
    }
    logging.getLogger("signedin").setLevel(logging.ERROR)
    with tempfile.TemporaryDirectory(prefix="signedin-history-") as folder:

        def work(name: str) -> None:
            way = AsAsync(Http(ports)) if name == "http" else _library(name, settings, plant)
            # Of the revokes a sixth or more ends nothing, for another process was quicker.
            looks = max(validations * 4 // (revokes * 5), 1)
            client = Client(name, way, stopwatch, folder, totals, looks)
            asyncio.run(client.run(TASKS[name]))

        flow = open_sessions(**settings)
        flow.list("1")  # its tables are made by one
        flow.close()
        ports = [free_port(), free_port()]
        services = [
            context.Process(target=serve, args=(port, settings))
            for serve, port in zip((serve_async, serve_sync), ports, strict=True)
        ]
        clients = [context.Process(target=work, args=(name,), name=name) for name in TASKS]
        try:
            for service in services:
                service.start()
            _wait(ports)
            for client in clients:
                client.start()
            for client in clients:
                client.join()
                assert client.exitcode == 0, f"the process {client.name} failed"
            assert all(service.is_alive() for service in services), "a service failed"
        finally:
            for process in (*clients, *services):
                if process.pid is not None:
                    process.terminate()
                    process.join()
        began = time.monotonic()
        report = Checker(CAP).check(lambda: read(folder))
        return report, tell(report, lambda: read(folder), time.monotonic() - began)


def _library(name: str, settings: dict[str, Any], plant: str | None) -> Library:
    if name == "sync":
        return Library(AsAsync(open_sessions(**settings)))
    flow = open_async_sessions(**settings)
    if plant is not None:
        flow.store = FAULTS[plant](flow.store)
    return Library(flow)


def _wait(ports: list[int]) -> None:
    """Until the services answer."""
    end = time.monotonic() + 30
    for port in ports:
        while True:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
            with suppress(OSError):
                connection.request("GET", "/me")
                assert connection.getresponse().read() == b"null"
                connection.close()
                break
            assert time.monotonic() < end, "a service doesn't answer"
            time.sleep(0.02)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.proofs.history")
    parser.add_argument("engine", choices=[*ENGINES, "all"])
    parser.add_argument("--validations", type=int, default=1_000_000)
    parser.add_argument("--revokes", type=int, default=10_000)
    parser.add_argument("--plant", choices=FAULTS)
    parser.add_argument("--store", help="the URL of an empty store of this engine")
    chosen = parser.parse_args()
    broken = 0
    for engine in ENGINES if chosen.engine == "all" else [chosen.engine]:
        with tempfile.TemporaryDirectory() as folder:
            url = chosen.store or ENGINES[engine].fresh(os.path.join(folder, "sessions.db"))
            report, told = run(
                url, validations=chosen.validations, revokes=chosen.revokes, plant=chosen.plant
            )
        print(f"{engine}: {told}\n", flush=True)
        broken += len(report.violations)
        if report.failed > MOST_FAILED:
            print(f"{report.failed:.0%} of it failed: that shows little.", flush=True)
            broken += 1
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
