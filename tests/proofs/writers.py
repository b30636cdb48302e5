"""The crowd of a proof: each writer signs in, revokes, comes back by Remember me and signs out, and keeps
a journal of it (``books.py``).
"""

from __future__ import annotations

import html
import http.client
import itertools
import json
import random
import threading
import time
import traceback
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple, Protocol
from urllib.parse import urlencode

from signedin import SignedIn
from signedin.cookies import CookieNames
from signedin.errors import AnswerUnknown, StoreUnavailable
from signedin.outcomes import Presented
from signedin.replies import outage
from signedin.server.accounts import Accounts
from signedin.session import SessionId

from .books import CLIENT, Held

STEPS = 24
SIGN_INS = 8
"""At most so many of one user: the service lets ten pass at once."""
NAMES = CookieNames()
PAGE = "/-/user_settings/active_sessions"
PASSWORD = "correct horse"
WRITERS = 4
NO = ("unchanged", "unknown")
"""What a writer is told that didn't get what it wanted."""


class Begun(NamedTuple):
    """A sign-in or a resume. evicted: what ended for it, as far as it was told."""

    held: Held
    evicted: list[str]


class Hands(Protocol):
    """What a writer works with. Every verb raises StoreUnavailable or AnswerUnknown."""

    def user(self, name: str) -> str:
        """The id of a new user."""

    def sign_in(self, user: str) -> Begun: ...

    def revoke(self, user: str, session_id: SessionId, others: list[Held]) -> None: ...

    def resume(self, user: str, remember: str) -> Begun: ...

    def sign_out(self, user: str, held: Held) -> None: ...


class Library:
    """The flow, of either colour behind a sync face."""

    def __init__(self, flow: Any) -> None:
        self._flow = flow

    def user(self, name: str) -> str:
        return name

    def sign_in(self, user: str) -> Begun:
        return self._begun(
            self._flow.sign_in(user, CLIENT, started_at=self._flow.clock(), remember=True)
        )

    def revoke(self, user: str, session_id: SessionId, others: list[Held]) -> None:
        assert self._flow.revoke(user, session_id, current=None).ended

    def resume(self, user: str, remember: str) -> Begun:
        return self._begun(self._flow.resume(remember, CLIENT, started_at=self._flow.clock()))

    def sign_out(self, user: str, held: Held) -> None:
        assert self._flow.sign_out(Presented(held.token, held.remember)).ended

    def _begun(self, outcome: object) -> Begun:
        assert isinstance(outcome, SignedIn), outcome
        session, remember = outcome.cookies
        evicted = [str(gone.id) for gone in outcome.ended if gone.reason == "limit"]
        return Begun(Held(session.value, remember.value), evicted)


class Web:
    """The service, by HTTP. Each user comes from another address."""

    def __init__(self, port: int, accounts: Accounts, password_hash: str) -> None:
        self._port = port
        self._accounts = accounts
        self._hash = password_hash
        self._names: dict[str, str] = {}

    def user(self, name: str) -> str:
        account = self._accounts.add(name, password_hash=self._hash, now=0)
        self._names[account.id] = name
        return account.id

    def sign_in(self, user: str) -> Begun:
        form = {"login": self._names[user], "password": PASSWORD, "remember_me": "1"}
        return self._begun(user, "POST", "/sign_in", form=form, status=303)

    def revoke(self, user: str, session_id: SessionId, others: list[Held]) -> None:
        self._ask(user, "DELETE", f"{PAGE}/{session_id}", cookies=(others[0].token, ""), status=200)

    def resume(self, user: str, remember: str) -> Begun:
        return self._begun(user, "GET", PAGE, cookies=("", remember), status=200)

    def sign_out(self, user: str, held: Held) -> None:
        self._ask(user, "POST", "/sign_out", cookies=held, status=303)

    def _begun(self, user: str, method: str, path: str, **more: Any) -> Begun:
        found = self._ask(user, method, path, **more)
        return Begun(Held(found[NAMES.session], found[NAMES.remember]), [])

    def _ask(
        self,
        user: str,
        method: str,
        path: str,
        *,
        status: int,
        form: dict[str, str] | None = None,
        cookies: tuple[str, str] = ("", ""),
    ) -> dict[str, str]:
        """The cookies of the answer."""
        pairs = zip((NAMES.session, NAMES.remember), cookies, strict=True)
        number = int(user)
        headers = {
            "accept": "application/json",
            "sec-fetch-site": "same-origin",
            "cookie": "; ".join(f"{name}={value}" for name, value in pairs if value),
            "x-forwarded-for": f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}",
            "content-type": "application/x-www-form-urlencoded",
        }
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=10)
        try:
            try:
                connection.connect()
            except OSError as error:
                raise StoreUnavailable from error
            connection.request(method, path, urlencode(form or {}), headers)
            response = connection.getresponse()
            body = html.unescape(response.read().decode())
        except (OSError, http.client.HTTPException) as error:
            raise AnswerUnknown from error
        finally:
            connection.close()
        set_cookies = response.headers.get_all("set-cookie", [])
        found = dict(text.partition(";")[0].split("=", 1) for text in set_cookies)
        if response.status == 503:
            assert response.headers["retry-after"]
            assert all(found.values()), "an outage cleared a cookie"
            if found:  # the browser has come back, and what it wanted to see can't be shown
                return found
            unknown = '"answer_unknown"' in body or outage(AnswerUnknown())[1] in body
            raise AnswerUnknown if unknown else StoreUnavailable
        assert response.status == status, (response.status, body)
        return found


