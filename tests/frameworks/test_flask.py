"""The Flask extension's own: outages, the configuration, the blueprint, signals, the terminal."""

from __future__ import annotations

import re
import sqlite3
import threading
import time
from pathlib import Path
from typing import Any

import flask
import pytest
from flask import Flask, session
from werkzeug.serving import make_server

from signedin.admin import Admin
from signedin.errors import SettingsError, SignedinError
from signedin.flask import (
    Signedin,
    current_session,
    session_created,
    session_ended,
    session_required,
    sign_in,
    sign_out,
    theft_suspected,
)
from signedin.token import Token, new_secret

from ..support import HOUR, MINUTE, Clock
from ..web.support import ORIGIN, PAGE, REMEMBER, SESSION
from .bridge import until
from .flask_host import add_views, make_app
from .flask_support import VISITOR, app, browser, browser_of, enter, flow, tokens
from .test_wsgi import Broken

__all__ = ["app", "browser", "flow"]


# ── outages (V4, ERR-1) ──────────────────────────────────────────────────────────────────────


def test_an_outage(browser: Any, flow: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """503 with Retry-After where a session or the bag is needed, and only there; cookies untouched."""
    enter(browser, remember="1")
    browser.post("/put", json={"cart": 1})
    before = tokens(browser)
    with monkeypatch.context() as patched:
        patched.setattr(flow, "store", Broken())
        for path, status in (("/", 200), ("/sign_in", 200), ("/me", 503), ("/bag", 503)):
            answer = browser.get(path)
            assert (answer.status_code, "set-cookie" in answer.headers) == (status, False), path
        for path in ("/members", PAGE, "/flashes"):
            answer = browser.get(path)
            assert (answer.status_code, answer.headers["retry-after"]) == (503, "5"), path
            assert "Nothing was changed" in answer.text
        for path in ("/sign_in", "/everywhere", "/change", "/put", f"{PAGE}/revoke_others"):
            answer = browser.post(path, data={"user": "1"})
            assert answer.status_code in (503, 415)
            assert "set-cookie" not in answer.headers
        answer = browser.get("/me", headers={"accept": "application/json"})
        assert answer.json["code"] == "store_unavailable"
    assert tokens(browser) == before
    assert browser.get("/bag").json == {"cart": 1}


def test_an_outage_at_the_end(
    app: Flask, browser: Any, flow: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The bag can't be written: 503 instead of a page that says it was."""

    @app.post("/late")
    def late() -> str:
        monkeypatch.setattr(flow, "store", Broken())
        session["cart"] = 2
        return "saved"

    enter(browser)
    browser.post("/put", json={"cart": 1})
    with monkeypatch.context() as patched:
        patched.setattr(flow, "store", flow.store)
        answer = browser.post("/late")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
    assert "saved" not in answer.text
    assert answer.headers["content-length"] == str(len(answer.data))


# ── views without threads ────────────────────────────────────────────────────────────────────


def test_async_views(app: Flask, browser: Any) -> None:
    """Flask's own: the verbs, the bag and what guards a view are used as anywhere, and not awaited."""

    @app.post("/async/sign_in")
    async def enter() -> str:
        sign_in("1")
        session["mine"] = 1
        return "in"

    @app.get("/async/me")
    @session_required
    async def whoami() -> dict[str, Any]:
        return {"user": current_session.user_id, "mine": session["mine"]}

    assert browser.get("/async/me").status_code == 303
    assert browser.post("/async/sign_in").text == "in"
    assert browser.get("/async/me").json == {"user": "1", "mine": 1}
    browser.post("/sign_out")
    assert browser.get("/async/me").status_code == 303


# ── the configuration ────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("config", "told"),
    [
        ({"SIGNEDIN_STOR": "x"}, r"There is no setting SIGNEDIN_STOR\. Did you mean SIGNEDIN_STORE\?"),
        ({"SIGNEDIN_URL": "app.example"}, r"SIGNEDIN_URL is not a web address.*Write https://"),
        ({"SIGNEDIN_URL": "http://app.example"}, r"SIGNEDIN_URL is http.*unencrypted"),
        ({"SIGNEDIN_POLICY": "x"}, r"SIGNEDIN_POLICY: 'x' is not one of"),
        ({"SIGNEDIN_REMEMBER_ME": "x"}, r"SIGNEDIN_REMEMBER_ME: "),
        ({"SIGNEDIN_STORE": "sqlite://x"}, r"SIGNEDIN_STORE is 'sqlite://x'\. Write sqlite:///"),
        ({"SIGNEDIN_REMEMBER_ME": 14}, r"SIGNEDIN_REMEMBER_ME is a timedelta, or text such as '12h'"),
        ({"SIGNEDIN_EXCLUDE": None}, r"SIGNEDIN_EXCLUDE is a list, or text with commas, not None"),
        ({"SIGNEDIN_PAGE": "sessions"}, r"SIGNEDIN_PAGE is a path that starts with '/'"),
    ],
)
def test_misconfiguration(config: dict[str, str], told: str) -> None:
    """Refused when the application is made, by the key's name and with the remedy."""
    app = Flask("host")
    app.config.update(config)
    with pytest.raises(SettingsError, match=told):
        Signedin(app)


def test_settings(path: str) -> None:
    """The configuration goes before keywords; a factory makes several applications of one extension."""
    extension = Signedin(store="elsewhere.db", cap=3)
    made = []
    for cap in (None, 5):
        app = Flask("host")
        app.config.update({"SIGNEDIN_STORE": path} | ({} if cap is None else {"SIGNEDIN_CAP": cap}))
        extension.init_app(app)
        with app.app_context():
            made.append(extension.sessions.settings)
    assert [(settings.store, settings.cap) for settings in made] == [(path, 3), (path, 5)]


def test_excluded_paths(path: str, clock: Clock) -> None:
    """They cost nothing, have an empty session that can't be written, and asking says why."""
    app = make_app(SIGNEDIN_STORE=path, SIGNEDIN_EXCLUDE=("/static",), clock=clock)
    app.testing = True

    @app.get("/static/bag")
    def empty() -> str:
        assert dict(session) == {}
        with pytest.raises(RuntimeError, match="SIGNEDIN_EXCLUDE"):
            session["x"] = 1
        return "empty"

    app.extensions["signedin"].sessions.store = Broken()
    assert browser_of(app).get("/static/bag").text == "empty"
    with pytest.raises(SignedinError, match="SIGNEDIN_EXCLUDE"):
        browser_of(app).get("/static/me")


# ── the pages ────────────────────────────────────────────────────────────────────────────────


def test_in_the_hosts_layout(path: str, tmp_path: Path, clock: Clock) -> None:
    """A template of the host's with what the host's templates have; or a callable; at another path."""
    folder = tmp_path / "templates"
    folder.mkdir()
    (folder / "site.html").write_text(
        "<!doctype html><title>{{ title }} · {{ config.NAME }}</title>{{ head }}"
        "<a href=\"{{ url_for('signedin.page') }}\">here</a><main>{{ body }}</main>"
    )
    for layout in ("site.html", lambda title, head, body: f"<title>{title} · Shop</title>{body}"):
        app = Flask("host", root_path=str(tmp_path))
        app.config.update(SIGNEDIN_STORE=path, SIGNEDIN_PAGE="/account/devices", NAME="Shop")
        Signedin(app, layout=layout, clock=clock, time_zone=lambda: "Europe/Zurich")
        add_views(app)
        browser = browser_of(app)
        enter(browser)
        page = browser.get("/account/devices").text
        assert "<title>Active Sessions · Shop</title>" in page
        assert "Times in Europe/Zurich" in page or "Europe/Zurich" in page
        assert '<h1 class="as-' in page or "<h1" in page
        if layout == "site.html":
            assert '<a href="/account/devices">here</a>' in page
        assert browser.get(PAGE).status_code == 404


def test_below_another_application(app: Flask, browser: Any) -> None:
    """Mounted at a path of the server's, every link has it."""
    from werkzeug.middleware.dispatcher import DispatcherMiddleware
    from werkzeug.test import Client

    mounted = DispatcherMiddleware(Flask("outer"), {"/shop": app})
    client = Client(mounted)
    base = {"environ_base": {"HTTP_SEC_FETCH_SITE": "same-origin"}, "base_url": ORIGIN}
    client.post("/shop/sign_in", data={"user": "1"}, **base)
    page = client.get(f"/shop{PAGE}", headers={"accept": "text/html"}, **base).text
    assert f'action="/shop{PAGE}/' in page
    assert f'href="{PAGE}' not in page


def test_a_form_that_somebody_has_read(app: Flask, browser: Any, flow: Any) -> None:
    """The host may look at every form before the page does."""

    @app.before_request
    def read() -> None:
        flask.request.form.get("x")

    other = browser_of(app)
    enter(browser)
    enter(other)
    with browser.session_transaction():
        pass
    ids = [found.id for found in flow.list("1")]
    answer = browser.post(f"{PAGE}/revoke_selected", data={"id": ids, "confirm": "1"})
    assert answer.status_code == 303
    assert len(flow.list("1")) == 1


def test_limits(path: str, clock: Clock) -> None:
    """The host may bound how often the page changes something."""
    app = make_app(SIGNEDIN_STORE=path, clock=clock, limit=lambda: 7)
    browser = browser_of(app)
    enter(browser)
    answer = browser.post(f"{PAGE}/revoke_others")
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "7")


