"""The ways by which the processes of a history ask: the library in either colour, and HTTP.

Each answers in the log's words; see :class:`.history_log.Operation`.
"""

from __future__ import annotations

import http.client
import json
import threading
from collections.abc import Iterable
from typing import Any, NamedTuple
from urllib.parse import urlencode

from signedin import Client, Refused, SignedIn
from signedin.errors import StoreUnavailable
from signedin.outcomes import Presented
from signedin.session import SessionId
from signedin.settings import PAGE
from signedin.steps import Touch

from .history_log import short

CLIENT = Client("203.0.113.24", "history")
SESSION, REMEMBER = "__Host-signedin", "__Host-signedin-remember"


class Answer(NamedTuple):
    """What an operation answered. tokens: of the session and of Remember me, where it made some."""

    outcome: str
    tokens: tuple[str, str | None] | None = None
    ids: tuple[str, ...] = ()
    ended: tuple[str, ...] | None = None


def _short(sessions: Iterable[Any]) -> tuple[str, ...]:
    return tuple(short(session.id) for session in sessions)


def _entered(outcome: SignedIn | Refused | None) -> Answer:
    if outcome is None:
        return Answer("none")
    if isinstance(outcome, Refused):
        return Answer(outcome.why)
    cookies = {cookie.name: cookie.value for cookie in outcome.cookies if not cookie.clears}
    return Answer("in", (cookies[SESSION], cookies.get(REMEMBER)), ended=_short(outcome.ended))


class Library:
    """The flow itself, the sync one behind the async face."""

    acts = ("sign_in", "sign_in", "list", "list", "touch", "touch", "write", "rotate", "old", "resume")
    endings = ("revoke_others", "revoke_all", "everywhere", "sign_out")
    crowd = 30

    def __init__(self, flow: Any) -> None:
        self.flow = flow
        self.failure = StoreUnavailable

    async def validate(self, token: str, user: str) -> str:
        session = await self.flow.validate(token)
        if session is None:
            return "none"
        return "in" if (session.id, session.user_id) == (token[:48], user) else "other"

    async def sign_in(self, user: str, began: int, left: str | None, *, remember: bool) -> Answer:
        presented = Presented(left)
        return _entered(
            await self.flow.sign_in(
                user, CLIENT, started_at=began, remember=remember, presented=presented
            )
        )

    async def resume(self, token: str, began: int) -> Answer:
        return _entered(await self.flow.resume(token, CLIENT, started_at=began))

    async def rotate(self, token: str) -> Answer:
        return _entered(await self.flow.rotate(token, authenticated_by=("password", "otp")))

    async def list(self, user: str, token: str) -> Answer:
        return Answer("in", ids=_short(await self.flow.list(user)))

    async def touch(self, token: str) -> Answer:
        await self.flow.touch(Touch(SessionId(token[:48]), CLIENT))
        return Answer("in")

    async def write(self, token: str) -> Answer:
        return Answer(
            "in" if await self.flow.set_data(SessionId(token[:48]), token[-8:].encode()) else "none"
        )

    async def revoke(self, user: str, session_id: str, token: str | None) -> Answer:
        done = await self.flow.revoke(user, SessionId(session_id), current=token and token[:48])
        return Answer("in", ended=_short(done.ended))

    async def revoke_others(self, user: str, token: str) -> Answer:
        done = await self.flow.revoke_others(user, current=SessionId(token[:48]))
        return Answer("in", ended=_short(done.ended))

    async def revoke_all(self, user: str, token: str) -> Answer:
        return Answer("in", ended=_short((await self.flow.revoke_all(user, operator="root")).ended))

    async def everywhere(self, user: str, token: str) -> Answer:
        return Answer("in", ended=_short((await self.flow.sign_out_everywhere(user)).ended))

    async def sign_out(self, token: str) -> Answer:
        return Answer("in", ended=_short((await self.flow.sign_out(Presented(token))).ended))

    async def close(self) -> None:
        await self.flow.close()


class Unanswered(Exception):
    """The service didn't answer, or that it can't."""


