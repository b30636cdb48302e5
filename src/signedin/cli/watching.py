"""``signedin watch``: a live table on a terminal, one JSON line for each change elsewhere."""

from __future__ import annotations

import json
import os
import select as system_select
import signal
import sys
import termios
import time
import tty
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import click
import msgspec

from ..api import session_json
from ..describe import title
from ..directory import reading_with
from ..duration import parse_duration
from ..selector import Selector, parse_selector
from ..session import Session, SessionId
from .failures import Failure
from .frame import Frame, framed, plural
from .listing import SORTS, flags
from .output import Out, ago, inert, printing
from .people import People
from .selecting import selecting, selector_of

if TYPE_CHECKING:
    from rich.console import RenderableType

    from .._sync.sessions import Sessions

AT_MOST: Final = 500
"""Most sessions that are watched at once."""
KEYS: Final = "/ filter  s sort  r revoke  Enter details  p pause  ? help  q quit"
HELP: Final = (
    "/        filter: the selector's language, such as user:ada idle:>3d firefox",
    "s        sort by last activity, sign-in, user, address",
    "↑ ↓ k j  another row",
    "Enter    all of this row, and back",
    "r        revoke this row; it asks first",
    "p        pause, and go on",
    "q        quit",
)
ESCAPE: Final = "\x1b"
ARROWS: Final = {"\x1b[A": "k", "\x1b[B": "j"}


@click.command()
@framed
@selecting
@click.option("--interval", default="2s", show_default=True, metavar="DURATION")
@printing("jsonl")
def watch(frame: Frame, select: dict[str, Any], interval: str, out: Out) -> None:
    """A live table of active sessions; off a terminal, one JSON line for each change."""
    try:
        every = parse_duration(interval).total_seconds()
    except ValueError as error:
        raise Failure("usage", str(error)) from error
    if every <= 0:
        raise Failure("usage", "--interval is longer than zero.")
    people = People(frame.directory())
    with frame.sessions() as sessions:
        selector = selector_of(select, people.directory, sessions.clock())
        if out.form == "table" and sys.stdout.isatty() and frame.may_ask:
            _Screen(frame, sessions, selector, people, out).run(every)
        else:
            _lines(sessions, selector, people, every)


def _lines(sessions: Sessions, selector: Selector, people: People, every: float) -> None:
    """One line for each session that is there, begins, or ends, until somebody stops it."""
    known: dict[SessionId, Session] = {}
    first = True
    while True:
        now = sessions.clock()
        found = {s.id: s for s in sessions.search_page(selector, limit=AT_MOST).sessions}
        word = "listed" if first else "created"
        changes = [(word, found[i]) for i in found.keys() - known.keys()]
        changes += [("ended", known[i]) for i in known.keys() - found.keys()]
        for event, session in changes:
            told = session_json(session, current=None, now=now, user=people.describe)
            line = {"event": event, "session": msgspec.to_builtins(told)}
            click.echo(json.dumps(line, ensure_ascii=False))
        sys.stdout.flush()
        known, first = found, False
        time.sleep(every)


