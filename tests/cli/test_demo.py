"""``signedin demo`` as a process: what is there when it has ended."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from ..sites import Site


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_the_demo_leaves_nothing_behind(tmp_path: Path, number: signal.Signals) -> None:
    """Its folder of sessions goes with it: on Ctrl-C, when it is stopped, when its window is closed."""
    # What runs the tests may ignore a signal, and whom it starts would, too.
    command = ["env", "--default-signal", sys.executable, "-m", "signedin", "demo", "--port", "{port}"]
    environ = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "TMPDIR": str(tmp_path)}
    site = Site(command, stderr=subprocess.DEVNULL, env=environ, cwd=tmp_path)
    try:
        assert list(tmp_path.glob("signedin-demo-*/sessions.db"))
        site.process.send_signal(number)
        assert site.process.wait(20) == (0 if number is signal.SIGINT else 128 + signal.SIGTERM)
    finally:
        site.kill()
    assert not list(tmp_path.glob("signedin-demo-*"))
