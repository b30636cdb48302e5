"""The service's pages as HTML: the shell with sidebar and menu, and what goes into it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any, Final, NamedTuple

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined
from starlette.responses import HTMLResponse

from ..page import Urls
from ..replies import RETRY_AFTER
from .accounts import Account

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

    def html(self, template: str, account: Account | None, **values: Any) -> str:
        """A document. account: whose sidebar is shown; None for a page without one."""
        return (
            _environment()
            .get_template(template)
            .render(
                name=self.name,
                urls=self.urls,
                demo=self.demo,
                account=account,
                initials="" if account is None else initials(account.name),
                **{"settings": False, "here": None, "head": ""} | values,
            )
        )

    def response(
        self, template: str, account: Account | None, *, status: int = 200, **values: Any
    ) -> HTMLResponse:
        """A page as a response that no cache keeps."""
        return HTMLResponse(self.html(template, account, **values), status, NO_STORE)

    def problem(self, status: int, title: str, text: str, *, retry: bool = False) -> HTMLResponse:
        """A page that says what went wrong, and needs nothing to say it."""
        response = self.response("problem.html", None, status=status, title=title, text=text)
        if retry:
            response.headers.update(dict(RETRY_AFTER))
        return response


def initials(name: str) -> str:
    """The first letters of the first and the last word of a name."""
    words = name.split()
    return "".join(word[0] for word in (words[:1] + words[1:][-1:])).upper()


@cache
def _environment() -> Environment:
    return Environment(
        loader=ChoiceLoader([PackageLoader("signedin.server"), PackageLoader("signedin")]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