@dataclass
class _Screen:
    """The live table: what is seen, and what the keys have changed."""

    frame: Frame
    sessions: Sessions
    selector: Selector
    people: People
    out: Out
    rows: list[tuple[Session, str]] = field(default_factory=list)
    known: set[SessionId] = field(default_factory=set)
    sort: str = "last-active"
    filter: str = ""
    typing: str | None = None
    asking: Session | None = None
    chosen: int = 0
    paused: bool = False
    shows: str = "table"
    told: str = ""

    def run(self, every: float) -> None:
        """Until q or Ctrl-C; the terminal is as it was on any exit."""
        from rich.console import Console
        from rich.live import Live

        console = Console(no_color=not self.frame.colour)
        with _keys() as keys, Live(console=console, screen=True, auto_refresh=False) as live:
            due = 0.0
            while True:
                if time.monotonic() >= due and not self.paused:
                    self.look()
                    due = time.monotonic() + every
                live.update(self.render(console.height), refresh=True)
                pressed = keys(min(max(due - time.monotonic(), 0.05), every))
                if pressed is None or not all(map(self.press, pressed)):
                    return

    def look(self) -> None:
        """Read the store again; what is new or has ended is marked until the next time."""
        now = self.sessions.clock()
        selector = self.selector
        if self.filter:
            narrower, wrong = parse_selector(self.filter, reading_with(self.people.directory, now))
            self.told = " ".join(wrong) or self.told
            found = self.sessions.search_page(selector, limit=AT_MOST).sessions
            found = tuple(session for session in found if narrower.matches(session, now))
        else:
            found = self.sessions.search_page(selector, limit=AT_MOST).sessions
        here = {session.id for session in found}
        marked = [(s, "new" if self.known and s.id not in self.known else "") for s in found]
        marked += [(s, "ended") for s, mark in self.rows if mark != "ended" and s.id not in here]
        marked.sort(key=lambda row: SORTS[self.sort](row[0]))
        kept = self.rows[self.chosen][0].id if self.chosen < len(self.rows) else None
        self.rows, self.known = marked, here
        places = [place for place, (session, _) in enumerate(marked) if session.id == kept]
        self.chosen = places[0] if places else min(self.chosen, max(len(marked) - 1, 0))

    def press(self, key: str) -> bool:
        """A key; False to leave."""
        if self.typing is not None:
            self._type(key)
        elif self.asking is not None:
            self._answer(key)
        elif key in ("q", "\x03"):
            return False
        elif key in ("j", "k"):
            step = 1 if key == "j" else -1
            self.chosen = min(max(self.chosen + step, 0), max(len(self.rows) - 1, 0))
        elif key == "/":
            self.typing = self.filter
        elif key == "s":
            names = list(SORTS)
            self.sort = names[(names.index(self.sort) + 1) % len(names)]
            self.rows.sort(key=lambda row: SORTS[self.sort](row[0]))
        elif key == "p":
            self.paused = not self.paused
        elif key == "?":
            self.shows = "table" if self.shows == "help" else "help"
        elif key in ("\r", "\n") and self.rows:
            self.shows = "table" if self.shows == "details" else "details"
        elif key == ESCAPE:
            self.shows, self.told = "table", ""
        elif key == "r" and self.rows:
            self.asking = self.rows[self.chosen][0]
        return True

    def _type(self, key: str) -> None:
        assert self.typing is not None
        if key in ("\r", "\n"):
            self.filter, self.typing = self.typing, None
            self.rows, self.known = [], set()
            self.look()
        elif key in (ESCAPE, "\x03"):
            self.typing = None
        elif key in ("\x7f", "\b"):
            self.typing = self.typing[:-1]
        elif key.isprintable():
            self.typing += key

    def _answer(self, key: str) -> None:
        session, self.asking = self.asking, None
        assert session is not None
        if key not in ("y", "Y"):
            self.told = "Nothing was revoked."
            return
        done = self.sessions.revoke_these(
            [session.id], operator=self.frame.operator, origin=self.frame.origin
        )
        if done.trouble is not None:
            self.told = str(done.trouble)
            return
        self.told = "Revoked." if done.sessions else "It had already ended."
        self.look()

    def render(self, height: int) -> RenderableType:
        """The screen: a heading, the rows that fit around the chosen one, and a line at the foot."""
        from rich.console import Group
        from rich.text import Text

        now = self.sessions.clock()
        users = len({session.user_id for session, mark in self.rows if mark != "ended"})
        count = sum(mark != "ended" for _, mark in self.rows)
        heading = f" signedin watch   {self.out.time(now)}:{now // 1000 % 60:02} {self.out.zone_name}"
        heading += f"   {plural(count, 'session')}  {plural(users, 'user')}"
        heading += f"   filter: {self.filter}" * bool(self.filter) + "   PAUSED" * self.paused
        body: RenderableType
        if self.shows == "help":
            body = Text("\n".join(f" {line}" for line in HELP))
        elif self.shows == "details" and self.rows:
            body = Text("\n".join(self._details(now)))
        else:
            body = self._table(now, height - 4)
        return Group(Text(heading, style="bold"), body, Text(" " + self._foot(), style="dim"))

    def _foot(self) -> str:
        if self.typing is not None:
            return f"filter: {self.typing}▏"
        if self.asking is not None:
            who = self.people.username(self.asking.user_id)
            return inert(
                f"Revoke {title(self.asking)} of {who}, and turn off Remember me for them? [y/N]"
            )
        return inert(self.told) or KEYS

    def _table(self, now: int, height: int) -> RenderableType:
        from rich.table import Table
        from rich.text import Text

        table = Table(box=None, expand=True, pad_edge=False, header_style="dim")
        for name in (" USER", "DEVICE", "IP", "LAST ACTIVE", "SIGNED IN", "FLAGS"):
            table.add_column(name, no_wrap=True, overflow="ellipsis")
        start = max(0, min(self.chosen - height // 2, len(self.rows) - height))
        for place, (session, mark) in enumerate(self.rows[start : start + height], start):
            words = ", ".join(filter(None, (mark, flags(session, self.people, now))))
            cells = (
                ("▸" if place == self.chosen else " ") + self.people.username(session.user_id),
                title(session),
                self.out.ip(session.ip),
                ago(session.last_active_at, now),
                self.out.time(session.signed_in_at),
                words,
            )
            style = {"new": "green", "ended": "strike dim"}.get(mark, "")
            chosen = " reverse" if place == self.chosen else ""
            table.add_row(*(Text(inert(cell)) for cell in cells), style=(style + chosen).strip())
        return table if self.rows else Text(" No sessions.")

    def _details(self, now: int) -> Iterator[str]:
        from .listing import facts_of

        for name, value in facts_of(self.rows[self.chosen][0], self.people, self.out, now):
            yield inert(f" {name:<12}  {value}")


@contextmanager
def _keys() -> Iterator[Callable[[float], list[str] | None]]:
    """Reads keys, waiting at most so many seconds: None when nobody is there any more. The terminal is
    put back afterwards.
    """
    number = sys.stdin.fileno()
    before = termios.tcgetattr(number)
    was = signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))

    def read(seconds: float) -> list[str] | None:
        ready, _, _ = system_select.select([number], [], [], seconds)
        if not ready:
            return []
        try:
            text = os.read(number, 1024).decode("utf-8", "ignore")
        except OSError:  # a terminal whose other end has been closed
            return None
        if not text:
            return None
        return [ARROWS[text]] if text in ARROWS else list(text)

    try:
        tty.setcbreak(number)
        yield read
    finally:
        with suppress(termios.error):
            termios.tcsetattr(number, termios.TCSADRAIN, before)
        signal.signal(signal.SIGTERM, was)
