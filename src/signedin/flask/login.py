"""Beside Flask-Login: who is logged in there is who is signed in here, in every request.

Its ``login_user`` and ``logout_user`` are heard through its signals. Its own remember cookie, which
nobody could revoke, is never believed: the browser is told to forget it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from flask import Flask, Request, session

from ..outcomes import Refused
from . import verbs
from .bag import REMEMBER, Bag

KEYS: Final = ("_user_id", "_fresh", "_id")
"""Where Flask-Login keeps who is logged in."""


def follower(app: Flask, request: Request) -> Callable[[Bag], None] | None:
    """Lets Flask-Login, if the application has it, know whose a request's bag is."""
    manager = getattr(app, "login_manager", None)
    if manager is None:
        return None
    clears = app.config.get("REMEMBER_COOKIE_NAME", "remember_token") in request.cookies

    def told(bag: Bag) -> None:
        nonlocal clears
        _follow(bag, manager)
        if clears:  # once: what Flask-Login has taken out again is not to be kept
            bag[REMEMBER], clears = "clear", False

    return told


def _follow(bag: Bag, manager: Any) -> None:
    """Its user is the session's, and nobody without one."""
    this = bag.exchange
    current = this.session
    if current is None:
        for key in KEYS:
            bag.pop(key, None)
    elif str(bag.get("_user_id")) != current.user_id:
        settings = this.sessions.settings
        bag["_user_id"] = current.user_id
        bag["_fresh"] = current.is_fresh(this.sessions.clock(), settings.fresh_ms)
        bag["_id"] = manager._session_identifier_generator()


def listen(app: Flask) -> None:
    """Hear what Flask-Login says of this application, if it is installed."""
    try:
        from flask_login import signals
    except ModuleNotFoundError:
        return
    signals.user_logged_in.connect(_logged_in, app)
    signals.user_logged_out.connect(_logged_out, app)
    signals.user_login_confirmed.connect(_confirmed, app)
    signals.session_protected.connect(_protected, app)


def _logged_in(app: Flask, user: Any) -> None:
    remember = session.pop(REMEMBER, None) == "set"
    session.pop("_remember_seconds", None)
    outcome = verbs.sign_in(session["_user_id"], remember=remember)
    if isinstance(outcome, Refused):
        for key in KEYS:
            session.pop(key, None)
        app.login_manager._update_request_context_with_user()  # type: ignore[attr-defined]
        raise verbs.SignInRefused(outcome.why)


def _logged_out(app: Flask, user: Any) -> None:
    verbs.sign_out()


def _confirmed(app: Flask) -> None:
    this = verbs.exchange()
    if this.session is not None:
        this.rotate(this.session.authenticated_by)


def _protected(app: Flask) -> None:
    """Its strong protection has thrown the user out."""
    if "_user_id" not in session:
        verbs.sign_out()