class Http:
    """A browser at the services, one after the other; each thread has connections of its own."""

    acts = ("sign_in", "list", "rotate", "old", "resume")
    endings = ("revoke_others", "everywhere", "sign_out")
    crowd = 3

    def __init__(self, ports: list[int]) -> None:
        self.failure = Unanswered
        self._ports = ports
        self._turn = 0
        self._mine = threading.local()

    def _ask(
        self,
        method: str,
        path: str,
        token: str | None,
        remember: str | None = None,
        form: dict[str, object] | None = None,
    ) -> tuple[int, Any, dict[str, str]]:
        """Status, JSON, and the cookies that were set."""
        self._turn += 1
        port = self._ports[self._turn % len(self._ports)]
        connections = self._mine.__dict__.setdefault("connections", {})
        if port not in connections:
            connections[port] = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
        pairs = ((SESSION, token), (REMEMBER, remember))
        headers = {
            "accept": "application/json",
            "sec-fetch-site": "same-origin",
            "user-agent": "history",
            "cookie": "; ".join(f"{name}={value}" for name, value in pairs if value) or "none=",
        }
        body = None
        if form:
            headers["content-type"] = "application/x-www-form-urlencoded"
            body = urlencode(form)
        try:
            connections[port].request(method, path, body, headers)
            response = connections[port].getresponse()
            text = response.read()
        except (OSError, http.client.HTTPException) as error:
            connections.pop(port).close()
            raise Unanswered from error
        if response.status >= 500:
            raise Unanswered(text)
        set_cookies = response.headers.get_all("set-cookie") or []
        pairs = (line.partition(";")[0].partition("=")[::2] for line in set_cookies)
        told = json.loads(text) if text else None
        return response.status, told, {name: value for name, value in pairs if value}

    def validate(self, token: str, user: str) -> str:
        _, told, _ = self._ask("GET", "/me", token)
        if told is None:
            return "none"
        return "in" if told == [token[:48], user] else "other"

    def sign_in(self, user: str, began: int, left: str | None, *, remember: bool) -> Answer:
        form = {"user": user, "began": began, "remember": int(remember)}
        _, told, cookies = self._ask("POST", "/enter", left, form=form)
        if isinstance(told, str):
            return Answer(told)
        tokens = cookies[SESSION], cookies.get(REMEMBER)
        return Answer("in", tokens, ended=tuple(map(short, told)))

    def resume(self, token: str, began: int) -> Answer:
        _, told, cookies = self._ask("GET", "/me", None, token)
        # Why nobody is signed in, an application isn't told.
        return Answer("refused") if told is None else Answer("in", (cookies[SESSION], cookies[REMEMBER]))

    def rotate(self, token: str) -> Answer:
        _, told, cookies = self._ask("POST", "/rotate", token)
        return Answer("in", (cookies[SESSION], None)) if told else Answer("none")

    def list(self, user: str, token: str) -> Answer:
        status, told, _ = self._ask("GET", PAGE, token)
        if status != 200:
            return Answer("refused")
        return Answer("in", ids=tuple(short(session["id"]) for session in told["sessions"]))

    def revoke(self, user: str, session_id: str, token: str | None) -> Answer:
        status, told, _ = self._ask("DELETE", f"{PAGE}/{session_id}", token)
        if status == 404:
            return Answer("in", ended=())
        if status != 200:
            return Answer("refused")
        return Answer("in", ended=(short(session_id),) if told["revoked"] else ())

    def revoke_others(self, user: str, token: str) -> Answer:
        status, _, _ = self._ask("POST", f"{PAGE}/revoke_others", token)
        return Answer("in" if status == 200 else "refused")

    def everywhere(self, user: str, token: str) -> Answer:
        _, told, _ = self._ask("POST", "/everywhere", token)
        return Answer("refused") if told is None else Answer("in", ended=tuple(map(short, told)))

    def sign_out(self, token: str) -> Answer:
        _, told, _ = self._ask("POST", "/leave", token)
        return Answer("in", ended=tuple(map(short, told)))

    def close(self) -> None:
        """The connections end with the process."""
