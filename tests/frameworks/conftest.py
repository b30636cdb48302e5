"""The async flow under each framework's application, and what it runs in its store."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import apsw
import pytest

from ..web.conftest import flow, playwright, profiles

__all__ = ["flow", "playwright", "profiles"]


@pytest.fixture
def statements(monkeypatch: pytest.MonkeyPatch) -> Callable[[], list[str]]:
    """The statements that SQLite ran since this was last asked."""
    from signedin.sqlite.engine import Engine

    ran: list[str] = []
    connect = Engine._connect

    def traced(engine: Any, wait: int) -> apsw.Connection:
        connection = connect(engine, wait)
        connection.exec_trace = lambda cursor, sql, values: ran.append(sql) or True
        return connection

    monkeypatch.setattr(Engine, "_connect", traced)

    def since() -> list[str]:
        told = list(ran)
        ran.clear()
        return told

    return since
