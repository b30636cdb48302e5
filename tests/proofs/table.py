"""How the proofs print what they found: a line each."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable


def print_table(
    title: str,
    table: Iterable[tuple[str, str, str, int]],
    proof: Callable[[str, str, str, int], object],
) -> None:
    """A line for each proof, or for those that the words of the command line mean; a number among them is
    how often.
    """
    words = {word for word in sys.argv[1:] if not word.isdigit()}
    often = [int(word) for word in sys.argv[1:] if word.isdigit()]
    chosen = [line for line in table if words <= {*line[:3]}]
    if not chosen:
        sys.exit(f"There is no {' '.join(sys.argv[1:])} in the table.")
    for what, name, colour, count in chosen:
        times = often[0] if often else count
        began = time.monotonic()
        found = proof(what, name, colour, times)
        took = time.monotonic() - began
        print(
            f"{title} {what:11} {name:8} {colour:5} {times:4} asked {took:4.0f} s: {found}", flush=True
        )
