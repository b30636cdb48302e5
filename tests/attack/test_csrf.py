"""Who may change something (CSRF-1): the whole truth table, in every framework.

What Chromium sends of a foreign page's form and fetch is in tests/web/test_chromium.py, and a
WebSocket's handshake in tests/web/test_connections.py.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from ..support import LAPTOP
from ..web.support import Client
from .hosts import Host

OURS = "https://app.example"
ORIGINS = {
    "ours": OURS,
    "other": "https://evil.example",
    "null": "null",
    "absent": None,
    "our port is another": "https://app.example:8443",
    "our scheme is another": "http://app.example",
    "malformed": "https://app.example@evil.example",
}
SITES: dict[str, tuple[str, ...]] = {
    "same-origin": ("same-origin",),
    "none": ("none",),
    "same-site": ("same-site",),
    "cross-site": ("cross-site",),
    "absent": (),
    "unknown": ("same_origin",),
    "doubled": ("same-origin", "same-origin"),
}
# A line for each Sec-Fetch-Site, a letter for each Origin in the order above.
TABLE = {
    "same-origin": "yyyyyyy",
    "none": "yyyyyyy",
    "same-site": "nnnnnnn",
    "cross-site": "nnnnnnn",
    "absent": "ynnnnnn",
    "unknown": "nnnnnnn",
    "doubled": "nnnnnnn",
}


CELLS = [
    (site, origin, passes == "y")
    for site, row in TABLE.items()
    for origin, passes in zip(ORIGINS, row, strict=True)
]


def told(site: str, origin: str, **more: str) -> list[tuple[str, str]]:
    """The headers of a cell."""
    sent = [("sec-fetch-site", value) for value in SITES[site]]
    where = ORIGINS[origin]
    return sent + ([("origin", where)] if where else []) + list(more.items())


@asynccontextmanager
async def entered(host: Host) -> AsyncIterator[Client]:
    """Somebody's browser, which says of a request what the test says and no more."""
    async with host.client() as client:
        await host.enter(client)
        del client.headers["sec-fetch-site"]
        yield client


@pytest.mark.parametrize("method", ["POST", "DELETE", "PUT", "PATCH"])
async def test_changes_on_the_page(host: Host, method: str) -> None:
    """A change passes where the table says yes, and changes nothing where it says no; for a person and
    for a program alike.
    """
    ada, page, target = host.user_id("ada"), host.page.rstrip("/"), ""
    async with entered(host) as client:
        for number, (site, origin, passes) in enumerate(CELLS):
            if not target:
                outcome = await host.flow.sign_in(ada, LAPTOP, started_at=host.flow.clock())
                target = outcome.session.id
            accept = ("text/html", "application/json")[number % 2]
            form = {"name": f"n{number}"} if method == "POST" else None
            path = f"{page}/{target}" + ("/name" if form else "")
            sent = told(site, origin, accept=accept)
            answer = await client.request(method, path, data=form, headers=sent)
            names = {session.id: session.name for session in await host.flow.list(ada)}
            where = (site, origin, accept, answer.status_code)
            if not passes:
                assert answer.status_code == 403, where
                assert target in names, where
                assert names[target] != f"n{number}", where
                assert "set-cookie" not in answer.headers, where
            elif method in ("PUT", "PATCH"):
                assert answer.status_code == 405, where
            elif method == "POST":
                assert answer.status_code in (200, 303), where
                assert names[target] == f"n{number}", where
            else:
                assert answer.status_code in (200, 303), where
                assert target not in names, where
                target = ""


@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_looking(host: Host, method: str) -> None:
    """Whoever asks, looking is allowed: it changes nothing, and its answer is for nobody else."""
    async with entered(host) as client:
        for site, origin, _ in CELLS:
            answer = await client.request(method, host.page, headers=told(site, origin))
            assert answer.status_code == 200, (site, origin)
            assert answer.headers["cache-control"] == "no-store"
            assert "access-control-allow-origin" not in answer.headers
        assert len(await host.flow.list(host.user_id("ada"))) == 1


async def test_the_sign_in(host: Host) -> None:
    """Nobody is signed in from another place, into whose account ever; there is no cookie to go by. What
    comes without a word of where from is Django's own middleware's to judge.
    """
    form = {"username": "ada", "password": "correct horse"} if host.ids else {"user": "ada"}
    async with host.client() as client:
        del client.headers["sec-fetch-site"]
        for site, origin, passes in CELLS:
            if host.ids and (site, origin) == ("absent", "absent"):
                continue
            answer = await client.post(host.login, data=form, headers=told(site, origin))
            assert (answer.text == "in") is passes, (site, origin)
            assert (host.session in client.cookies) is passes, (site, origin)
            client.cookies.clear()


async def test_the_applications_own_changes(host: Host) -> None:
    """A POST with our cookie is refused before the application sees it; of one without, nothing is known
    that could be abused. Django's applications have Django's middleware for that.
    """
    if host.ids:
        return
    async with entered(host) as client:
        for site, origin, passes in CELLS:
            answer = await client.post(host.post, headers=told(site, origin))
            assert (answer.status_code == 200) is passes, (site, origin)
            assert passes or answer.status_code == 403
        client.cookies.clear()
        assert (
            await client.post(host.login, data={"user": "ada"}, headers=told("same-origin", "ours"))
        ).text == "in"


@pytest.mark.parametrize(
    "kind", ["text/plain", "multipart/form-data; boundary=x", "application/json", ""]
)
async def test_bodies_of_another_kind(host: Host, kind: str) -> None:
    """A body that no form of ours makes is refused, also where the headers are right."""
    async with entered(host) as client:
        sent = told("same-origin", "ours", **{"content-type": kind})
        answer = await client.post(
            f"{host.page.rstrip('/')}/revoke_others", content=b"x=1", headers=sent
        )
        assert answer.status_code == 415
