"""What sends the requests of the latency benchmark does so on schedule, and counts all of a wait."""

from __future__ import annotations

import contextlib
import random
import socket
import threading

import pytest
from benchmarks.load import FILLING, Load, percentile

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
HELD = 20


class Stalls:
    """A server that answers nobody until so many have asked, and everybody from then on."""

    def __init__(self, held: int, answer: bytes = ANSWER, *, closes: bool = False) -> None:
        self._held = held
        self._answer = answer
        self._closes = closes
        self._asked = 0
        self._enough = threading.Condition()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def stop(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with client, contextlib.suppress(OSError):
            while client.recv(65536):
                with self._enough:
                    self._asked += 1
                    self._enough.notify_all()
                    self._enough.wait_for(lambda: self._asked >= self._held)
                client.sendall(self._answer)
                if self._closes:
                    return


def test_requests_leave_on_schedule_and_a_wait_counts_whole() -> None:
    """Nobody waits for answers before asking; who asked first has waited for all who came later."""
    server = Stalls(HELD)
    load = Load(server.port, b"GET / HTTP/1.1\r\n\r\n")
    found = load.latencies(100, 0.5, seed=1)
    load.close()
    server.stop()
    dice, due = random.Random(1), [0.0]
    while due[-1] < FILLING + 0.5:
        due.append(due[-1] + dice.expovariate(100))
    arrivals = due[1:-1]
    count = [at for at in arrivals if at >= FILLING]
    assert len(found) == len(count) < len(arrivals)
    waited = sorted((arrivals[HELD - 1] - at) * 1000 for at in count if at <= arrivals[HELD - 1])
    assert len(waited) < HELD
    assert all(told >= least for told, least in zip(found[-len(waited) :], waited, strict=True))


def test_a_connection_that_the_server_closed_is_made_anew() -> None:
    """As browsers do it; no request is lost."""
    server = Stalls(0, closes=True)
    load = Load(server.port, b"GET / HTTP/1.1\r\n\r\n")
    assert load.saturation(0.05) > 0
    assert load.latencies(400, 0.2, seed=2)
    load.close()
    server.stop()


def test_another_answer_than_200_is_an_error() -> None:
    """A page that isn't there is quick."""
    server = Stalls(0, ANSWER.replace(b"200 OK", b"303 See Other"))
    load = Load(server.port, b"GET / HTTP/1.1\r\n\r\n")
    with pytest.raises(AssertionError, match="303"):
        load.saturation(0.05)
    load.close()
    server.stop()


def test_percentiles() -> None:
    """The value that so large a share doesn't exceed."""
    assert [percentile([1.0, 2.0, 3.0, 4.0], share) for share in (0, 0.5, 0.99, 1)] == [1, 3, 4, 4]
