"""Measures all of it, and writes docs/benchmarks.md with its plots: ``python -m benchmarks.report``.

``--quick`` takes fewer runs. ``--only`` measures a part, ``--write`` nothing; both write the page from
docs/benchmarks.json, which has every run's figures.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sqlite3
import subprocess
import sys
import time
from datetime import UTC, datetime
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import Any

import apsw
from tests.postgres import programs
from tests.servers import REDIS

from . import writing
from .latency import PATIENCE
from .peers.__main__ import GROUPS

ROOT = Path(__file__).parent.parent
FIGURES = ROOT / "docs" / "benchmarks.json"
GROWING = (
    ("redis", "signedin", "sqlite"),
    ("django", "Django db", "sqlite"),
    ("django", "django-qsessions", "sqlite"),
    ("django", "django-allauth usersessions", "sqlite"),
    ("redis", "signedin", "redis"),
    ("redis", "signedin", "postgres"),
    ("redis", "GitLab's commands", "redis"),
    ("flask", "Flask-Session", "redis"),
)
PACKAGES = (
    "signedin", "Django", "django-qsessions", "django-user-sessions", "django-allauth", "starlette",
    "starsessions", "crudauth", "Flask", "Flask-Session", "Flask-SQLAlchemy", "SQLAlchemy", "redis",
    "hiredis", "psycopg", "uvicorn", "httptools",
)  # fmt: skip
BESIDE = (
    "benchmarks",
    "benchmarks.redis",
    "benchmarks.postgres",
    "benchmarks.frameworks_asgi",
    "benchmarks.frameworks_flask",
    "benchmarks.frameworks_django",
    "benchmarks.frameworks_django --postgres",
)
"""What is measured beside a bare operation, or beside one package as the framework's server runs it."""
SIZES = (1_000, 10_000, 100_000)
OURS_ALSO = (1_000_000, 3_000_000)
RUNS = 3


def printed(*arguments: str) -> str:
    """What a benchmark prints, from a process of its own."""
    print(" ".join(arguments), file=sys.stderr, flush=True)
    return said(sys.executable, "-W", "ignore", "-m", *arguments)


def run(*arguments: str) -> Any:
    """The same as data."""
    return json.loads(printed(*arguments))


def beside(quick: bool, patience: float) -> dict[str, Any]:
    """Beside bare operations; the tables as they are printed. They are quick."""
    tables = {command: printed(*command.split()).strip() for command in BESIDE}
    return {"date": today(), "tables": tables}


def waits(quick: bool, patience: float) -> dict[str, Any]:
    """How long people wait."""
    more = ["--quick"] if quick else ["--patience", str(patience)]
    found: dict[str, Any] = run("benchmarks.latency", *more)
    return {"date": today(), **found}


def today() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%d")


def compared(quick: bool) -> list[dict[str, Any]]:
    """Every peer on every engine. Runs take turns: a bad minute meets not one of them alone."""
    rows = [
        {"group": group, "peer": peer, "engine": engine, "costs": {}}
        for group, name in GROUPS.items()
        for peer, (_, engines) in import_module(f"benchmarks.peers.{name}").PEERS.items()
        for engine in engines
    ]
    more = ["--quick"] if quick else []
    for _ in range(1 if quick else RUNS):
        for row in rows:
            for name, cost in run("benchmarks.peers", *named(row), *more).items():
                row["costs"].setdefault(name, []).append(cost if cost is None else round(cost, 1))
    for row in rows:
        row |= run("benchmarks.peers", *named(row), "--count")
    return rows


def named(row: dict[str, Any]) -> tuple[str, str, str]:
    return row["group"], row["peer"], row["engine"]


def growing() -> list[dict[str, Any]]:
    """What a user's sessions cost to find, as the store grows."""
    rows = []
    for group, peer, engine in GROWING:
        sizes = SIZES + OURS_ALSO if peer == "signedin" else SIZES
        grown = run("benchmarks.peers", group, peer, engine, "--quick", "--grow", *map(str, sizes))
        rows.append({"peer": peer, "engine": engine, **grown})
    return rows


def machine() -> dict[str, Any]:
    """What it ran on."""
    told = Path("/proc/cpuinfo").read_text() if sys.platform == "linux" else ""
    models = [line.partition(": ")[2] for line in told.splitlines() if line.startswith("model name")]
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return {
        "processor": models[0] if models else platform.processor(),
        "cores": os.cpu_count(),
        "memory": f"{memory:.0f} GiB",
        "kernel": f"{platform.system()} {platform.release()}",
        "load before": round(os.getloadavg()[0], 1),
    }


def versions() -> dict[str, str]:
    servers = {
        "Python": platform.python_version(),
        "SQLite (apsw)": apsw.sqlite_lib_version(),
        "SQLite (Python)": sqlite3.sqlite_version,
        "Redis": said(REDIS, "--version").split("v=")[1].split()[0],
        "PostgreSQL": said(f"{programs()}/postgres", "--version").split()[2],
    }
    return servers | {name: version(name) for name in PACKAGES}


def said(*command: str) -> str:
    return subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, cwd=ROOT).stdout


def save(found: dict[str, Any]) -> None:
    text = json.dumps(found, separators=(",", ":")).replace('{"group"', '\n{"group"')
    FIGURES.write_text(text + "\n")


ALONE = {"beside": beside, "latency": waits}
"""Parts that can be measured alone; each has its date."""


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.report", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one run of each")
    parser.add_argument("--only", choices=ALONE, help="this part of the page anew")
    parser.add_argument("--patience", type=float, default=300, help=PATIENCE)
    parser.add_argument("--write", action="store_true", help="the page anew, from the figures there are")
    chosen = parser.parse_args()
    how = chosen.quick, chosen.patience
    if chosen.only:
        save(json.loads(FIGURES.read_text()) | {chosen.only: ALONE[chosen.only](*how)})
    elif not chosen.write:
        began = time.monotonic()
        found: dict[str, Any] = {
            "date": today(),
            "quick": chosen.quick,
            "machine": machine(),
            "versions": versions(),
            **{name: part(*how) for name, part in ALONE.items()},
            "peers": compared(chosen.quick),
            "growth": growing(),
        }
        save(found | {"minutes": round((time.monotonic() - began) / 60)})
    for path, text in writing.pages(json.loads(FIGURES.read_text())).items():
        (ROOT / path).write_text(text)
        print(path)


if __name__ == "__main__":
    main()
