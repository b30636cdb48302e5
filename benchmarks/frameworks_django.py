"""Django: what a session costs a signed-in request, net of the bare one, beside Django's own engine.

``python -m benchmarks.frameworks_django [--quick] [--postgres]``. Loading the user's row isn't in
it, on either side. Django's sessions are in the same kind of database as ours.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import django
from django.conf import settings
from django.contrib.sessions.middleware import SessionMiddleware
from django.http import HttpRequest, HttpResponse
from django.urls import path
from tests.postgres import Postgres

from .tools import Result, pin, timed

AGENT = "Mozilla/5.0 (X11; Ubuntu; Linux x86_64; rv:144.0) Gecko/20100101 Firefox/144.0"
REQUESTS = 200


def set_up(folder: Path, postgres: str | None) -> None:
    """A site with both engines."""
    database: dict[str, Any] = {"ENGINE": "django.db.backends.sqlite3", "NAME": folder / "site.db"}
    if postgres is not None:
        parts = urlsplit(postgres)
        database = {
            "ENGINE": "django.db.backends.postgresql",
            "NAME": parts.path.lstrip("/"),
            "USER": parts.username,
            "PASSWORD": parts.password,
            "HOST": parts.hostname,
            "PORT": parts.port,
        }
    settings.configure(
        SECRET_KEY="x" * 50,
        ALLOWED_HOSTS=["*"],
        ROOT_URLCONF=__name__,
        INSTALLED_APPS=[
            "signedin.django",
            "django.contrib.auth",
            "django.contrib.contenttypes",
            "django.contrib.sessions",
        ],
        DATABASES={"default": database},
        SESSION_ENGINE="signedin.django.sessions",
        SIGNEDIN={"STORE": postgres or str(folder / "sessions.db"), "SWEEP_EVERY": None},
        USE_TZ=True,
    )
    django.setup()
    from django.core.management import call_command

    call_command("migrate", verbosity=0)


def sign_in() -> tuple[str, str]:
    """Somebody is signed in with Django's engine and with ours: the ``Cookie`` header of each."""
    from django.contrib.auth import get_user_model, login
    from django.contrib.sessions.backends.db import SessionStore as DjangosStore

    from signedin.django.sessions import SessionStore

    user, _ = get_user_model().objects.get_or_create(username="ada")
    stored = DjangosStore()
    stored["_auth_user_id"] = str(user.pk)
    stored.save()
    request: Any = HttpRequest()
    request.session = SessionStore()
    login(request, user, "django.contrib.auth.backends.ModelBackend")
    request.session.save()
    return (
        f"sessionid={stored.session_key}",
        f"sessionid={request.session.binding.sync.cookies[0].value}",
    )


class DjangosSessions(SessionMiddleware):
    """Django's own, with its engine in the database."""

    def __init__(self, get_response: Callable[[Any], Any]) -> None:
        from django.contrib.sessions.backends.db import SessionStore

        super().__init__(get_response)
        self.SessionStore = SessionStore


def view(request: Any) -> HttpResponse:
    """A page that reads the session's dict and changes nothing."""
    if hasattr(request, "session"):
        assert request.session["_auth_user_id"]
    return HttpResponse("x")


urlpatterns = [path("", view)]


def handler(*middlewares: str) -> Any:
    """Django's own WSGI application with these middlewares."""
    from django.core.handlers.wsgi import WSGIHandler
    from django.test import override_settings

    with override_settings(MIDDLEWARE=list(middlewares)):
        return WSGIHandler()


def overhead(kind: str, target: float, count: int, *, kept: bool) -> Result:
    """What a whole request costs beyond the bare one. kept: Django's connections to the database are."""
    from django.db import connections
    from django.test import RequestFactory

    settings.DATABASES["default"]["CONN_MAX_AGE"] = None if kept else 0
    connections.close_all()
    cookies = dict(zip(("django", "ours"), sign_in(), strict=True))
    ways = {
        "django": handler(f"{__name__}.DjangosSessions"),
        "ours": handler("signedin.django.SessionMiddleware"),
    }
    bare = handler()

    def run(app: Any, cookie: str) -> float:
        """Microseconds a request, as a server does it."""
        make = RequestFactory(HTTP_COOKIE=cookie, HTTP_USER_AGENT=AGENT, REMOTE_ADDR="203.0.113.24")
        environs = [make._base_environ() for _ in range(REQUESTS)]

        def serve() -> None:
            for environ in environs:
                response = app(environ, lambda status, headers: None)
                assert response.status_code == 200
                response.close()

        return timed(serve, REQUESTS)

    def once(way: str) -> float:
        before = run(bare, cookies[way])
        return run(ways[way], cookies[way]) - before

    pairs = [(once("django"), once("ours")) for _ in range(count)]
    base = statistics.median(a for a, _ in pairs)
    ours = statistics.median(b for _, b in pairs)
    ratio = statistics.median(b / a for a, b in pairs)
    how = "kept" if kept else "one a request, Django's default"
    return Result(
        f"Django on {kind}, connections {how}", "Django's db engine", base, ours, ratio, target
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--postgres", action="store_true")
    chosen = parser.parse_args()
    pin()
    with tempfile.TemporaryDirectory() as folder:
        server = Postgres() if chosen.postgres else None
        set_up(Path(folder), None if server is None else server.url)
        kind, target = ("PostgreSQL", 1 / 8) if chosen.postgres else ("SQLite", 1 / 15)
        print("| a request, µs net | Django's db engine | ours | ratio | at most |")
        print("|---|---:|---:|---:|---:|")
        for kept in (False, True):
            line = overhead(kind, target, 5 if chosen.quick else 41, kept=kept)
            print(
                f"| {line.what} | {line.base_us:.0f} | {line.ours_us:.0f}"
                f" | {line.ratio:.3f} | {line.target:.3f} |",
                flush=True,
            )
        from signedin.django.flow import forget_flow

        forget_flow()


if __name__ == "__main__":
    main()
