"""HTTP as the service reads it: uvicorn's with httptools, in bounds that neither of them has."""

from __future__ import annotations

from typing import Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEAD: Final = 65_536
"""Bytes that may follow each other without completing a head or bringing a piece of a body."""

AHEAD: Final = 64
"""Requests of a connection that may wait for the one that is being answered."""


class BoundedHttp(HttpToolsProtocol):
    """A connection.

    httptools keeps a line until it ends, and uvicorn keeps each line of a head and each request that is
    sent ahead: a client could fill the memory with any of them. And neither asks that a request names
    one host (RFC 9112, section 3.2); of two, a proxy and the service may choose differently.
    """

    _unfinished = 0

    def data_received(self, data: bytes) -> None:
        """Bytes from the client, up to 256 kB at once."""
        self._unfinished += len(data)
        super().data_received(data)
        if self._unfinished > HEAD and not self.transport.is_closing():
            self.send_400_response(f"Headers may have {HEAD:,} bytes.")

    def on_message_begin(self) -> None:
        """A request begins."""
        if len(self.pipeline) >= AHEAD:
            raise ValueError(f"{AHEAD} requests are waiting already.")  # to the parser: a 400
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """Its head is whole."""
        self._unfinished = 0
        hosts = [name for name, _ in self.headers].count(b"host")
        if hosts > 1 or (not hosts and self.parser.get_http_version() == "1.1"):
            raise ValueError("A request must name one host.")
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """A piece of its body."""
        self._unfinished = 0
        super().on_body(body)
