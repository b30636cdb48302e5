"""Whether time tells who is right: ``python -m tests.attack.timing [COUNT]``.

Tokens of each kind are validated in turn, in random order; for each store the medians are printed, and Welch's
t of each kind against a wrong secret. Nothing is asserted: a machine has moods. What a thief could learn is
whether an id exists, which is no secret; how near a guessed secret comes must not show.
"""

from __future__ import annotations

import asyncio
import random
import sys
import tempfile
import time
from pathlib import Path
from statistics import fmean, median, variance
from typing import Any

from signedin.config import open_async_sessions
from signedin.session import new_session_id
from signedin.token import Token, new_secret

from ..support import LAPTOP, Clock
from .bottoms import BOTTOMS


async def kinds(flow: Any) -> dict[str, str]:
    """A token of each kind, of sessions that are alike."""

    async def sign_in() -> str:
        outcome = await flow.sign_in("1", LAPTOP, started_at=flow.clock())
        return str(outcome.cookies[0].value)

    right, rotated, ended = await sign_in(), await sign_in(), await sign_in()
    now = (await flow.rotate(rotated, authenticated_by=("otp",))).cookies[0].value
    await flow.revoke("1", ended[:48], current=None)
    near = right[:-5] + ("AAAA" if right[-5:-1] != "AAAA" else "BBBB") + right[-1]
    return {
        "right": right,
        "right after a rotation": now,
        "previous": rotated,
        "wrong": Token(right[:48], new_secret()).text,
        "wrong at the end": near,
        "unknown id": Token(new_session_id("1"), new_secret()).text,
        "ended": ended,
    }


def welch(one: list[int], other: list[int]) -> float:
    """Welch's t: how far two means lie apart, in standard errors."""
    error = variance(one) / len(one) + variance(other) / len(other)
    return (fmean(one) - fmean(other)) / max(error, 1e-9) ** 0.5


def trimmed(times: list[int]) -> list[int]:
    """Without the slowest twentieth, which is the machine's."""
    return sorted(times)[: len(times) * 19 // 20]


async def main(count: int) -> None:
    """Each store in turn."""
    for name, engine in BOTTOMS.items():
        with tempfile.TemporaryDirectory() as folder:
            url = engine.fresh(str(Path(folder) / "s.db"))
            flow: Any = open_async_sessions(store=url, sweep_every=None, clock=Clock())
            tokens = await kinds(flow)
            taken: dict[str, list[int]] = {kind: [] for kind in tokens}
            for _ in range(count):
                for kind in random.sample(list(tokens), len(tokens)):
                    began = time.perf_counter_ns()
                    await flow.validate(tokens[kind])
                    taken[kind].append(time.perf_counter_ns() - began)
            await flow.close()
        wrong = trimmed(taken["wrong"])
        for kind, times in taken.items():
            t = welch(trimmed(times), wrong)
            print(f"{name:9} {kind:23} median {median(times) / 1000:7.1f} µs   t {t:7.1f}", flush=True)


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 20_000))
