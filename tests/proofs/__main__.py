"""All the long proofs, one after the other: ``python -m tests.proofs [--quick]``.

Each prints what it finds; at the end there is a table, and ``docs/proofs.md`` is written anew. ``--quick`` is a
tenth of it, and writes nothing. Fails if any proof does, after all have run.
"""

from __future__ import annotations

import argparse
import os
import platform
import subprocess
import sys
import time
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Final, NamedTuple

PAGE: Final = Path(__file__).parents[2] / "docs" / "proofs.md"
BEGIN, END = "<!-- found -->\n", "<!-- end of what was found -->\n"


class Proof(NamedTuple):
    """title: what it shows. long, quick: a module and its arguments."""

    title: str
    long: str
    quick: str


PROOFS: Final = (
    Proof(
        "Revoked is revoked: a million validations and ten thousand revokes on each store, by many processes",
        "tests.proofs.history all",
        "tests.proofs.history all --validations 20000 --revokes 200",
    ),
    Proof(
        "Whatever happens in whatever order, the stores and a small model say the same",
        "tests.proofs.lives 300",
        "tests.proofs.lives 10",
    ),
    Proof(
        "kill -9 of the application, the service and the engine: what was acknowledged is there",
        "tests.proofs.crash",
        "tests.proofs.crash application sqlite sync 50",
    ),
    Proof(
        "What stops and goes on, and networks that fail, under load",
        "tests.proofs.faults",
        "tests.proofs.faults network redis sync 5",
    ),
    Proof(
        "Redis and Valkey: what a failover brings back",
        "tests.proofs.failover_redis",
        "tests.proofs.failover_redis",
    ),
    Proof(
        "PostgreSQL: what a failover brings back",
        "tests.proofs.failover_postgres 10",
        "tests.proofs.failover_postgres 1",
    ),
    Proof("Junk makes no store grow", "tests.attack.junk", "tests.attack.junk 1000"),
    Proof(
        "Fuzzing of every parser, guided by coverage",
        "tests.attack.fuzz all --seconds 15",
        "tests.attack.fuzz all --seconds 1",
    ),
    Proof("Whether time tells who is right", "tests.attack.timing", "tests.attack.timing 200"),
    Proof("Small changes that no test notices", "scripts.mutation", "scripts.mutation policy.py"),
)


class Found(NamedTuple):
    """What a proof said. status: 0 if nothing is wrong."""

    proof: Proof
    said: Sequence[str]
    seconds: float
    status: int


def prove(proof: Proof, command: str) -> Found:
    """Run it, letting what it prints through."""
    print(f"\n## {proof.title}\n   python -m {command}\n", flush=True)
    began = time.monotonic()
    process = subprocess.Popen(
        [sys.executable, "-m", *command.split()], stdout=subprocess.PIPE, text=True, errors="replace"
    )
    assert process.stdout is not None
    said = []
    for line in process.stdout:
        print(f"   {line}", end="", flush=True)
        said.append(line.rstrip())
    return Found(proof, said, time.monotonic() - began, process.wait())


def told(all_found: Sequence[Found]) -> str:
    """The table of the end."""
    lines = ["| proof | took | |", "|---|---:|---|"]
    for found in all_found:
        minutes, seconds = divmod(round(found.seconds), 60)
        state = "nothing found" if found.status == 0 else f"**failed** ({found.status})"
        lines.append(f"| {found.proof.title} | {minutes}:{seconds:02} | {state} |")
    return "\n".join(lines)


def written(all_found: Sequence[Found]) -> str:
    """The page's part that changes."""
    machine = f"{platform.system()} {platform.release()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    parts = [f"{date.today().isoformat()}, {machine}.\n", f"{told(all_found)}\n"]
    for found in all_found:
        said = "\n".join(found.said).strip("\n")
        parts.append(
            f"## {found.proof.title}\n\n`python -m {found.proof.long}`\n\n```text\n{said}\n```\n"
        )
    return "\n".join(parts)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.proofs", description=__doc__)
    parser.add_argument("--quick", action="store_true")
    quick = parser.parse_args().quick
    all_found = [prove(proof, proof.quick if quick else proof.long) for proof in PROOFS]
    print(f"\n{told(all_found)}")
    if not quick:
        head, rest = PAGE.read_text("utf-8").split(BEGIN)
        tail = rest.split(END)[1]
        PAGE.write_text(f"{head}{BEGIN}\n{written(all_found)}\n{END}{tail}", "utf-8")
    return int(any(found.status for found in all_found))


if __name__ == "__main__":
    sys.exit(main())
