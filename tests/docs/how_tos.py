"""A how-to as a newcomer follows it: its files in an empty folder, its commands one after another."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..servers import free_port
from ..sites import Site
from .test_docs import FILE, ROOT, blocks

SERVERS = {
    "uvicorn": "--port {port} --log-level warning",
    "flask run": "--port {port}",
    "flask --app": "--port {port}",
    "python app.py": "",
    "python examples/wsgi/app.py": "",
    "python examples/django/manage.py runserver": "127.0.0.1:{port} --noreload",
}
"""What serves until it is stopped, and what to add so that it does on a port that is free."""


def environment(**more: str) -> dict[str, str]:
    """With this environment's commands first, as in an activated one."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return os.environ | {"PATH": path, "PYTHONDONTWRITEBYTECODE": "1"} | more


def files(page: Path) -> dict[str, str]:
    """The files that a page shows; ``app.py`` is its first block of Python."""
    code = blocks(page, "python")
    named = {found[1]: text for text in code if (found := FILE.match(text))}
    return {"app.py": code[0]} | named


def steps(page: Path) -> list[str]:
    """What is typed into a terminal, block by block, without what is installed."""
    shown = [
        "".join(line for line in text.splitlines(keepends=True) if not line.startswith("pip install "))
        for text in blocks(page, "sh")
    ]
    return [text for text in shown if text]


def run(step: str, folder: Path, **more: str) -> str:
    """The commands of a block in a shell; what they print."""
    done = subprocess.run(
        ["sh", "-ec", step],
        cwd=folder,
        env=environment(**more),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


@contextmanager
def served(command: str, folder: Path) -> Iterator[str]:
    """A command that serves, in the folder; its URL. It may print no traceback and no warning."""
    more = next(more for start, more in SERVERS.items() if command.startswith(start))
    port = free_port()
    site = Site(
        [*shlex.split(command), *shlex.split(more)],
        port,
        cwd=folder,
        env=environment(PORT=str(port)),
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield site.url
    finally:
        told = site.stop()
    assert not re.search(r"Traceback|Error|Warning:", told), told


def page(name: str) -> Path:
    """A page of the documentation."""
    return ROOT / "docs" / f"{name}.md"
