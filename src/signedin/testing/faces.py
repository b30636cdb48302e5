"""Sync code behind an async face, so that one suite tries both colours."""

from __future__ import annotations

import inspect
from typing import Any


class AsAsync:
    """A sync object behind an async face, each call in a thread of its own: one suite, two colours."""

    def __init__(self, wrapped: Any) -> None:
        self.wrapped = wrapped

    def __getattr__(self, name: str) -> Any:
        attribute = getattr(self.wrapped, name)
        if name == "store":
            return AsAsync(attribute)
        if not inspect.ismethod(attribute):
            return attribute
        if inspect.isgeneratorfunction(attribute):
            return lambda *args, **kwargs: _each(attribute(*args, **kwargs))

        async def call(*args: Any, **kwargs: Any) -> Any:
            import anyio

            return await anyio.to_thread.run_sync(lambda: attribute(*args, **kwargs))

        return attribute if name in ("touch_due", "due_touch", "carries_data_to") else call


async def _each(items: Any) -> Any:
    for item in items:
        yield item
