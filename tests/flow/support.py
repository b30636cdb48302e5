"""Browsers without a browser: the two cookies, kept as a browser keeps them."""

from __future__ import annotations

from typing import Any

from signedin._async.request import AsyncExchange
from signedin._sync.request import Exchange
from signedin.cookies import Cookie
from signedin.outcomes import Presented, SignedIn
from signedin.session import Client, Session

from ..support import LAPTOP, AsAsync

SESSION = "__Host-signedin"
REMEMBER = "__Host-signedin-remember"
VISITOR = "__Host-signedin-visitor"


class Browser:
    """One browser profile and its cookies."""

    def __init__(self, flow: Any, client: Client = LAPTOP) -> None:
        self.flow = flow
        self.client = client
        self.jar: dict[str, str] = {}

    def take(self, cookies: Any) -> None:
        """Keep what a response set."""
        for cookie in cookies:
            assert isinstance(cookie, Cookie)
            if cookie.clears:
                self.jar.pop(cookie.name, None)
            else:
                self.jar[cookie.name] = cookie.value

    def restart(self) -> None:
        """Close and open: the session cookie is gone, the remember-me cookie is not."""
        self.jar.pop(SESSION, None)

    def copy(self) -> Browser:
        """A thief with the same cookies."""
        other = Browser(self.flow, self.client)
        other.jar = dict(self.jar)
        return other

    @property
    def token(self) -> str | None:
        return self.jar.get(SESSION)

    @property
    def remember_token(self) -> str | None:
        return self.jar.get(REMEMBER)

    @property
    def presented(self) -> Presented:
        return Presented(self.token, self.remember_token)

    async def sign_in(self, user_id: str | int = "1", **options: Any) -> Any:
        """Sign in; the outcome, its cookies kept."""
        options.setdefault("started_at", self.flow.clock())
        outcome = await self.flow.sign_in(user_id, self.client, presented=self.presented, **options)
        if isinstance(outcome, SignedIn):
            self.take(outcome.cookies)
        return outcome

    async def resume(self, **options: Any) -> Any:
        """What a request without a valid session does with a remember-me cookie."""
        options.setdefault("started_at", self.flow.clock())
        outcome = await self.flow.resume(self.remember_token, self.client, **options)
        if isinstance(outcome, SignedIn):
            self.take(outcome.cookies)
        return outcome

    async def visit(self) -> Session | None:
        """A request: the session it has, resumed if need be."""
        session: Session | None = await self.flow.validate(self.token)
        if session is None and self.remember_token is not None:
            outcome = await self.resume()
            session = outcome.session if isinstance(outcome, SignedIn) else None
        return session

    async def is_in(self) -> bool:
        return await self.flow.validate(self.token) is not None


class Request:
    """A request of a browser, in either colour; what its response sets is kept by the browser."""

    def __init__(self, browser: Browser, **options: Any) -> None:
        jar, flow = browser.jar, browser.flow
        presented = Presented(jar.get(SESSION), jar.get(REMEMBER), jar.get(VISITOR))
        values = (presented, browser.client, flow.clock())
        self.browser = browser
        self.exchange: Any = (
            AsAsync(Exchange(flow.wrapped, *values, **options))
            if isinstance(flow, AsAsync)
            else AsyncExchange(flow, *values, **options)
        )

    async def open(self, **options: Any) -> Any:
        await self.exchange.open(**{"may_resume": True, "with_data": True} | options)
        return self.exchange

    def close(self) -> None:
        self.browser.take(self.exchange.cookies)
