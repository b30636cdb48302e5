"""What Django's own engines do, ours does: the dict, its keys, its expiry, its cookie; plain and awaited."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.contrib.sessions.backends.base import CreateError, UpdateError
from django.test import override_settings
from django.utils import timezone

from signedin import Client as Device
from signedin.django.flow import flow
from signedin.django.sessions import SessionStore

from ..support import SECOND, Clock
from .django_support import Client, browser, cookies_of, listed, who
from .test_django_engine import engine, site, way

__all__ = ["engine", "site", "way"]

Case = Callable[..., Any]


class Face:
    """A store's plain methods or their twins, by the plain name."""

    def __init__(self, key: str | None, *, awaits: bool) -> None:
        self.store = SessionStore(key)
        self.awaits = awaits

    def __getattr__(self, name: str) -> Any:
        if self.awaits:
            return getattr(self.store, f"a{name}")
        return sync_to_async(getattr(self.store, "__setitem__" if name == "set" else name))

    async def content(self) -> dict[str, Any]:
        return {key: value for key, value in await self.items() if not key.startswith("_")}


@pytest.fixture(params=[False, True], ids=["plain", "awaited"])
def face(request: pytest.FixtureRequest, site: Any) -> Callable[..., Face]:
    """Makes a store, of the key that is given."""
    return lambda key=None: Face(key, awaits=request.param)


@pytest.fixture
async def known(face: Case) -> tuple[str, str]:
    """The token and the id of a session whose dict is ``{"a": 1}``."""
    sessions = flow().sessions
    user = await sync_to_async(_pk)()
    begun = sessions.clock()
    outcome = await sync_to_async(sessions.sign_in)(user, Device("192.0.2.7", ""), started_at=begun)
    token = outcome.cookies[0].value
    made = face(token)
    await made.set("a", 1)
    await made.save()
    return token, outcome.session.id


def _pk() -> str:
    from django.contrib.auth import get_user_model

    return str(get_user_model().objects.get(username="ada").pk)


# ── the dict ─────────────────────────────────────────────────────────────────────────────────

# What is called on {"a": 1}; what it returns; what is left; whether it counts as a change.
DICT: dict[str, tuple[tuple[Any, ...], Any, dict[str, Any], bool]] = {
    "get of what is there": (("get", "a"), 1, {"a": 1}, False),
    "get of what isn't": (("get", "b"), None, {"a": 1}, False),
    "get with a default": (("get", "b", 7), 7, {"a": 1}, False),
    "pop": (("pop", "a"), 1, {}, True),
    "pop with a default": (("pop", "b", 7), 7, {"a": 1}, False),
    "pop with None": (("pop", "b", None), None, {"a": 1}, False),
    "setdefault of what is there": (("setdefault", "a", 7), 1, {"a": 1}, False),
    "setdefault of what isn't": (("setdefault", "b", 7), 7, {"a": 1, "b": 7}, True),
    "update": (("update", {"b": 2}), None, {"a": 1, "b": 2}, True),
    "has_key": (("has_key", "a"), True, {"a": 1}, False),
    "has_key of what isn't": (("has_key", "b"), False, {"a": 1}, False),
    "set": (("set", "a", 2), None, {"a": 2}, True),
}


@pytest.mark.parametrize("case", DICT)
async def test_the_dict(face: Case, known: tuple[str, str], case: str) -> None:
    """It answers as a dict does, and knows whether it was looked at and whether it was changed. What is saved
    is what the next finds.
    """
    (name, *arguments), answer, left, is_changed = DICT[case]
    for key in known:
        made = face(key)
        assert (made.store.accessed, made.store.modified) == (False, False)
        assert await getattr(made, name)(*arguments) == answer
        assert (made.store.accessed, made.store.modified) == (True, is_changed)
        assert await made.content() == left
        await made.save()
        assert await face(key).content() == left
        await made.update({"a": 1})
        await made.pop("b", None)
        await made.save()


async def test_views_of_the_dict(face: Case, known: tuple[str, str]) -> None:
    """Keys, values, items; none of them a change."""
    made = face(known[0])
    assert "a" in list(await made.keys())
    assert 1 in list(await made.values())
    assert ("a", 1) in list(await made.items())
    assert not made.store.modified


