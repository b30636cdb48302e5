"""What the driver's errors mean: nothing was changed, or nobody knows."""

from __future__ import annotations

from typing import Final

import redis.exceptions as driver

from ..errors import AnswerUnknown, StoreUnavailable


class Unsent(driver.ConnectionError):
    """A command that never left: there was no connection for it."""

    def __init__(self, error: BaseException) -> None:
        super().__init__(str(error))
        self.error = error


BROKEN: Final = (driver.RedisError, OSError)
"""Whatever a driver raises that is no answer."""
DROPPED: Final = (driver.ConnectionError, OSError)
"""The connection went; asking again on another one may do."""
REFUSED: Final = (
    driver.ResponseError,
    driver.BusyLoadingError,
    driver.AuthenticationError,
    driver.AuthorizationError,
    driver.MaxConnectionsError,
    driver.SlotNotCoveredError,
    driver.DataError,
)
"""The server, or the driver before it, said no: nothing was changed."""
# A script that broke off in the middle may have written before.
_BROKE_OFF: Final = ("user_script", "running script", "function:")
# What stops a script before its first write; the driver takes codes that it knows off the text.
_BEFORE: Final = ("MISCONF", "NOREPLICAS")
_BEFORE_CLASSES: Final = (
    driver.OutOfMemoryError,
    driver.ReadOnlyError,
    driver.NoPermissionError,
    driver.ClusterDownError,
)


def refused(error: BaseException) -> StoreUnavailable:
    """What the server said no to, or what never reached it."""
    told = str(error) or type(error).__name__
    broke_off = isinstance(error, driver.ResponseError) and any(word in told for word in _BROKE_OFF)
    before = isinstance(error, _BEFORE_CLASSES) or told.startswith(_BEFORE)
    if broke_off and not before:
        return AnswerUnknown(f"The session store broke off: {told}")
    return StoreUnavailable(f"The session store can't be used: {told}")


def lost(error: BaseException) -> AnswerUnknown:
    """A change whose answer didn't come."""
    reason = str(error) or type(error).__name__
    return AnswerUnknown(f"{AnswerUnknown.__doc__} ({reason})")


def is_refusal(error: BaseException) -> bool:
    """Whether it is certain that nothing was changed."""
    return isinstance(error, REFUSED)


def is_dropped(error: BaseException) -> bool:
    """Whether asking again may do."""
    error = error.error if isinstance(error, Unsent) else error
    return isinstance(error, DROPPED) and not isinstance(error, REFUSED)


def is_other_type(error: BaseException) -> bool:
    """Whether somebody else's value lies under our key."""
    return isinstance(error, driver.ResponseError) and str(error).startswith("WRONGTYPE")


def is_not_permitted(error: BaseException | None) -> bool:
    """Whether the server doesn't let us look; some don't know the command at all."""
    told = str(error)
    return isinstance(error, driver.ResponseError) and (
        isinstance(error, driver.NoPermissionError)
        or told.startswith(("NOPERM", "unknown command", "ERR unknown", "Unknown"))
    )
