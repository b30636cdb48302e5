"""Requests on schedule, whatever the answers do: the latencies that people would see.

Arrivals are a Poisson process of a given rate. A latency counts from the moment at which the request
should have left, so that what waits for a slow answer is counted too. One thread over plain sockets,
which must have a core of its own.
"""

from __future__ import annotations

import random
import re
import select
import socket
import time
from collections import deque

LENGTH = re.compile(rb"content-length: (\d+)", re.IGNORECASE)
CONNECTIONS = 32
"""So many requests are under way at once, at most; further ones wait, and their wait is counted."""

AWAKE = 0.0002
FILLING = 0.04
"""Seconds in which the queue becomes as long as it is later; what was due then doesn't count."""


class Line:
    """A connection, made anew when the server has closed it. due: when the request that is under way
    should have left.
    """

    def __init__(self, port: int, request: bytes) -> None:
        self._port = port
        self._request = request
        self.due = 0.0
        self.is_idle = True
        self._open()

    def fileno(self) -> int:
        return self._socket.fileno()

    def ask(self, due: float) -> None:
        self.due, self.is_idle, self._got, self._want = due, False, b"", 0
        try:
            self._socket.sendall(self._request)
        except OSError:
            self._again()

    def is_answered(self) -> bool:
        """Take what is there; True at the answer's end. Any other answer than 200 is an error."""
        try:
            part = self._socket.recv(262_144)
        except ConnectionResetError:
            part = b""
        if not part:
            self._again()
            return False
        self._got = self._got + part if self._got else part
        if not self._want:
            head = self._got.find(b"\r\n\r\n")
            if head < 0:
                return False
            told = LENGTH.search(self._got, 0, head)
            if not self._got.startswith(b"HTTP/1.1 200") or told is None:
                raise AssertionError(self._got[:200])
            self._want = head + 4 + int(told[1])
        self.is_idle = len(self._got) >= self._want
        return self.is_idle

    def close(self) -> None:
        self._socket.close()

    def _again(self) -> None:
        self._socket.close()
        self._open()
        if not self.is_idle:
            self.ask(self.due)

    def _open(self) -> None:
        self._socket = socket.create_connection(("127.0.0.1", self._port))
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


class Load:
    """Requests to a server on this machine."""

    def __init__(self, port: int, request: bytes) -> None:
        self._lines = [Line(port, request) for _ in range(CONNECTIONS)]

    def close(self) -> None:
        for line in self._lines:
            line.close()

    def saturation(self, seconds: float) -> float:
        """Requests a second when each answer is followed by the next request at once."""
        began = time.perf_counter()
        done = 0
        for line in self._lines:
            line.ask(began)
        under_way = len(self._lines)
        while under_way:
            for line in select.select(self._lines, (), ())[0]:
                if line.is_answered():
                    done += 1
                    now = time.perf_counter()
                    if now - began < seconds:
                        line.ask(now)
                    else:
                        under_way -= 1
        return done / (time.perf_counter() - began)

    def latencies(self, rate: float, seconds: float, seed: int) -> list[float]:
        """Milliseconds of each request, in order. rate: a second, on average. seconds: what counts."""
        dice = random.Random(seed)
        found: list[float] = []
        idle = deque(self._lines)
        waiting: deque[float] = deque()
        began = time.perf_counter()
        counts, end = began + FILLING, began + FILLING + seconds
        due = began + dice.expovariate(rate)
        while due < end or waiting or len(idle) < len(self._lines):
            now = time.perf_counter()
            while due <= now and due < end:
                waiting.append(due)
                due += dice.expovariate(rate)
            while waiting and idle:
                idle.popleft().ask(waiting.popleft())
            # A timer may be late by some of the last microseconds: these it waits awake.
            until = max(due - time.perf_counter() - AWAKE, 0) if due < end else 1
            for line in select.select(self._lines, (), (), until)[0]:
                if line.is_answered():
                    if line.due >= counts:
                        found.append((time.perf_counter() - line.due) * 1000)
                    idle.append(line)
        return sorted(found)


def percentile(ordered: list[float], share: float) -> float:
    """The value that so large a share of them doesn't exceed."""
    return ordered[min(int(share * len(ordered)), len(ordered) - 1)]
