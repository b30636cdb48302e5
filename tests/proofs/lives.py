"""Random lives on every engine in both colours: ``python -m tests.proofs.lives 1000``, so many each.

The colours are a process each, side by side; ``… lives 1000 sync`` is one of them.
"""

from __future__ import annotations

import logging
import subprocess
import sys
import time

from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from ..engines import ENGINES
from .model import machine

STEPS = 30


def live(name: str, colour: str, lives: int) -> None:
    """So many lives in a store; raises at the first that isn't as the model says."""
    # Finding the shortest life that shows a fault takes minutes on a server.
    phases = (Phase.generate, Phase.shrink) if name == "sqlite" else (Phase.generate,)
    run_state_machine_as_test(
        machine(ENGINES[name], colour),
        settings=settings(
            max_examples=lives,
            stateful_step_count=STEPS,
            deadline=None,
            database=None,
            phases=phases,
            suppress_health_check=list(HealthCheck),
        ),
    )


def main() -> int:
    lives, *colours = sys.argv[1:]
    if len(colours) != 1:
        command = [sys.executable, "-m", "tests.proofs.lives", lives]
        both = [subprocess.Popen([*command, colour]) for colour in ("async", "sync")]
        return max(abs(process.wait()) for process in both)
    logging.disable()  # thefts are suspected all the time here
    for name in ENGINES:
        began = time.monotonic()
        live(name, colours[0], int(lives))
        took = time.monotonic() - began
        told = f"{lives} lives of up to {STEPS} steps, no difference, {took:.0f} s"
        print(f"{name:9} {colours[0]:6} {told}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
