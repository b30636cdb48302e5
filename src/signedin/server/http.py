"""HTTP as the service reads it: uvicorn's with httptools, in bounds that neither of them has."""

from __future__ import annotations

from typing import Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEAD: Final = 65_536
"""Bytes that may follow each other without completing a head or bringing a piece of a body. One read may
bring more, up to 256 kB."""

HEADERS: Final = 100
"""So many may a request have."""


class BoundedHttp(HttpToolsProtocol):
    """A connection, with one request at a time.

    httptools keeps a line until it ends, and uvicorn keeps each header and each request that is sent
    before the last one is answered: a client could fill the memory with any of them. uvicorn also takes
    trailers for headers, and the body of a request that would upgrade for the next request. And neither
    asks that a request names one host (RFC 9112, section 3.2). Of each, a proxy may think differently.
    """

    _unfinished = 0
    _in_head = False
    _refused = False

    def data_received(self, data: bytes) -> None:
        """Bytes from the client; after something that was refused none counts."""
        if self._refused:
            return
        self._unfinished += len(data)
        super().data_received(data)
        if self._unfinished > HEAD and not self._refused:
            self.send_400_response(f"Headers may have {HEAD:,} bytes.")

    def on_message_begin(self) -> None:
        """A request begins. What is raised here and below tells the parser that it is none."""
        if self.cycle is not None and not self.cycle.response_complete:
            raise ValueError("It was sent before the last one was answered.")
        self._in_head = True
        super().on_message_begin()

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header, or a trailer, which nobody asks for."""
        if not self._in_head:
            return
        if len(self.headers) >= HEADERS:
            raise ValueError(f"A request may have {HEADERS} headers.")
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """Its head is whole."""
        self._in_head, self._unfinished = False, 0
        names = [name for name, _ in self.headers]
        hosts = names.count(b"host")
        if hosts > 1 or (not hosts and self.parser.get_http_version() != "1.0"):
            raise ValueError("A request must name one host.")
        upgrades = self.parser.should_upgrade()
        if upgrades and (b"content-length" in names or b"transfer-encoding" in names):
            raise ValueError("The parser would not see the body of a request to upgrade.")
        super().on_headers_complete()
        if upgrades:  # it isn't done, but the parser drops what came with it: nothing may follow
            self.cycle.keep_alive = False

    def on_body(self, body: bytes) -> None:
        """A piece of its body."""
        self._unfinished = 0
        super().on_body(body)

    def send_400_response(self, msg: str) -> None:
        """Refuse what was read last. A whole request before it gets its answer first, and no other."""
        self._refused = True
        cycle = self.cycle
        if cycle is None or cycle.response_complete:
            super().send_400_response(msg)
        elif not cycle.more_body:
            cycle.keep_alive = False
        elif cycle.response_started:
            self.transport.close()
        else:
            super().send_400_response(msg)
