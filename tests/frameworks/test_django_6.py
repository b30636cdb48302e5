"""The same tests under Django 6, where there is a Python for it: in an environment of its own."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
HERE = Path(__file__).parent
ENVIRONMENT = ROOT / ".venv-django6"
SUITE = ("flow", "beside", "engine", "parts")


def newer_python() -> str | None:
    """A Python 3.12 or later that runs."""
    for name in ("python3.14", "python3.13", "python3.12"):
        found = shutil.which(name)
        if found and subprocess.run([found, "-V"], capture_output=True, check=False).returncode == 0:
            return found
    return None


@pytest.fixture
def python() -> str:
    found = newer_python()
    assert found is not None
    return found


def test_django_6(python: str) -> None:
    """Nothing fails."""
    inside = str(ENVIRONMENT / "bin" / "python")
    if not Path(inside).exists():
        subprocess.run([python, "-m", "venv", ENVIRONMENT], check=True)
        install = [inside, "-m", "pip", "install", "-q"]
        for what in (["pip>=25.1"], ["-e", ".[server]", "--group", "test", "django>=6,<7"]):
            subprocess.run([*install, *what], check=True, cwd=ROOT, capture_output=True)
    suite = [str(HERE / f"test_django_{name}.py") for name in SUITE]
    done = subprocess.run(
        [inside, "-m", "pytest", "-q", "-p", "no:cacheprovider", *suite],
        cwd=ROOT, env=os.environ | {"PYTHONDONTWRITEBYTECODE": "1"}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout


if newer_python() is None:  # Django 5.2 is all there is to test
    del test_django_6
