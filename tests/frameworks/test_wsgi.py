"""The WSGI adapter's own: bodies that come in pieces, outages, the end of the process."""

from __future__ import annotations

import threading
import wsgiref.simple_server
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest

from signedin.config import open_async_sessions, open_sessions
from signedin.errors import AnswerUnknown, SettingsError, SignedinError, StoreUnavailable
from signedin.settings import Settings
from signedin.wsgi import SignedinMiddleware, current_session, sign_in

from ..support import FIREFOX, MINUTE, Clock
from ..web.support import ORIGIN, PAGE, REMEMBER, SESSION
from .bridge import until
from .wsgi_host import make_app


class Broken:
    """A store that can't be reached."""

    def __getattr__(self, name: str) -> Any:
        def verb(*args: Any, **kwargs: Any) -> Any:
            raise StoreUnavailable

        return verb


def client_of(app: Any, **options: Any) -> httpx2.Client:
    headers = {"user-agent": FIREFOX, "sec-fetch-site": "same-origin", "accept": "text/html"}
    transport = httpx2.WSGITransport(app, remote_addr="203.0.113.24")
    return httpx2.Client(transport=transport, base_url=ORIGIN, headers=headers, **options)


@pytest.fixture
def flow(path: str, clock: Clock) -> Any:
    return open_sessions(Settings(store=path, sweep_every=None), clock=clock)


@pytest.fixture
def app(flow: Any) -> Iterator[Any]:
    made = make_app(sessions=flow)
    yield made
    made.close()


@pytest.fixture
def browser(app: Any) -> Iterator[httpx2.Client]:
    with client_of(app) as made:
        yield made


