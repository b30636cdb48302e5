"""The middleware beside any session engine: Django's login and our session go together, or both go."""

from __future__ import annotations

from typing import Any, Final, Literal, cast

from asgiref.sync import sync_to_async
from django.contrib import auth
from django.contrib.sessions.backends.base import UpdateError
from django.contrib.sessions.exceptions import SessionInterrupted
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.functional import SimpleLazyObject

from ..errors import StoreUnavailable
from ..outcomes import Refused, SignedIn
from ..session import Session
from .binding import CURRENT, Binding
from .flow import flow, remembered
from .middleware import Bound
from .responses import outage, set_cookies

MARK: Final = "_signedin"
"""In Django's dict: the id of the session of ours that belongs to it."""
SENT: Final = "_signedin_sent"
"""In Django's dict of a login from before, until its browser is known to keep our cookie: when it was
last sent one, milliseconds.
"""
ON_ITS_WAY: Final = 60_000
"""After so many milliseconds no answer is under way any more."""


class SignedinMiddleware(Bound):
    """Beside any session engine, after Django's AuthenticationMiddleware.

    Each login has a session of ours, too; when that is over, so is Django's.
    """

    def __call__(self, request: HttpRequest) -> Any:
        """One request."""
        if self._is_async:
            return self._in_loop(request)
        binding = self.bind(request, with_data=False)
        token = CURRENT.set(binding)
        try:
            self._match(request, binding)
            response = self.get_response(request)
        except StoreUnavailable as error:
            response = outage(request, error)
        finally:
            CURRENT.reset(token)
        return self._finish(request, binding, response)

    async def _in_loop(self, request: HttpRequest) -> HttpResponseBase:
        binding = self.bind(request, with_data=False)
        token = CURRENT.set(binding)
        try:
            await self._amatch(request, binding)
            response = await self.get_response(request)
        except StoreUnavailable as error:
            response = outage(request, error)
        finally:
            CURRENT.reset(token)
        return self._finish(request, binding, response)

    def _finish(
        self, request: HttpRequest, binding: Binding, response: HttpResponseBase
    ) -> HttpResponseBase:
        """Our cookie and Django's are set together and last equally long: with one of them alone nobody
        is logged in.
        """
        self.dress(binding, response)
        exchange, found, names = binding.sync, request.session, flow().settings.cookies
        cookies = list(exchange.cookies)
        ours = next((cookie for cookie in cookies if cookie.name == names.session), None)
        if ours is None and response.status_code < 500 and exchange.is_known:
            session, token = exchange.session, binding.presented.session
            is_set_anew = found.modified or flow().saves_always
            if session is not None and not session.superseded and token is not None and is_set_anew:
                cookies.append(names.set(names.session, token))
        elif ours is not None and not ours.clears:
            found.modified = True
        if cookies:
            # The dict was loaded as the request came.
            is_short = found.get_expire_at_browser_close()
            set_cookies(response, cookies, None if is_short else found.get_expiry_age())
        return response

    def _match(self, request: HttpRequest, binding: Binding) -> None:
        """Django's login and our session go together, or both go."""
        exchange, told = binding.open(), request.session.get(auth.SESSION_KEY)
        if not exchange.is_known:
            if told is not None:
                _hide(request, binding)
            return
        session = exchange.session
        # Nothing has set a cookie yet but Remember me, as it started this session.
        if session is not None and exchange.cookies:
            if told == session.user_id:
                mark(request.session, session.id)
            else:
                _resume(request, binding, session.user_id)
        elif told is None:
            if session is not None:
                exchange.sign_out()
        else:
            match _fit(request.session, session, told, exchange.started_at):
                case "from before":
                    record(request, request.user, binding)
                case "kept":
                    assert session is not None
                    mark(request.session, session.id)
                case "on its way":
                    if exchange.reissue(told, request.session[MARK]) is None:
                        request.session.flush()
                    else:
                        request.session[SENT] = exchange.started_at
                case "over":
                    request.session.flush()

    async def _amatch(self, request: HttpRequest, binding: Binding) -> None:
        """The same. Once it is loaded, Django's dict is read and changed without waiting."""
        exchange, told = await binding.aopen(), await request.session.aget(auth.SESSION_KEY)
        if not exchange.is_known:
            if told is not None:
                _hide(request, binding)
            return
        session = exchange.session
        if session is not None and exchange.cookies:
            if told == session.user_id:
                mark(request.session, session.id)
            else:
                await _aresume(request, binding, session.user_id)
        elif told is None:
            if session is not None:
                await exchange.sign_out()
        else:
            match _fit(request.session, session, told, exchange.started_at):
                case "from before":
                    await arecord(request, await request.auser(), binding)
                case "kept":
                    assert session is not None
                    mark(request.session, session.id)
                case "on its way":
                    if await exchange.reissue(told, request.session[MARK]) is None:
                        await request.session.aflush()
                    else:
                        request.session[SENT] = exchange.started_at
                case "over":
                    await request.session.aflush()


