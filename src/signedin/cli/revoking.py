"""``signedin revoke`` and ``sweep``: what 'list' lists with the same selectors is what ends."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import click

from ..api import FailedDocument, revoke_json
from ..outcomes import Matching, RevokedMany
from ..selector import Selector
from ..session import SessionId, parse_session_id
from .failures import Failure
from .frame import Frame, framed, plural
from .listing import named_sessions
from .output import Out, print_json, printing
from .people import People
from .running import bar, stoppable
from .selecting import is_empty, selecting, selector_of

if TYPE_CHECKING:
    from .._sync.sessions import Sessions

PHRASE: Final = "revoke all"
THREE_WAYS: Final = "signedin revoke 9be4417a · signedin revoke --user ada · signedin revoke --all-users"
VERIFY: Final = "→ verify: signedin users"


class Meant(NamedTuple):
    """What a revocation is about: a selector without the spared, or else these ids."""

    selector: Selector | None
    ids: tuple[SessionId, ...]
    spared: frozenset[SessionId]
    matching: Matching


@click.command()
@framed
@click.argument("session_ids", nargs=-1, metavar="[SESSION]...")
@selecting
@click.option(
    "--except", "excepted", multiple=True, metavar="SESSION", help="But not this one; repeatable."
)
@click.option("--reason", metavar="TEXT", help="Why, for the audit trail: INC-221.")
@click.option("--dry-run", is_flag=True, help="Say what would be revoked; change nothing.")
@click.option("--yes", is_flag=True, help="Don't ask, when it is about one user.")
@click.option("--confirm", metavar="PHRASE", help="'revoke all', when it is about several users.")
@printing("json")
def revoke(
    frame: Frame,
    session_ids: Sequence[str],
    select: dict[str, Any],
    excepted: Sequence[str],
    reason: str | None,
    dry_run: bool,
    yes: bool,
    confirm: str | None,
    out: Out,
) -> None:
    """End sessions, and turn off Remember me for their users.

    What 'list' lists with the same selectors is what is revoked; or name sessions by their ids,
    the first 8 digits being enough, '-' for one a line on stdin. It can simply be run again: what has
    ended stays ended.
    """
    if session_ids and not is_empty(select):
        raise Failure("usage", "name sessions or select them, not both.")
    if not session_ids and is_empty(select):
        raise Failure("usage", "revoke what? Say it in one of three ways:", THREE_WAYS)
    people = People(frame.directory())
    with frame.sessions() as sessions:
        began = sessions.clock()
        meant = _meant(sessions, people, session_ids, select, excepted)
        if dry_run:
            _tell_dry_run(meant, people, out)
            return
        if meant.selector is not None:
            _ask(frame, meant, meant.selector, people, yes, confirm)
        done = _revoke(sessions, frame, meant, reason, wanted=out.form == "table" and not out.quiet)
        took = sessions.clock() - began
    if out.form == "json":
        _print_document(done, took, reason)
    else:
        _tell(done, took, out)
    _end_as(done)


@click.command()
@framed
@click.option("--dry-run", is_flag=True, help="Say how many have expired; change nothing.")
@printing("json")
def sweep(frame: Frame, dry_run: bool, out: Out) -> None:
    """Move sessions that have passed their limits to the history; cron's way of doing it."""
    with frame.sessions() as sessions:
        count = sessions.counts().over if dry_run else sessions.sweep()
    if out.form == "json":
        print_json({"schema": "signedin.sweep/1", "dry_run": dry_run, "swept": count})
    elif dry_run:
        out.say(f"Would sweep {plural(count, 'expired session')}. Nothing was changed.")
    else:
        out.say(f"Swept {plural(count, 'expired session')}.")


# ── what is meant ────────────────────────────────────────────────────────────────────────────


def _meant(
    sessions: Sessions,
    people: People,
    session_ids: Sequence[str],
    select: dict[str, Any],
    excepted: Sequence[str],
) -> Meant:
    spared = frozenset(_ids(sessions, excepted))
    if session_ids:
        ids = tuple(i for i in _ids(sessions, _from_stdin(session_ids)) if i not in spared)
        records = sessions.store.find_many(ids)
        return Meant(None, ids, spared, Matching(len(ids), len({record.user_id for record in records})))
    selector = selector_of(select, people.directory, sessions.clock())
    return Meant(selector, (), spared, sessions.matching(selector, spared=spared))


def _from_stdin(texts: Sequence[str]) -> list[str]:
    """The ids as they were written, those on stdin in the place of ``-``."""
    found: list[str] = []
    for text in texts:
        found += sys.stdin.read().split() if text == "-" else [text]
    return list(dict.fromkeys(found))


def _ids(sessions: Sessions, texts: Sequence[str]) -> list[SessionId]:
    """Whole ids as they are, ended or not; beginnings of ids as the active sessions they name."""
    whole = {text: parse_session_id(text) for text in texts}
    found = named_sessions(sessions, [text for text, name in whole.items() if name is None])
    return [name if name is not None else found[text].id for text, name in whole.items()]


