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
from tests.postgres import Postgres

from .tools import Result, timed

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
            "CONN_MAX_AGE": None,
        }
    settings.configure(
        SECRET_KEY="x" * 50,
        ALLOWED_HOSTS=["*"],
        ROOT_URLCONF="signedin.django.urls",
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


def requests(cookie: str) -> list[Any]:
    """As a browser sends them."""
    from django.test import RequestFactory

    make = RequestFactory(HTTP_COOKIE=cookie, HTTP_USER_AGENT=AGENT, REMOTE_ADDR="203.0.113.24").get
    return [make("/") for _ in range(REQUESTS)]


def overhead(kind: str, target: float, count: int) -> Result:
    """The session's dict is read, nothing is changed."""
    from django.contrib.auth import get_user_model, login
    from django.contrib.sessions.backends.db import SessionStore as DjangosStore
    from django.contrib.sessions.middleware import SessionMiddleware as Djangos
    from django.http import HttpRequest, HttpResponse

    from signedin.django import SessionMiddleware
    from signedin.django.sessions import SessionStore

    class DjangosMiddleware(Djangos):
        """With Django's own engine in the database."""

        def __init__(self, get_response: Callable[[Any], Any]) -> None:
            super().__init__(get_response)
            self.SessionStore = DjangosStore

    user, _ = get_user_model().objects.get_or_create(username="ada")
    stored = DjangosStore()
    stored["_auth_user_id"] = str(user.pk)
    stored.save()
    request: Any = HttpRequest()
    request.session = SessionStore()
    login(request, user, "django.contrib.auth.backends.ModelBackend")
    request.session.save()
    token = request.session.binding.sync.cookies[0].value
    cookies = {"django": f"sessionid={stored.session_key}", "ours": f"sessionid={token}"}

    def view(request: Any) -> HttpResponse:
        if hasattr(request, "session"):
            assert request.session["_auth_user_id"]
        return HttpResponse("x")

    ways: dict[str, Any] = {"django": DjangosMiddleware(view), "ours": SessionMiddleware(view)}

    def once(way: str) -> float:
        """Microseconds net of the bare request's."""

        def run(call: Callable[[Any], Any], batch: list[Any]) -> float:
            return timed(lambda: [call(request) for request in batch], REQUESTS)

        bare = run(view, requests(cookies[way]))
        return run(ways[way], requests(cookies[way])) - bare

    pairs = [(once("django"), once("ours")) for _ in range(count)]
    base = statistics.median(a for a, _ in pairs)
    ours = statistics.median(b for _, b in pairs)
    ratio = statistics.median(b / a for a, b in pairs)
    return Result(
        f"Django, a session's dict read, {kind}", "Django's db engine", base, ours, ratio, target
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--postgres", action="store_true")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        server = Postgres() if chosen.postgres else None
        set_up(Path(folder), None if server is None else server.url)
        kind, target = ("PostgreSQL", 1 / 8) if chosen.postgres else ("SQLite", 1 / 15)
        line = overhead(kind, target, 5 if chosen.quick else 41)
        print(
            f"{line.what} | {line.base} | {line.base_us:.1f} | {line.ours_us:.1f}"
            f" | {line.ratio:.3f} | {line.target:.3f}"
        )
        from signedin.django.flow import forget_flow

        forget_flow()


if __name__ == "__main__":
    main()
