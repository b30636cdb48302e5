"""What stands between a store and its server, and does what networks do: delays, swallows, cuts."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from typing import Literal


class Proxy:
    """Passes on what comes, to a port of this machine. delay: seconds that each answer is held up.
    answers: whether they are passed on, swallowed, or cut off: the connection closes in their middle.
    asks: whether what the other side says is passed on.
    """

    def __init__(self, port: int) -> None:
        self.delay = 0.0
        self.answers: Literal["pass", "swallow", "cut"] = "pass"
        self.asks = True
        self._server_port = port
        self._open: set[socket.socket] = set()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        """Close all connections that there are."""
        for one in tuple(self._open):
            self._close(one)

    def stop(self) -> None:
        """Close everything; nothing comes through any more."""
        self._close(self._listener)
        self.cut()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                try:
                    server = socket.create_connection(("127.0.0.1", self._server_port))
                except OSError:
                    client.close()
                    continue
                self._open |= {client, server}
                for work in (self._ask, self._answer):
                    threading.Thread(target=work, args=(client, server), daemon=True).start()

    def _ask(self, client: socket.socket, server: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := client.recv(65536):
                if self.asks:
                    server.sendall(data)
        self._close(client)
        self._close(server)

    def _answer(self, client: socket.socket, server: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := server.recv(65536):
                time.sleep(self.delay)
                if self.answers == "cut":
                    client.sendall(data[: len(data) // 2])
                    break
                if self.answers == "pass":
                    client.sendall(data)
        self._close(client)
        self._close(server)

    def _close(self, one: socket.socket) -> None:
        self._open.discard(one)
        with contextlib.suppress(OSError):
            one.shutdown(socket.SHUT_RDWR)  # a thread that waits in recv wakes up
        one.close()
