"""What the fuzzer found and what Hypothesis makes up, through every parser of foreign bytes (INP-1, TOK-3)."""

from __future__ import annotations

import sys
from collections.abc import Callable
from random import Random
from typing import Any

import pytest
from hypothesis import Phase, given, note, settings
from hypothesis import strategies as st

from . import corpus
from .targets import TARGETS


def mutated(seeds: list[bytes], random: Random) -> bytes:
    """An input near those that are known."""
    data = b"".join(random.choices(seeds, k=random.choice((1, 1, 1, 2, 3))))
    for _ in range(random.randrange(6)):
        start = random.randrange(len(data) + 1)
        put = random.choice((random.randbytes(random.randrange(9)), random.choice(seeds)[:12]))
        data = data[:start] + put + data[start + random.randrange(9) :]
    return data


@pytest.mark.parametrize("name", TARGETS)
def test_known_inputs(name: str) -> None:
    """Whatever once broke a parser, or came far in it, keeps its promise."""
    for seed in corpus.seeds(name):
        TARGETS[name](seed)


@pytest.mark.parametrize("name", TARGETS)
def test_made_up_inputs(name: str) -> None:
    """So does anything else."""
    target, known = TARGETS[name], corpus.seeds(name)

    @settings(max_examples=100, deadline=None, database=None, phases=[Phase.generate])
    @given(st.binary(max_size=700), st.integers(0))
    def any_input(data: bytes, number: int) -> None:
        random = Random(number)
        for made in (data, *(mutated(known, random) for _ in range(14))):
            note(repr(made))
            target(made)

    any_input()


def steps(call: Callable[[], object]) -> int:
    """How many lines of Python it runs."""
    count = 0

    def trace(frame: Any, event: str, arg: object) -> Any:
        nonlocal count
        count += event == "line"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        call()
    finally:
        sys.settrace(before)
    return count


UNITS = (
    b";",
    b"__Host-signedin=a;",
    b",",
    b"for=10.0.0.1,",
    b'"',
    b"a:b ",
    b"\x91",
    b"%41",
    b"[",
    b"(",
    b"\xc3",
)


@pytest.mark.parametrize("name", TARGETS)
def test_twice_the_input_is_twice_the_work(name: str) -> None:
    """No parser's own steps grow faster than its input (what regular expressions do is beside)."""
    target = TARGETS[name]
    for unit in filter(None, (*UNITS, *corpus.seeds(name))):
        once, twice = unit * (1500 // len(unit) + 1), unit * (3000 // len(unit) + 1)
        work = steps(lambda data=once: target(data))  # type: ignore[misc]
        assert steps(lambda data=twice: target(data)) <= 2.5 * work + 200, unit  # type: ignore[misc]
