"""Web servers as processes: started on a free port, waited for, and ended in any case."""

from __future__ import annotations

import socket
import subprocess
import time
from collections.abc import Sequence
from typing import Any

from .servers import free_port


class Site:
    """A command that serves ``127.0.0.1:port``, and takes connections now.

    command: ``{port}`` in it stands for the port. port: if not one that nobody has. options: ``Popen``'s.
    With ``with`` it is stopped at the end of the block.
    """

    def __init__(self, command: Sequence[str], port: int | None = None, **options: Any) -> None:
        self.port = port or free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        command = [word.replace("{port}", str(self.port)) for word in command]
        self.process = subprocess.Popen(command, **options)
        try:
            self._wait(time.monotonic() + 30)
        except BaseException:
            self.kill()
            raise

    def _wait(self, end: float) -> None:
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return
            except OSError:
                assert self.process.poll() is None, self.process.communicate()
                assert time.monotonic() < end, f"{self.process.args} does not answer"
                time.sleep(0.02)

    def stop(self) -> Any:
        """Ask it to end; what it wrote to a pipe of standard error."""
        self.process.terminate()
        try:
            return self.process.communicate(timeout=20)[1]
        except BaseException:
            self.kill()
            raise

    def kill(self) -> None:
        """Without a word."""
        self.process.kill()
        self.process.communicate()

    def __enter__(self) -> Site:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
