"""Django's reports of errors, by mail and on its debug page, without our tokens (L3)."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest

from .flow import flow


class Discreet:
    """The site's own filter of reports, which knows the name of one cookie only, and ours besides."""

    def __getattr__(self, name: str) -> Any:
        from django.views.debug import get_default_exception_reporter_filter

        return getattr(get_default_exception_reporter_filter(), name)

    def get_safe_cookies(self, request: HttpRequest) -> dict[str, Any]:
        """The cookies of a request as a report may show them."""
        shown: dict[str, Any] = self.__getattr__("get_safe_cookies")(request)
        names = flow().settings.cookies
        ours = {names.session, names.remember, names.visitor}
        return {name: self.cleansed_substitute if name in ours else shown[name] for name in shown}


DISCREET: Any = Discreet()
