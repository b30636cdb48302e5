"""What one application has of us: its flow, its pages, the work beside its requests."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final
from urllib.parse import urlencode

from flask import Blueprint, Response, current_app, redirect, request

from .._sync.request import Exchange
from .._sync.sessions import Sessions
from ..calls import BODY_BYTES, TOO_LARGE
from ..errors import StoreUnavailable
from ..messages import say
from ..replies import RETRY_AFTER, Reply, outage, problem
from ..static_files import static_file
from ..threads import Background
from ..wsgi.environ import Requests
from ..wsgi.pages import Pages
from .verbs import SignInRefused, exchange, response

METHODS: Final = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
REFUSED: Final = "signedin.refused"
"""In an environ: the request came from another site, and goes no further."""


class Host:
    """What one application has of us. admin: path of the admin page, or None."""

    def __init__(self, sessions: Sessions, pages: Pages, admin: str | None) -> None:
        self.sessions = sessions
        self.pages = pages
        self.admin = admin
        self.requests = Requests(sessions)
        self.background = Background(sessions)
        self._blueprints: list[Blueprint] = []

    def blueprint(self, name: str, answer: Callable[[Any, Exchange, bytes], Reply]) -> Blueprint:
        """One of our pages, wherever it is mounted."""
        made = Blueprint(name, __name__)

        def page(below: str = "") -> Response:
            if below.startswith("static/"):
                return response(static_file(below.removeprefix("static/")))
            if (request.content_length or 0) > BODY_BYTES:
                return response(TOO_LARGE)
            return response(answer(request.environ, exchange(), _body()))

        for rule in ("", "/", "/<path:below>"):
            made.add_url_rule(rule, "page", page, methods=METHODS, provide_automatic_options=False)
        self._blueprints.append(made)
        return made

    def before(self) -> Response | None:
        """What comes before every view: another site's form goes no further (CSRF-1)."""
        # Flask-WTF may have come after us. Our pages' forms are judged by where they come from.
        protect = current_app.extensions.get("csrf") if self._blueprints else None
        if protect is not None:
            for made in self._blueprints:
                protect.exempt(made)
        self._blueprints = []
        if REFUSED not in request.environ:
            return None
        return response(self.pages.trouble(request.environ, 403, "cross_site", say("cross_site"), ""))

    def outage(self, error: StoreUnavailable) -> Response:
        """What is told where the session was needed and couldn't be known."""
        return response(self.pages.trouble(request.environ, 503, *outage(error), RETRY_AFTER))

    def refused(self, error: SignInRefused) -> Any:
        """Something happened while somebody signed in: they sign in again."""
        if "text/html" in request.headers.get("Accept", ""):
            return redirect(self.sessions.settings.sign_in_path, 303)
        return response(problem(409, str(error), "Sign in again."))

    def touch(self, this: Exchange) -> None:
        """Let this request's activity be recorded, if it is due."""
        touch = this.due_touch()
        if touch is not None:
            self.background.touch(touch)

    def close(self) -> None:
        """At the end of the process: record activity, end runs, let go of the store."""
        self.pages.runs.drain()
        self.background.close()
        self.sessions.close()


def _body() -> bytes:
    """The form as it came, or as somebody before us has read it."""
    return request.get_data() or urlencode(list(request.form.items(multi=True))).encode()
