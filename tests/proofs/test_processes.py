"""Several processes on one file, and ``kill -9``: the short form of the long proofs."""

from __future__ import annotations

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


@pytest.mark.parametrize("proof", ["cap", "revoke"])
def test_a_crowd(proof: str, path: str) -> None:
    """300 sign-ins from 4 processes leave exactly 100; no process sees a session after its revoke."""
    run("tests.proofs.crowd", proof, path)


def test_kill_nine() -> None:
    """60 rounds of ``kill -9``: every acknowledged sign-in exists, every acknowledged revoke is dead."""
    assert "nothing lost, nothing undone" in run("tests.proofs.crash", "60")
