"""Django's test clients, whose ``force_login(user)`` and ``session`` know our engine's cookies."""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import Any

from django.test import AsyncClient as DjangosAsyncClient
from django.test import Client as DjangosClient

from ..outcomes import Presented
from ..session import Client as Facts
from .binding import Binding
from .flow import flow, is_engine
from .sessions import SessionStore

AGENT = Facts("127.0.0.1", "")


class _Store(SessionStore):
    """The dict of a test's browser, which keeps what saving it sets."""

    def __init__(self, cookies: MutableMapping[str, Any]) -> None:
        names = flow().settings.cookies
        found = {
            name: getattr(cookies.get(name), "value", None) for name in (names.session, names.visitor)
        }
        presented = Presented(found[names.session], None, found[names.visitor])
        super().__init__(binding=Binding(presented, AGENT, with_data=True))
        self._jar = cookies

    def save(self, must_create: bool = False) -> None:
        super().save(must_create)
        keep(self._jar, self.binding)

    async def asave(self, must_create: bool = False) -> None:
        await super().asave(must_create)
        keep(self._jar, self.binding)


def keep(jar: MutableMapping[str, Any], binding: Binding) -> None:
    """As a browser does with a response's cookies."""
    for cookie in binding.sync.cookies:
        if cookie.clears:
            jar.pop(cookie.name, None)
        else:
            jar[cookie.name] = cookie.value


class _Signedin:
    """What both clients do otherwise than Django's; beside another engine nothing."""

    cookies: Any

    @property
    def session(self) -> Any:
        """The dict of this browser; ``save()`` it after a change."""
        return _Store(self.cookies) if is_engine() else super().session  # type: ignore[misc]

    async def asession(self) -> Any:
        """The same."""
        return _Store(self.cookies) if is_engine() else await super().asession()  # type: ignore[misc]

    def _set_login_cookies(self, request: Any) -> None:
        if is_engine():
            keep(self.cookies, request.session.binding)
        else:
            super()._set_login_cookies(request)  # type: ignore[misc]


class Client(_Signedin, DjangosClient):
    """Name it as ``client_class`` of a test case."""


class AsyncClient(_Signedin, DjangosAsyncClient):
    """Name it as ``async_client_class`` of a test case."""
