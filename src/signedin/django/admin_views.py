"""The admin page: list, search and revoke everybody's sessions, inside Django's admin.

Who may change users may revoke their sessions; who may view users may look. Nobody acts as another
user here: Django's own user would stay who it is.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, Final

from django.contrib import admin as djangos
from django.contrib.auth import get_permission_codename, get_user_model
from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from .._sync.admin import admin_answer
from .._sync.admin_core import AdminHost, Counted
from ..admin import Action, Admin
from ..admin_page import AdminUrls
from ..session import Session
from .directory import SiteUsers
from .views import answered, in_template

LOOKING: Final = frozenset({"list", "history"})
CHANGING: Final = LOOKING | {"revoke", "revoke_many", "reveal_ip", "audit"}
LAYOUT: Final = "signedin/admin.html"
_COUNTED: Final = Counted()


def everybody(request: HttpRequest, below: str = "") -> HttpResponse:
    """The page and its forms."""
    urls = AdminUrls(reverse("signedin_admin:sessions"))
    rights = _rights_of(request.user)

    def allows(session: Session, action: Action) -> bool:
        return action in rights

    host = AdminHost(
        Admin(allows, SiteUsers()),
        urls,
        start=_run,
        stops=lambda: False,
        counted=_COUNTED,
        layout=in_template(request, LAYOUT, djangos.site.each_context(request)),
    )
    return answered(request, below, partial(_answer, host))


def _answer(host: AdminHost, call: Any, exchange: Any) -> Any:
    return admin_answer(call, exchange, host)


def _run(work: Callable[[], object]) -> None:
    """A run is done within the request that starts it."""
    work()


def _rights_of(user: Any) -> frozenset[str]:
    meta = get_user_model()._meta
    for name, rights in (("change", CHANGING), ("view", LOOKING)):
        if user.has_perm(f"{meta.app_label}.{get_permission_codename(name, meta)}"):
            return frozenset(rights)
    return frozenset()