def test_the_admin_page(path: str, clock: Clock) -> None:
    """Who is allowed sees everybody and may revoke; for anybody else it isn't there."""
    admin = Admin(allows=lambda session, action: session.user_id == "root")
    app = make_app(SIGNEDIN_STORE=path, clock=clock, admin=admin)
    root, ada = browser_of(app), browser_of(app)
    enter(root, "root")
    enter(ada, "ada")
    assert ada.get("/admin/active_sessions").status_code == 404
    assert "ada" in root.get("/admin/active_sessions").text
    form = {"reason": "lost phone", "number": "1", "shown": "1"}
    answer = root.post("/admin/users/ada/active_sessions/revoke", data=form)
    assert answer.status_code == 303
    assert ada.get("/me").json["user"] is None
    assert "lost phone" in root.get(answer.location).text
    app.extensions["signedin"].close()


# ── signals ──────────────────────────────────────────────────────────────────────────────────


def test_signals(app: Flask, browser: Any, flow: Any, clock: Clock) -> None:
    """Receivers are told what happened, by the application it happened in."""
    heard: list[Any] = []

    def note(sender: Flask, event: Any) -> None:
        heard.append((sender is app, type(event).__name__))

    with (
        session_created.connected_to(note, app),
        session_ended.connected_to(note, app),
        theft_suspected.connected_to(note, app),
    ):
        enter(browser, remember="1")
        stolen = Token.parse(tokens(browser)[REMEMBER])
        assert stolen is not None
        clock.tick(HOUR)
        browser.delete_cookie(SESSION)
        assert browser.get("/me").json["user"] == "1"
        thief = browser_of(app)
        thief.set_cookie(REMEMBER, Token(stolen.id, new_secret()).text)
        thief.get("/me")
    assert heard[0] == (True, "SessionCreated")
    assert {(True, "SessionEnded"), (True, "TheftSuspected")} <= set(heard)


