"""The two middlewares: beside Django's session engine, and as part of ours. Sync and async alike.

Both give a request its binding, make it the one that signals belong to, and on the way out set cookies
and headers. Activity is recorded beside requests. An outage is told where the session is used.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.conf import settings as site
from django.contrib import auth
from django.contrib.sessions.backends.base import UpdateError
from django.contrib.sessions.exceptions import SessionInterrupted
from django.contrib.sessions.middleware import SessionMiddleware as DjangosSessionMiddleware
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.functional import SimpleLazyObject

from ..errors import StoreUnavailable
from ..outcomes import Refused
from .binding import CURRENT, Binding
from .flow import flow
from .reports import DISCREET
from .responses import keep_private, outage, set_cookies, set_cookies_as_djangos

MARK = "_signedin"
"""In Django's dict: the id of the session of ours that belongs to it."""

Next = Callable[[HttpRequest], Any]


class _Bound:
    """What both do."""

    sync_capable = True
    async_capable = True

    def __init__(self, get_response: Next) -> None:
        self.get_response = get_response
        self._is_async = iscoroutinefunction(get_response)
        if self._is_async:
            markcoroutinefunction(cast(Any, self))

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponseBase | None:
        """A view that needs the session can't have it now."""
        return outage(request, error) if isinstance(error, StoreUnavailable) else None

    @staticmethod
    def _bind(request: HttpRequest, *, with_data: bool) -> Binding:
        flow().background.start()
        request.exception_reporter_filter = DISCREET
        binding = request._signedin = Binding.of(request, with_data=with_data)  # type: ignore[attr-defined]
        return binding

    @staticmethod
    def _dress(binding: Binding, response: HttpResponseBase) -> None:
        """Headers, and the note of activity."""
        exchange = binding.sync
        if binding.opened or exchange.cookies:
            read = binding.opened and binding.brings_cookie
            keep_private(response, session_read=read or bool(exchange.cookies))
        if exchange.clear_cache:
            response["Clear-Site-Data"] = '"cache"'
        if binding.opened and exchange.is_known and exchange.touch_due():
            session, client = exchange.session, exchange.client
            assert session is not None
            is_known = client.ip == session.ip and client.user_agent == session.user_agent
            flow().background.touch(session.id, None if is_known else client)


class SignedinMiddleware(_Bound):
    """Beside any session engine, after Django's AuthenticationMiddleware.

    Each login has a session of ours, too; when that is over, so is Django's.
    """

    def __call__(self, request: HttpRequest) -> Any:
        """One request."""
        if self._is_async:
            return self._in_loop(request)
        binding = self._bind(request, with_data=False)
        token = CURRENT.set(binding)
        try:
            self._match(request, binding)
            response = self.get_response(request)
        except StoreUnavailable as error:
            response = outage(request, error)
        finally:
            CURRENT.reset(token)
        return self._finish(binding, response)

    async def _in_loop(self, request: HttpRequest) -> HttpResponseBase:
        binding = self._bind(request, with_data=False)
        token = CURRENT.set(binding)
        try:
            await self._amatch(request, binding)
            response = await self.get_response(request)
        except StoreUnavailable as error:
            response = outage(request, error)
        finally:
            CURRENT.reset(token)
        return self._finish(binding, response)

    def _finish(self, binding: Binding, response: HttpResponseBase) -> HttpResponseBase:
        self._dress(binding, response)
        set_cookies(response, binding.sync.cookies)
        return response

    def _match(self, request: HttpRequest, binding: Binding) -> None:
        """Django's login and our session go together, or both go."""
        exchange = binding.open()
        told = request.session.get(auth.SESSION_KEY)
        if not exchange.is_known:
            if told is not None:
                _hide(request, binding)
            return
        session, mark = exchange.session, request.session.get(MARK)
        # Nothing has set a cookie yet but Remember me, as it started this session.
        if session is not None and exchange.cookies:
            if told == session.user_id:
                request.session[MARK] = session.id
            else:
                _resume(request, binding, session.user_id)
        elif told is None:
            if session is not None:
                exchange.sign_out()
        elif session is None and mark is None:
            # A login from before this middleware was here.
            record(request, request.user, binding)
        elif session is None or session.user_id != told or session.id != mark:
            request.session.flush()

    async def _amatch(self, request: HttpRequest, binding: Binding) -> None:
        """The same."""
        exchange = await binding.aopen()
        told = await request.session.aget(auth.SESSION_KEY)
        if not exchange.is_known:
            if told is not None:
                _hide(request, binding)
            return
        session, mark = exchange.session, await request.session.aget(MARK)
        if session is not None and exchange.cookies:
            if told == session.user_id:
                await request.session.aset(MARK, session.id)
            else:
                await _aresume(request, binding, session.user_id)
        elif told is None:
            if session is not None:
                await exchange.sign_out()
        elif session is None and mark is None:
            await arecord(request, await request.auser(), binding)
        elif session is None or session.user_id != told or session.id != mark:
            await request.session.aflush()


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
    user = auth.get_user_model()._default_manager.filter(pk=user_id).first()
    if user is not None:
        binding.is_resuming = True
        auth.login(request, user, site.AUTHENTICATION_BACKENDS[0])
        binding.is_resuming = False


