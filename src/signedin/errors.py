"""What can go wrong: a broken system, never an absent session (that is a value).

Each docstring is the message a caller sees when the error is raised without one of its own.
"""

from __future__ import annotations


class SignedinError(Exception):
    """Something in signedin's surroundings is broken."""

    def __str__(self) -> str:
        return super().__str__() or (type(self).__doc__ or "").strip()


class SettingsError(SignedinError, ValueError):
    """A setting is not usable."""


class StoreUnavailable(SignedinError):
    """The session store can't be reached. Nothing was changed."""


class AnswerUnknown(StoreUnavailable):
    """The session store didn't confirm the change in time. Look before trying again."""


class DataTooLarge(SignedinError, ValueError):
    """A session's data bag is at most 64 kB; the one that was there stays."""


class SchemaError(StoreUnavailable):
    """The store's schema is not the one this version of signedin works with."""


class ClockError(SignedinError):
    """The clock is far behind the newest record, so nothing is removed as expired."""


class ReadOnly(SignedinError):
    """This console only reads. Start it without --read-only to revoke."""


class UserNotFound(SignedinError, LookupError):
    """There is no such user."""
