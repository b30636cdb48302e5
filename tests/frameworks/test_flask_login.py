"""Beside Flask-Login and Flask-WTF: their users, their forms, our sessions."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import flask_login
import pytest
from flask import Flask, request, session
from flask_login import LoginManager, UserMixin, current_user, login_required, login_user, logout_user
from flask_wtf.csrf import CSRFProtect, generate_csrf

from signedin.flask import Signedin, credentials_changed, current_session
from signedin.flask import sign_in as our_sign_in

from ..support import DAY, MINUTE, Clock
from ..web.support import PAGE, REMEMBER, SESSION
from .flask_support import VISITOR, Writes, browser_of, tokens
from .test_wsgi import Broken


class User(UserMixin):
    def __init__(self, user_id: str) -> None:
        self.id = user_id


def make_app(path: str, clock: Clock, *, first: bool = True, **config: Any) -> Flask:
    """first: whether our extension comes before theirs."""
    app = Flask("host")
    app.secret_key = "for Flask-WTF"
    app.config.update({"SIGNEDIN_STORE": path, "SIGNEDIN_SWEEP_EVERY": None, **config})
    if first:
        Signedin(app, clock=clock)
    manager = LoginManager(app)
    manager.user_loader(User)
    CSRFProtect(app)
    if not first:
        Signedin(app, clock=clock)

    @app.get("/form")
    def form() -> str:
        return generate_csrf()

    @app.get("/home")
    def home() -> str:
        return "home"

    @app.get("/me")
    def me() -> dict[str, Any]:
        ours = current_session.user_id if current_session else None
        return {
            "theirs": current_user.get_id(),
            "ours": ours,
            "fresh": flask_login.login_fresh(),
        }

    @app.post("/login")
    def login() -> str:
        user = User(request.form["user"])
        assert login_user(user, remember="remember" in request.form)
        return current_user.get_id()

    @app.post("/ours")
    def ours() -> str:
        our_sign_in(request.form["user"])
        return ""

    @app.post("/logout")
    def logout() -> str:
        logout_user()
        return str(current_user.is_authenticated)

    @app.post("/change")
    def change() -> str:
        credentials_changed()
        return ""

    @app.post("/confirm")
    def confirm() -> str:
        flask_login.confirm_login()
        return ""

    @app.post("/put")
    def put() -> str:
        session["cart"] = request.form["cart"]
        return ""

    @app.get("/bag")
    def bag() -> dict[str, Any]:
        return dict(session)

    @app.get("/members")
    @login_required
    def members() -> str:
        return "for members"

    return app


@pytest.fixture(params=[True, False], ids=["ours first", "theirs first"])
def app(request: pytest.FixtureRequest, path: str, clock: Clock) -> Iterator[Flask]:
    made = make_app(path, clock, first=request.param)
    yield made
    made.extensions["signedin"].close()


@pytest.fixture
def flow(app: Flask) -> Any:
    return app.extensions["signedin"].sessions


@pytest.fixture
def browser(app: Flask) -> Any:
    return browser_of(app)


def post(browser: Any, path: str, **form: str) -> Any:
    """A form with Flask-WTF's token in it."""
    token = browser.get("/form").text
    return browser.post(path, data=form | {"csrf_token": token})


def login(browser: Any, user: str = "1", **form: str) -> None:
    assert post(browser, "/login", user=user, **form).text == user


def test_a_login_is_a_session(browser: Any, flow: Any) -> None:
    """login_user signs in, logout_user signs out; the cookies are ours alone."""
    login(browser)
    assert set(tokens(browser)) == {SESSION}
    assert browser.get("/me").json == {"theirs": "1", "ours": "1", "fresh": True}
    assert browser.get("/members").text == "for members"
    (found,) = flow.list("1")
    assert found.authenticated_by == ("password",)
    assert post(browser, "/logout").text == "False"
    assert flow.list("1") == []
    assert browser.get("/me").json == {"theirs": None, "ours": None, "fresh": False}
    assert browser.get("/members").status_code == 401


def test_a_revoked_session_is_logged_out(browser: Any, app: Flask, flow: Any) -> None:
    """At its next request Flask-Login knows nobody, either; Remember me doesn't bring it back."""
    other = browser_of(app)
    login(browser)
    login(other, remember="1")
    assert REMEMBER in tokens(other)
    theirs = flow.list("1")
    current = next(s.id for s in theirs if s.id == tokens(browser)[SESSION].partition(".")[0])
    gone = next(s.id for s in theirs if s.id != current)
    assert browser.post(f"{PAGE}/{gone}/revoke").status_code == 303
    assert other.get("/me").json == {"theirs": None, "ours": None, "fresh": False}
    other.delete_cookie(SESSION)
    assert other.get("/members").status_code == 401
    assert browser.get("/members").text == "for members"


def test_remember_me(browser: Any, flow: Any, clock: Clock) -> None:
    """remember=True is our Remember me: a restarted browser is logged in, and not fresh."""
    login(browser, remember="1")
    assert set(tokens(browser)) == {SESSION, REMEMBER}
    browser.delete_cookie(SESSION)
    clock.tick(DAY)
    assert browser.get("/me").json == {"theirs": "1", "ours": "1", "fresh": False}
    assert browser.get("/members").text == "for members"


