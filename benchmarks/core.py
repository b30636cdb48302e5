"""A core of a shared machine, to measure on. Virtual ones differ from real ones in two ways.

One that has nothing to do goes back to the host, and comes again later and with cold caches: at half
load a request then costs up to half as much again as one that finds the core at work. So it can be kept
awake.

One whose real core does somebody else's work, too, takes up to two thirds longer for everything, for
seconds or minutes. So what was measured meanwhile is measured again. What tells is a piece of work that
is always the same, done before and after; never what was found.
"""

from __future__ import annotations

import multiprocessing
import os
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final, TypeVar

Found = TypeVar("Found")

SLOWER: Final = 1.2
"""It is fast while the piece of work takes no longer than so many times its least."""


class Core:
    """A core by its number. patience: seconds that others may still take of it; then all counts."""

    def __init__(self, number: int, patience: float) -> None:
        self.number = number
        self.patience = patience
        self._least = min(_pace(number) for _ in range(20))
        self.aside = 0
        """So many measurements didn't count."""

    def steadily(self, measure: Callable[[], Found]) -> Found:
        """What this finds while the core is fast."""
        while True:
            while not self._is_fast() and self.patience > 0:
                time.sleep(0.5)
                self.patience -= 0.5
            began = time.monotonic()
            found = measure()
            if self._is_fast() or self.patience <= 0:
                return found
            self.patience -= time.monotonic() - began
            self.aside += 1

    @contextmanager
    def awake(self) -> Iterator[None]:
        """It doesn't sleep: what works there while nothing else does gives way at once."""
        idler = multiprocessing.Process(target=_idle, args=(self.number,), daemon=True)
        idler.start()
        try:
            yield
        finally:
            idler.kill()
            idler.join()

    def _is_fast(self) -> bool:
        pace = _pace(self.number)
        self._least = min(self._least, pace)
        return pace <= SLOWER * self._least


def _idle(core: int) -> None:
    os.sched_setaffinity(0, {core})
    os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
    while True:
        pass


def _pace(core: int) -> float:
    """Seconds that a piece of work takes there."""
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    took = []
    for _ in range(15):
        began = time.perf_counter()
        sum({str(number): number for number in range(20_000)}.values())
        took.append(time.perf_counter() - began)
    os.sched_setaffinity(0, cores)
    return statistics.median(took)
