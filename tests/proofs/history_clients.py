"""What the processes of a history do: everything at once, to the same sessions.

They tell each other what they learn on a board, a file to which all append: so what one signs in, all
validate, and what one is about to revoke, all look at.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import random
from collections import deque
from collections.abc import Awaitable
from typing import Any

import msgspec

from .history_log import Log, Made, Operation, Stopwatch, mark, short
from .history_ways import Answer, Http, Library

USERS = 6
EACH = 70
"""So many sign-ins of a user; then others come, and the histories of users stay short."""
STEADY = ("steady-0", "steady-1", "steady-2")
"""Users whose sessions nobody revokes."""
KNOWN = 192


class Known:
    """A session that this process knows of. mine: it alone rotates and resumes it, as one browser does."""

    __slots__ = ("dead", "mark", "mine", "older", "remember", "series", "token", "user")

    def __init__(self, user: str, token: str, remember: str | None, *, mine: bool) -> None:
        self.user = user
        self.mine = mine
        self.dead = False
        self.older: list[str] = []
        self.has(token, remember)

    def has(self, token: str, remember: str | None) -> None:
        self.token, self.remember = token, remember
        self.mark = mark(token[49:])
        self.series = None if remember is None else mark(remember[:48])

    @property
    def id(self) -> str:
        return short(self.token)


class Board:
    """Lines that all processes append to one file."""

    def __init__(self, path: str) -> None:
        self._file = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
        self._read = 0
        self._rest = b""

    def tell(self, *words: Any) -> None:
        os.write(self._file, msgspec.json.encode(words) + b"\n")

    def news(self) -> list[Any]:
        """What has been told since."""
        data = os.pread(self._file, 1 << 20, self._read)
        if not data:
            return []
        self._read += len(data)
        *lines, self._rest = (self._rest + data).split(b"\n")
        return [msgspec.json.decode(line) for line in lines]


class Totals:
    """How far all processes have come together, and how far they shall."""

    def __init__(self, validations: int, revokes: int) -> None:
        self.wanted = validations, revokes
        self._done = multiprocessing.get_context("fork").Array("q", 2)

    def add(self, validations: int, revokes: int) -> bool:
        """Whether it is enough. validations: that were answered; revokes: that ended a session."""
        with self._done:
            self._done[0] += validations
            self._done[1] += revokes
            return self._done[0] >= self.wanted[0] and self._done[1] >= self.wanted[1]


class Client:
    """One process. looks: validations to one revoke."""

    def __init__(
        self,
        name: str,
        way: Library | Http | Any,
        stopwatch: Stopwatch,
        folder: str,
        totals: Totals,
        looks: int,
    ) -> None:
        self.name = name
        self.way = way
        self.acts, self.endings = way.acts, way.endings
        self.now = stopwatch
        self.clock_at = stopwatch.clock_at
        self.log = Log(folder, name)
        self.board = Board(os.path.join(folder, "board"))
        self.totals = totals
        self.looks = looks
        self.dice = random.Random(name)
        self.known: dict[str, Known] = {}
        self.recent: deque[Known] = deque()
        self.steady: deque[Known] = deque()
        self.watched: deque[Known] = deque(maxlen=4)
        self.sign_ins = 0
        self.done = [0, 0]

    async def run(self, tasks: int) -> None:
        """So many turns at a time, until all processes together have done enough."""
        while not self.steady:
            await asyncio.gather(*(self.sign_in(user) for user in STEADY))
            self.hear()
        await asyncio.gather(*(self.turns() for _ in range(tasks)))
        await self.way.close()
        self.log.close()

    async def turns(self) -> None:
        while True:
            steps = [*self.acts, "revoke"] + ["validate"] * self.looks
            self.dice.shuffle(steps)
            for step in steps:
                self.hear()
                await getattr(self, f"do_{step}")()
            if self.dice.random() < 0.05:
                await self.do_end()
            if self.dice.random() < 0.02:
                await self.do_crowd()
            done, self.done = self.done, [0, 0]
            if self.totals.add(*done):
                return

    # ── knowing ──────────────────────────────────────────────────────────────────────────────

    def hear(self) -> None:
        for who, what, *more in self.board.news():
            if what == "in":
                user, token, remember = more
                self.sign_ins += 1
                if short(token) in self.known:  # two tabs have resumed it
                    continue
                known = Known(user, token, remember, mine=who == self.name)
                self.known[known.id] = known
                kept, most = (self.steady, 36) if user in STEADY else (self.recent, KNOWN)
                kept.append(known)
                if len(kept) > most:
                    del self.known[kept.popleft().id]
            elif (known := self.known.get(more[0][:24])) is not None:
                if what == "watch":
                    self.watched.append(known)
                else:
                    known.older.append(known.token)
                    known.has(more[0], known.remember)

    @property
    def user(self) -> str:
        """One of those who are signing in now."""
        return f"{self.sign_ins // (USERS * EACH)}-{self.dice.randrange(USERS)}"

    def some(self, *, mine: bool = False) -> Known:
        """A session to look at; one that is watched, one of long ago, or any. Dead ones come as well."""
        chance = self.dice.random()
        if chance < 0.3 and self.watched and not mine:
            return self.dice.choice(self.watched)
        if chance < 0.4 or not self.recent:
            own = [known for known in self.steady if known.mine]
            return self.dice.choice(own if own and mine else self.steady)
        for _ in range(12):
            known = self.dice.choice(self.recent)
            if (known.mine or not mine) and (not known.dead or chance > 0.9):
                break
        return known

    def victim(self) -> Known | None:
        """A session to end."""
        for _ in range(12):
            known = self.some()
            if not known.dead and known.user not in STEADY:
                return known
        return None

    # ── doing ────────────────────────────────────────────────────────────────────────────────

    async def ask(
        self, kind: str, user: str, asked: Awaitable[Answer], start: int, **told: Any
    ) -> Answer:
        """Wait for an answer and write it down. told: what was presented."""
        try:
            answer = await asked
        except self.way.failure:
            answer = Answer("failed")
        end = self.now()
        made = None
        if answer.tokens is not None:
            token, remember = answer.tokens
            made = Made(short(token), mark(token[49:]))
            if remember is not None:
                made = made._replace(series=mark(remember[:48]), remember=mark(remember[49:]))
        told = {"ids": answer.ids} | told
        self.log.write(
            Operation(
                self.name, kind, start, end, user, answer.outcome, made=made, ended=answer.ended, **told
            )
        )
        return answer

    async def look(self, known: Known, token: str, marked: str) -> None:
        start = self.now()
        try:
            outcome = await self.way.validate(token, known.user)
        except self.way.failure:
            outcome = "failed"
        end = self.now()
        self.log.write(
            Operation(self.name, "validate", start, end, known.user, outcome, token[:24], marked)
        )
        self.done[0] += outcome != "failed"
        if outcome == "none" and token is known.token:
            known.dead = True

    async def do_validate(self) -> None:
        known = self.some()
        await self.look(known, known.token, known.mark)

    async def do_old(self) -> None:
        """A secret from before a rotation, now and then one from long before."""
        known = self.some()
        if known.older:
            token = self.dice.choice(known.older)
            await self.look(known, token, mark(token[49:]))

    async def sign_in(self, user: str, left: Known | None = None) -> None:
        start = self.now()
        asked = self.way.sign_in(
            user,
            self.clock_at(start),
            None if left is None else left.token,
            remember=self.dice.random() < 0.5,
        )
        presented = {} if left is None else {"session": left.id, "secret": left.mark}
        answer = await self.ask("sign_in", user, asked, start, **presented)
        if answer.tokens is not None:
            self.board.tell(self.name, "in", user, *answer.tokens)

    async def do_sign_in(self) -> None:
        """In a browser of its own, or in one that is signed in."""
        user, left = self.user, None
        if self.dice.random() < 0.2:
            left = next((each for each in self.recent if each.user == user and each.mine), None)
        await self.sign_in(user, left)

    async def do_crowd(self) -> None:
        user = self.user
        await asyncio.gather(*(self.sign_in(user) for _ in range(self.way.crowd)))
        self.hear()
        await self.list(next((known for known in reversed(self.recent) if known.user == user), None))

    async def do_list(self) -> None:
        await self.list(self.some())

    async def list(self, known: Known | None) -> None:
        if known is not None:
            start = self.now()
            await self.ask("list", known.user, self.way.list(known.user, known.token), start)

    async def do_touch(self) -> None:
        """As a slow request does: it has validated, and records that later."""
        known = self.some()
        await self.look(known, known.token, known.mark)
        await asyncio.sleep(0)
        start = self.now()
        await self.ask("touch", known.user, self.way.touch(known.token), start, session=known.id)

    async def do_write(self) -> None:
        known = self.some()
        start = self.now()
        await self.ask("write", known.user, self.way.write(known.token), start, session=known.id)

    async def do_rotate(self) -> None:
        known = self.some(mine=True)
        if not known.mine:
            return
        start, token = self.now(), known.token
        presented = {"session": known.id, "secret": known.mark}
        # Two at a time: one of them is too late.
        answers = await asyncio.gather(
            *(self.ask("rotate", known.user, self.way.rotate(token), start, **presented) for _ in "12")
        )
        for answer in answers:
            if answer.tokens is not None:
                self.board.tell(self.name, "new", answer.tokens[0])

    async def do_resume(self) -> None:
        """A remembered browser opens with two tabs."""
        known = self.some(mine=True)
        if known.remember is not None and known.mine:
            await asyncio.gather(*(self.resume(known, known.remember) for _ in "12"))

    async def resume(self, known: Known, token: str) -> None:
        start = self.now()
        asked = self.way.resume(token, self.clock_at(start))
        presented = {"series": known.series, "remember": mark(token[49:])}
        answer = await self.ask("resume", known.user, asked, start, **presented)
        if answer.tokens is not None:
            if self.dice.random() < 0.7 or known.user in STEADY:
                known.remember = None  # else it comes again: at first harmless, later as a thief's would
            if short(answer.tokens[0]) not in self.known:
                self.board.tell(self.name, "in", known.user, *answer.tokens)

    async def do_revoke(self) -> None:
        """One session, with the others looking; and a look at once, by Remember me, too."""
        victim = self.victim()
        if victim is None:
            return
        using = next(
            (
                each
                for each in reversed(self.recent)
                if each.user == victim.user and not each.dead and each is not victim
            ),
            None,
        )
        self.board.tell(self.name, "watch", victim.id)
        start = self.now()
        asked = self.way.revoke(victim.user, victim.token[:48], using and using.token)
        answer = await self.ask("revoke", victim.user, asked, start, ids=(victim.id,))
        self.done[1] += bool(answer.ended)
        await self.after(victim)

    async def do_end(self) -> None:
        """Another way of ending: the others, all, oneself."""
        kind, victim = self.dice.choice(self.endings), self.victim()
        if victim is None:
            return
        self.board.tell(self.name, "watch", victim.id)
        start = self.now()
        presented = {"session": victim.id, "secret": victim.mark}
        if kind == "sign_out":
            asked = self.way.sign_out(victim.token)
        else:
            asked = getattr(self.way, kind)(victim.user, victim.token)
        await self.ask(kind, victim.user, asked, start, **presented)
        await self.after(victim)

    async def after(self, ended: Known) -> None:
        await self.look(ended, ended.token, ended.mark)
        if ended.remember is not None:
            await self.resume(ended, ended.remember)
        for other in self.recent:
            if other.user == ended.user and other.mine and other.remember and self.dice.random() < 0.3:
                await self.resume(other, other.remember)
                break