# ── the terminal ─────────────────────────────────────────────────────────────────────────────


def test_the_terminal(app: Flask, browser: Any, flow: Any) -> None:
    """flask signedin …: the application's own store, without naming it; failures have their exit codes."""
    enter(browser)
    enter(browser_of(app), "2")
    runner = app.test_cli_runner()
    listed = runner.invoke(args=["signedin", "list", "--all-users", "--plain"])
    assert listed.exit_code == 0, listed.output
    assert len([line for line in listed.output.splitlines() if "Firefox" in line]) == 2
    done = runner.invoke(args=["signedin", "revoke", "--user", "1", "--yes"])
    assert done.exit_code == 0, done.output
    assert [found.user_id for found in flow.list(None)] == ["2"]
    refused = runner.invoke(args=["signedin", "revoke", "--all-users"])
    assert refused.exit_code == 4
    assert "--confirm" in refused.output
    assert runner.invoke(args=["signedin", "show", "00000000"]).exit_code == 3


# ── on a server ──────────────────────────────────────────────────────────────────────────────


def test_a_real_server(app: Flask, flow: Any, clock: Clock) -> None:
    """Werkzeug's server, threads and all: activity is recorded, an event stream ends with its session."""
    import http.client

    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        headers = {
            "sec-fetch-site": "same-origin",
            "content-type": "application/x-www-form-urlencoded",
        }
        connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=20)
        connection.request("POST", "/sign_in", "user=1", headers)
        answer = connection.getresponse()
        cookie = {"cookie": (answer.getheader("set-cookie") or "").partition(";")[0]}
        answer.read()
        clock.tick(MINUTE)
        connection.request("GET", "/events", headers=cookie)
        stream = connection.getresponse()
        assert stream.readline() == b"data: tick\n"
        until(lambda: flow.list("1")[0].last_active_at == clock.now)
        flow.revoke_all("1", operator="root")
        began = time.monotonic()
        stream.read()
        assert time.monotonic() - began < 10
        connection.close()
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_junk_writes_nothing(browser: Any, flow: Any, path: str) -> None:
    """Anonymous visits, junk tokens and anonymous sign-outs leave no row (DOS-1)."""
    client = browser
    for number in range(50):
        junk = {"cookie": f"{SESSION}={number:048x}.{'A' * 43}; {VISITOR}={number:048x}.{'A' * 43}"}
        assert client.get("/bag", headers=junk).json == {}
        assert "set-cookie" not in client.post("/sign_out").headers
    with sqlite3.connect(path) as database:
        tables = [
            name for (name,) in database.execute("SELECT name FROM sqlite_schema WHERE type='table'")
        ]
        rows = {
            name: database.execute(f"SELECT count(*) FROM {name}").fetchone()[0]
            for name in tables
            if not name.startswith(("sqlite", "schema"))
        }
    database.close()
    assert rows.get("sessions", 0) == rows.get("visitors", 0) == 0


