"""Who the users are: what a host application tells of them, so that operators can call them by name.

The service's accounts are a directory; an application with users of its own provides five methods and
names them in the setting ``directory``. Pure: a directory does its own reading.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from itertools import islice
from typing import Final, Protocol, TypeVar

from .selector import NoSuchUser, Reading
from .session import checked_user_id

WORD_FINDS: Final = 1000
"""In the names of how many users a free word may be found."""
NEAREST_OF: Final = 20_000
"""How many users are looked through for a name that was nearly written."""


class Person(Protocol):
    """A user, as a directory tells of one: the id that sessions have, and what people call them."""

    @property
    def id(self) -> str: ...  # noqa: D102
    @property
    def username(self) -> str: ...  # noqa: D102
    @property
    def name(self) -> str: ...  # noqa: D102
    @property
    def email(self) -> str | None: ...  # noqa: D102


P = TypeVar("P", bound=Person)
P_co = TypeVar("P_co", bound=Person, covariant=True)


class Directory(Protocol[P_co]):
    """The users of an application. Whoever isn't there is None; an error means it can't be asked."""

    def find(self, user_id: str) -> P_co | None:
        """The user with this id."""

    def find_by_username(self, username: str) -> P_co | None:
        """The user with this name to sign in with."""

    def find_by_email(self, email: str) -> P_co | None:
        """The user with this e-mail address."""

    def search(self, text: str, limit: int) -> Iterable[P_co]:
        """Users in whose username, name or e-mail address the text is found, so many at most."""

    def all(self) -> Iterable[P_co]:
        """Every user, best by an iterator that holds few at a time."""


@dataclass(frozen=True)
class Stranger:
    """A user of whom nothing but the id is known."""

    id: str
    email: None = None

    @property
    def username(self) -> str:
        """The id."""
        return self.id

    @property
    def name(self) -> str:
        """The id."""
        return self.id


class NoDirectory:
    """For a store without a directory: every id is somebody, and nobody has a name."""

    def find(self, user_id: str) -> Person | None:
        """A stranger with this id; None for what can't be an id."""
        try:
            return Stranger(checked_user_id(user_id))
        except ValueError:
            return None

    find_by_username = find

    def find_by_email(self, email: str) -> Person | None:
        """Nobody has an address."""
        return None

    def search(self, text: str, limit: int) -> Iterable[Person]:
        """Nobody has a name."""
        return ()

    def all(self) -> Iterable[Person]:
        """Nobody can be named."""
        return ()


def named(directory: Directory[P], text: str) -> P:
    """As operators name somebody: ``ada``, ``123`` (an id), ``ada@example.com``, ``username:123``.

    Raises NoSuchUser, which says what was tried and who is nearest.
    """
    if text.startswith("username:"):
        person = directory.find_by_username(text.removeprefix("username:"))
    elif text.isdigit():
        person = directory.find(text)
    elif "@" in text:
        person = directory.find_by_email(text) or directory.find_by_username(text)
    else:
        person = directory.find_by_username(text) or directory.find(text)
    if person is None:
        raise NoSuchUser(
            f"no user matches {text!r} (tried username, id, e-mail).{nearest(directory, text)}"
        )
    return person


def reading_with(directory: Directory[Person], now: int) -> Reading:
    """How the terms of a selector are read where this directory knows the users."""

    def find_users(how: str, text: str) -> tuple[str, ...]:
        if how == "user":
            return (named(directory, text).id,)
        person = directory.find_by_email(text)
        if person is None:
            raise NoSuchUser(f"no user has the e-mail address {text!r}.{nearest(directory, text)}")
        return (person.id,)

    def find_word(text: str) -> list[str]:
        return [person.id for person in directory.search(text, WORD_FINDS)]

    return Reading(now, find_users, find_word)


def nearest(directory: Directory[Person], text: str) -> str:
    """A sentence that names the user who looks most like the text, or nothing."""
    wanted = text.partition("@")[0].casefold()
    names = {p.username.casefold(): p.username for p in islice(directory.all(), NEAREST_OF)}
    found = get_close_matches(wanted, names, 1)
    return f" Nearest: {names[found[0]]!r}." if found else ""