async def _aresume(request: HttpRequest, binding: Binding, user_id: str) -> None:
    user = await auth.get_user_model()._default_manager.filter(pk=user_id).afirst()
    if user is not None:
        binding.is_resuming = True
        await auth.alogin(request, user, site.AUTHENTICATION_BACKENDS[0])
        binding.is_resuming = False


def record(request: HttpRequest, user: Any, binding: Binding) -> None:
    """A session of ours for a login of Django's that has none."""
    if user.is_authenticated:
        outcome = binding.sync.sign_in(_id_of(user), authenticated_by=())
        if isinstance(outcome, Refused):
            request.session.flush()
            _forget_user(request)
        else:
            request.session[MARK] = outcome.session.id


async def arecord(request: HttpRequest, user: Any, binding: Binding) -> None:
    """The same."""
    if user.is_authenticated:
        outcome = await binding.in_loop.sign_in(_id_of(user), authenticated_by=())
        if isinstance(outcome, Refused):
            await request.session.aflush()
            _forget_user(request)
        else:
            await request.session.aset(MARK, outcome.session.id)


def _forget_user(request: HttpRequest) -> None:
    """Who it was has been looked up before."""
    from django.contrib.auth.models import AnonymousUser

    request.__dict__.pop("_acached_user", None)
    request.user = AnonymousUser()


def _id_of(user: Any) -> str:
    return str(user._meta.pk.value_to_string(user))


class SessionMiddleware(_Bound, DjangosSessionMiddleware):
    """In the place of Django's SessionMiddleware, with the engine ``signedin.django.sessions``."""

    def __init__(self, get_response: Next) -> None:
        from .sessions import SessionStore

        _Bound.__init__(self, get_response)
        self.SessionStore = SessionStore

    def __call__(self, request: HttpRequest) -> Any:
        """One request."""
        if self._is_async:
            return self._in_loop(request)
        binding = self._bind(request, with_data=True)
        session: Any = cast(Any, self.SessionStore)(binding=binding)
        request.session = session
        token = CURRENT.set(binding)
        try:
            response = self.get_response(request)
            if self._is_to_be_saved(session, response):
                session.save()
        except StoreUnavailable as error:
            response = outage(request, error)
        except UpdateError:
            raise SessionInterrupted(ENDED) from None
        finally:
            CURRENT.reset(token)
        return self._finish(session, response)

    async def _in_loop(self, request: HttpRequest) -> HttpResponseBase:
        binding = self._bind(request, with_data=True)
        session: Any = cast(Any, self.SessionStore)(binding=binding)
        request.session = session
        token = CURRENT.set(binding)
        try:
            response = await self.get_response(request)
            if self._is_to_be_saved(session, response):
                await session.asave()
        except StoreUnavailable as error:
            response = outage(request, error)
        except UpdateError:
            raise SessionInterrupted(ENDED) from None
        finally:
            CURRENT.reset(token)
        return self._finish(session, response)

    @staticmethod
    def _is_to_be_saved(session: Any, response: HttpResponseBase) -> bool:
        """As Django has it: what was changed, unless the view failed."""
        if response.status_code >= 500:
            return False
        if session.modified:
            return True
        return flow().saves_always and session.binding.brings_cookie

    def _finish(self, session: Any, response: HttpResponseBase) -> HttpResponseBase:
        binding = session.binding
        if session.accessed:
            binding.opened = True
        self._dress(binding, response)
        cookies = binding.sync.cookies
        is_kept = session.modified or flow().saves_always
        if not cookies and not is_kept:
            return response
        age = None if session.get_expire_at_browser_close() else session.get_expiry_age()
        names = flow().settings.cookies
        renewed = []
        if is_kept and response.status_code < 500 and binding.sync.is_known:
            name, value = self._in_use(binding)
            if value and name not in {cookie.name for cookie in cookies}:
                renewed = [names.set(name, value)]
        set_cookies_as_djangos(response, [*cookies, *renewed], age)
        return response

    @staticmethod
    def _in_use(binding: Binding) -> tuple[str, str | None]:
        names, presented = flow().settings.cookies, binding.presented
        if binding.sync.session is not None:
            return names.session, presented.session
        return names.visitor, presented.visitor if binding.sync.visitor is not None else None


ENDED = "The session ended before this request was complete: somebody signed out, or it was revoked."
