"""Django: ours as the session engine, Django's own engines, and three packages that list sessions.

On SQLite Django's database has the settings that our store has. The engines that keep sessions in a
cache keep them in Redis.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from functools import partial
from importlib import import_module
from typing import Any
from urllib.parse import urlsplit

import django
from django.conf import settings

from .contract import ADDRESS, FIREFOX, Hook, Peer, nothing
from .places import Place

USERS = 5000
LATER: list[Hook] = []
"""What a slow request calls in its middle."""


def set_up(place: Place, engine: str, *apps: str, **more: Any) -> None:
    """A site with this session engine, and its users."""
    database: dict[str, Any] = {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": place.folder / "site.db",
        "OPTIONS": {
            "transaction_mode": "IMMEDIATE",
            "init_command": "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;",
        },
    }
    if place.engine == "postgres":
        parts = urlsplit(place.postgres_url)
        database = {
            "ENGINE": "django.db.backends.postgresql", "NAME": "postgres", "USER": parts.username,
            "HOST": parts.hostname, "PORT": parts.port, "CONN_MAX_AGE": None,
        }  # fmt: skip
    cache = {"BACKEND": "django.core.cache.backends.redis.RedisCache"}
    if place.engine == "redis" or engine.endswith("cached_db"):
        cache["LOCATION"] = place.redis_url
    settings.configure(
        SECRET_KEY="x" * 50,
        ALLOWED_HOSTS=["*"],
        ROOT_URLCONF="django.contrib.auth.urls",
        INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", *apps],
        DATABASES={"default": database},
        CACHES={"default": cache},
        DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
        SESSION_ENGINE=engine,
        USE_TZ=True,
        **more,
    )
    django.setup()
    from django.contrib.auth.models import User
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    User.objects.bulk_create(User(username=str(number), password="!") for number in range(1, USERS + 1))


def request_of(cookie: str = "") -> Any:
    from django.test import RequestFactory

    sent = {"HTTP_COOKIE": f"sessionid={cookie}"} if cookie else {}
    return RequestFactory(HTTP_USER_AGENT=FIREFOX, REMOTE_ADDR=ADDRESS, **sent).get("/")


def peer(middlewares: list[str], *, entered: Callable[[Any], None] = nothing, **more: Any) -> Peer:
    """What the sites have in common. entered: called with the request after Django's login."""
    from django.contrib.auth import login
    from django.contrib.auth.models import User
    from django.http import HttpResponse
    from django.utils.module_loading import import_string

    def chain(view: Callable[[Any], Any]) -> Callable[[Any], Any]:
        for name in reversed(middlewares):
            view = import_string(name)(view)
        return view

    def who(request: Any) -> HttpResponse:
        return HttpResponse(request.session.get("_auth_user_id", ""))

    def entering(request: Any) -> HttpResponse:
        login(request, request.whom, "django.contrib.auth.backends.ModelBackend")
        if entered is not nothing:
            entered(request)
        return HttpResponse("")

    def slow(request: Any) -> HttpResponse:
        answer = who(request)
        LATER.pop()()
        request.session["cart"] = "1"
        return answer

    asks, enters, waits = chain(who), chain(entering), chain(slow)

    def sign_in(user: str) -> str:
        request = request_of()
        request.whom = User.objects.get(pk=user)
        cookie: str = enters(request).cookies["sessionid"].value
        return cookie

    def slowly(cookie: str, hook: Hook) -> None:
        from django.contrib.sessions.exceptions import SessionInterrupted

        LATER.append(hook)
        with suppress(SessionInterrupted):  # Django answers it with 400
            waits(request_of(cookie))

    def bare(request: Any) -> HttpResponse:
        return HttpResponse("1")

    def always() -> None:
        settings.SESSION_SAVE_EVERY_REQUEST = True

    return Peer(
        bare=lambda cookie: bare(request_of(cookie)),
        request=lambda cookie: asks(request_of(cookie)).content.decode(),
        sign_in=sign_in,
        slow=slowly,
        **{"noting": always} | more,
    )


DJANGOS = "django.contrib.sessions.middleware.SessionMiddleware"


def djangos(place: Place, engine: str) -> Peer:
    """Nothing leads from a user to sessions: who knows a key can end one, who doesn't decodes all."""
    set_up(place, f"django.contrib.sessions.backends.{engine}", "django.contrib.sessions")
    store = import_module(settings.SESSION_ENGINE).SessionStore
    from django.contrib.sessions.models import Session

    def walk(user: str) -> int:
        decoded = (each.get_decoded() for each in Session.objects.iterator())
        return sum(session.get("_auth_user_id") == user for session in decoded)

    return peer(
        [DJANGOS],
        revoke=lambda user, cookie: store(cookie).delete(),
        walk=walk,
        fill=partial(filled, Session),
    )


def filled(model: Any, count: int, *beside: Callable[[str], Any]) -> None:
    """Rows as login makes them, by the thousand; beside: makes a row of another table for a key."""
    from django.utils import timezone

    store = import_module(settings.SESSION_ENGINE).SessionStore()
    made = {"_auth_user_id": "4711", "_auth_user_backend": "x" * 40, "_auth_user_hash": "x" * 64}
    shared = {"session_data": store.encode(made), "expire_date": timezone.now() + timedelta(days=14)}
    has_user = any(field.name == "user" for field in model._meta.fields)
    for start in range(0, count, 1000):
        keys = [secrets.token_hex(16) for _ in range(start, min(start + 1000, count))]
        of = [{"user_id": int(key, 16) % (USERS - 500) + 501} if has_user else {} for key in keys]
        rows = [model(session_key=key, **shared, **user) for key, user in zip(keys, of, strict=True)]
        model.objects.bulk_create(rows)
        for make in beside:
            type(make(keys[0])).objects.bulk_create([make(key) for key in keys])


