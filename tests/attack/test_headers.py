"""What each answer of ours says, whatever its status (HDR-1, HDR-2), in every framework; and each cookie (COOK-1)."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from .. import servers
from ..engines import Engine, OneServer
from ..support import PHONE
from ..web.support import Client
from .hosts import Host

REDIS = OneServer(servers.REDIS)
SAID = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
}
FORM = {"content-type": "application/x-www-form-urlencoded"}


@pytest.fixture
def engine() -> Engine:
    """One that can be stopped."""
    return REDIS


def is_private(answer: Any) -> bool:
    """Whether no shared cache keeps it."""
    control = answer.headers.get("cache-control", "").replace(" ", "").split(",")
    return bool({"no-store", "private"} & set(control)) and "public" not in control


async def answers(host: Host, ada: Client, other: str) -> dict[str, Any]:
    """An answer of each kind, by what it is."""
    page, json = host.page.rstrip("/"), {"accept": "application/json"}
    own = (await ada.get(f"{page}/current", headers=json)).json()["session"]["id"]
    made = {
        "page": await ada.get(host.page),
        "list": await ada.get(host.page, headers=json),
        "history": await ada.get(f"{page}/history"),
        "document": await ada.get(f"{page}/openapi.json"),
        "asking": await ada.get(f"{page}/{other}/revoke"),
        "asking about all": await ada.get(f"{page}/revoke_others"),
        "not found": await ada.get(f"{page}/nothing/at/all"),
        "not found as JSON": await ada.get(f"{page}/{'0' * 48}", headers=json),
        "not allowed": await ada.put(f"{page}/revoke_others"),
        "the current": await ada.post(f"{page}/{own}/revoke", headers=json),
        "too large": await ada.post(f"{page}/revoke_selected", content=b"x" * 70_000, headers=FORM),
        "another kind": await ada.post(f"{page}/revoke_others", content=b"{}", headers=json),
        "no form": await ada.post(f"{page}/revoke_others", content=b"\xff", headers=FORM),
        "another site": await ada.post(
            f"{page}/revoke_others", headers={"sec-fetch-site": "cross-site"}
        ),
        "done": await ada.post(f"{page}/{other}/name", data={"name": "x"}),
    }
    known = json | {"if-none-match": made["list"].headers["etag"]}
    await ada.get(host.page)  # which takes the flash
    again = await ada.get(host.page, headers=json)
    known["if-none-match"] = again.headers["etag"]
    made["not modified"] = await ada.get(host.page, headers=known)
    async with host.client() as nobody:
        made["nobody"] = await nobody.get(host.page)
        made["nobody as JSON"] = await nobody.get(host.page, headers=json)
    REDIS.server.pause()
    try:
        asked = (ada.get(host.page), ada.get(host.page, headers=json), ada.get(host.me))
        made |= zip(
            ("outage", "outage as JSON", "outage elsewhere"), await asyncio.gather(*asked), strict=True
        )
    finally:
        REDIS.server.go_on()
    return made


STATUS = {
    "page": 200, "list": 200, "history": 200, "document": 200, "asking": 200, "asking about all": 200,
    "not found": 404, "not found as JSON": 404, "not allowed": 405, "the current": 409,
    "too large": 413, "another kind": 415, "no form": 400, "another site": 403, "done": 303,
    "not modified": 304, "nobody": 303, "nobody as JSON": 401, "outage": 503, "outage as JSON": 503,
    "outage elsewhere": 503,
}  # fmt: skip


async def test_every_answer(host: Host) -> None:
    """Strict headers on each, and no cache that others share keeps any of them; an outage takes nobody's
    cookie away, and is over when the store is back.
    """
    async with host.client() as ada:
        await host.enter(ada, remember=True)
        outcome = await host.flow.sign_in(host.user_id("ada"), PHONE, started_at=host.flow.clock())
        made = await answers(host, ada, outcome.session.id)
        assert {what: answer.status_code for what, answer in made.items()} == STATUS
        for what, answer in made.items():
            assert is_private(answer), (what, answer.headers)
            assert "cookie" in answer.headers["vary"].lower(), what
            if what in ("outage elsewhere", "not modified"):  # an application's, and one without a body
                continue
            assert SAID.items() <= dict(answer.headers).items(), what
            policy = answer.headers["content-security-policy"]
            assert "default-src 'none'" in policy, what
            assert "frame-ancestors 'none'" in policy, what
            assert "unsafe" not in policy, what
            if what.startswith("outage"):
                assert answer.headers["retry-after"] == "5"
                assert "set-cookie" not in answer.headers
        assert await host.user(ada) == "ada"
