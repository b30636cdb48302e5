"""The service's pages as HTML: the shell with sidebar and menu, and what goes into it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any, Final, NamedTuple

from jinja2 import ChoiceLoader, PackageLoader
from starlette.responses import HTMLResponse

from ..describe import initials
from ..html import Templates
from ..page import Urls
from ..replies import RETRY_AFTER
from .viewers import Viewer

NO_STORE: Final = {"cache-control": "no-store"}


class Person(NamedTuple):
    """An example account, as the demo's sign-in page tells of it."""

    username: str
    name: str
    about: str


@dataclass(frozen=True)
class Demo:
    """What the demo shows on top: its people, and the one password of all of them."""

    password: str
    people: tuple[Person, ...]


@dataclass(frozen=True)
class Shell:
    """Makes pages. name: of the service. page: path of Active Sessions. demo: None when it is real."""

    name: str
    page: str
    demo: Demo | None = None

    @property
    def urls(self) -> Urls:
        """Where the page's parts are."""
        return Urls(self.page)

    def html(self, template: str, viewer: Viewer | None, **values: Any) -> str:
        """A document. viewer: whose sidebar is shown; None for a page without one."""
        account = None if viewer is None else viewer.account
        return (
            _templates()
            .get_template(template)
            .render(
                name=self.name,
                urls=self.urls,
                demo=self.demo,
                account=account,
                viewer=viewer,
                initials="" if account is None else initials(account.name),
                **{"section": None, "here": None, "head": ""} | values,
            )
        )

    def response(
        self, template: str, viewer: Viewer | None, *, status: int = 200, **values: Any
    ) -> HTMLResponse:
        """A page as a response that no cache keeps."""
        return HTMLResponse(self.html(template, viewer, **values), status, NO_STORE)

    def problem(
        self, status: int, title: str, text: str, *, retry: bool = False, viewer: Viewer | None = None
    ) -> HTMLResponse:
        """A page that says what went wrong, and needs nothing to say it."""
        response = self.response("problem.html", viewer, status=status, title=title, text=text)
        if retry:
            response.headers.update(dict(RETRY_AFTER))
        return response


@cache
def _templates() -> Templates:
    return Templates(ChoiceLoader([PackageLoader("signedin.server"), PackageLoader("signedin")]))
