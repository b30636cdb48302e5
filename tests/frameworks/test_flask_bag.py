"""``flask.session``, kept on the server with a session or for a visitor."""

from __future__ import annotations

from datetime import UTC
from typing import Any

import flask
import pytest
from flask import Flask, session
from flask.json.provider import DefaultJSONProvider
from flask.sessions import session_json_serializer
from hypothesis import example, given
from hypothesis import strategies as st

from signedin.errors import DataTooLarge
from signedin.flask import (
    current_session,
    sign_out,
)
from signedin.flask.bag import _read

from ..engines import ENGINES, Engine
from ..support import MINUTE, Clock
from ..web.support import PAGE, SESSION
from .flask_support import VISITOR, Writes, app, browser, enter, flow, tokens

__all__ = ["app", "browser", "flow"]


@pytest.fixture(params=["sqlite", "redis", "postgres"])
def engine(request: pytest.FixtureRequest) -> Engine:
    return ENGINES[request.param]


def test_the_bag_of_a_session(browser: Any, flow: Any) -> None:
    """flask.session is kept on the server; nothing of it is in a cookie; Flask's types come back."""
    enter(browser)
    browser.post("/put", json={"colour": "green"})
    assert browser.get("/bag").json == {"colour": "green"}
    assert set(tokens(browser)) == {SESSION}
    (found,) = flow.list("1")
    assert flow.data(found.id) == b'{"colour":"green"}'


def test_changes_deep_inside_count(browser: Any) -> None:
    """A list in the session that was appended to is written, without ``modified``."""
    enter(browser)
    browser.post("/put", json={"cart": {"items": []}})
    browser.post("/nested")
    browser.post("/nested")
    assert browser.get("/bag").json == {"cart": {"items": ["book", "book"]}}


PLAIN = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary()
KEYS = st.sampled_from([" t", " b", " di", ""]) | st.text()
VALUES = st.recursive(
    PLAIN | st.datetimes(timezones=st.just(UTC)) | st.uuids(),
    lambda inner: st.lists(inner) | st.lists(inner).map(tuple) | st.dictionaries(KEYS, inner),
    max_leaves=10,
)


@given(st.dictionaries(KEYS, VALUES))
@example({"pair": "\ud800", "huge": 1e400, "many": 10**400})
@example({" t": [1, 2]})
def test_what_flask_reads(values: dict[str, Any]) -> None:
    """The quick way reads what Flask's serializer reads: its types, and what only Python calls JSON."""
    kept = session_json_serializer.dumps(values)
    with Flask("any").app_context():
        assert repr(_read(kept.encode())) == repr(session_json_serializer.loads(kept))


def test_an_applications_own_json(app: Flask, browser: Any) -> None:
    """Where the application reads JSON in its own way, so is the bag."""

    class Own(DefaultJSONProvider):
        def loads(self, s: str | bytes, **kwargs: Any) -> Any:
            return super().loads(s, object_hook=lambda found: found | {"own": True}, **kwargs)

    enter(browser)
    browser.post("/put", json={"colour": "green"})
    app.json = Own(app)
    assert browser.get("/bag").json["own"]


def test_a_visitor(browser: Any, flow: Any, clock: Clock) -> None:
    """Who isn't signed in has a bag once something is in it; it goes along with the sign-in."""
    assert browser.get("/bag").json == {}
    assert tokens(browser) == {}
    browser.post("/put", json={"cart": 1})
    assert set(tokens(browser)) == {VISITOR}
    assert browser.get("/bag").json == {"cart": 1}
    enter(browser)
    assert set(tokens(browser)) == {SESSION}
    assert browser.get("/bag").json == {"cart": 1}
    browser.post("/sign_out")
    assert tokens(browser) == {}
    assert browser.get("/bag").json == {}


def test_another_users_bag_stays_behind(browser: Any) -> None:
    """Who signs in after somebody else in the same browser begins empty (S1)."""
    enter(browser, "1")
    browser.post("/put", json={"secret": 1})
    enter(browser, "2")
    assert browser.get("/bag").json == {}


def test_the_pages_own_sign_out_empties_the_bag(browser: Any, clock: Clock) -> None:
    """So does signing out on the Active Sessions page, and everywhere."""
    for path in (f"{PAGE}/sign_out", f"{PAGE}/sign_out_everywhere", "/everywhere"):
        enter(browser)
        browser.post("/put", json={"secret": 1})
        browser.post(path)
        assert tokens(browser) == {}
        assert browser.get("/bag").json == {}
        clock.tick(MINUTE)


def test_flashes(browser: Any) -> None:
    """Flask's messages are told once, to visitors, too."""
    browser.post("/flash")
    assert browser.get("/flashes").json == ["hello"]
    assert browser.get("/flashes").json == []
    assert tokens(browser) == {}