async def test_pop_of_nothing(face: Case, known: tuple[str, str]) -> None:
    """Without a default it is a KeyError."""
    with pytest.raises(KeyError):
        await face(known[0]).pop("b")


async def test_clear(face: Case, known: tuple[str, str]) -> None:
    """Everything is gone, and that is a change."""
    made = face(known[0])
    made.store.clear()
    assert (await made.content(), made.store.accessed, made.store.modified) == ({}, True, True)
    await made.save()
    assert await face(known[0]).content() == {}


async def test_a_new_one(face: Case) -> None:
    """Is empty and has no key; saved with something in it, it has one. What tests cookies works."""
    made = face()
    assert await sync_to_async(made.store.is_empty)()
    assert (made.store.session_key, made.store.accessed) == (None, True)
    await made.set_test_cookie()
    assert await made.test_cookie_worked()
    await made.save()
    assert made.store.session_key is not None
    await made.delete_test_cookie()
    assert not await made.test_cookie_worked()


# ── keys ─────────────────────────────────────────────────────────────────────────────────────


async def test_saving_keeps_the_key(face: Case, known: tuple[str, str]) -> None:
    """And what is there, if nothing was looked at."""
    token, key = known
    for brought in known:
        made = face(brought)
        await made.save()
        assert made.store.session_key == key
        assert await face(token).content() == {"a": 1}
    assert await made.exists(key)


@pytest.mark.parametrize("key", ["", "1", "x" * 10_000, "../../etc/passwd", "\udce9", "5a" * 24])
async def test_a_key_of_nobodys(face: Case, key: str) -> None:
    """It is not taken up, and looking makes nothing of it."""
    made = face(key)
    assert await made.content() == {}
    assert made.store.session_key is None
    assert not await made.exists(key)
    await made.delete(key)


async def test_nothing_comes_back(face: Case, known: tuple[str, str]) -> None:
    """A session that was ended elsewhere meanwhile is not written again: UpdateError, whichever key is held."""
    token, key = known
    held = [face(token), face(key)]
    for made in held:
        await made.get("a")
    await face(token).flush()
    for made in held:
        await made.set("a", 2)
        with pytest.raises(UpdateError):
            await made.save()
    assert not await held[0].exists(key)
    for brought in known:
        assert await face(brought).content() == {}


async def test_creating_what_is_there(face: Case, known: tuple[str, str]) -> None:
    """``save(must_create=True)`` under a key that is taken is a CreateError, and changes nothing."""
    made = face(known[1])
    with pytest.raises(CreateError):
        await made.save(must_create=True)
    assert await face(known[1]).content() == {"a": 1}


async def test_create(face: Case) -> None:
    """A key at once, and nothing in it."""
    made = face()
    await made.create()
    assert made.store.session_key is not None
    assert await made.content() == {}


@pytest.mark.parametrize("ending", ["flush", "delete"])
async def test_ending(face: Case, known: tuple[str, str], ending: str) -> None:
    """The session is over for every key; after ``flush`` the dict is empty as well."""
    made = face(known[0])
    await made.get("a")
    await getattr(made, ending)()
    assert not await made.exists(known[1])
    assert await face(known[0]).content() == {}
    if ending == "flush":
        assert (await made.content(), made.store.session_key) == ({}, None)


async def test_deleting_by_key(face: Case, known: tuple[str, str]) -> None:
    """Another's session is ended by its key; one's own dict stays."""
    made = face()
    await made.update({"b": 2})
    await made.save()
    await made.delete(known[1])
    assert not await made.exists(known[1])
    assert await made.content() == {"b": 2}


async def test_a_cycle(face: Case, known: tuple[str, str]) -> None:
    """A new secret for the same dict, read before or not."""
    made = face(known[0])
    await made.cycle_key()
    await made.save()
    renewed = made.store.binding.sync.cookies[0].value
    assert renewed != known[0]
    assert await face(renewed).content() == {"a": 1}


# ── expiry ───────────────────────────────────────────────────────────────────────────────────

