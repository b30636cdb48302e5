"""What differs between the async flow and its sync twin, side by side."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeout
from typing import Any, ParamSpec, TypeVar

from .errors import AnswerUnknown, StoreUnavailable

T = TypeVar("T")
P = ParamSpec("P")


async def async_answer(future: Future[T], seconds: float) -> T:
    """The result of what a store's thread does, waiting at most so long."""
    import asyncio  # a quarter of what a command of the terminal costs, and it needs none of it

    wrapped = asyncio.wrap_future(future)
    done, _ = await asyncio.wait((wrapped,), timeout=seconds)
    if done:
        return wrapped.result()
    raise _gave_up(future)


def answer(future: Future[T], seconds: float) -> T:
    """The result of what a store's thread does, waiting at most so long."""
    try:
        return future.result(seconds)
    except FutureTimeout:
        raise _gave_up(future) from None


async def async_in_thread(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """A long read, outside the event loop."""
    import asyncio

    return await asyncio.to_thread(function, *args, **kwargs)


def in_thread(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """A long read: a thread that may wait does it itself."""
    return function(*args, **kwargs)


async def async_call(function: Callable[P, object], *args: P.args, **kwargs: P.kwargs) -> Any:
    """Call the host's function, and wait for its answer if it is a coroutine function."""
    answered = function(*args, **kwargs)
    return await answered if inspect.isawaitable(answered) else answered


def call(function: Callable[P, object], *args: P.args, **kwargs: P.kwargs) -> Any:
    """Call the host's function."""
    return function(*args, **kwargs)


def _gave_up(future: Future[T]) -> StoreUnavailable:
    # What has not begun can still be taken back; what has begun may yet be committed.
    return StoreUnavailable() if future.cancel() else AnswerUnknown()
