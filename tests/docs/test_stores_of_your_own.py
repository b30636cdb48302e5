"""The suite for stores as their authors run it: on the page's example, and on stores that are wrong."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from .test_docs import ROOT, blocks


def run(folder: Path, code: str) -> tuple[int, str]:
    """pytest on a module of an author's, in an empty folder without any settings."""
    (folder / "test_store.py").write_text(code)
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", "test_store.py"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout


EXAMPLE = blocks(ROOT / "docs" / "stores-of-your-own.md", "python")[0]


def test_the_example(tmp_path: Path) -> None:
    """A third party's store passes as many cases as one of ours in one colour."""
    code, told = run(tmp_path, EXAMPLE)
    assert code == 0, told
    assert "129 passed" in told


@pytest.mark.parametrize(
    ("verb", "wrong"),
    [
        ("touch", "return None"),
        ("rename", "given = ((await self._store.find(given[1])).user_id, *given[1:])"),
        ("set_data", "return True"),
    ],
)
def test_a_wrong_store_fails(tmp_path: Path, verb: str, wrong: str) -> None:
    """Lost activity, a stranger who may rename, what is said to be written and isn't."""
    line = "            self.calls[verb] += 1\n"
    broken = EXAMPLE.replace(line, f'{line}            if verb == "{verb}":\n                {wrong}\n')
    code, told = run(tmp_path, broken)
    assert code == 1, told
    assert "1 failed" in told
