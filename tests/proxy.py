"""A TCP proxy before a server: slow, cut or half open at will."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
import time
from collections.abc import Callable
from typing import Literal


class Proxy:
    """Before a server on this machine. delay: seconds that each answer takes longer. answers: whether they
    pass, are swallowed, or are cut off: the connection ends in their middle.

    watch: is shown what passes, before it does: whether the client sent it, and the bytes.
    """

    def __init__(self, port: int) -> None:
        self._target = port
        self.delay = 0.0
        self.answers: Literal["pass", "swallow", "cut"] = "pass"
        self.watch: Callable[[bool, bytes], None] = lambda from_client, data: None
        self._flows = threading.Event()
        self._flows.set()
        self._sockets: set[socket.socket] = set()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._start(self._accept)

    def cut(self) -> None:
        """End all connections, without a word; new ones are taken."""
        for each in list(self._sockets):
            with contextlib.suppress(OSError):
                each.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                each.shutdown(socket.SHUT_RDWR)

    def hold(self) -> None:
        """From now on nothing passes, and nobody is told: half open."""
        self._flows.clear()

    def go_on(self) -> None:
        """What was held passes."""
        self._flows.set()

    def stop(self) -> None:
        """End everything."""
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.cut()
        self.go_on()

    def _start(self, work: Callable[..., None], *arguments: object) -> None:
        threading.Thread(target=work, args=arguments, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            try:
                server = socket.create_connection(("127.0.0.1", self._target))
            except OSError:
                client.close()
                continue
            for each in (client, server):
                each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._sockets |= {client, server}
            self._start(self._pass, client, server, True)
            self._start(self._pass, server, client, False)

    def _pass(self, source: socket.socket, target: socket.socket, from_client: bool) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                if not from_client and self.delay:
                    time.sleep(self.delay)
                self._flows.wait()
                self.watch(from_client, data)
                if from_client or self.answers == "pass":
                    target.sendall(data)
                elif self.answers == "cut":
                    target.sendall(data[: len(data) // 2])
                    break
        self._flows.wait()
        with contextlib.suppress(OSError):
            target.shutdown(socket.SHUT_RDWR)
        self._sockets.discard(source)
        source.close()
