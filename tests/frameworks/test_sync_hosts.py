"""The suite of the web, once more for the frameworks that don't wait: WSGI and Flask."""

# ruff: noqa: F401 - what is imported is run

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from ..support import IPHONE, AsAsync, Clock
from ..web.support import Client
from ..web.test_api import test_a_mixed_selection, test_asking_again, test_current, test_history
from ..web.test_middleware import (
    test_a_cross_site_sign_in,
    test_a_cross_site_sign_out,
    test_a_dead_token_is_ignored_not_cleared,
    test_a_page_and_its_pictures_wake_up_together,
    test_a_password_change_in_the_web,
    test_a_restarted_browser,
    test_a_token_comes_from_its_cookie_only,
    test_behind_a_caching_proxy,
    test_cookie_headers_in_parts,
    test_cross_site,
    test_hostile_user_agents,
    test_junk_cookies,
    test_no_shared_cache_keeps_a_persons_page,
    test_polling_is_no_activity,
    test_requests_in_flight_during_a_rotation,
    test_require_a_fresh_session,
    test_require_session,
    test_sign_in_and_out,
    test_signing_out_everywhere,
    test_the_sign_in_page_clears_nothing_alive,
    test_theft_is_told,
    test_touches_follow_the_response,
    test_without_our_cookie_others_are_left_alone,
)
from ..web.test_page import (
    test_a_flash_about_somebody_elses_session,
    test_already_ended,
    test_bodies,
    test_forged_flashes,
    test_forget_others,
    test_looking_changes_nothing,
    test_nothing_was_remembered,
    test_other_peoples_sessions,
    test_revoke_one,
    test_revoke_one_as_json,
    test_revoke_others,
    test_security_headers,
    test_sign_out_on_the_page,
    test_the_current_session_cannot_be_revoked,
    test_the_list,
    test_the_list_as_json,
    test_without_a_session,
    test_wrong_methods,
)
from . import flask_host, wsgi_host
from .bridge import Bridge


@pytest.fixture(params=["wsgi", "flask"])
async def app(request: pytest.FixtureRequest, url: str, clock: Clock) -> AsyncIterator[Any]:
    if request.param == "wsgi":
        made: Any = wsgi_host.make_app(store=url, sweep_every=None, clock=clock)
        host = made
    else:
        made = flask_host.make_app(SIGNEDIN_STORE=url, SIGNEDIN_SWEEP_EVERY=None, clock=clock)
        host = made.extensions["signedin"]
    yield Bridge(made, AsAsync(host.sessions), host.background)
    host.close()


@pytest.fixture
def flow(app: Any) -> Any:
    return app.sessions


@pytest.fixture
async def browser(app: Any) -> AsyncIterator[Client]:
    async with Client(app) as made:
        yield made


@pytest.fixture
async def other(app: Any) -> AsyncIterator[Client]:
    async with Client(app, address="198.51.100.7") as made:
        yield made


@pytest.fixture
async def phone(app: Any) -> AsyncIterator[Client]:
    async with Client(app, address="198.51.100.9", headers={"user-agent": IPHONE}) as made:
        yield made
