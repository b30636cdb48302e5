"""A small Flask application with a sign-in form of its own, and the page in its layout."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flask import Flask, flash, g, redirect, render_template, request, url_for
from werkzeug.security import check_password_hash, generate_password_hash

from signedin import Refused
from signedin.flask import (
    Signedin,
    credentials_changed,
    current_session,
    fresh_session_required,
    session_required,
    sign_in,
    sign_out,
    why_signed_out,
)
from signedin.origin import is_local_path


@dataclass
class User:
    """Somebody who may sign in. id: never changes, whatever else does."""

    id: str
    username: str
    name: str
    password_hash: str


def _people() -> dict[str, User]:
    password_hash = generate_password_hash("correct horse")
    names = (("1", "ada", "Ada Okafor"), ("2", "bo", "Bo Lindqvist"))
    return {user_id: User(user_id, *known, password_hash) for user_id, *known in names}


def create_app(**config: Any) -> Flask:
    """The application; config: more of ``app.config``, such as SIGNEDIN_STORE."""
    app = Flask(__name__)
    app.config.from_prefixed_env()
    app.config.update(config)
    Signedin(app, layout="active_sessions.html")
    users = _people()

    @app.before_request
    def know_the_user() -> None:
        g.user = users[current_session.user_id] if current_session else None

    @app.get("/")
    def home() -> str:
        return render_template("home.html")

    @app.route("/sign_in", methods=["GET", "POST"])
    def sign_in_page() -> Any:
        if request.method == "GET":
            return render_template("sign_in.html", reason=why_signed_out())
        named = (user for user in users.values() if user.username == request.form["username"])
        user = next(named, None)
        if user is None or not check_password_hash(user.password_hash, request.form["password"]):
            flash("Invalid login or password.")
            return render_template("sign_in.html"), 422
        if isinstance(sign_in(user.id, remember="remember_me" in request.form), Refused):
            flash("Please sign in again.")
            return redirect(url_for("sign_in_page"), 303)
        target = request.args.get("next", "")
        return redirect(target if is_local_path(target) else url_for("home"), 303)

    @app.post("/sign_out")
    def leave() -> Any:
        sign_out()
        return redirect(url_for("sign_in_page"), 303)

    @app.get("/notes")
    @session_required
    def notes() -> str:
        return render_template("home.html", note="Only who is signed in sees this.")

    @app.route("/password", methods=["GET", "POST"])
    @fresh_session_required
    def password() -> Any:
        if request.method == "GET":
            return render_template("password.html")
        g.user.password_hash = generate_password_hash(request.form["password"])
        credentials_changed()
        flash("Your password is changed. You are signed out on all other devices.")
        return redirect(url_for("home"), 303)

    return app
