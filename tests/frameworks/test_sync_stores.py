"""REV-2 once more on the other stores: every trigger against every credential, in Flask."""

# ruff: noqa: F401 - what is imported is run

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from ..engines import ENGINES, Engine, patient
from ..support import AsAsync, Clock
from . import flask_host
from .bridge import Bridge
from .test_sync_hosts import browser, flow, other, test_the_matrix


@pytest.fixture(params=["redis", "postgres"])
def engine(request: pytest.FixtureRequest) -> Engine:
    return ENGINES[request.param]


@pytest.fixture
async def app(url: str, clock: Clock) -> AsyncIterator[Any]:
    made = flask_host.make_app(SIGNEDIN_STORE=patient(url), SIGNEDIN_SWEEP_EVERY=None, clock=clock)
    host = made.extensions["signedin"]
    yield Bridge(made, AsAsync(host.sessions), host.background)
    host.close()
