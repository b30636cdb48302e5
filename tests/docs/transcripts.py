"""What the documentation shows of the command line: run again, and compared.

``python -m tests.docs.transcripts`` writes what the commands print now into the pages; the tests
compare it, but for what is another each time: ids, dates, durations, the operator's name.
"""

from __future__ import annotations

import re
import shlex
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

from signedin import Client, SignedIn, open_sessions
from signedin.config import now_ms
from signedin.server.accounts import Accounts
from signedin.steps import Touch

from ..support import DAY, FIREFOX, HOUR, IPHONE, MINUTE

ROOT = Path(__file__).parent.parent.parent
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
CHROME = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko)"
    " Chrome/142.0.0.0 Safari/537.36"
)
PEOPLE = ("ada", "Ada Okafor"), ("bo", "Bo Lindqvist"), ("grace", "Grace Sato")
# Who, from where, with what, signed in and last active so long ago, remembered.
CAST = (
    ("1", "203.0.113.24", FIREFOX, 3 * DAY + HOUR, 12 * MINUTE, True),
    ("1", "2001:db8:4f::1c7", IPHONE, 9 * DAY, 4 * DAY + HOUR, True),
    ("2", "203.0.113.77", CHROME, 2 * HOUR + MINUTE, 2 * HOUR + MINUTE, False),
    ("3", "198.51.100.7", FIREFOX, DAY + HOUR, 5 * HOUR + MINUTE, False),
)
BLOCK = re.compile(r"^( *)```console\n(.*?)^ *```$", re.DOTALL | re.MULTILINE)
CHANGING = (
    (r"\b[0-9a-f]{48}\b", "ID"),
    (r"\b[0-9a-f]{16}\b", "RUN"),
    (r"\b[0-9a-f]{8}\b", "SHORT"),
    (r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?Z?)?", "TIME"),
    (r"\b(in )?[\d.,]+ (s|ms)\b", "SOON"),
    (r"[\d,]+ MiB", "SPACE"),
    (r"(cli|console):[\w-]+", r"\1:root"),
    (r"\b\d+\.\d+\.\d+\b", "VERSION"),
    (r'"duration_ms": \d+', "SOON"),
    (r"(?<=\S) {2,}", "  "),
)


def prepare(folder: Path) -> None:
    """A store with the cast in it, and their accounts."""
    accounts = Accounts(str(folder / "accounts.db"))
    for username, name in PEOPLE:
        accounts.add(username, name=name, email=f"{username}@example.com", password_hash="x", now=0)
    accounts.close()
    now = clock = now_ms()
    sessions = open_sessions(store=str(folder / "sessions.db"), clock=lambda: clock)
    for user, address, user_agent, signed_in, active, remember in CAST:
        clock = now - signed_in
        outcome = sessions.sign_in(
            user, Client(address, user_agent), started_at=clock, remember=remember
        )
        assert isinstance(outcome, SignedIn)
        sessions.store.touch([Touch(outcome.session.id, None)], now - active)
    sessions.close()


def run(command: str, folder: Path) -> str:
    """What a command prints, and how it ends when that is not well."""
    done = subprocess.run(
        [sys.executable, "-m", *shlex.split(command)],
        env={"SIGNEDIN_STORE": "sqlite:///sessions.db", "PATH": "", "TZ": "UTC", "HOME": str(folder)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        cwd=folder,
    )
    code = f"[exit code {done.returncode}]\n" if done.returncode else ""
    shown = done.stdout.replace(str(folder), "/srv/app")
    return re.sub(rf"\b{re.escape(socket.gethostname())}\b", "app-1", shown) + code


def play(text: str, show: Callable[[str], str]) -> str:
    """The page with what ``show`` says under each of its commands."""

    def block(found: re.Match[str]) -> str:
        indent, lines = found[1], found[2].splitlines()
        shown = []
        for line in lines:
            command = line.strip().removeprefix("$ ")
            if line.strip().startswith("$ signedin "):
                told = show(command).splitlines()
                shown += [f"$ {command}", *(each.rstrip() for each in told)]
            elif line.strip().startswith("$ "):
                shown.append(line.strip())
        body = "".join(f"{indent}{line}".rstrip() + "\n" for line in shown)
        return f"{indent}```console\n{body}{indent}```"

    return BLOCK.sub(block, text)


def comparable(text: str) -> list[str]:
    """Lines without what is another each time; what happened at one moment has no order."""
    for pattern, word in CHANGING:
        text = re.sub(pattern, word, text)
    return sorted(line.strip() for line in text.splitlines())


def played(path: Path, folder: Path) -> str:
    """The page as it would be written now; each section has the whole cast again."""
    sections = re.split(r"^(?=##)", path.read_text("utf-8"), flags=re.MULTILINE)
    for number, text in enumerate(sections):
        if "$ signedin" in text:
            place = folder / str(number)
            place.mkdir()
            prepare(place)
            sections[number] = play(text, partial(run, folder=place))
    return "".join(sections)


def main() -> None:
    """Write what has changed."""
    for path in PAGES:
        text = path.read_text("utf-8")
        if "$ signedin" in text:
            with tempfile.TemporaryDirectory() as folder:
                new = played(path, Path(folder))
            if comparable(new) != comparable(text):
                path.write_text(new, "utf-8")
                print(path.relative_to(ROOT))


if __name__ == "__main__":
    main()
