"""What sync adapters do beside requests, in one thread of the process: record activity, and sweep."""

from __future__ import annotations

import atexit
import os
import random
import threading
import time
from typing import Final

from ._sync.sessions import Sessions
from .errors import SignedinError, StoreUnavailable
from .events import logger
from .session import SessionId
from .steps import Touch

PATIENCE: Final = 5.0
"""Seconds that closing waits for activity to be recorded."""


class Background:
    """Begins at the first need, in whichever process has it: a forked one has a thread of its own.

    What gathers while one write is under way leaves with the next, so a busy process writes once for
    many requests.
    """

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions
        every = sessions.settings.sweep_every
        self._every = None if every is None else every.total_seconds()
        self._pid = 0

    def touch(self, touch: Touch) -> None:
        """Note activity soon."""
        self.start()
        with self._wake:
            if touch.session_id not in self._writing:
                self._waiting[touch.session_id] = touch
                self._wake.notify()

    def start(self) -> None:
        """Sweep from now on, unless cron does it."""
        if self._pid == os.getpid():
            return
        with _STARTING:
            if self._pid == os.getpid():
                return
            self._wake = threading.Condition()
            self._waiting: dict[SessionId, Touch] = {}
            self._writing: dict[SessionId, Touch] = {}
            self._closes = False
            self._thread = threading.Thread(target=self._run, name="signedin", daemon=True)
            self._thread.start()
            atexit.register(self.close)
            self._pid = os.getpid()

    def close(self) -> None:
        """Record what is waiting, and end."""
        if self._pid != os.getpid():
            return
        with self._wake:
            self._closes = True
            self._wake.notify()
        self._thread.join(PATIENCE)
        atexit.unregister(self.close)
        self._pid = 0

    def _run(self) -> None:
        sweep_at = self._next_sweep()
        while True:
            with self._wake:
                if not self._waiting and not self._closes:
                    self._wake.wait(None if sweep_at is None else max(sweep_at - time.monotonic(), 0))
                self._writing, self._waiting = self._waiting, {}
                closes = self._closes
            if self._writing:
                self._record(list(self._writing.values()))
            if closes and not self._waiting:
                return
            if sweep_at is not None and time.monotonic() >= sweep_at:
                self._sweep()
                sweep_at = self._next_sweep()

    def _record(self, touches: list[Touch]) -> None:
        try:
            self._sessions.touch(*touches)
        except StoreUnavailable as error:
            # The next validation finds the touch still due.
            logger.warning("The activity of %d sessions was not recorded: %s", len(touches), error)
        except Exception:
            logger.exception("The activity of %d sessions was not recorded.", len(touches))
        finally:
            self._writing = {}

    def _sweep(self) -> None:
        try:
            self._sessions.sweep()
        except SignedinError as error:
            logger.warning("Expired sessions were not swept: %s", error)
        except Exception:
            logger.exception("Expired sessions were not swept.")

    def _next_sweep(self) -> float | None:
        """With jitter, so that several processes take turns."""
        if self._every is None:
            return None
        return time.monotonic() + self._every * random.uniform(0.5, 1.5)  # noqa: S311 - no secret


_STARTING: Final = threading.Lock()
