"""The table of reasons is the documentation's, row by row."""

from __future__ import annotations

import pytest

from signedin.reasons import REASONS, RESUMABLE

TABLE = """
signed_out            series never  no
revoked               all    never  yes
revoked_by_operator   all    all    yes
credentials_changed   all    always yes
theft                 all    always yes
account_disabled      all    always yes
signed_out_everywhere all    always others
replaced              series never  no
resumed               none   never  no
limit                 none   never  yes
idle                  none   never  yes
expired               none   never  yes
unreadable            none   never  no
"""


def test_the_table() -> None:
    """Remember me forgotten, barrier, told: as the table says, in its order."""
    rows = [tuple(line.split()) for line in TABLE.strip().splitlines()]
    assert [(r.name, r.forgets, r.barrier, r.told) for r in REASONS.values()] == rows


@pytest.mark.parametrize("reason", REASONS.values(), ids=lambda reason: reason.name)
def test_sentences(reason: object) -> None:
    """Who is told is told a sentence; who isn't is told nothing (E8)."""
    assert bool(reason.message) is (reason.told != "no")  # type: ignore[attr-defined]


def test_resumable() -> None:
    """Exactly those after which the series lives on, but for a record that can't be read."""
    assert {r.name for r in REASONS.values() if r.forgets == "none"} - {"unreadable"} == RESUMABLE
