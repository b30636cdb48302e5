"""Flask: ours, and Flask-Session."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Any

import flask
import redis
from flask import Flask
from flask_session import Session
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import event

from signedin.config import now_ms
from signedin.flask import Signedin, current_session, sign_in

from .contract import ADDRESS, FIREFOX, Hook, Peer
from .places import Place
from .starlette_apps import as_ours

LATER: list[Hook] = []
"""What a slow request calls in its middle."""


class Browser:
    """Requests to a Flask application in this process. name: of the cookie."""

    def __init__(self, app: Flask, name: str) -> None:
        self._app = app
        self._name = name

    def ask(self, path: str, cookie: str = "") -> tuple[str, str]:
        """The body, and the session's cookie if it was set."""
        found: list[str] = []
        sent = {
            "REQUEST_METHOD": "GET", "SCRIPT_NAME": "", "PATH_INFO": path, "QUERY_STRING": "",
            "SERVER_NAME": "app.example", "SERVER_PORT": "443", "SERVER_PROTOCOL": "HTTP/1.1",
            "REMOTE_ADDR": ADDRESS, "HTTP_HOST": "app.example", "HTTP_USER_AGENT": FIREFOX,
            "HTTP_COOKIE": f"{self._name}={cookie}" if cookie else "", "wsgi.url_scheme": "https",
        }  # fmt: skip

        def start(status: str, headers: list[tuple[str, str]]) -> None:
            assert status.startswith("200"), status
            mine = f"{self._name}="
            found.extend(value[len(mine) :] for _, value in headers if value.startswith(mine))

        body = b"".join(self._app(sent, start)).decode()
        return body, found[0].partition(";")[0] if found else ""

    def request(self, cookie: str) -> str:
        return self.ask("/", cookie)[0]

    def sign_in(self, user: str) -> str:
        return self.ask(f"/enter/{user}")[1]

    def slow(self, cookie: str, hook: Hook) -> None:
        LATER.append(hook)
        self.ask("/slow", cookie)


def routes(app: Flask, of: Callable[[], str], enter: Callable[[str], None]) -> None:
    """of: who is signed in. enter: signs a user in."""

    def entered(user: str) -> str:
        enter(user)
        return ""

    def slow() -> str:
        user = of()
        LATER.pop()()
        flask.session["cart"] = "1"
        return user

    app.add_url_rule("/", "home", of)
    app.add_url_rule("/enter/<user>", "enter", entered)
    app.add_url_rule("/slow", "slow", slow)


def bare() -> Callable[[str], Any]:
    """Flask alone."""
    app = Flask("bare")
    app.add_url_rule("/", "home", lambda: "1")
    return Browser(app, "x").request


def ours(place: Place) -> Peer:
    moved, app = [0], Flask("ours")
    app.config.update(SIGNEDIN_STORE=place.url, SIGNEDIN_SWEEP_EVERY=None)
    Signedin(app, clock=lambda: now_ms() + moved[0])
    host = app.extensions["signedin"]
    sessions = host.sessions
    routes(app, lambda: current_session.user_id if current_session else "", sign_in)
    browser = Browser(app, "__Host-signedin")

    def noting() -> None:
        moved[0] += 61_000

    return Peer(
        bare(),
        browser.request,
        browser.sign_in,
        browser.slow,
        lambda user, cookie: sessions.revoke(user, cookie.partition(".")[0], current=None),
        lambda user: len(sessions.list(user)),
        lambda user, cookie: sessions.revoke_others(user, current=cookie.partition(".")[0]),
        noting=noting,
        noted=host.background.close,
        close=host.close,
    )


def flask_session(place: Place) -> Peer:
    """Only reading, until activity is noted: then as it comes, with a write in each request."""
    app = Flask("theirs")
    app.config.update(SESSION_REFRESH_EACH_REQUEST=False)
    if place.engine == "redis":
        app.config.update(SESSION_TYPE="redis", SESSION_REDIS=redis.Redis.from_url(place.redis_url))
    else:
        url = f"sqlite:///{place.folder / 'peer.db'}"
        if place.engine == "postgres":
            url = place.postgres_url.replace("postgresql:", "postgresql+psycopg:")
        app.config["SQLALCHEMY_DATABASE_URI"] = url
        database = SQLAlchemy(app)
        if place.engine == "sqlite":
            with app.app_context():
                event.listen(database.engine, "connect", as_ours)
        app.config.update(SESSION_TYPE="sqlalchemy", SESSION_SQLALCHEMY=database)
    Session(app)
    interface: Any = app.session_interface

    def enter(user: str) -> None:
        flask.session["user"] = user

    routes(app, lambda: str(flask.session.get("user", "")), enter)
    browser = Browser(app, "session")

    def revoke(user: str, cookie: str) -> None:
        with app.app_context():
            interface._delete_session(interface._get_store_id(cookie))

    def walk(user: str) -> int:
        client, found = app.config["SESSION_REDIS"], 0
        for keys in batched(client.scan_iter("session:*", 1000), 1000):
            kept = [interface.serializer.decode(each) for each in client.mget(keys) if each]
            found += sum(session["user"] == user for session in kept)
        return found

    def fill(count: int) -> None:
        kept = interface.serializer.encode({"user": "somebody"})
        for start in range(0, count, 1000):
            with app.config["SESSION_REDIS"].pipeline(transaction=False) as pipe:
                for _ in range(start, min(start + 1000, count)):
                    pipe.setex(f"session:{secrets.token_urlsafe(32)}", 2_678_400, kept)
                pipe.execute()

    def always() -> None:
        app.config["SESSION_REFRESH_EACH_REQUEST"] = True

    return Peer(
        bare(),
        browser.request,
        browser.sign_in,
        browser.slow,
        revoke,
        walk=walk,
        fill=fill,
        noting=always,
    )


def batched(items: Iterable[Any], size: int) -> Iterator[list[Any]]:
    """As itertools has it from Python 3.12 on."""
    rest = iter(items)
    while some := list(islice(rest, size)):
        yield some


PEERS: dict[str, tuple[Callable[[Place], Peer], tuple[str, ...]]] = {
    "signedin": (ours, ("sqlite", "redis", "postgres")),
    "Flask-Session": (flask_session, ("sqlite", "redis", "postgres")),
}
