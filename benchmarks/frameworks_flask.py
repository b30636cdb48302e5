"""What a signed-in request of Flask costs: ``python -m benchmarks.frameworks_flask``.

Ours and Flask-Session on one Redis server that is started for it, net of Flask itself; a view that asks
who is signed in and reads a value of ``flask.session``. Turns one after the other; the ratio is the
median of theirs. Counted is processor time, the application's and the server's: one thing waits for the
other here, and what else the machine does doesn't matter.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import Any

import flask
import redis
from flask import Flask
from flask_session import Session
from tests.servers import REDIS, Server

from signedin.flask import Signedin, current_session, sign_in

from .tools import pin

REQUESTS = 400
TURNS = 25


def environ(cookie: str = "", path: str = "/") -> dict[str, Any]:
    return {
        "REQUEST_METHOD": "GET",
        "SCRIPT_NAME": "",
        "PATH_INFO": path,
        "QUERY_STRING": "",
        "SERVER_NAME": "app.example",
        "SERVER_PORT": "443",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "203.0.113.24",
        "HTTP_HOST": "app.example",
        "HTTP_COOKIE": cookie,
        "HTTP_USER_AGENT": "Mozilla/5.0 (X11; Linux x86_64; rv:144.0) Gecko/20100101 Firefox/144.0",
        "wsgi.url_scheme": "https",
    }


def ask(app: Flask, sent: dict[str, Any]) -> tuple[bytes, str]:
    """One request; the body, and the cookie that was set."""
    cookies: list[str] = []

    def start(status: str, headers: list[tuple[str, str]]) -> None:
        assert status.startswith("200"), status
        cookies.extend(value for name, value in headers if name == "Set-Cookie")

    body = b"".join(app(dict(sent), start))
    return body, cookies[0].partition(";")[0] if cookies else ""


def bare() -> Flask:
    """Flask alone."""
    app = Flask("bare")
    app.add_url_rule("/", "home", lambda: "1green")
    return app


def theirs(url: str, *, renews: bool) -> Flask:
    """Flask-Session; renews: as it comes, else without a write in each request."""
    app = Flask("theirs")
    client = redis.Redis.from_url(url)
    app.config.update(SESSION_TYPE="redis", SESSION_REDIS=client, SESSION_REFRESH_EACH_REQUEST=renews)
    Session(app)

    def enter() -> str:
        flask.session.update(user="1", colour="green")
        return ""

    app.add_url_rule("/sign_in", "enter", enter)
    app.add_url_rule("/", "home", lambda: flask.session["user"] + flask.session["colour"])
    return app


def ours(url: str) -> Flask:
    """signedin."""
    app = Flask("ours")
    app.config.update(SIGNEDIN_STORE=url, SIGNEDIN_SWEEP_EVERY=None)
    Signedin(app)

    def enter() -> str:
        sign_in("1")
        flask.session["colour"] = "green"
        return ""

    app.add_url_rule("/sign_in", "enter", enter)
    app.add_url_rule("/", "home", lambda: current_session.user_id + flask.session["colour"])
    return app


def signed_in(app: Flask) -> Callable[[], None]:
    """Many requests of somebody who is signed in."""
    sent = environ(ask(app, environ(path="/sign_in"))[1])
    assert ask(app, sent)[0] == b"1green"

    def many() -> None:
        for _ in range(REQUESTS):
            ask(app, sent)

    return many


class Processor:
    """Processor time of this process and of the server."""

    def __init__(self, server: Server) -> None:
        self._client = server.client()

    def now(self) -> float:
        told = self._client.info("cpu")
        return time.process_time() + told["used_cpu_user"] + told["used_cpu_sys"]

    def timed(self, work: Callable[[], object]) -> float:
        """Microseconds that one request of the work takes."""
        began = self.now()
        work()
        return (self.now() - began) * 1e6 / REQUESTS


def main() -> None:
    pin()
    server = Server(REDIS)
    watch = Processor(server)
    mine = ours(server.url)
    nothing = bare()
    alone, us = lambda: [ask(nothing, environ()) for _ in range(REQUESTS)], signed_in(mine)
    print("| request on Redis, net of Flask | it | ours | ratio | at most |")
    print("|---|---:|---:|---:|---:|")
    for name, renews in (("Flask-Session as it comes", True), ("Flask-Session, only reading", False)):
        them = signed_in(theirs(server.url, renews=renews))
        measured = []
        for _ in range(TURNS):
            base, it, we = (watch.timed(work) for work in (alone, them, us))
            measured.append((it - base, we - base))
        it, we = (statistics.median(column) for column in zip(*measured, strict=True))
        ratio = statistics.median(b / a for a, b in measured)
        print(f"| {name} | {it:.0f} µs | {we:.0f} µs | {ratio:.2f} | 0.50 |")
    mine.extensions["signedin"].close()
    server.stop()


if __name__ == "__main__":
    main()
