"""The middleware beside any session engine: Django's login and our session go together, or both go."""

from __future__ import annotations

from typing import Any, Final, cast

from django.conf import settings as site
from django.contrib import auth
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.functional import SimpleLazyObject

from ..errors import StoreUnavailable
from ..outcomes import Refused
from .binding import CURRENT, Binding
from .middleware import Bound
from .responses import outage, set_cookies

MARK: Final = "_signedin"
"""In Django's dict: the id of the session of ours that belongs to it."""


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
        return self._finish(binding, response)

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
        return self._finish(binding, response)

    def _finish(self, binding: Binding, response: HttpResponseBase) -> HttpResponseBase:
        self.dress(binding, response)
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
