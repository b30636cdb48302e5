"""``signedin list``, ``revoke`` and ``sweep``."""

from __future__ import annotations

import getpass
import re
import sys
from collections.abc import Callable, Sequence
from datetime import UTC
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from ..api import list_json, revoke_json
from ..describe import ago, title, when
from ..outcomes import RevokedMany
from ..selector import Selector
from ..session import SHORT_ID, Session, SessionId
from .failures import Failure
from .frame import accounts_of, opened, plural, print_json, print_table, say, settings_of, store_options
from .selecting import Chosen, chosen, is_empty, selecting, with_people

if TYPE_CHECKING:
    from .._sync.sessions import Sessions

AS_JSON = click.option("--json", "as_json", is_flag=True, help="JSON on stdout.")


@click.command("list")
@selecting
@AS_JSON
@store_options
def list_(store: str | None, accounts: str | None, as_json: bool, **select: Any) -> None:
    """The active sessions of a user, of several, or of everybody."""
    settings = settings_of(store)
    people = accounts_of(accounts, settings)
    with opened(settings) as sessions:
        now = sessions.clock()
        selection = chosen(select, people, now)
        found = list(sessions.search(selection.selector))
        if not selection.selector.users:
            found.sort(key=lambda s: (-s.last_active_at, -s.signed_in_at, s.id))
        selection = with_people(selection, [s.user_id for s in found], people)
        if as_json:
            print_json(list_json(found, current=None, now=now, user=_describe(selection)))
            return
        _print_sessions(found, selection, now)


@click.command()
@click.argument("session_ids", nargs=-1, metavar="[SESSION]...")
@selecting
@click.option(
    "--except", "excepted", multiple=True, metavar="SESSION", help="But not this one; repeatable."
)
@click.option("--dry-run", is_flag=True, help="Say what would be revoked; change nothing.")
@click.option("--yes", is_flag=True, help="Don't ask, when it is about one user.")
@click.option("--confirm", metavar="PHRASE", help="'revoke all', when it is about several users.")
@AS_JSON
@store_options
def revoke(
    store: str | None,
    accounts: str | None,
    session_ids: Sequence[str],
    excepted: Sequence[str],
    dry_run: bool,
    yes: bool,
    confirm: str | None,
    as_json: bool,
    **select: Any,
) -> None:
    """End sessions, and turn off Remember me for their users.

    What 'list' lists with the same selectors is what is revoked; or name sessions by their ids,
    the first 8 digits being enough.
    """
    if session_ids and not is_empty(select):
        raise Failure("usage", "name sessions or select them, not both.")
    if not session_ids and is_empty(select):
        raise Failure(
            "usage",
            "revoke what? Say it in one of three ways:",
            "signedin revoke 9be4417a · signedin revoke --user ada · signedin revoke --all-users",
        )
    settings = settings_of(store)
    people = accounts_of(accounts, settings)
    with opened(settings) as sessions:
        began = sessions.clock()
        already = 0
        selection = chosen(select, people, began)
        if session_ids:
            found, already = _named(sessions, session_ids)
        else:
            found = list(sessions.search(selection.selector))
        spared = {session.id for session in _named(sessions, excepted)[0]}
        found = [session for session in found if session.id not in spared]
        selection = with_people(selection, [s.user_id for s in found], people)
        about = About(selection, found, whole=not session_ids and not spared)
        if dry_run:
            _tell_dry_run(about, already, as_json)
            return
        if not session_ids:
            _ask(about, yes, confirm)
        revoked, users = _revoke(sessions, about)
        took = sessions.clock() - began
    if as_json:
        told = revoke_json(revoked=revoked, already=already, users=users, duration_ms=took)
        print_json(told)
    else:
        _tell_revoked(revoked, already, users, took)


@click.command()
@AS_JSON
@store_options
def sweep(store: str | None, accounts: str | None, as_json: bool) -> None:
    """Move sessions that have passed their limits to the history; cron's way of doing it."""
    with opened(settings_of(store)) as sessions:
        count = sessions.sweep()
    if as_json:
        print_json({"schema": "signedin.sweep/1", "swept": count})
    else:
        say(f"Swept {plural(count, 'expired session')}.")


# ── revoking ─────────────────────────────────────────────────────────────────────────────────


class About(NamedTuple):
    """What a revocation is about. whole: all that was selected, nothing spared or named by id."""

    selection: Chosen
    found: list[Session]
    whole: bool

    @property
    def is_everybody(self) -> bool:
        """All sessions of all users."""
        return self.whole and self.selection.everybody

    @property
    def all_of_users(self) -> bool:
        """All sessions of named users."""
        users = self.selection.selector.users
        return self.whole and bool(users) and self.selection.selector == Selector(users=users)

    @property
    def users(self) -> list[str]:
        """The users it concerns, also those with nothing but a remembered browser."""
        named = self.selection.selector.users if self.all_of_users else ()
        return list(dict.fromkeys((*named, *(session.user_id for session in self.found))))


