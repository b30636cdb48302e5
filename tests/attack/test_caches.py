"""A cache that everybody shares, in front of every framework (HDR-1): nobody gets another's page or cookie.

After CVE-2023-30861 and CVE-2026-27205 of Flask and CVE-2026-35192 of Django, where a response that only
renewed or tested a session could be kept and given to the next.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from typing import Any

import anyio
import httpx2
import pytest

from ..support import HOUR, MINUTE, Clock
from ..web.support import served
from .hosts import Host
from .nginx import Nginx

BROWSER = {
    "user-agent": "Mozilla/5.0 Firefox/144.0",
    "sec-fetch-site": "same-origin",
    "accept": "text/html",
}


@pytest.fixture(params=["Set-Cookie", "Set-Cookie Vary"], ids=["a cache", "a careless cache"])
async def cache(request: pytest.FixtureRequest, host: Host) -> AsyncIterator[Nginx]:
    """In front of the host. A careless one doesn't ask whose cookie a page was made for."""
    ignored = request.param.split()
    async with served(host.app) as upstream:
        made = await anyio.to_thread.run_sync(Nginx, upstream, *ignored)
        yield made
        await anyio.to_thread.run_sync(made.stop)


class Person(httpx2.AsyncClient):
    """A browser behind the cache, which sends its cookies although nothing here is encrypted."""

    def __init__(self, cache: Nginx) -> None:
        super().__init__(base_url=cache.url, headers=BROWSER)
        self.held: dict[str, str] = {}

    async def send(self, request: Any, **options: Any) -> Any:
        if self.held:
            request.headers["cookie"] = "; ".join(f"{name}={value}" for name, value in self.held.items())
        answer = await super().send(request, **options)
        for header in answer.headers.get_list("set-cookie"):
            name, _, value = header.partition(";")[0].partition("=")
            self.held |= {name.strip(): value}
        self.cookies.clear()
        return answer


def paths(host: Host) -> list[str]:
    """What is asked for: what tells who it is, what says that it may be kept, what isn't there."""
    page = host.page.rstrip("/")
    shown = [host.me, host.page, f"{page}/current", f"{page}/history", f"{page}/nothing", "/nothing"]
    return shown + {"/me": ["/cached", "/static/me"], "/me/": ["/public/", "/bag/"]}.get(host.me, [])


async def test_nobody_gets_what_is_anothers(host: Host, cache: Nginx, clock: Clock) -> None:
    """Ada asks first, then Bob and somebody unknown: each gets their own, and a cookie of nobody else's.
    So it is when a visit is only recorded, and when Remember me starts a session.
    What is nobody's may be kept: only a careless cache gives that to Ada.
    """
    async with Person(cache) as ada, Person(cache) as bob:
        await host.enter(ada, "ada", remember=True)
        await host.enter(bob, "bob")
        for tick in (5 * MINUTE, 2 * HOUR):
            clock.tick(tick)
            if tick == 2 * HOUR and len(ada.held) > 1:  # the browser was closed in between
                del ada.held[host.session]
            for path in paths(host):
                first = await ada.get(path)
                async with Person(cache) as stranger:
                    answers = {"bob": await bob.get(path), None: await stranger.get(path)}
                    assert not set(ada.held.values()) & {*bob.held.values(), *stranger.held.values()}
                # As words: an id, which is in hex, may well have "ada" in it.
                hers = {"ada", *(session.id for session in await host.flow.list(host.user_id("ada")))}
                for answer in answers.values():
                    assert not hers & set(re.findall(r"[\w-]+", answer.text)), path
                if path == host.me and not cache.is_careless:
                    assert first.json()["user"] == "ada"
                    for who, answer in answers.items():
                        assert (answer.json()["user"] or None) == who
        # It is a cache: what nobody's session had part in is kept and given to the next.
        async with Person(cache) as one, Person(cache) as two:
            for path in (f"{host.page.rstrip('/')}/static/active_sessions.css", "/nothing-at-all"):
                kept = [(await person.get(path)).headers["x-cache"] for person in (one, two)]
                assert kept == ["MISS", "HIT"], path