def test_a_message_after_the_sign_out(app: Flask, browser: Any) -> None:
    """What is written after the sign-out is a visitor's."""

    @app.post("/bye")
    def bye() -> str:
        sign_out()
        flask.flash("bye")
        return ""

    enter(browser)
    browser.post("/put", json={"secret": 1})
    browser.post("/bye")
    assert set(tokens(browser)) == {VISITOR}
    assert browser.get("/flashes").json == ["bye"]
    assert browser.get("/bag").json == {}


def test_session_mixin(app: Flask, browser: Any) -> None:
    """new, modified, accessed and permanent mean what Flask says."""
    seen: list[Any] = []

    @app.get("/look")
    def look() -> str:
        bag = session._get_current_object()  # type: ignore[attr-defined]
        seen.append((bag.new, bag.modified, session.permanent))
        session["x"] = [1]
        session.permanent = True
        seen.append((bag.modified, bag.accessed))
        session.modified = False
        return ""

    browser.get("/look")
    browser.get("/look")
    assert seen == [(True, False, False), (True, True), (False, False, True), (False, True)]


def test_session_transaction(browser: Any) -> None:
    """Flask's way to look into the session in a test, and to put something there."""
    with browser.session_transaction() as bag:
        bag["cart"] = 2
    assert browser.get("/bag").json == {"cart": 2}
    enter(browser)
    with browser.session_transaction() as bag:
        assert bag["cart"] == 2
        bag["cart"] = 3
    assert browser.get("/bag").json == {"cart": 3}


def test_a_request_without_a_server(app: Flask) -> None:
    """test_request_context has a session, and nobody in it."""
    with app.test_request_context("/"):
        assert not current_session
        assert dict(session) == {}


def test_nothing_is_written_that_has_not_changed(
    browser: Any, flow: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A request that changes nothing, and isn't due for a touch, writes nothing (V3)."""
    browser.post("/put", json={"cart": 1})
    enter(browser)
    counted = Writes(flow.store)
    monkeypatch.setattr(flow, "store", counted)
    for path in ("/", "/me", "/bag", "/members", "/flashes"):
        assert browser.get(path).status_code == 200
    browser.post("/put", json={"cart": 1})
    assert counted.names == []
    browser.post("/put", json={"cart": 2})
    assert counted.names == ["set_data"]


def test_too_large_a_bag(browser: Any, app: Flask, caplog: pytest.LogCaptureFixture) -> None:
    """A clear error; the old value stays, and so do the cookies of the response."""
    enter(browser)
    browser.post("/put", json={"cart": 1})
    app.config["PROPAGATE_EXCEPTIONS"] = False
    assert browser.post("/put", json={"cart": "x" * 70_000}).status_code == 500
    assert "at most 65536 bytes" in caplog.text
    app.config["PROPAGATE_EXCEPTIONS"] = True
    with pytest.raises(DataTooLarge, match="65536 bytes"):
        browser.post("/put", json={"cart": "x" * 70_000})
    assert browser.get("/bag").json == {"cart": 1}


@pytest.mark.parametrize("bag", [b"\xff", b"[1]", b"{", b'{" b": "%"}', b'{" d":"x"}', b"nul"])
def test_a_bag_that_somebody_else_wrote(browser: Any, flow: Any, bag: bytes) -> None:
    """What can't be read is no error: the bag begins empty (TOK-3)."""
    enter(browser)
    (found,) = flow.list("1")
    flow.set_data(found.id, bag)
    assert browser.get("/bag").json == {}
    browser.post("/put", json={"cart": 1})
    assert browser.get("/bag").json == {"cart": 1}


def test_a_foreign_cookie_under_our_name(app: Flask, browser: Any) -> None:
    """A signed cookie of Flask's own, or one that came twice: not signed in, nothing cleared (V5)."""
    enter(browser)
    token = tokens(browser)[SESSION]
    foreign = "eyJfdXNlcl9pZCI6IjEifQ.aR0VzQ.5Zf0zvY9Yk0n2rJx1u8b0m7c6dE"
    for value in (f"{SESSION}={foreign}", f"{SESSION}={token}; {SESSION}={token}"):
        stranger = app.test_client(use_cookies=False)
        answer = stranger.get("/me", headers={"cookie": value})
        assert answer.json["user"] is None
        assert "set-cookie" not in answer.headers


def test_a_slow_request_revives_nothing(app: Flask, browser: Any, flow: Any) -> None:
    """Revoked while the view runs: neither the session nor the bag come back (REV-3)."""

    @app.post("/slow")
    def slow() -> str:
        flow.revoke_all("1", operator="root")
        session["new"] = 1
        return ""

    enter(browser)
    (found,) = flow.list("1")
    answer = browser.post("/slow")
    assert answer.status_code == 200
    assert "set-cookie" not in answer.headers
    assert flow.data(found.id) is None
    assert flow.list("1") == []
    assert browser.get("/me").json["user"] is None
