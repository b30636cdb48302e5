"""The selectors of every command: options in, a :class:`Selector` out. They are its language's terms."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, Any, TypeVar

import click

from ..directory import Directory, reading_with
from ..selector import NoSuchUser, Selector, SelectorError, select, split_terms
from .failures import Failure

if TYPE_CHECKING:
    from ..directory import Person

F = TypeVar("F", bound=Callable[..., Any])

_OPTIONS = (
    click.option(
        "--user", "users", multiple=True, metavar="USER", help="Username, id or e-mail; repeatable."
    ),
    click.option("--all-users", is_flag=True, help="Of everybody."),
    click.option("--ip", metavar="CIDR", help="From this address or network."),
    click.option("--browser", metavar="TEXT", help="Part of the browser's name."),
    click.option("--os", metavar="TEXT", help="Part of the system's name."),
    click.option("--type", metavar="KIND", help="desktop, phone, tablet, tv, console, cli, unknown."),
    click.option("--idle", metavar="DURATION", help="Not used for so long: 90s, 15m, 12h, 7d."),
    click.option("--signed-in-before", "before", metavar="TIME", help="ISO 8601, or '2h ago'."),
    click.option("--signed-in-after", "after", metavar="TIME", help="ISO 8601, or '2h ago'."),
    click.option("--remembered/--not-remembered", default=None, help="By Remember me, or not."),
    click.option("--admin-mode", is_flag=True, help="In admin mode now."),
    click.option("--impersonated", is_flag=True, help="Of operators who act as somebody."),
    click.option(
        "--matching",
        metavar="TEXT",
        help="The same as one text, as the admin page takes it: 'user:ada idle:>3d firefox'.",
    ),
)


_NAMES = (
    *("users", "all_users", "ip", "browser", "os", "type", "idle", "before", "after"),
    *("remembered", "admin_mode", "impersonated", "matching"),
)


def selecting(function: F) -> F:
    """All of SELECT's options, given to the command as ``select``."""

    @wraps(function)
    def wrapped(*args: Any, **options: Any) -> Any:
        select = {name: options.pop(name) for name in _NAMES}
        return function(*args, select=select, **options)

    for option in reversed(_OPTIONS):
        wrapped = option(wrapped)
    return wrapped  # type: ignore[return-value]


def selector_of(options: dict[str, Any], directory: Directory[Person], now: int) -> Selector:
    """What the options mean. Failure for a value that can't be, NoSuchUser for an unknown user."""
    terms = _terms(options)
    if options["all_users"] and any(key in ("user", "email") for key, _ in terms):
        raise Failure("usage", "--user and --all-users can't be said together.")
    try:
        return select(terms, reading_with(directory, now))
    except NoSuchUser:
        raise
    except SelectorError as error:
        raise Failure("usage", str(error)) from error


def is_empty(options: dict[str, Any]) -> bool:
    """Whether nothing at all was selected."""
    return not options["all_users"] and not _terms(options)


def _terms(options: dict[str, Any]) -> list[tuple[str, str]]:
    """The options as terms of the selector's language."""
    terms = [("user", text) for text in options["users"]]
    plain = ("ip", "browser", "os", "type", "idle")
    terms += [(option, options[option]) for option in plain if options[option] is not None]
    for option, sign in (("before", "<"), ("after", ">")):
        if options[option] is not None:
            terms.append(("created", sign + options[option]))
    if options["remembered"] is not None:
        terms.append(("remembered", "yes" if options["remembered"] else "no"))
    terms += [("admin", "yes")] * options["admin_mode"]
    terms += [("impersonated", "yes")] * options["impersonated"]
    return terms + split_terms(options["matching"] or "")
