"""Here everything is tried on every engine."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from signedin.config import open_async_store
from signedin.settings import Settings

from ..engines import ENGINES, Engine


@pytest.fixture(params=ENGINES)
def engine(request: pytest.FixtureRequest) -> Engine:
    return ENGINES[request.param]


@pytest.fixture
async def other_store(engine: Engine, tmp_path: Path) -> AsyncIterator[Any]:
    """Another empty store on the same engine."""
    made = open_async_store(Settings(store=engine.fresh(str(tmp_path / "other.db"))))
    yield made
    await made.close()
