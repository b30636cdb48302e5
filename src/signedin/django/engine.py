"""The middleware of our session engine, in the place of Django's own."""

from __future__ import annotations

from typing import Any, Final, cast

from django.contrib.sessions.backends.base import UpdateError
from django.contrib.sessions.exceptions import SessionInterrupted
from django.contrib.sessions.middleware import SessionMiddleware as DjangosSessionMiddleware
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from ..cookies import Cookie
from ..errors import StoreUnavailable
from .binding import CURRENT, Binding
from .flow import flow
from .middleware import Bound, Next
from .responses import outage, set_cookies_as_djangos

ENDED: Final = "The session ended before this request was complete: signed out, or revoked meanwhile."


class SessionMiddleware(Bound, DjangosSessionMiddleware):
    """In the place of Django's SessionMiddleware, with the engine ``signedin.django.sessions``."""

    def __init__(self, get_response: Next) -> None:
        from .sessions import SessionStore

        Bound.__init__(self, get_response)
        self.SessionStore = SessionStore

    def __call__(self, request: HttpRequest) -> Any:
        """One request."""
        if self._is_async:
            return self._in_loop(request)
        binding = self.bind(request, with_data=True)
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
        cookies = self._cookies(session, response)
        if cookies:
            is_short = session.get_expire_at_browser_close()
            set_cookies_as_djangos(response, cookies, None if is_short else session.get_expiry_age())
        return response

    async def _in_loop(self, request: HttpRequest) -> HttpResponseBase:
        binding = self.bind(request, with_data=True)
        session: Any = cast(Any, self.SessionStore)(binding=binding)
        request.session = session
        token = CURRENT.set(binding)
        try:
            response: HttpResponseBase = await self.get_response(request)
            if self._is_to_be_saved(session, response):
                await session.asave()
        except StoreUnavailable as error:
            response = outage(request, error)
        except UpdateError:
            raise SessionInterrupted(ENDED) from None
        finally:
            CURRENT.reset(token)
        cookies = self._cookies(session, response)
        if cookies:
            # The dict may be read here for the first time, and the user with it.
            is_short = await session.aget_expire_at_browser_close()
            age = None if is_short else await session.aget_expiry_age()
            set_cookies_as_djangos(response, cookies, age)
        return response

    @staticmethod
    def _is_to_be_saved(session: Any, response: HttpResponseBase) -> bool:
        """As Django has it: what was changed, unless the view failed."""
        if response.status_code >= 500:
            return False
        if session.modified:
            return True
        return flow().saves_always and session.binding.brings_cookie

    def _cookies(self, session: Any, response: HttpResponseBase) -> list[Cookie]:
        """What is to be set, after the headers are."""
        binding = session.binding
        if session.accessed:
            binding.opened = True
        self.dress(binding, response)
        cookies = list(binding.sync.cookies)
        if (
            response.status_code < 500
            and binding.sync.is_known
            and (session.modified or flow().saves_always)
        ):
            name, value = self._in_use(binding)
            if value and name not in {cookie.name for cookie in cookies}:
                cookies.append(flow().settings.cookies.set(name, value))
        return cookies

    @staticmethod
    def _in_use(binding: Binding) -> tuple[str, str | None]:
        names, presented = flow().settings.cookies, binding.presented
        if binding.sync.session is not None:
            return names.session, presented.session
        return names.visitor, presented.visitor if binding.sync.visitor is not None else None
