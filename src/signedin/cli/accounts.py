"""``signedin user``: the accounts of the service. Passwords come from a prompt or from stdin."""

from __future__ import annotations

import getpass
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

import click

from ..config import now_ms, open_sessions
from ..directory import named
from ..selector import NoSuchUser
from ..settings import Settings
from .failures import Failure
from .frame import (
    Suggesting,
    accounts_of,
    plural,
    print_json,
    print_table,
    say,
    settings_of,
    store_options,
)

if TYPE_CHECKING:
    from .._sync.sessions import Sessions
    from ..outcomes import Revoked
    from ..server.accounts import Account, Accounts

NAMED = click.argument("who", metavar="USER")


@click.group(cls=Suggesting)
def user() -> None:
    """The service's accounts."""


@user.command("add")
@click.argument("username")
@click.option("--name", metavar="TEXT", help="The name that is shown.")
@click.option("--email", metavar="ADDRESS")
@click.option("--admin", is_flag=True, help="An administrator.")
@store_options
def add(
    store: str | None,
    accounts: str | None,
    username: str,
    name: str | None,
    email: str | None,
    admin: bool,
) -> None:
    """Add an account."""
    from ..server.passwords import Passwords

    people = accounts_of(accounts, settings_of(store))
    hashed = Passwords().hash_now(_new_password())
    account = people.add(
        username, password_hash=hashed, now=now_ms(), name=name, email=email, admin=admin
    )
    say(f"Added {account.username} with the id {account.id}.")


@user.command("list")
@click.option("--json", "as_json", is_flag=True, help="JSON on stdout.")
@store_options
def list_(store: str | None, accounts: str | None, as_json: bool) -> None:
    """All accounts."""
    everybody = list(accounts_of(accounts, settings_of(store)).all())
    if as_json:
        told = [
            {
                "id": a.id,
                "username": a.username,
                "name": a.name,
                "email": a.email,
                "admin": a.admin,
                "disabled": a.disabled,
            }
            for a in everybody
        ]
        print_json({"schema": "signedin.users/1", "count": len(told), "users": told})
        return
    if everybody:
        rows = [[a.id, a.username, a.name, a.email or "", _flags(a)] for a in everybody]
        print_table(["ID", "USERNAME", "NAME", "EMAIL", "FLAGS"], rows)
    say(f"{plural(len(everybody), 'account')}.")


@user.command("password")
@NAMED
@store_options
def password(store: str | None, accounts: str | None, who: str) -> None:
    """Set another password; all sessions of the user end."""
    from ..server.passwords import Passwords

    settings = settings_of(store)
    people = accounts_of(accounts, settings)
    account = _found(people, who)
    people.set_password(account.id, Passwords().hash_now(_new_password()), now=now_ms())
    _end(settings, account, lambda sessions: sessions.credentials_changed(account.id))
    say(f"The password of {account.username} is changed, and all their sessions are signed out.")


@user.command("disable")
@NAMED
@store_options
def disable(store: str | None, accounts: str | None, who: str) -> None:
    """Let nobody sign in to the account; all its sessions end."""
    settings = settings_of(store)
    people = accounts_of(accounts, settings)
    account = _found(people, who)
    people.set_disabled(account.id, True)
    _disabled(settings, account)
    say(f"{account.username} is disabled, and all their sessions are signed out.")


@user.command("enable")
@NAMED
@store_options
def enable(store: str | None, accounts: str | None, who: str) -> None:
    """Let the account be signed in to again."""
    people = accounts_of(accounts, settings_of(store))
    account = _found(people, who)
    people.set_disabled(account.id, False)
    say(f"{account.username} can sign in.")


@user.command("delete")
@NAMED
@click.option("--yes", is_flag=True, help="Don't ask.")
@store_options
def delete(store: str | None, accounts: str | None, who: str, yes: bool) -> None:
    """Delete the account; all its sessions end. Its id is never given again."""
    settings = settings_of(store)
    people = accounts_of(accounts, settings)
    account = _found(people, who)
    if not yes:
        if not sys.stdin.isatty():
            raise Failure("confirmation_required", "nothing was deleted.", "pass --yes")
        if not click.confirm(f"Delete {account.username} ({account.name})?", err=True):
            raise Failure("confirmation_required", "nothing was deleted.")
    people.set_disabled(account.id, True)
    _disabled(settings, account)
    people.delete(account.id)
    say(f"{account.username} is deleted, and all their sessions are signed out.")


def _disabled(settings: Settings, account: Account) -> None:
    operator = f"cli:{getpass.getuser()}"
    _end(settings, account, lambda sessions: sessions.account_disabled(account.id, operator=operator))


def _end(settings: Settings, account: Account, verb: Callable[[Sessions], Revoked | object]) -> None:
    """End the account's sessions. If that fails, what is done and what is not is said."""
    sessions = open_sessions(settings)
    try:
        verb(sessions)
    except Exception as error:
        raise Failure(
            "partly_failed",
            f"the account is changed, but its sessions were not ended: {error}",
            f"signedin revoke --user {account.username}",
        ) from error
    finally:
        sessions.close()


def _found(people: Accounts, who: str) -> Account:
    try:
        return named(people, who)
    except NoSuchUser as error:
        raise Failure("not_found", str(error)) from error


def _new_password() -> str:
    """From a prompt, typed twice, or the first line of stdin."""
    from ..server.passwords import check_new

    if sys.stdin.isatty():
        text: str = click.prompt("Password", hide_input=True, confirmation_prompt=True, err=True)
    else:
        text = sys.stdin.readline().rstrip("\r\n")
    try:
        check_new(text)
    except ValueError as error:
        raise Failure("usage", str(error)) from error
    return text


def _flags(account: Account) -> str:
    return ", ".join(
        word for word, so in (("admin", account.admin), ("disabled", account.disabled)) if so
    )
