"""The extension: settings from an application's configuration, and what is hung into it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import fields
from difflib import get_close_matches
from typing import Any, Final, cast

from flask import Blueprint, Flask, Response, current_app, redirect, render_template, request
from markupsafe import Markup

from .._sync.request import Exchange
from .._sync.sessions import Sessions
from ..admin import Admin
from ..calls import BODY_BYTES, TOO_LARGE
from ..config import now_ms, open_sessions
from ..errors import AnswerUnknown, SettingsError, StoreUnavailable
from ..events import Event, Listener
from ..messages import say
from ..replies import RETRY_AFTER, STORE_DOWN, UNKNOWN_ANSWER, Reply, problem
from ..settings import ENVIRONMENT_PREFIX, Settings
from ..static_files import static_file
from ..threads import Background
from ..wsgi.environ import Requests
from ..wsgi.pages import Pages
from . import login, signals
from .interface import REFUSED, Interface
from .verbs import SignInRefused, exchange, response

KEYS: Final = {ENVIRONMENT_PREFIX + each.name.upper(): each.name for each in fields(Settings)}
"""The keys of ``app.config``, and the settings that they name."""
METHODS: Final = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")


class Signedin:
    """Sessions for a Flask application, or for several.

    layout: the host's template that the Active Sessions page is put into (it is given ``title``,
    ``head`` and ``body``), or ``layout(title, head, body)``. time_zone: ``time_zone()``, the IANA name
    of the zone in which the person of this request reads times, or None. limit: ``limit()``, asked
    before a change on the page; how many seconds to wait, or None. admin: the admin page, if there
    shall be one. listeners, account_active, clock: as :func:`~signedin.config.open_sessions` takes
    them. Settings are keywords here, or ``SIGNEDIN_STORE``, ``SIGNEDIN_URL`` and so on in
    ``app.config``, which go first.
    """

    def __init__(
        self,
        app: Flask | None = None,
        *,
        layout: str | Callable[[str, str, str], object] | None = None,
        time_zone: Callable[[], str | None] | None = None,
        limit: Callable[[], int | None] | None = None,
        admin: Admin | None = None,
        listeners: Iterable[Listener] = (),
        account_active: Callable[[str], object] | None = None,
        clock: Callable[[], int] = now_ms,
        **settings: Any,
    ) -> None:
        self._settings = settings
        self._admin = admin
        self._shown = (
            _in_layout(layout),
            None if time_zone is None else lambda environ: time_zone(),
            None if limit is None else lambda environ: limit(),
        )
        self._flow: dict[str, Any] = {"clock": clock, "account_active": account_active}
        self._listeners = tuple(listeners)
        if app is not None:
            self.init_app(app)

    def init_app(self, app: Flask) -> None:
        """Give this application sessions. Raises SettingsError, which names the key and the remedy."""

        def told(event: Event) -> None:
            signals.send(app, event)

        with _by_their_keys(app.config):
            settings = settings_of(app.config, self._settings)
            sessions = open_sessions(listeners=(*self._listeners, told), **self._flow, **settings)
        admin = None if self._admin is None else self._admin.path
        host = Host(sessions, Pages(sessions.settings.page, self._admin, *self._shown), admin)
        app.extensions["signedin"] = host
        app.session_interface = Interface(host)
        # Before what other extensions look at: a request from another site ends here.
        app.before_request_funcs.setdefault(None, []).insert(0, host.before)
        app.register_error_handler(StoreUnavailable, host.outage)
        app.register_error_handler(SignInRefused, host.refused)
        for name, path, answer in (
            ("signedin", sessions.settings.page, host.pages.active_sessions),
            ("signedin_admin", admin, host.pages.admin),
        ):
            if path is not None:
                app.register_blueprint(host.blueprint(name, answer), url_prefix=path)
        login.listen(app)
        from .commands import group

        app.cli.add_command(group)

    @property
    def sessions(self) -> Sessions:
        """The flow of the current application, for what is done without a request."""
        return cast(Host, current_app.extensions["signedin"]).sessions


def settings_of(config: Mapping[str, Any], named: Mapping[str, Any]) -> dict[str, Any]:
    """The settings that keywords name, and over them those of an application's configuration."""
    for key in config:
        if key.startswith(ENVIRONMENT_PREFIX) and key not in KEYS:
            near = get_close_matches(key, KEYS, 1)
            hint = f" Did you mean {near[0]}?" if near else ""
            raise SettingsError(f"There is no setting {key}.{hint}")
    return {**named, **{name: config[key] for key, name in KEYS.items() if key in config}}


@contextmanager
def _by_their_keys(config: Mapping[str, Any]) -> Iterator[None]:
    """What is wrong with a setting of the configuration is told of its key there."""
    try:
        yield
    except SettingsError as error:
        name, text = re.split(r"(?=\W)", str(error), maxsplit=1)
        key = ENVIRONMENT_PREFIX + name.upper()
        if key not in config:
            raise
        raise SettingsError(key + text) from None


def _in_layout(
    layout: str | Callable[[str, str, str], object] | None,
) -> Callable[[Any, str, str, str], object] | None:
    if layout is None:
        return None

    def put(environ: Any, title: str, head: str, body: str) -> object:
        if callable(layout):
            return layout(title, head, body)
        # The page escapes what is in it.
        parts = {"head": Markup(head), "body": Markup(body)}  # noqa: S704
        return render_template(layout, title=title, **parts)

    return put


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
        title, text = UNKNOWN_ANSWER if isinstance(error, AnswerUnknown) else STORE_DOWN
        told = ("store_unavailable", title, text, RETRY_AFTER)
        return response(self.pages.trouble(request.environ, 503, *told))

    def refused(self, error: SignInRefused) -> Any:
        """Something happened while somebody signed in: they sign in again."""
        if "text/html" in request.headers.get("Accept", ""):
            return redirect(self.sessions.settings.sign_in_path, 303)
        return response(problem(409, str(error), "Sign in again."))

    def touch(self, this: Exchange) -> None:
        """Let this request's activity be recorded, if it is due."""
        if this.touch_due():
            session, client = this.session, this.client
            assert session is not None
            is_known = client.ip == session.ip and client.user_agent == session.user_agent
            self.background.touch(session.id, None if is_known else client)

    def close(self) -> None:
        """At the end of the process: record activity, end runs, let go of the store."""
        self.pages.runs.drain()
        self.background.close()
        self.sessions.close()


def _body() -> bytes:
    """The form as it came, or as somebody before us has read it."""
    from urllib.parse import urlencode

    return request.get_data() or urlencode(list(request.form.items(multi=True))).encode()
