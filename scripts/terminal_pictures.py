"""The pictures of the terminal in the docs: real commands at a pseudo-terminal, as they were seen."""

from __future__ import annotations

import os
import pty
import re
import select
import subprocess
import sys
import tempfile
import time
from io import StringIO
from pathlib import Path

from playwright.sync_api import Browser
from rich.console import Console
from rich.terminal_theme import DIMMED_MONOKAI
from rich.text import Text
from tests.docs.transcripts import prepare
from tests.support import make_record

from signedin.config import now_ms, open_sessions
from signedin.steps import UserRecords

COLUMNS, LINES = 104, 16
CROWD = 240_000
FRAME = re.compile(r"\x1b\[H|\x1b\[2J|\r\n?\x1b\[2K|\x1b\[1A")


def seen(folder: Path, typed: dict[str, str], until: str, *arguments: str) -> str:
    """What a command has written when this text has come; each key of ``typed`` is answered once."""
    master, slave = pty.openpty()
    environment = {"TERM": "xterm-256color", "COLUMNS": str(COLUMNS), "LINES": str(LINES), "TZ": "UTC"}
    process = subprocess.Popen(
        [sys.executable, "-m", "signedin", *arguments],
        stdin=slave,
        stdout=slave,
        stderr=slave,
        cwd=folder,
        env=environment | {"SIGNEDIN_STORE": "sqlite:///sessions.db", "PATH": "", "HOME": str(folder)},
        start_new_session=True,
    )
    os.close(slave)
    text, late = "", time.monotonic() + 60
    while not re.search(until, text) and time.monotonic() < late:
        if select.select([master], [], [], 1)[0]:
            try:
                text += os.read(master, 65_536).decode("utf-8", "replace")
            except OSError:  # it has ended
                break
        for asked in [asked for asked in typed if asked in text]:
            os.write(master, typed.pop(asked).encode())
    os.close(master)
    process.wait(20)
    return text


def take(browser: Browser, text: str, command: str, name: str, images: Path) -> None:
    """A picture of the text with its colours, as in a window."""
    console = Console(record=True, width=COLUMNS, file=StringIO(), force_terminal=True)
    console.print(Text.from_ansi(f"\x1b[1;32m$\x1b[0m {command}\n{text}"))
    style = (
        "body { margin: 0 } pre { display: inline-block; margin: 0; padding: 20px 24px; font-size: 14px"
    )
    page = browser.new_page(viewport={"width": 1100, "height": 400}, device_scale_factor=2)
    html = console.export_html(theme=DIMMED_MONOKAI)
    page.set_content(html.replace("</head>", f"<style>{style}; line-height: 1.45 }}</style></head>"))
    page.locator("pre").screenshot(path=images / f"{name}.png")
    page.close()
    print(f"docs/images/{name}.png")


def crowd(folder: Path) -> None:
    """Very many more sessions, three a user."""
    now = now_ms()
    sessions = open_sessions(store=str(folder / "sessions.db"))
    for start in range(0, CROWD, 6000):
        users = [
            UserRecords(user, 0, [], [make_record(user, now - 60_000)[0] for _ in range(3)], [], {})
            for user in (f"u{number}" for number in range(start, start + 6000, 3))
        ]
        sessions.store.import_users(users)
    sessions.close()


def terminal(browser: Browser, images: Path) -> None:
    """All of them."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        prepare(folder)
        text = seen(folder, {}, "q quit", "watch")
        frame = FRAME.split(text[: text.index("q quit") + 6])[-1]
        take(browser, frame.replace("\r", ""), "signedin watch", "watch", images)
        crowd(folder)
        phrase = f"revoke {CROWD + 4}"
        command = ("revoke", "--all-users", "--reason", "INC-221")
        text = seen(folder, {"to continue": f"{phrase}\r"}, r" [4-8]\d%.{1,80}/s", *command)
        question, _, rest = text.partition(phrase + "\r\n")
        bars = [part for part in FRAME.split(rest) if "/s" in part]
        shown = f"{question}{phrase}\n{bars[-1]}"
        take(
            browser,
            shown.replace("\r", ""),
            'signedin revoke --all-users --reason "INC-221"',
            "bar",
            images,
        )
