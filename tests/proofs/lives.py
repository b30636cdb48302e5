"""Random lives on every engine in both colours: ``python -m tests.proofs.lives 1000``, so many each."""

from __future__ import annotations

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


def main() -> None:
    lives = int(sys.argv[1])
    for name in ENGINES:
        for colour in ("async", "sync"):
            began = time.monotonic()
            live(name, colour, lives)
            took = time.monotonic() - began
            print(
                f"{name:9} {colour:6} {lives} lives of up to {STEPS} steps, no difference, {took:.0f} s"
            )


if __name__ == "__main__":
    main()
