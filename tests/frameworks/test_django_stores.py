"""The suite of Django once more on the other stores, in both ways in: what must hold on each of them."""

# ruff: noqa: F401 - what is imported is run

from __future__ import annotations

from typing import Any

import pytest

from ..engines import ENGINES, Database, Engine, OneServer
from .django_site import WAYS
from .django_support import browser, open_site
from .test_django_flow import (
    test_a_reset_that_signs_in,
    test_a_stolen_cookie_after_each_end,
    test_account_disabled_or_deleted,
    test_another_user_in_the_same_browser,
    test_async_views,
    test_idle,
    test_idor_and_the_page,
    test_login_and_logout,
    test_password_change,
    test_password_change_under_asgi,
    test_password_set_by_another,
    test_remember_me,
    test_remember_me_of_a_disabled_account,
    test_remember_me_under_asgi,
    test_revoked,
    test_revoked_under_asgi,
    test_sign_out_everywhere,
    test_touch,
)


@pytest.fixture(params=["redis", "postgres"])
def engine(request: pytest.FixtureRequest) -> Engine:
    return ENGINES[request.param]


@pytest.fixture(params=list(WAYS))
def way(request: pytest.FixtureRequest) -> str:
    return str(request.param)


site = pytest.fixture(open_site)


def connections(engine: Engine) -> int:
    """How many the server has."""
    if isinstance(engine, OneServer):
        with engine.server.client() as client:
            return len(client.client_list())
    assert isinstance(engine, Database)
    ((count,),) = engine.server.execute("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'signedin'")  # fmt: skip
    return int(count)


def test_async_views_under_wsgi(site: Any, engine: Engine) -> None:
    """Each of their requests has an event loop of its own, and leaves no connection behind."""
    ada = browser("ada")
    for _ in range(12):
        ada.post("/abag/", '{"a": 1}', content_type="application/json")
        assert ada.get("/abag/").json() == {"a": 1}
    assert connections(engine) < 12