class Crowd:
    """So many writers in threads of their own. names: a beginning that nobody else has."""

    def __init__(
        self, hands: Hands, name: str, tell: Callable[[bytes], object], count: int = WRITERS
    ) -> None:
        self._hands = hands
        self._tell = tell
        self._stopping = threading.Event()
        self._threads = [
            threading.Thread(target=self._work, args=(f"{name}-{number}",), daemon=True)
            for number in range(count)
        ]
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """When each has its answer."""
        self._stopping.set()
        for thread in self._threads:
            thread.join()

    def _work(self, name: str) -> None:
        try:
            write(self._hands, name, self._tell, self._stopping.is_set, random.Random())
        except BaseException:
            # Into the journal, for who reads it to raise; a pipe takes so much as one piece.
            told = [name, "", "failed", 0.0, traceback.format_exc()[-1500:]]
            self._tell(json.dumps(told).encode() + b"\n")


def each_is_told(journal: list[bytes], words: Iterable[str], writers: int = WRITERS) -> None:
    """Until each of a crowd has been told one of these from now on."""
    begin, end, told = len(journal), time.monotonic() + 30, set[str]()
    while len(told) < writers:
        assert time.monotonic() < end, f"only {sorted(told)} have an answer"
        time.sleep(0.01)
        for line in journal[begin:]:
            writer, _, word, *facts = json.loads(line)
            assert word != "failed", facts
            if word in words:
                told.add(writer)


def write(
    hands: Hands,
    name: str,
    tell: Callable[[bytes], object],
    stopping: Callable[[], bool],
    dice: random.Random,
) -> None:
    """Live as one user after the other until it is time to stop."""
    for number in itertools.count():
        life = Life(hands, name, hands.user(f"{name}-{number}"), tell, dice)
        for _ in range(STEPS):
            if stopping():
                return
            if not life.step():
                break


class Life:
    """One user's, with the browsers that are signed in or remembered."""

    def __init__(
        self,
        hands: Hands,
        writer: str,
        user: str,
        tell: Callable[[bytes], object],
        dice: random.Random,
    ) -> None:
        self._hands = hands
        self._writer = writer
        self._user = user
        self._write = tell
        self._dice = dice
        self._held: dict[str, Held] = {}
        self._series: dict[str, Held] = {}
        self._left = SIGN_INS

    def step(self) -> bool:
        """One step; False when there is no more to do, or when it isn't known what came of it."""
        roll = self._dice.random()
        held = list(self._held.values())
        if len(held) > 1 and roll < 0.3:
            one = self._dice.choice(held)
            others = [other for other in held if other != one]
            return self._ask("revoke", one.id, lambda: self._hands.revoke(self._user, one.id, others))
        if held and roll < 0.4:
            one = self._dice.choice(held)
            return self._ask("sign_out", one.id, lambda: self._hands.sign_out(self._user, one))
        if self._series and roll < 0.6:
            one = self._dice.choice(list(self._series.values()))
            again = one.remember
            return self._ask("resume", again, lambda: self._hands.resume(self._user, again))
        if not self._left:
            return False
        self._left -= 1
        return self._ask("sign_in", "", lambda: self._hands.sign_in(self._user))

    def _ask(self, verb: str, subject: str, do: Callable[[], Begun | None]) -> bool:
        began = time.monotonic()
        self._told("asks", 0.0, verb, subject)
        try:
            begun = do()
        except AnswerUnknown:
            self._told("unknown", time.monotonic() - began)
            time.sleep(0.01)  # as people do
            return False
        except StoreUnavailable:
            self._told("unchanged", time.monotonic() - began)
            time.sleep(0.01)
            return True
        took = time.monotonic() - began
        if begun is None:
            self._told(verb, took)
            self._gone(verb, subject)
        else:
            self._told(verb, took, *begun.held, begun.evicted)
            self._come(verb, subject, begun)
        return True

    def _told(self, word: str, *facts: object) -> None:
        self._write(json.dumps([self._writer, self._user, word, *facts]).encode() + b"\n")

    def _gone(self, verb: str, session_id: str) -> None:
        self._held.pop(session_id)
        self._series = {
            key: held
            for key, held in self._series.items()
            if verb == "sign_out" and held.id != session_id
        }

    def _come(self, verb: str, subject: str, begun: Begun) -> None:
        if verb == "resume":
            self._held.pop(self._series[subject[:48]].id, None)
        for session_id in begun.evicted:
            self._held.pop(session_id, None)
        self._held[begun.held.id] = begun.held
        self._series[begun.held.remember[:48]] = begun.held