DATE = datetime(2030, 1, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("told", "age"),
    [(None, 1209600), (10, 10), (timedelta(seconds=10), 10), (0, 1209600)],
    ids=["as ever", "seconds", "a time", "with the browser"],
)
async def test_expiry(face: Case, known: tuple[str, str], told: Any, age: int) -> None:
    """``set_expiry`` takes seconds, a duration, a date or nothing; age and date agree, also once stored."""
    made = face(known[0])
    await made.set_expiry(told)
    await made.save()
    for each in (made, face(known[0])):
        now = timezone.now()
        assert abs(await each.get_expiry_age(modification=now) - age) <= 1
        until = await each.get_expiry_date(modification=now)
        assert abs((until - now).total_seconds() - age) <= 1
        assert await each.get_expire_at_browser_close() is (told == 0)
    await made.set_expiry(None)
    assert await made.get_expiry_age() == 1209600


async def test_expiry_at_a_date(face: Case) -> None:
    """Until then from whatever moment it is looked at."""
    made = face()
    await made.set_expiry(DATE)
    assert await made.get_expiry_date() == DATE
    at = DATE - timedelta(hours=1)
    assert await made.get_expiry_age(modification=at) == 3600


@pytest.mark.parametrize("closes", [False, True])
async def test_expiry_with_the_browser(face: Case, closes: bool) -> None:
    """The setting's word, unless the session has its own."""
    with override_settings(SESSION_EXPIRE_AT_BROWSER_CLOSE=closes):
        made = face()
        for told, answer in ((10, False), (0, True), (None, closes)):
            await made.set_expiry(told)
            assert await made.get_expire_at_browser_close() is answer


@pytest.mark.parametrize("told", [10, timedelta(seconds=10)], ids=["seconds", "a time"])
async def test_expiry_is_kept(face: Case, known: tuple[str, str], clock: Clock, told: Any) -> None:
    """At that moment the session is over, for the server as well."""
    made = face(known[0])
    await made.set_expiry(told)
    await made.save()
    clock.tick(8 * SECOND)
    assert await face(known[0]).content() == {"a": 1}
    clock.tick(2 * SECOND)
    assert await face(known[0]).content() == {}
    assert not await made.exists(known[1])


# ── the middleware ───────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("setting", "value", "attribute", "said"),
    [
        ("SESSION_COOKIE_SECURE", True, "secure", True),
        ("SESSION_COOKIE_SECURE", False, "secure", ""),
        ("SESSION_COOKIE_HTTPONLY", True, "httponly", True),
        ("SESSION_COOKIE_HTTPONLY", False, "httponly", ""),
        ("SESSION_COOKIE_SAMESITE", "Strict", "samesite", "Strict"),
        ("SESSION_COOKIE_SAMESITE", "Lax", "samesite", "Lax"),
        ("SESSION_COOKIE_AGE", 60, "max-age", 60),
        ("SESSION_COOKIE_PATH", "/app", "path", "/app"),
        ("SESSION_COOKIE_DOMAIN", "app.example", "domain", "app.example"),
    ],
)
def test_the_cookie(site: Any, setting: str, value: Any, attribute: str, said: Any) -> None:
    """Each of Django's settings is in the cookie, and in the one that takes it away where that needs it."""
    with override_settings(**{setting: value}):
        ada = browser("ada")
        assert ada.cookies["sessionid"][attribute] == said
        gone = ada.post("/logout/").cookies["sessionid"]
        assert (gone.value, gone["max-age"]) == ("", 0)
        if attribute in ("path", "domain", "samesite"):
            assert gone[attribute] == said


def test_what_is_emptied_without_a_cookie(site: Any) -> None:
    """A flush where there was nothing sets and takes away nothing."""
    answer = Client().post("/logout/")
    assert answer.cookies == {}


def test_a_view_that_looks_at_nothing(site: Any) -> None:
    """Its answer doesn't vary by cookie; that of one that looks does."""
    ada = browser("ada")
    assert "Cookie" not in ada.get("/").headers.get("Vary", "")
    assert "Cookie" in ada.get("/me/").headers["Vary"]


def test_an_emptied_dict(site: Any) -> None:
    """A session goes on without one; a visitor with nothing is nobody."""
    ada, visitor = browser("ada"), Client()
    for client in (ada, visitor):
        client.post("/bag/", '{"a": 1}', content_type="application/json")
        assert client.get("/bag/").json() == {"a": 1}
        client.post("/empty/")
        assert client.get("/bag/").json() == {}
    assert who(ada) == "ada"
    assert len(listed("ada")) == 1
    assert cookies_of(visitor).get("sessionid-visitor", "") == ""
