"""``signedin user``: the accounts of the service. Passwords come from a prompt or from stdin."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import click

from ..config import now_ms, open_sessions
from ..directory import named
from .failures import Failure
from .frame import Frame, Suggesting, framed, plural, say
from .output import Out, inert, print_json, print_table, printing

if TYPE_CHECKING:
    from .._sync.sessions import Sessions
    from ..server.accounts import Account
    from ..session import EndedSession

NAMED = click.argument("who", metavar="USER")


@click.group(cls=Suggesting)
def user() -> None:
    """The service's accounts."""


@user.command("add")
@framed
@click.argument("username")
@click.option("--name", metavar="TEXT", help="The name that is shown.")
@click.option("--email", metavar="ADDRESS")
@click.option("--admin", is_flag=True, help="An administrator.")
def add(frame: Frame, username: str, name: str | None, email: str | None, admin: bool) -> None:
    """Add an account."""
    from ..server.passwords import Passwords

    people = frame.service_accounts()
    hashed = Passwords().hash_now(_new_password())
    account = people.add(
        username, password_hash=hashed, now=now_ms(), name=name, email=email, admin=admin
    )
    _record(frame, account, "add_account")
    say(f"Added {account.username} with the id {account.id}.")


@user.command("list")
@framed
@printing("json", "jsonl", "csv", "plain")
def list_(frame: Frame, out: Out) -> None:
    """All accounts."""
    everybody = frame.service_accounts().all()
    if out.form == "jsonl":
        out.done(out.lines(map(_document, everybody)))
        return
    if out.form == "json":
        told = list(map(_document, everybody))
        print_json({"schema": "signedin.accounts/1", "count": len(told), "accounts": told})
        out.done(len(told))
        return
    rows = ([a.id, a.username, a.name, a.email or "", _flags(a)] for a in everybody)
    count = out.rows(["ID", "USERNAME", "NAME", "EMAIL", "FLAGS"], rows)
    out.say(f"{plural(count, 'account')}.")
    out.done(count)


@user.command("show")
@framed
@NAMED
@printing("json")
def show(frame: Frame, who: str, out: Out) -> None:
    """All that is known of an account."""
    account = named(frame.service_accounts(), who)
    if out.form == "json":
        print_json(_document(account))
        return
    pairs = (
        ("Username", account.username),
        ("Name", account.name),
        ("ID", account.id),
        ("E-mail", account.email or ""),
        ("Time zone", account.time_zone or ""),
        ("Password set", out.time(account.password_changed_at)),
        ("Flags", _flags(account)),
    )
    print_table(("", ""), [[name, inert(value)] for name, value in pairs if value])
    out.say(f"→ signedin list --user {account.username}")


@user.command("password")
@framed
@NAMED
def password(frame: Frame, who: str) -> None:
    """Set another password; all sessions of the user end."""
    from ..server.passwords import Passwords

    people = frame.service_accounts()
    account = named(people, who)
    people.set_password(account.id, Passwords().hash_now(_new_password()), now=now_ms())
    _record(frame, account, "set_password", lambda s: s.credentials_changed(account.id).ended)
    say(f"The password of {account.username} is changed, and all their sessions are signed out.")


@user.command("disable")
@framed
@NAMED
def disable(frame: Frame, who: str) -> None:
    """Let nobody sign in to the account; all its sessions end."""
    people = frame.service_accounts()
    account = named(people, who)
    people.set_disabled(account.id, True)
    _record(frame, account, "disable_account", _disabled(frame, account))
    say(f"{account.username} is disabled, and all their sessions are signed out.")


@user.command("enable")
@framed
@NAMED
def enable(frame: Frame, who: str) -> None:
    """Let the account be signed in to again."""
    people = frame.service_accounts()
    account = named(people, who)
    people.set_disabled(account.id, False)
    _record(frame, account, "enable_account")
    say(f"{account.username} can sign in.")


@user.command("delete")
@framed
@NAMED
@click.option("--yes", is_flag=True, help="Don't ask.")
def delete(frame: Frame, who: str, yes: bool) -> None:
    """Delete the account; all its sessions end. Its id is never given again."""
    people = frame.service_accounts()
    account = named(people, who)
    if not yes:
        if not frame.may_ask:
            raise Failure("confirmation_required", "nothing was deleted.", "pass --yes")
        if not click.confirm(f"Delete {account.username} ({account.name})?", err=True):
            raise Failure("confirmation_required", "nothing was deleted.")
    people.set_disabled(account.id, True)
    _record(frame, account, "delete_account", _disabled(frame, account))
    people.delete(account.id)
    say(f"{account.username} is deleted, and all their sessions are signed out.")


Verb = Callable[["Sessions"], Sequence["EndedSession"]]


def _disabled(frame: Frame, account: Account) -> Verb:
    return lambda sessions: sessions.account_disabled(account.id, operator=frame.operator).ended


def _record(frame: Frame, account: Account, action: str, verb: Verb = lambda sessions: ()) -> None:
    """End the account's sessions, if the verb does, and write the act down. If that fails, what is done
    and what is not is said.
    """
    sessions = open_sessions(frame.settings)
    try:
        ended = verb(sessions)
        about, who = f"user:{account.id}", {"operator": frame.operator, "origin": frame.origin}
        sessions.record(action, about, sessions=len(ended), users=int(bool(ended)), **who)
    except Exception as error:
        raise Failure(
            "partly_failed",
            f"the account is changed, but its sessions were not ended: {error}",
            f"signedin revoke --user {account.username}",
        ) from error
    finally:
        sessions.close()


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


def _document(account: Account) -> dict[str, Any]:
    return {
        "id": account.id,
        "username": account.username,
        "name": account.name,
        "email": account.email,
        "admin": account.admin,
        "disabled": account.disabled,
    }


def _flags(account: Account) -> str:
    return ", ".join(
        word for word, so in (("admin", account.admin), ("disabled", account.disabled)) if so
    )
