"""Under ASGI, in both ways in: what runs in the event loop asks no database there."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import AsyncClient

from .django_site import WAYS
from .django_support import open_site
from .test_django_flow import async_browser, awho


@pytest.fixture(params=list(WAYS))
def way(request: pytest.FixtureRequest) -> str:
    return str(request.param)


site = pytest.fixture(open_site)


@pytest.mark.parametrize("address", ["/account/sessions/", "/averb/", "/me/", "/ame/"])
async def test_a_browser_that_was_closed_begins_anywhere(site: Any, address: str) -> None:
    """With nothing but its remember-me cookie it is logged in by the page, by a view that looks in a
    thread, and by any other (R1).
    """
    before = await async_browser(remember="on")
    client = AsyncClient()
    for name, morsel in before.cookies.items():
        if name.endswith("-remember"):
            client.cookies[name] = morsel.value
    assert (await client.get(address)).status_code == 200
    assert await awho(client) == "ada"