def test_their_own_remember_cookie_is_not_believed(browser: Any, app: Flask, flow: Any) -> None:
    """It can't be revoked: nobody is logged in by it, and the browser forgets it."""
    with app.app_context():
        cookie = flask_login.encode_cookie("1")
    browser.set_cookie("remember_token", cookie)
    assert browser.get("/me").json["theirs"] is None
    assert tokens(browser) == {}, "and nothing is kept for it"
    login(browser)
    browser.set_cookie("remember_token", cookie)
    assert browser.get("/me").json["theirs"] == "1"
    assert "remember_token" not in tokens(browser)


def test_a_password_change(browser: Any, app: Flask) -> None:
    """The others are logged out, this one goes on."""
    other = browser_of(app)
    login(browser)
    login(other)
    before = tokens(browser)[SESSION]
    post(browser, "/change")
    assert tokens(browser)[SESSION] != before
    assert browser.get("/members").text == "for members"
    assert other.get("/members").status_code == 401


def test_another_user_in_the_same_browser(browser: Any, flow: Any) -> None:
    """Who logs in over somebody else has nothing of theirs (S1)."""
    login(browser, "1")
    post(browser, "/put", cart="secret")
    login(browser, "2")
    assert browser.get("/me").json["theirs"] == "2"
    assert "cart" not in browser.get("/bag").json
    assert [found.user_id for found in flow.list(None)] == ["2"]


def test_a_refused_login(browser: Any, flow: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Signed out everywhere while the login was under way: nobody is logged in, and signs in again."""
    real = flow.sign_in

    def late(user_id: Any, *args: Any, **kwargs: Any) -> Any:
        flow.sign_out_everywhere(user_id)
        return real(user_id, *args, **kwargs)

    with monkeypatch.context() as patched:
        patched.setattr(flow, "sign_in", late)
        answer = post(browser, "/login", user="1")
        assert (answer.status_code, answer.location) == (303, "/sign_in")
        token = browser.get("/form").text
        answer = browser.post(
            "/login",
            data={"user": "1", "csrf_token": token},
            headers={"accept": "application/json"},
        )
        assert (answer.status_code, answer.json["code"]) == (409, "barrier")
    assert browser.get("/me").json == {"theirs": None, "ours": None, "fresh": False}


def test_our_own_verb_logs_in(browser: Any) -> None:
    """sign_in without login_user: Flask-Login knows, from the next request on."""
    post(browser, "/ours", user="1")
    assert browser.get("/me").json == {"theirs": "1", "ours": "1", "fresh": True}


def test_confirming_a_login(browser: Any, flow: Any, clock: Clock) -> None:
    """confirm_login makes our session fresh."""
    login(browser)
    clock.tick(30 * MINUTE)
    post(browser, "/confirm")
    (found,) = flow.list("1")
    assert found.is_fresh(clock.now, MINUTE)


def test_strong_protection(path: str, clock: Clock) -> None:
    """Flask-Login's strong protection ends our session, too, when the browser is another one."""
    app = make_app(path, clock, SESSION_PROTECTION="strong")
    browser = browser_of(app)
    login(browser)
    browser.environ_base["HTTP_USER_AGENT"] = "Other/1"
    assert browser.get("/members").status_code == 401
    assert app.extensions["signedin"].sessions.list("1") == []


def test_nothing_is_written_that_has_not_changed(
    browser: Any, flow: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Looking writes nothing, with Flask-Login and Flask-WTF in use."""
    login(browser)
    browser.get("/form")
    counted = Writes(flow.store)
    monkeypatch.setattr(flow, "store", counted)
    for path in ("/home", "/me", "/members", "/form", "/bag"):
        assert browser.get(path).status_code == 200
    assert counted.names == []


def test_an_outage(browser: Any, flow: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A page that asks for nobody works on; 503 where Flask-Login is asked."""
    login(browser, remember="1")
    before = tokens(browser)
    with monkeypatch.context() as patched:
        patched.setattr(flow, "store", Broken())
        for path, status in (("/home", 200), ("/me", 503), ("/members", 503), ("/form", 503)):
            answer = browser.get(path)
            assert (answer.status_code, "set-cookie" in answer.headers) == (status, False), path
    assert tokens(browser) == before
    assert browser.get("/members").text == "for members"


def test_flask_wtf(browser: Any, flow: Any) -> None:
    """A visitor's token is kept with the visitor, and survives the sign-in; without it: 400."""
    first = browser.get("/form").text
    assert set(tokens(browser)) == {VISITOR}
    assert browser.post("/login", data={"user": "1"}).status_code == 400
    assert browser.post("/login", data={"user": "1", "csrf_token": first}).status_code == 200
    assert browser.post("/put", data={"cart": "1", "csrf_token": first}).status_code == 200
    assert browser.get("/bag").json["cart"] == "1"


def test_our_page_needs_no_token_of_theirs(browser: Any, app: Flask, flow: Any) -> None:
    """The page's forms are judged by where they come from; another site's is refused."""
    other = browser_of(app)
    login(browser)
    login(other)
    page = browser.get(PAGE).text
    assert re.search(rf'action="{PAGE}/', page)
    answer = browser.post(f"{PAGE}/revoke_others", headers={"sec-fetch-site": "cross-site"})
    assert answer.status_code == 403
    assert len(flow.list("1")) == 2
    assert browser.post(f"{PAGE}/revoke_others").status_code == 303
    assert len(flow.list("1")) == 1
