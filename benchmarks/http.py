"""What it costs to read requests: ``python -m benchmarks.http``.

The service, and an application that does nothing, with both parsers of uvicorn and with httptools in
bounds, which is the service's own. By turns each answers as many requests as it can.
"""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Final

from signedin.cli import main as cli
from signedin.server import run
from signedin.settings import PAGE

from .core import Core
from .latency import Service, bare, prepare, request
from .load import Load

PARSERS: Final = ("h11", "httptools", "ours")
ASKED: Final = (
    ("nothing", "nothing", "/"),
    ("the home page", "service", "/"),
    ("Active Sessions", "service", PAGE),
)
TURNS, SECONDS = 21, 0.3


def serve(parser: str, what: str, port: str) -> None:
    """Answer with another parser than the service's own."""
    if parser != "ours":
        setattr(run, "BoundedHttp", parser)  # noqa: B010 - of another type
    if what == "nothing":
        bare(int(port))
    else:
        sys.argv[1:] = ["serve", "--port", port]
        cli()


def main() -> None:
    """Measure and print."""
    if len(sys.argv) > 1:
        return serve(*sys.argv[1:])
    first, *_, last = sorted(os.sched_getaffinity(0))
    core = Core(first, patience=60)
    os.sched_setaffinity(0, {last})
    took: dict[tuple[str, str], list[float]] = {}
    with tempfile.TemporaryDirectory(prefix="signedin-bench-") as name, ExitStack() as stack:
        token = prepare(Path(name))
        loads = {}
        for parser in PARSERS:
            for what in ("nothing", "service"):
                service = stack.enter_context(Service(f"benchmarks.http {parser} {what}", core))
                for shown, served, path in ASKED:
                    if served == what:
                        loads[shown, parser] = Load(service.port, request(path, token))
        for _ in range(TURNS):
            for key, load in loads.items():
                took.setdefault(key, []).append(
                    1e6 / core.steadily(lambda load=load: load.saturation(SECONDS))
                )
    print("| µs a request | " + " | ".join(PARSERS) + " | ours beside h11 |\n|---|---:|---:|---:|---:|")
    for shown, *_ in ASKED:
        medians = [statistics.median(took[shown, parser]) for parser in PARSERS]
        pairs = zip(took[shown, "h11"], took[shown, "ours"], strict=True)
        ratio = statistics.median(ours / h11 for h11, ours in pairs)
        print(f"| {shown} | " + " | ".join(f"{each:.0f}" for each in medians) + f" | {ratio:.2f} |")
    return None


if __name__ == "__main__":
    main()
