"""A host of each framework for every test that asks for one."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from ..support import Clock
from .hosts import HOSTS, Host, opened


@pytest.fixture(params=HOSTS)
async def host(
    request: pytest.FixtureRequest,
    url: str,
    tmp_path: Path,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncIterator[Host]:
    """Each framework's application in turn, on the test's store."""
    async with opened(request.param, url, tmp_path, clock, monkeypatch) as made:
        yield made
