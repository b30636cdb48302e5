"""All the long proofs, one after the other, or some: ``python -m tests.proofs [--quick] [NAME …]``.

Each prints what it finds, and ``docs/proofs.md`` gets it; at the end there is a table. ``--quick`` is a tenth of
it, and writes nothing. Fails if any proof does, after all have run.
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
from importlib.util import find_spec
from pathlib import Path
from typing import Final, NamedTuple

PAGE: Final = Path(__file__).parents[2] / "docs" / "proofs.md"
BEGIN, END = "<!-- found -->\n", "<!-- end of what was found -->\n"


class Proof(NamedTuple):
    """name, title: what it is called, and what it shows. long, quick: a module and its arguments. measures:
    it tells what is so, and can't fail.
    """

    name: str
    title: str
    long: str
    quick: str
    measures: bool = False


PROOFS: Final = (
    Proof(
        "history",
        "Revoked is revoked: a million validations and ten thousand revokes on each store, by many processes",
        "tests.proofs.history all",
        "tests.proofs.history all --validations 20000 --revokes 200",
    ),
    Proof(
        "lives",
        "Whatever happens in whatever order, the stores and a small model say the same",
        "tests.proofs.lives 200",
        "tests.proofs.lives 10",
    ),
    Proof(
        "crash",
        "kill -9 of the application, the service and the engine: what was acknowledged is there",
        "tests.proofs.crash",
        "tests.proofs.crash application sqlite sync 50",
    ),
    Proof(
        "faults",
        "What stops and goes on, and networks that fail, under load",
        "tests.proofs.faults",
        "tests.proofs.faults network redis sync 5",
    ),
    Proof(
        "disk",
        "Disks that fail at any call, fill up, or lose what was not synced: what was acknowledged is there",
        "tests.proofs.disk",
        "tests.proofs.disk errors 40",
    ),
    Proof(
        "full-disk",
        "Full disks and memories of every engine",
        "tests.proofs.full_disk",
        "tests.proofs.full_disk 1",
    ),
    Proof("clocks", "Clocks that jump", "tests.proofs.clocks", "tests.proofs.clocks 1"),
    Proof(
        "failover-redis",
        "Redis and Valkey: what a failover brings back",
        "tests.proofs.failover_redis",
        "tests.proofs.failover_redis",
        measures=True,
    ),
    Proof(
        "failover-postgres",
        "PostgreSQL: what a failover brings back",
        "tests.proofs.failover_postgres 10",
        "tests.proofs.failover_postgres 1",
    ),
    Proof("junk", "Junk makes no store grow", "tests.attack.junk", "tests.attack.junk 1000"),
    Proof(
        "fuzz",
        "Fuzzing of every parser, guided by coverage",
        "tests.attack.fuzz all --seconds 15",
        "tests.attack.fuzz all --seconds 1",
    ),
    Proof(
        "api",
        "The API as its document tells of it, by three roles, with whatever a generator makes up",
        "pytest -q tests/attack/test_schemathesis.py --hypothesis-profile long",
        "pytest -q tests/attack/test_schemathesis.py",
    ),
    Proof(
        "timing",
        "Whether time tells who is right",
        "tests.attack.timing",
        "tests.attack.timing 200",
        measures=True,
    ),
    Proof(
        "mutation",
        "Small changes that no test notices",
        "scripts.mutation --jobs 2 --sample 800",
        "scripts.mutation policy.py",
    ),
)


class Found(NamedTuple):
    """What a proof said. status: 0 if nothing is wrong."""

    proof: Proof
    said: Sequence[str]
    seconds: float
    status: int

    @property
    def told(self) -> str:
        """How long it took, and what came of it."""
        minutes, seconds = divmod(round(self.seconds), 60)
        good = "measured" if self.proof.measures else "no fault"
        state = good if self.status == 0 else f"**failed** ({self.status})"
        return f"{minutes}:{seconds:02}, {state}"


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


def section(found: Found) -> str:
    """What the page says of it."""
    machine = f"{os.cpu_count()} cores, Python {platform.python_version()}"
    # No line of it is taken for a heading of the page.
    said = "\n".join(found.said).strip("\n").replace("\n## ", "\n ## ")
    return (
        f"## {found.proof.title}\n\n`python -m {found.proof.long}`, {date.today().isoformat()}, {machine}:"
        f" {found.told}.\n\n```text\n{said}\n```\n\n"
    )


def write(all_found: Sequence[Found]) -> None:
    """Put what was found on the page, in the place of what was found before."""
    head, rest = PAGE.read_text("utf-8").split(BEGIN)
    before, tail = rest.split(END)
    sections = {text.partition("\n")[0]: f"## {text}" for text in before.split("\n## ")[1:]}
    sections |= {found.proof.title: section(found) for found in all_found}
    body = "".join(sections[p.title].rstrip("\n") + "\n\n" for p in PROOFS if p.title in sections)
    PAGE.write_text(f"{head}{BEGIN}\n{body}{END}{tail}", "utf-8")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.proofs", description=__doc__)
    names = [proof.name for proof in PROOFS]
    parser.add_argument("name", nargs="*", help=f"of {', '.join(names)}; all of them without one")
    parser.add_argument("--quick", action="store_true")
    asked = parser.parse_args()
    if unknown := set(asked.name) - set(names):
        parser.error(f"There is no proof {min(unknown)!r}. There are {', '.join(names)}.")
    chosen = [proof for proof in PROOFS if not asked.name or proof.name in asked.name]
    if not asked.name and find_spec("atheris") is None:
        print("There is no atheris for this Python, so nothing is fuzzed.")
        chosen = [proof for proof in chosen if proof.name != "fuzz"]
    all_found = []
    for proof in chosen:
        all_found.append(prove(proof, proof.quick if asked.quick else proof.long))
        if not asked.quick:
            write(all_found)
    print("\n| proof | took |\n|---|---|")
    for found in all_found:
        print(f"| {found.proof.title} | {found.told} |")
    return int(any(found.status for found in all_found))


if __name__ == "__main__":
    sys.exit(main())
