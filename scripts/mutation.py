"""The mutation score: how many small changes of the rules and the flow some test notices.

``python -m scripts.mutation`` tries every mutant with the tests that run its line, tells which ones
survived, and fails below 90 %. Names of files (``policy.py``) narrow it down.
"""

from __future__ import annotations

import argparse
import os
import random
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from .mutants import Mutant, mutants_of
from .trials import ROOT, SOURCE, Result, Trials

PACKAGE: Final = SOURCE / "signedin"
RULES: Final = (
    "audit client_ip cookies cursors device duration events incoming origin outcomes outgoing policy"
    " reasons remember_me selector session settings steps token visitor"
)
FLOW: Final = "core sessions resuming visiting endings listing operating copying request"
GROUPS: Final = {
    "rules": [PACKAGE / f"{name}.py" for name in RULES.split()],
    "flow": [PACKAGE / "_async" / f"{name}.py" for name in FLOW.split()],
}
TESTS: Final = ["tests/rules", "tests/flow"]
LEAST: Final = 90
EQUIVALENT: Final = Path(__file__).with_name("equivalent_mutants.txt")


def told_apart(mutants: Sequence[Mutant], files: Sequence[Path]) -> list[Mutant]:
    """The mutants without those that are listed as equivalent."""
    text = EQUIVALENT.read_text("utf-8").splitlines()
    listed = {line for line in text if line and line[0] not in "# "}
    named = {mutant: f"{mutant.path.name}: {mutant.after}" for mutant in mutants}
    of_files = {line for line in listed if line.partition(":")[0] in {path.name for path in files}}
    gone = of_files - set(named.values())
    if gone:
        sys.exit(f"{EQUIVALENT.name}: not a mutant: " + "; ".join(sorted(gone)))
    return [mutant for mutant, name in named.items() if name not in listed]


def row(name: str, results: Sequence[Result]) -> str:
    """A line of the table."""
    killed = sum(result.is_killed for result in results)
    late = sum(not result.in_time for result in results)
    share = 100 * killed / len(results)
    return f"{name:24}{len(results):9}{killed:9}{late:9}{len(results) - killed:9}{share:8.1f} %"


def report(results: Sequence[Result]) -> bool:
    """Print the survivors, on stderr, and the table; whether everything is good enough."""
    for result in results:
        if not result.is_killed:
            mutant = result.mutant
            place = f"{mutant.path.relative_to(ROOT)}:{mutant.line}"
            told = [place if result.was_run else f"{place} (no test runs it)"]
            told += [f"    {line}" for line in mutant.diff]
            print(*told, "", sep="\n", file=sys.stderr)
    print(f"{'':24}{'mutants':>9}{'killed':>9}{'by time':>9}{'survived':>9}{'score':>10}")
    enough = True
    for group, files in GROUPS.items():
        of_group = [result for result in results if result.mutant.path in files]
        for path in files:
            of_file = [result for result in of_group if result.mutant.path == path]
            if of_file:
                print(row(f"  {path.relative_to(PACKAGE)}", of_file))
        if of_group:
            print(row(group, of_group))
            enough = enough and 100 * sum(r.is_killed for r in of_group) >= LEAST * len(of_group)
    print(row("all", results))
    return enough


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m scripts.mutation", description=__doc__)
    parser.add_argument("files", nargs="*", help="names of files; none: all")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="processes at a time")
    parser.add_argument("--sample", type=int, help="so many mutants, drawn at random")
    parser.add_argument("--seed", type=int, default=0, help="of the draw")
    parser.add_argument("--tests", nargs="+", default=TESTS, help="files or folders of tests")
    parser.add_argument("--without", nargs="+", default=[], help="parts of names of tests to leave out")
    asked = parser.parse_args()
    known = [path for files in GROUPS.values() for path in files]
    files = [path for path in known if not asked.files or path.name in asked.files]
    mutants = told_apart([mutant for path in files for mutant in mutants_of(path)], files)
    if asked.sample is not None:
        drawn = random.Random(asked.seed).sample(range(len(mutants)), min(asked.sample, len(mutants)))
        mutants = [mutants[number] for number in sorted(drawn)]
    if not mutants:
        parser.error("No mutants of these files.")
    if not report(Trials(mutants, asked.tests, asked.without, asked.jobs).results()):
        sys.exit(f"Below {LEAST} %.")


if __name__ == "__main__":
    main()
