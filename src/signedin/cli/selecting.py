"""The selectors of ``list`` and ``revoke``: options in, a :class:`Selector` out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import click

from ..directory import named
from ..duration import parse_duration
from ..policy import milliseconds
from ..selector import NoSuchUser, Selector, parse_network
from ..session import clean_text
from .failures import Failure

if TYPE_CHECKING:
    from ..server.accounts import Account, Accounts

F = TypeVar("F", bound=Callable[..., Any])

_OPTIONS = (
    click.option(
        "--user", "users", multiple=True, metavar="USER", help="Username, id or e-mail; repeatable."
    ),
    click.option("--all-users", is_flag=True, help="Of everybody."),
    click.option("--ip", metavar="CIDR", help="From this address or network."),
    click.option("--browser", metavar="TEXT", help="Part of the browser's name."),
    click.option("--os", metavar="TEXT", help="Part of the system's name."),
    click.option(
        "--type", "kind", metavar="KIND", help="desktop, phone, tablet, tv, console, cli, unknown."
    ),
    click.option("--idle", metavar="DURATION", help="Not used for so long: 90s, 15m, 12h, 7d."),
    click.option("--signed-in-before", metavar="TIME", help="ISO 8601, or '2h ago'."),
    click.option("--signed-in-after", metavar="TIME", help="ISO 8601, or '2h ago'."),
    click.option("--remembered/--not-remembered", default=None, help="By Remember me, or not."),
)


class Chosen(NamedTuple):
    """What the options select. people: the accounts by id, as far as the service knows them."""

    selector: Selector
    people: dict[str, Account]
    everybody: bool

    def name(self, user_id: str) -> str:
        """How a user is called at the terminal."""
        account = self.people.get(user_id)
        return clean_text(user_id, 255) if account is None else account.username


def selecting(function: F) -> F:
    """All of SELECT's options."""
    for option in reversed(_OPTIONS):
        function = option(function)
    return function


def chosen(options: dict[str, Any], accounts: Accounts, now: int) -> Chosen:
    """What the options mean. Failure for a user or a value that can't be."""
    users, all_users = options["users"], options["all_users"]
    if users and all_users:
        raise Failure("usage", "--user and --all-users can't be said together.")
    try:
        selector = Selector(
            ip=None if options["ip"] is None else parse_network(options["ip"]),
            idle=None if options["idle"] is None else milliseconds(parse_duration(options["idle"])),
            browser=options["browser"],
            os=options["os"],
            kind=options["kind"],
            signed_in_before=_time(options["signed_in_before"], now),
            signed_in_after=_time(options["signed_in_after"], now),
            remembered=options["remembered"],
        )
    except ValueError as error:
        raise Failure("usage", str(error)) from error
    people = _people(users, accounts)
    everybody = all_users and selector.is_everybody
    ids = tuple(people) if Path(accounts.path).exists() else tuple(dict.fromkeys(users))
    return Chosen(Selector(**_fields(selector) | {"users": ids}), people, everybody)


def is_empty(options: dict[str, Any]) -> bool:
    """Whether nothing at all was selected."""
    return not any(
        value not in (None, (), False) or (value is False and key == "remembered")
        for key, value in options.items()
    )


def with_people(selection: Chosen, user_ids: Sequence[str], accounts: Accounts) -> Chosen:
    """The same, knowing these users by name too."""
    if not Path(accounts.path).exists():
        return selection
    return selection._replace(people=selection.people | accounts.find_many(user_ids))


def _people(users: Sequence[str], accounts: Accounts) -> dict[str, Account]:
    """The accounts named; without accounts of the service, ids are taken as they are."""
    if not Path(accounts.path).exists():
        return {}
    people = {}
    for text in users:
        try:
            account = named(accounts, text)
        except NoSuchUser as error:
            raise Failure("not_found", str(error)) from error
        people[account.id] = account
    return people


def _fields(selector: Selector) -> dict[str, Any]:
    return {name: getattr(selector, name) for name in selector.__dataclass_fields__}


def _time(text: str | None, now: int) -> int | None:
    if text is None:
        return None
    if text.endswith(" ago"):
        return now - milliseconds(parse_duration(text.removesuffix(" ago")))
    try:
        when = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(
            f"{text!r} is not a time. Write 2026-11-23, 2026-11-23T08:00Z or '2h ago'."
        ) from None
    return int((when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp() * 1000)
