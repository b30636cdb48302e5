"""Disks that fail, are full, lose power or lie: the short form of ``disk.py``."""

from __future__ import annotations

from pathlib import Path

import pytest

from .disk import power, short_lives
from .test_processes import run


@pytest.mark.parametrize(
    ("what", "count"), [("errors", 50), ("broken", 25), ("full", 25), ("power", 50), ("crowd", 8)]
)
def test_a_disk(what: str, count: int) -> None:
    """Each failing call is told or made good; what was acknowledged is there; the process goes on (DUR-1)."""
    assert "as told" in run("tests.proofs.disk", what, "sqlite", "sync", str(count))


def test_a_disk_that_lies(tmp_path: Path) -> None:
    """Whoever says that it has synced and hasn't loses what was acknowledged; the proof sees that."""
    with short_lives(), pytest.raises(AssertionError, match="lost|undone|not what"):
        for at in range(200, 350, 5):
            (tmp_path / str(at)).mkdir()
            power(at, str(tmp_path / str(at) / "sessions.db"), lying=True)
