"""The site for a test, and its browsers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from ..support import Clock
from .django_site import WAYS, set_up

set_up()

from django.contrib.auth import get_user_model  # noqa: E402
from django.contrib.sessions.models import Session as DjangosSession  # noqa: E402
from django.db import connections  # noqa: E402
from django.test import Client, override_settings  # noqa: E402

from signedin.django import flow as process  # noqa: E402
from signedin.django.flow import flow  # noqa: E402


class Customer(get_user_model()):  # type: ignore[misc]
    """A proxy, as sites have them."""

    class Meta:
        proxy = True
        app_label = "auth"


OURS = {"origin": "http://testserver"}
FORM = "application/x-www-form-urlencoded"


def open_site(way: str, url: str, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The site with an empty store and two users; what it keeps of sessions is the test's own."""
    monkeypatch.setattr(process, "now_ms", clock)
    if "?" in url:  # a busy machine is no outage
        url += "&answer_within=5"
    with override_settings(SIGNEDIN={"STORE": url}, **WAYS[way]):
        users = get_user_model().objects
        users.all().delete()
        DjangosSession.objects.all().delete()
        process.forget_flow()
        users.create_user("ada", "ada@example.com", "correct horse", is_staff=True, is_superuser=True)
        users.create_user("bob", "bob@example.com", "correct horse")
        yield users
        process.forget_flow()
    connections.close_all()


def browser(name: str | None = None, **more: Any) -> Client:
    """A browser, logged in if a name is given."""
    made = Client(REMOTE_ADDR="203.0.113.24")
    if name is not None:
        log_in(made, name, **more)
    return made


def log_in(client: Client, name: str, **more: Any) -> Any:
    answer = client.post("/login/", {"username": name, "password": "correct horse"} | more)
    assert answer.content == b"in"
    return answer


def who(client: Client) -> str:
    return str(client.get("/me/").json()["user"])


def listed(name: str) -> list[Any]:
    user = get_user_model().objects.get(username=name)
    return list(flow().sessions.overview(user.pk).sessions)


def history(name: str) -> list[str]:
    user = get_user_model().objects.get(username=name)
    return [ended.reason for ended in flow().sessions.history(user.pk)]


def act(client: Client, path: str, headers: dict[str, str] | None = None, body: str = "") -> Any:
    """A change on the page, from our own page if nothing else is told."""
    told = OURS if headers is None else headers
    return client.post(f"/account/sessions/{path}", body, content_type=FORM, headers=told)


def client_with(cookies: dict[str, str]) -> Client:
    """A browser that has these cookies."""
    made = Client()
    for name, value in cookies.items():
        made.cookies[name] = value
    return made


def cookies_of(client: Client) -> dict[str, str]:
    return {name: morsel.value for name, morsel in client.cookies.items()}
