"""Several processes on one file."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent


def run(*arguments: str, status: int = 0) -> str:
    done = subprocess.run(
        [sys.executable, "-m", *arguments],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
        timeout=300,
    )
    assert done.returncode == status, done.stdout + done.stderr
    return done.stdout


def prove(*arguments: str) -> None:
    """A proof that isn't done by a crowd to which nothing happened."""
    told = run(*arguments)
    assert re.search(r"acknowledged +[1-9][0-9]* sign_in", told), told


@pytest.mark.parametrize("proof", ["cap", "revoke"])
def test_a_crowd(proof: str, path: str) -> None:
    """300 sign-ins from 4 processes leave exactly 100; no process sees a session after its revoke."""
    run("tests.proofs.crowd", proof, path)