def mark(found: Any, session_id: str) -> None:
    """In Django's dict: this session of ours belongs to it, and its browser has the cookie."""
    found[MARK] = session_id
    found.pop(SENT, None)


def _fit(
    found: Any, session: Session | None, told: str, now: int
) -> Literal["fits", "from before", "kept", "on its way", "over"]:
    """How a login of Django's and the session that the browser has brought go together.

    A login from before this middleware was here is given a session of ours. Its browser may have more
    requests under way, and an answer may be lost: until it is known to keep our cookie, who comes
    without it is sent another one.
    """
    marked, sent = found.get(MARK), found.get(SENT)
    is_same_user = session is not None and session.user_id == told
    if marked is None:
        return "kept" if is_same_user else "from before"
    if sent is not None and session is None:
        return "on its way"
    if sent is not None and is_same_user:
        return "kept" if now >= sent + ON_ITS_WAY else "fits"
    return "fits" if session is not None and is_same_user and session.id == marked else "over"


def _hide(request: HttpRequest, binding: Binding) -> None:
    """In an outage nobody knows who this is: using the user says so."""

    def ask() -> Any:
        raise binding.sync._outage or StoreUnavailable

    async def aask() -> Any:
        ask()

    request.user = cast(Any, SimpleLazyObject(ask))
    request.auser = aask


def _resume(request: HttpRequest, binding: Binding, user_id: str) -> None:
    """Remember me started our session: Django logs in, too."""
    found = remembered(user_id)
    if found is not None:
        binding.is_resuming = True
        auth.login(request, *found)
        binding.is_resuming = False


async def _aresume(request: HttpRequest, binding: Binding, user_id: str) -> None:
    found = await sync_to_async(remembered)(user_id)
    if found is not None:
        binding.is_resuming = True
        await auth.alogin(request, *found)
        binding.is_resuming = False


def record(request: HttpRequest, user: Any, binding: Binding) -> None:
    """A session of ours for a login of Django's that has none."""
    if user.is_authenticated:
        outcome = binding.sync.sign_in(_id_of(user), authenticated_by=())
        if _is_noted(request, outcome, binding):
            _save(request)
        elif not _may_wait(outcome):
            request.session.flush()
            _forget_user(request)


async def arecord(request: HttpRequest, user: Any, binding: Binding) -> None:
    """The same."""
    if user.is_authenticated:
        outcome = await binding.in_loop.sign_in(_id_of(user), authenticated_by=())
        if _is_noted(request, outcome, binding):
            await sync_to_async(_save)(request)
        elif not _may_wait(outcome):
            await request.session.aflush()
            _forget_user(request)


def _is_noted(request: HttpRequest, outcome: SignedIn | Refused, binding: Binding) -> bool:
    if isinstance(outcome, Refused):
        return False
    request.session[MARK], request.session[SENT] = outcome.session.id, binding.sync.started_at
    return True


def _may_wait(outcome: SignedIn | Refused) -> bool:
    """A request from another site starts no session; the next one of our own will."""
    return isinstance(outcome, Refused) and outcome.why == "cross_site"


def _save(request: HttpRequest) -> None:
    """At once: the browser's next request may be under way already, and shall find it."""
    try:
        request.session.save()
    except UpdateError:
        raise SessionInterrupted("The session ended while it was given one of ours.") from None


def _forget_user(request: HttpRequest) -> None:
    """Who it was has been looked up before."""
    from django.contrib.auth.models import AnonymousUser

    request.__dict__.pop("_acached_user", None)
    request.user = AnonymousUser()


def _id_of(user: Any) -> str:
    return str(user._meta.pk.value_to_string(user))
