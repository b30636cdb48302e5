"""A core of a shared machine, to measure on. Virtual ones differ from real ones in three ways.

One that has nothing to do goes back to the host, and comes again later and with cold caches: at half
load a request then costs up to half as much again as one that finds the core at work. So it can be kept
awake.

One whose real core does somebody else's work, too, takes up to twice as long for everything, for a tenth
of a second or for minutes. And one that the host gives to somebody else stands still, which the kernel
calls stolen time. So what was measured meanwhile is measured again. What tells is a piece of work that
is always the same, before, after and, on a core that is kept awake, meanwhile; never what was found.
"""

from __future__ import annotations

import itertools
import math
import multiprocessing
import os
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from ctypes import Array, c_long
from operator import sub
from pathlib import Path
from typing import Final, TypeVar

Found = TypeVar("Found")

SLOWER: Final = 1.25
"""A core is as fast as it was while the piece of work takes no longer than so many times as long."""
OTHERS: Final = 0.05
"""Of those that were done meanwhile so many may have taken another time."""
TRIES: Final = 20
"""After so many whatever was found counts, when the patience is at its end."""


class Core:
    """A core by its number. patience: seconds that others may still take of it; then it needn't be as
    fast as it can be, but must be as fast at the end as at the beginning.
    """

    def __init__(self, number: int, patience: float) -> None:
        self.number = number
        self.patience = patience
        self.aside = 0
        """So many measurements didn't count."""
        self.unsteady = 0
        """So many counted though the core changed meanwhile, or was stolen."""
        # What the piece of work takes now; how often it was done while the core was kept awake, and how
        # often it took another time.
        self._now = multiprocessing.RawValue("d")
        self._meanwhile: Array[c_long] = multiprocessing.RawArray("l", 2)
        self.least = math.inf
        """Seconds that the piece of work took when the core was as fast as it can be."""
        for _ in range(100):
            self._took()

    @property
    def pace(self) -> float:
        """Seconds that the piece of work takes while something is measured."""
        return float(self._now.value)

    def steadily(self, measure: Callable[[], Found]) -> Found:
        """What this finds while the core is always as fast, and none is stolen."""
        for tried in itertools.count(1):
            self._wait()
            began, before, stolen = time.monotonic(), self._meanwhile[:], _stolen()
            found = measure()
            pieces, others = map(sub, self._meanwhile, before)
            steady = (
                others <= OTHERS * pieces
                and _stolen() == stolen
                and _near(self._took(), self.pace)
                and (self.patience <= 0 or _near(self.pace, self.least))
            )
            if steady or (self.patience <= 0 and tried >= TRIES):
                break
            self.patience -= time.monotonic() - began
            self.aside += 1
        self.unsteady += not steady
        return found

    def _wait(self) -> None:
        """Until it is as fast as it can be, if there is patience."""
        began = time.monotonic()
        self._now.value = self._took()
        while not _near(self.pace, self.least) and time.monotonic() - began < self.patience:
            time.sleep(0.02)
            self._now.value = self._took()
        self.patience -= time.monotonic() - began

    @contextmanager
    def awake(self) -> Iterator[None]:
        """It doesn't sleep: what works there while nothing else does gives way at once."""
        idler = multiprocessing.Process(target=self._idle, daemon=True)
        idler.start()
        try:
            yield
        finally:
            idler.kill()
            idler.join()

    def _idle(self) -> None:
        os.sched_setaffinity(0, {self.number})
        os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
        meanwhile = self._meanwhile
        while True:
            began = time.perf_counter()
            took = _piece()
            # One in which it gave way finds the caches full of somebody else's: it says nothing.
            if time.perf_counter() - began < took + 1e-5:
                meanwhile[0] += 1
                meanwhile[1] += not _near(took, self.pace)

    def _took(self) -> float:
        """Seconds that the piece of work takes there now."""
        cores = os.sched_getaffinity(0)
        os.sched_setaffinity(0, {self.number})
        took = statistics.median(_piece() for _ in range(100))
        os.sched_setaffinity(0, cores)
        self.least = min(self.least, took)
        return took


def _near(took: float, other: float) -> bool:
    return other / SLOWER <= took <= other * SLOWER


def _piece() -> float:
    """Do it: seconds of processor time that it took. It needs hardly any memory."""
    began = time.thread_time()
    for _ in range(4_000):
        pass
    return time.thread_time() - began


def _stolen() -> list[int]:
    """How much of each core the host has given to somebody else so far, in hundredths of a second."""
    lines = Path("/proc/stat").read_text().splitlines()
    return [int(line.split()[8]) for line in lines if line.startswith("cpu")][1:]