def test_an_outage(flow: Any, browser: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """503 with Retry-After where a session is needed, and only there; cookies untouched."""
    browser.post("/sign_in", data={"user": "1", "remember": "1"})
    before = dict(browser.cookies)
    with monkeypatch.context() as patched:
        patched.setattr(flow, "store", Broken())
        for path, status in (("/", 200), ("/me", 503), ("/members", 503), (PAGE, 503)):
            answer = browser.get(path)
            assert answer.status_code == status, path
            assert "set-cookie" not in answer.headers
            if status == 503:
                assert answer.headers["retry-after"] == "5"
                assert "Nothing was changed" in answer.text
        for path in ("/sign_in", "/everywhere", "/change", f"{PAGE}/revoke_others"):
            answer = browser.post(path, data={"user": "1"})
            assert (answer.status_code, "set-cookie" in answer.headers) == (503, False)
        answer = browser.get("/me", headers={"accept": "application/json"})
        assert answer.json()["code"] == "store_unavailable"
        browser.cookies.delete(SESSION)
        assert browser.get("/me").status_code == 503
    assert dict(browser.cookies) == {REMEMBER: before[REMEMBER]}
    assert browser.get("/me").json()["user"] == "1"


def test_the_wrong_colour(path: str) -> None:
    """A flow that must be awaited is refused, and the message says which to take."""
    with pytest.raises(SettingsError, match=r"give it open_sessions\(\.\.\.\), not open_async"):
        SignedinMiddleware(make_app, sessions=open_async_sessions(store=path))  # type: ignore[arg-type]


def test_an_answer_that_is_unknown(flow: Any) -> None:
    """Programs tell it from an outage by its code (E6)."""

    def changes(environ: Any, start_response: Any) -> Any:
        raise AnswerUnknown

    answer = client_of(SignedinMiddleware(changes, sessions=flow)).get("/", headers={"accept": "*/*"})
    assert (answer.status_code, answer.json()["code"]) == (503, "answer_unknown")


def test_an_outage_that_a_body_finds(flow: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A generator asks for the session only when its first piece is wanted: 503, too."""

    def lazy(environ: Any, start_response: Any) -> Iterator[bytes]:
        start_response("200 OK", [("Content-Type", "text/plain")])
        session = current_session(environ)
        yield b"nobody" if session is None else session.user_id.encode()

    app = SignedinMiddleware(lazy, sessions=flow)
    browser = client_of(app)
    assert browser.get("/").text == "nobody"
    with monkeypatch.context() as patched:
        patched.setattr(flow, "store", Broken())
        answer = browser.get("/", headers={"cookie": f"{SESSION}={'a' * 48}.{'A' * 43}"})
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
    assert "Nothing was changed" in answer.text


def test_signing_in_while_the_body_is_made(flow: Any) -> None:
    """The head waits for the first piece of the body, and has the cookies."""

    def lazy(environ: Any, start_response: Any) -> Iterator[bytes]:
        start_response("200 OK", [("Content-Type", "text/plain")])
        sign_in(environ, "1")
        yield b"in"
        session = current_session(environ)
        assert session is not None
        yield session.user_id.encode()

    browser = client_of(SignedinMiddleware(lazy, sessions=flow))
    assert browser.get("/").text == "in1"
    assert SESSION in browser.cookies


def test_the_old_way_to_send_a_body(flow: Any) -> None:
    """``write()`` sends the head first, with what belongs there (PEP 3333)."""
    sent: list[Any] = []

    def old(environ: Any, start_response: Any) -> list[bytes]:
        write = start_response("200 OK", [("Content-Type", "text/plain")])
        sign_in(environ, "1")
        write(b"in")
        return [b" and more"]

    def start(status: str, headers: list[tuple[str, str]]) -> Any:
        sent.append(dict(headers))
        return sent.append

    environ = {"REQUEST_METHOD": "GET", "PATH_INFO": "/", "QUERY_STRING": ""}
    rest = list(SignedinMiddleware(old, sessions=flow)(environ, start))
    assert sent[0]["Set-Cookie"].startswith(SESSION)
    assert (sent[1], rest) == (b"in", [b" and more"])


def test_bodies_are_closed(flow: Any) -> None:
    """What an application returns is closed, read or not; after a failure, too."""
    closed = []

    class Body:
        def __iter__(self) -> Iterator[bytes]:
            yield b"x"
            raise RuntimeError("on purpose")

        def close(self) -> None:
            closed.append(True)

    def broken(environ: Any, start_response: Any) -> Body:
        start_response("200 OK", [("Content-Type", "text/plain")])
        return Body()

    app = SignedinMiddleware(broken, sessions=flow)
    for reads in (True, False):
        answered: Any = app({"REQUEST_METHOD": "GET", "PATH_INFO": "/"}, lambda *head: None)
        if reads:
            with pytest.raises(RuntimeError, match="on purpose"):
                list(answered)
        answered.close()
    assert closed == [True, True]


def test_an_error_page_after_the_head(flow: Any) -> None:
    """An application may start again with exc_info, as long as nothing was sent."""

    def failing(environ: Any, start_response: Any) -> list[bytes]:
        import sys

        start_response("200 OK", [("Content-Type", "text/plain")])
        try:
            raise RuntimeError("on purpose")
        except RuntimeError:
            start_response("500 Oops", [("Content-Type", "text/plain")], sys.exc_info())
        return [b"oops"]

    heads: list[Any] = []
    app = SignedinMiddleware(failing, sessions=flow)
    app({"REQUEST_METHOD": "GET", "PATH_INFO": "/"}, lambda *head: heads.append(head))
    assert [head[0] for head in heads] == ["500 Oops"]
    assert heads[0][2][0] is RuntimeError


@pytest.mark.parametrize("ending", ["revoked", "other", "nobody"])
def test_event_streams(app: Any, flow: Any, ending: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """One ends with its session; others' and nobody's go on. The connection is watched between events."""
    monkeypatch.setattr("signedin.wsgi.streams.CHECK_EVERY", 0.0)
    browser = client_of(app)
    if ending != "nobody":
        browser.post("/sign_in", data={"user": "1"})
    cookies = "; ".join(f"{name}={value}" for name, value in browser.cookies.items())
    environ = {"REQUEST_METHOD": "GET", "PATH_INFO": "/events", "HTTP_COOKIE": cookies}
    stream: Any = app(environ, lambda *head: None)
    assert next(stream) == b"data: tick\n\n"
    assert next(stream) == b"data: tick\n\n"
    if ending == "revoked":
        flow.revoke_all("1", operator="root")
        with pytest.raises(StopIteration):
            next(stream)
    else:
        assert next(stream) == b"data: tick\n\n"
    stream.close()


def test_streams_in_an_outage(app: Any, flow: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A stream is kept through a short outage, and ends in a long one."""
    monkeypatch.setattr("signedin.wsgi.streams.CHECK_EVERY", 0.0)
    browser = client_of(app)
    browser.post("/sign_in", data={"user": "1"})
    cookies = "; ".join(f"{name}={value}" for name, value in browser.cookies.items())
    environ = {"REQUEST_METHOD": "GET", "PATH_INFO": "/events", "HTTP_COOKIE": cookies}
    stream: Any = app(environ, lambda *head: None)
    next(stream)
    with monkeypatch.context() as patched:
        patched.setattr(flow, "store", Broken())
        next(stream)
        patched.setattr("signedin.wsgi.streams.KEPT_WITHOUT_STORE", 0.0)
        with pytest.raises(StopIteration):
            next(stream)
    stream.close()


def test_a_real_server(flow: Any, clock: Clock) -> None:
    """On the standard library's server: in, seen, out; activity is recorded when the process ends."""

    class Quiet(wsgiref.simple_server.WSGIRequestHandler):
        def log_message(self, *args: Any) -> None:
            pass

    app = make_app(sessions=flow)
    server = wsgiref.simple_server.make_server("127.0.0.1", 0, app, handler_class=Quiet)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        with httpx2.Client(base_url=f"http://127.0.0.1:{server.server_port}") as browser:
            headers = {"sec-fetch-site": "same-origin", "user-agent": FIREFOX}
            answer = browser.post("/sign_in", data={"user": "1"}, headers=headers)
            cookie = {"cookie": answer.headers["set-cookie"].partition(";")[0]}
            clock.tick(MINUTE)
            assert browser.get("/me", headers=cookie).json()["user"] == "1"
            assert "Active Sessions" in browser.get(PAGE, headers=cookie).text
            until(lambda: flow.list("1")[0].last_active_at == clock.now)
            browser.post("/sign_out", headers=headers | cookie)
            assert browser.get("/me", headers=cookie).json()["user"] is None
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
        app.close()


def test_excluded_paths(path: str, clock: Clock) -> None:
    """They cost nothing, know no session, and asking for one says why."""
    app = make_app(store=path, exclude=("/static",), clock=clock, sweep_every=None)
    app.sessions.store = Broken()
    with pytest.raises(SignedinError, match="exclude"):
        client_of(app).get("/static/me")


def test_junk_writes_nothing(app: Any, flow: Any, path: str) -> None:
    """Anonymous visits, junk tokens and anonymous sign-outs leave no trace (DOS-1)."""
    import os

    browser = client_of(app)
    browser.get("/")
    before = os.stat(path).st_size if os.path.exists(path) else 0
    for number in range(50):
        junk = {"cookie": f"{SESSION}={number:048x}.{'A' * 43}"}
        assert browser.get("/me", headers=junk).json()["user"] is None
        assert browser.get("/").text == "home"
        assert "set-cookie" not in browser.post("/sign_out").headers
    assert flow.list(None) == []
    assert (os.stat(path).st_size if os.path.exists(path) else 0) - before <= 200_000


def test_settings_by_keyword() -> None:
    """A wrong one is refused when the application is made; without the page no template is needed."""
    with pytest.raises(ValueError, match="Did you mean 'trusted_proxies'"):
        make_app(trusted_proxys=("10.0.0.1",))
    assert make_app(store="x.db", page=None).pages is None


def test_the_pages_files(browser: Any, monkeypatch: pytest.MonkeyPatch, flow: Any) -> None:
    """They are everybody's, for ever, and need no store."""
    with monkeypatch.context() as patched:
        patched.setattr(flow, "store", Broken())
        answer = browser.get(f"{PAGE}/static/active_sessions.css")
        assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
        assert browser.head(f"{PAGE}/static/active_sessions.css").content == b""
        assert browser.get(f"{PAGE}/static/none.css").status_code == 404
