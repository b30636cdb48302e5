"""``signedin copy``: all that one store keeps, brought to another."""

from __future__ import annotations

from pathlib import Path

import click

from ..config import open_store, store_file, store_place
from ..settings import Settings
from .failures import Failure
from .frame import Frame, framed, plural
from .output import Out, print_json, printing
from .running import bar, stoppable


@click.command()
@framed
@click.option("--from", "source", required=True, metavar="URL", help="The store that is read.")
@click.option("--to", "target", required=True, metavar="URL", help="The store that is written.")
@printing("json")
def copy(frame: Frame, source: str, target: str, out: Out) -> None:
    """Bring all of a store to another one: sessions, Remember me, data, history, audit trail.

    Nobody is signed out, and nothing that has ended comes back. Copy, stop the applications, copy
    again, and start them with the new store: what happened in between arrives the second time.
    """
    from .._sync.copying import copy_store
    from ..outcomes import Copied

    if store_place(source) == store_place(target):
        raise Failure("usage", "--from and --to are the same store.")
    file = store_file(source)
    if file is not None and not Path(file).exists():
        raise Failure("store_unavailable", f"there is no store at {store_place(source)}.")
    settings = frame.settings
    here, there = (
        open_store(Settings(store=url, inline_reads=settings.inline_reads)) for url in (source, target)
    )
    try:
        total = here.counts(0).sessions
        with stoppable() as stop, bar(total, wanted=total > 0, verb="Copying  ") as move:

            def progress(done: Copied) -> None:
                move(done.sessions + done.refused)

            done = copy_store(here, there, progress=progress, stop=stop)
    finally:
        here.close()
        there.close()
    if out.form == "json":
        told = {
            name: getattr(done, name) for name in ("users", "sessions", "ended", "refused", "entries")
        }
        print_json(
            {
                "schema": "signedin.copy/1",
                **told,
                "differences": done.differences,
                "outcome": done.outcome,
            }
        )
    whose = f"{plural(done.sessions, 'session')} of {plural(done.users, 'user')}"
    if done.outcome == "stopped":
        raise Failure("interrupted", f"stopped; {whose} are there.", "run it again to finish")
    out.say(f"Copied {whose}, {done.ended:,} endings, {done.entries:,} entries of the audit trail.")
    if done.refused:
        out.say(f"{plural(done.refused, 'session')} had ended there and stays so.")
    if done.differences:
        raise Failure(
            "failed",
            f"{plural(done.differences, 'record')} differ: the source was written to meanwhile.",
            "stop what writes to the source, and copy again",
        )
    out.say("Compared: all of it is there.")
