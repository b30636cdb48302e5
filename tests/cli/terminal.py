"""A command at a pseudo-terminal, typed at and read."""

from __future__ import annotations

import os
import pty
import select
import subprocess
import sys
import time

from .test_cli import Cli


class Terminal:
    """``signedin`` with these arguments, 120 columns wide and 30 lines high."""

    def __init__(self, cli: Cli, *arguments: str) -> None:
        self.master, slave = pty.openpty()
        environment = {"TERM": "xterm", "COLUMNS": "120", "LINES": "30"}
        environment["IPYTHONDIR"] = str(cli.folder / "ipython")
        self.process = subprocess.Popen(
            [sys.executable, "-m", "signedin", *arguments],
            stdin=slave,
            stdout=slave,
            stderr=slave,
            env=cli.environment | environment,
            cwd=cli.folder,
            start_new_session=True,
        )
        os.close(slave)
        self.rest = ""

    def until(self, text: str) -> str:
        """Read until the text has come; what came up to there."""
        late = time.monotonic() + 20
        while text not in self.rest and time.monotonic() < late:
            if not select.select([self.master], [], [], 20)[0]:
                break
            try:
                self.rest += os.read(self.master, 65_536).decode("utf-8", "replace")
            except OSError:
                break
        before, found, self.rest = self.rest.partition(text)
        assert found, before
        return before + found

    def type(self, text: str) -> None:
        """Press these keys."""
        os.write(self.master, text.encode())

    def ends(self, typed: str = "") -> int:
        """Read the rest; the exit code."""
        self.type(typed)
        try:
            while os.read(self.master, 65_536):
                pass
        except OSError:
            pass
        return self.hangs_up()

    def hangs_up(self) -> int:
        """Close the window; the exit code."""
        os.close(self.master)
        return self.process.wait(20)
