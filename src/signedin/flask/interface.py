"""Flask's side of a request: the session is found as it begins, and bound to its response."""

from __future__ import annotations

from flask import Flask, Request, Response
from flask.sessions import SessionInterface, SessionMixin

from ..errors import StoreUnavailable
from ..routing import is_below
from ..wsgi.environ import KEY, dress
from ..wsgi.streams import EventStream
from .bag import Bag, Excluded, Unknown
from .host import REFUSED, Host
from .login import follower


class Interface(SessionInterface):
    """Opens and saves ``flask.session``, which is the session's data bag, or a visitor's."""

    null_session_class = Excluded

    def __init__(self, host: Host) -> None:
        self._host = host

    def open_session(self, app: Flask, request: Request) -> SessionMixin | None:
        """Find the session; never fails for an absent store, which is told on use."""
        host, path, environ = self._host, request.path, request.environ
        settings = host.sessions.settings
        if path.startswith(settings.exclude):
            return None
        this = host.requests.exchange(environ)
        environ[KEY] = this
        host.background.start()
        brings_cookie = any(this.presented)
        if not this.from_ours and (
            brings_cookie
            or path == settings.sign_in_path
            or is_below(path, settings.page)
            or is_below(path, host.admin)
        ):
            environ[REFUSED] = True
        elif brings_cookie:
            this.open(may_resume=True, with_data=True)
        return Bag(this, follower(app, request)) if this.is_known else Unknown(this)

    def save_session(self, app: Flask, session: SessionMixin, response: Response) -> None:
        """Keep what has changed in the bag; give the response its cookies and headers."""
        assert isinstance(session, (Bag, Unknown))
        this = session.exchange
        try:
            if isinstance(session, Bag):
                session.follow()
                if session.accessed:
                    this.keep_data(session.encoded())
        except StoreUnavailable as error:
            instead = self._host.outage(error)
            response.status_code = instead.status_code
            response.headers = instead.headers
            if hasattr(response.response, "close"):
                response.response.close()
            response.set_data(instead.get_data())
        finally:
            self._bind(session, response)

    def _bind(self, session: Bag | Unknown, response: Response) -> None:
        this = session.exchange
        kind = dress(response.headers, this, session_read=any(this.presented))
        current = this.session if this.is_known else None
        if current is None:
            return
        if kind.startswith("text/event-stream"):
            response.response = EventStream(response.response, this)  # type: ignore[arg-type]
        self._host.touch(this)