# ── asking first ─────────────────────────────────────────────────────────────────────────────


def _ask(
    frame: Frame, meant: Meant, selector: Selector, people: People, yes: bool, confirm: str | None
) -> None:
    """Before anything is revoked: a question, or a phrase, as the danger asks."""
    if confirm == PHRASE:
        return
    count, users = meant.matching.sessions, meant.matching.users
    if confirm is not None:
        raise Failure("confirmation_required", f"nothing was revoked: the phrase is {PHRASE!r}.")
    if not selector.is_everybody and max(users, len(selector.users)) <= 1:
        if yes or not (users or selector.users):
            return
        owner = selector.users[0] if selector.users else meant.matching.busiest[0][0]
        if not frame.may_ask:
            raise Failure(
                "confirmation_required", "nothing was revoked: it was not confirmed.", "pass --yes"
            )
        question = f"Revoke {plural(count, 'session')} of {people.username(owner)}?"
        if not click.confirm(question, err=True):
            raise Failure("confirmation_required", "nothing was revoked.")
        return
    if not frame.may_ask:
        hint = f'pass --confirm "{PHRASE}"'
        raise Failure("confirmation_required", "nothing was revoked: it was not confirmed.", hint)
    whose = plural(users, "user")
    click.echo(
        f"This signs out {plural(count, 'session')} of {whose} and turns off Remember me for them.\n"
        "Access tokens and SSH keys are not affected.",
        err=True,
    )
    phrase = f"revoke {count}"
    if click.prompt(f'Type "{phrase}" to continue', err=True, default="", show_default=False) != phrase:
        raise Failure("confirmation_required", "nothing was revoked.")


# ── doing and telling ────────────────────────────────────────────────────────────────────────


def _revoke(
    sessions: Sessions, frame: Frame, meant: Meant, reason: str | None, *, wanted: bool
) -> RevokedMany:
    wanted = wanted and meant.selector is not None
    with stoppable() as stop, bar(meant.matching.sessions, wanted=wanted) as move:

        def progress(done: RevokedMany) -> None:
            move(done.sessions + done.already)

        who: Any = {"operator": frame.operator, "origin": frame.origin, "reason": reason}
        if meant.selector is None:
            return sessions.revoke_these(meant.ids, progress=progress, stop=stop, **who)
        return sessions.revoke_matching(
            meant.selector, spared=meant.spared, progress=progress, stop=stop, **who
        )


def _tell_dry_run(meant: Meant, people: People, out: Out) -> None:
    count, users = meant.matching.sessions, meant.matching.users
    if out.form == "json":
        print_json(revoke_json(revoked=count, already=0, users=users, duration_ms=0, dry_run=True))
        return
    one = meant.matching.busiest[0][0] if users == 1 and meant.matching.busiest else None
    whose = "them" if one is None else people.username(one)
    out.say(
        f"Would revoke {plural(count, 'session')} of {plural(users, 'user')} and turn off Remember me"
        f" for {whose}. Nothing was changed."
    )
    if users > 1:
        for user_id, number in meant.matching.busiest:
            out.say(f"  {plural(number, 'session')} of {people.called(user_id)}")


def _tell(done: RevokedMany, took: int, out: Out) -> None:
    whose = f"{plural(done.sessions, 'session')} of {plural(done.users, 'user')}"
    text = f"Revoked {whose} in {took / 1000:.1f} s."
    if done.already:
        text += f" {done.already:,} had already ended."
    if done.users:
        text += f" Remember me is turned off for {plural(done.users, 'user')}."
    out.say(text)
    if done.outcome == "done":
        out.say(VERIFY)


def _print_document(done: RevokedMany, took: int, reason: str | None) -> None:
    failed = [FailedDocument(session_id, "not_found") for session_id in done.not_found]
    told = revoke_json(
        revoked=done.sessions,
        already=done.already,
        users=done.users,
        duration_ms=took,
        failed=failed,
        reason=reason,
    )
    print_json(told)


def _end_as(done: RevokedMany) -> None:
    """How the process ends: nothing is claimed that is not so."""
    so_far = f"{plural(done.sessions, 'session')} of {plural(done.users, 'user')} ended"
    if done.outcome == "stopped":
        raise Failure("interrupted", f"stopped; {so_far}.", "run it again to finish")
    if done.trouble is not None:
        doubt = f" Of {done.in_doubt:,} more it is not known." if done.in_doubt else ""
        code = "partly_failed" if done.sessions or done.in_doubt else "store_unavailable"
        raise Failure(code, f"{done.trouble} {so_far}.{doubt}", "run it again to finish")
    if done.not_found:
        names = ", ".join(done.not_found)
        raise Failure("not_found", f"no session {names}; {so_far}.", "signedin list")
