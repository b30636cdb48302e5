"""The extension: settings from an application's configuration, and what is hung into it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields
from difflib import get_close_matches
from typing import Any, Final, cast

from flask import Flask, current_app, render_template
from markupsafe import Markup

from .._sync.sessions import Sessions
from ..admin import Admin
from ..config import now_ms, open_sessions
from ..errors import SettingsError, StoreUnavailable
from ..events import Event, Listener
from ..settings import ENVIRONMENT_PREFIX, Settings, told_by_key
from ..wsgi.pages import Pages
from . import login, signals
from .host import Host
from .interface import Interface
from .verbs import SignInRefused

KEYS: Final = {ENVIRONMENT_PREFIX + each.name.upper(): each.name for each in fields(Settings)}
"""The keys of ``app.config``, and the settings that they name."""


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

        with told_by_key(app.config, ENVIRONMENT_PREFIX):
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