def _revoke(sessions: Sessions, about: About) -> tuple[int, int]:
    """Do it by the verb that fits; how many sessions ended, of how many users."""
    operator = f"cli:{getpass.getuser()}"
    if about.is_everybody:
        done = sessions.revoke_everyone(operator=operator, progress=_progress)
        return done.sessions, done.users
    revoked = 0
    for user_id in about.users:
        if about.all_of_users:
            part = sessions.revoke_all(user_id, operator=operator)
        else:
            ids = [session.id for session in about.found if session.user_id == user_id]
            part = sessions.revoke(user_id, ids, current=None, operator=operator)
        revoked += len(part.ended)
    return revoked, len(about.users)


def _named(sessions: Sessions, texts: Sequence[str]) -> tuple[list[Session], int]:
    """The sessions with these ids or beginnings of ids, and how many had ended already."""
    for text in texts:
        if not re.fullmatch(f"[0-9a-f]{{{SHORT_ID},48}}", text):
            raise Failure(
                "usage", f"{text!r} is not a session: give at least its first {SHORT_ID} digits."
            )
    alike: dict[str, list[Session]] = {text: [] for text in texts}
    if texts:
        for session in sessions.search(Selector()):
            for text in texts:
                if session.id.startswith(text):
                    alike[text].append(session)
    ended = 0
    for text, found in alike.items():
        if len(found) > 1:
            raise Failure("usage", f"{text!r} could be any of {', '.join(s.id for s in found)}.")
        if not found:
            if len(text) < 48 or sessions.store.find_ended(SessionId(text)) is None:
                raise Failure("not_found", f"no active session {text!r}.", "signedin list")
            ended += 1
    return [session for found in alike.values() for session in found], ended


def _ask(about: About, yes: bool, confirm: str | None) -> None:
    """Before anything is revoked: a question, or a phrase, as the danger asks (levels of the docs)."""
    if confirm == "revoke all":
        return
    count = len(about.found)
    if not about.is_everybody and len(about.users) <= 1:
        if yes or not about.users:
            return
        name = about.selection.name(about.users[0])
        if not sys.stdin.isatty():
            raise Failure(
                "confirmation_required", "nothing was revoked: it was not confirmed.", "pass --yes"
            )
        if not click.confirm(f"Revoke {plural(count, 'session')} of {name}?", err=True):
            raise Failure("confirmation_required", "nothing was revoked.")
        return
    if not sys.stdin.isatty():
        hint = 'pass --confirm "revoke all"'
        raise Failure("confirmation_required", "nothing was revoked: it was not confirmed.", hint)
    users = plural(len(about.users), "user")
    say(f"This signs out {plural(count, 'session')} of {users} and turns off Remember me for them.")
    say("Access tokens and SSH keys are not affected.")
    phrase = f"revoke {count}"
    if click.prompt(f'Type "{phrase}" to continue', err=True, default="", show_default=False) != phrase:
        raise Failure("confirmation_required", "nothing was revoked.")


# ── telling ──────────────────────────────────────────────────────────────────────────────────


def _progress(done: RevokedMany) -> None:
    if sys.stderr.isatty():
        say(f"Revoked {plural(done.sessions, 'session')} of {plural(done.users, 'user')} so far.")


def _tell_dry_run(about: About, already: int, as_json: bool) -> None:
    count, users = len(about.found), len(about.users)
    if as_json:
        print_json(revoke_json(revoked=count, already=already, users=users, duration_ms=0, dry_run=True))
        return
    _print_sessions(about.found, about.selection, None)
    say(
        f"Would revoke {plural(count, 'session')} of {plural(users, 'user')} and turn off Remember me"
        " for them. Nothing was changed."
    )


def _tell_revoked(revoked: int, already: int, users: int, took: int) -> None:
    before = f" {plural(already, 'session')} had already ended." if already else ""
    whose = f"{plural(revoked, 'session')} of {plural(users, 'user')}"
    say(f"Revoked {whose} in {took / 1000:.1f} s.{before}")
    if revoked:
        say(f"Remember me is turned off for {plural(users, 'user')}.")
        say("→ verify: signedin list")


def _print_sessions(found: Sequence[Session], selection: Chosen, now: int | None) -> None:
    """A table; the column of users only where there are several."""
    users = {session.user_id for session in found}
    rows = []
    for session in found:
        row = [
            session.short_id,
            title(session),
            session.ip,
            when(session.last_active_at, UTC) if now is None else ago(session.last_active_at, now, UTC),
            when(session.signed_in_at, UTC),
            "remembered" if session.remembered else "",
        ]
        rows.append([selection.name(session.user_id), *row] if len(users) > 1 else row)
    headings = ["SESSION", "DEVICE", "IP", "LAST ACTIVE", "SIGNED IN", "FLAGS"]
    if rows:
        print_table(["USER", *headings] if len(users) > 1 else headings, rows)
    whose = f" of {selection.name(next(iter(users)))}" if len(users) == 1 else ""
    say(f"{plural(len(found), 'session')}{whose}. Times in UTC.")


def _describe(selection: Chosen) -> Callable[[str], dict[str, str | None]]:
    def describe(user_id: str) -> dict[str, str | None]:
        account = selection.people.get(user_id)
        return {} if account is None else {"username": account.username, "name": account.name}

    return describe