def test_a_cross_site_form_of_a_visitor(browser: Any) -> None:
    """A visitor's bag is changed from our own pages only."""
    browser.post("/put", json={"cart": 1})
    answer = browser.post("/put", json={"cart": 2}, headers={"sec-fetch-site": "cross-site"})
    assert answer.status_code == 403
    assert browser.get("/bag").json == {"cart": 1}


def test_signing_in_twice_in_one_request(app: Flask, browser: Any, flow: Any) -> None:
    """The last word holds: one Set-Cookie for each name, one session."""

    @app.post("/twice")
    def twice() -> str:
        sign_in("1", remember=True)
        session["mine"] = 1
        sign_out()
        sign_in("2")
        return str(current_session.user_id) + str(dict(session))

    answer = browser.post("/twice")
    assert answer.text == "2{}"
    names = [value.partition("=")[0] for value in answer.headers.getlist("set-cookie")]
    assert sorted(names) == sorted(set(names))
    assert [found.user_id for found in flow.list(None)] == ["2"]


def test_a_host_that_asks_everywhere(app: Flask, browser: Any) -> None:
    """A sign-in that is asked for before every view lets the page's own files through, too."""

    @app.before_request
    def wall() -> Any:
        return None if current_session or flask.request.path == "/sign_in" else ("sign in", 401)

    assert browser.get("/").status_code == 401
    enter(browser)
    files = re.findall(r'(?:href|src)="([^"]+/static/[^"]+)"', browser.get(PAGE).text)
    assert files
    for file in files:
        answer = browser.get(file)
        assert answer.status_code == 200
        assert "private" in answer.headers["cache-control"]
        assert "max-age=31536000" in answer.headers["cache-control"]
