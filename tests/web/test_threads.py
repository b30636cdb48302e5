"""What sync adapters do beside requests: activity and sweeps, in one thread."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import timedelta
from threading import Event

import pytest

from signedin.config import open_sessions
from signedin.outcomes import SignedIn
from signedin.steps import Touch
from signedin.threads import Background

from ..support import DAY, LAPTOP, PHONE, Clock


@pytest.fixture
def background(path: str, clock: Clock) -> Iterator[Background]:
    made = Background(open_sessions(store=path, clock=clock, sweep_every=timedelta(milliseconds=1)))
    yield made
    made.close()
    made._sessions.close()


def entered(background: Background, clock: Clock) -> SignedIn:
    outcome = background._sessions.sign_in("1", LAPTOP, started_at=clock())
    assert isinstance(outcome, SignedIn)
    return outcome


def test_activity_is_recorded_at_the_latest_at_the_end(background: Background, clock: Clock) -> None:
    """Closing waits until what was noted is recorded (V3)."""
    session = entered(background, clock).session
    clock.tick(5)
    background.touch(Touch(session.id, PHONE))
    background.close()
    (found,) = background._sessions.list("1")
    assert (found.last_active_at, found.ip) == (clock(), PHONE.ip)


def test_a_sweep_comes_by_itself(background: Background, clock: Clock) -> None:
    """What has expired is moved to the history at the settings' pace (E9)."""
    swept = Event()
    background._sessions._listeners += (lambda event: swept.set(),)
    entered(background, clock)
    swept.clear()
    clock.tick(8 * DAY)
    background.start()
    assert swept.wait(10)
    assert [ended.reason for ended in background._sessions.history("1")] == ["idle"]


def test_a_forked_process_has_a_thread_of_its_own(background: Background, clock: Clock) -> None:
    """What a child notes is recorded, though only the parent had a thread when it was forked."""
    session = entered(background, clock).session
    background.start()
    clock.tick(5)
    child = os.fork()
    if child == 0:
        try:
            background.touch(Touch(session.id, None))
            background.close()
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    (found,) = background._sessions.list("1")
    assert found.last_active_at == clock()


def test_trouble_is_survived(
    background: Background,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A store that fails costs the activity noted then, and no more."""
    session = entered(background, clock).session
    failed = Event()

    def fail(*touches: object) -> None:
        failed.set()
        raise RuntimeError("broken")

    monkeypatch.setattr(background._sessions, "touch", fail)
    background.touch(Touch(session.id, None))
    assert failed.wait(10)
    monkeypatch.undo()
    clock.tick(5)
    background.close()
    background.touch(Touch(session.id, None))
    background.close()
    assert background._sessions.list("1")[0].last_active_at == clock()
    assert "not recorded" in caplog.text