def rows_of_users(middleware: str, told: Callable[[Any], object]) -> Peer:
    """Packages whose table of sessions has a column for the user. told: the device of a row."""
    from django.contrib.auth.models import User
    from django.utils import timezone

    def rows(user: str) -> Any:
        return User(pk=int(user)).session_set.filter(expire_date__gt=timezone.now())

    def listed(user: str) -> int:
        return len([told(row) for row in rows(user).order_by("-expire_date")])

    return peer(
        [middleware],
        revoke=lambda user, cookie: rows(user).get(session_key=cookie).delete(),
        list=listed,
        revoke_others=lambda user, cookie: rows(user).exclude(session_key=cookie).delete(),
        fill=partial(filled, User.session_set.rel.related_model),
    )


def qsessions(place: Place) -> Peer:
    set_up(place, "qsessions.backends.db", "qsessions")
    return rows_of_users("qsessions.middleware.SessionMiddleware", lambda row: row.device)


def user_sessions(place: Place) -> Peer:
    set_up(place, "user_sessions.backends.db", "user_sessions")
    from user_sessions.templatetags.user_sessions import device

    told = partial(_device_of, device)
    return rows_of_users("user_sessions.middleware.SessionMiddleware", told)


def _device_of(device: Callable[[str], object], row: Any) -> object:
    return device(row.user_agent)


def allauth(place: Place) -> Peer:
    """Beside Django's engine in the database; activity is tracked when it is noted."""
    more = ["django.contrib.sessions", "allauth", "allauth.account", "allauth.usersessions"]
    set_up(
        place,
        "django.contrib.sessions.backends.db",
        *more,
        USERSESSIONS_TRACK_ACTIVITY=False,
        MIDDLEWARE=["allauth.account.middleware.AccountMiddleware"],
    )
    from allauth.core.context import request_context
    from allauth.usersessions.internal.flows.sessions import end_other_sessions, end_sessions
    from allauth.usersessions.models import UserSession
    from allauth.usersessions.signals import on_user_logged_in
    from django.contrib.auth.models import User
    from django.contrib.sessions.models import Session

    def entered(request: Any) -> None:
        with request_context(request):
            on_user_logged_in(None, request=request)

    def as_current(user: str, cookie: str) -> Any:
        request = request_of(cookie)
        request.session = import_module(settings.SESSION_ENGINE).SessionStore(cookie)
        return request

    def revoke(user: str, cookie: str) -> None:
        request = as_current(user, "another")
        with request_context(request):
            end_sessions(request, UserSession.objects.filter(user_id=user, session_key=cookie))

    def revoke_others(user: str, cookie: str) -> None:
        request = as_current(user, cookie)
        with request_context(request):
            end_other_sessions(request, User(pk=int(user)))

    def beside(key: str) -> Any:
        user = int(key, 16) % (USERS - 500) + 501
        return UserSession(session_key=key, user_id=user, ip=ADDRESS, user_agent=FIREFOX)

    def tracks() -> None:
        settings.USERSESSIONS_TRACK_ACTIVITY = True

    return peer(
        [
            DJANGOS,
            "django.contrib.auth.middleware.AuthenticationMiddleware",
            "allauth.usersessions.middleware.UserSessionsMiddleware",
        ],
        entered=entered,
        revoke=revoke,
        list=lambda user: len(UserSession.objects.purge_and_list(User(pk=int(user)))),
        revoke_others=revoke_others,
        fill=lambda count: filled(Session, count, beside),
        noting=tracks,
    )


def ours(place: Place) -> Peer:
    """As the session engine."""
    told = {"STORE": place.url, "SWEEP_EVERY": None}
    set_up(place, "signedin.django.sessions", "signedin.django", SIGNEDIN=told)
    from signedin.config import now_ms
    from signedin.django.flow import flow, forget_flow

    sessions, moved = flow().sessions, [0]
    sessions.clock = lambda: now_ms() + moved[0]

    def noting() -> None:
        moved[0] += 61_000

    def noted() -> None:
        flow().background.close()

    return peer(
        ["signedin.django.SessionMiddleware"],
        revoke=lambda user, cookie: sessions.revoke(user, cookie.partition(".")[0], current=None),
        list=lambda user: len(sessions.list(user)),
        revoke_others=lambda user, cookie: sessions.revoke_others(
            user, current=cookie.partition(".")[0]
        ),
        noting=noting,
        noted=noted,
        close=forget_flow,
    )


SQL = ("sqlite", "postgres")
PEERS: dict[str, tuple[Callable[[Place], Peer], tuple[str, ...]]] = {
    "signedin": (ours, ("sqlite", "redis", "postgres")),
    "Django db": (partial(djangos, engine="db"), SQL),
    "Django cached_db": (partial(djangos, engine="cached_db"), SQL),
    "Django cache": (partial(djangos, engine="cache"), ("redis",)),
    "django-qsessions": (qsessions, SQL),
    "django-user-sessions": (user_sessions, SQL),
    "django-allauth usersessions": (allauth, SQL),
}
