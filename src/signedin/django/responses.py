"""What a response gets of a session: its cookies, its headers, a reply in the place of an outage."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.conf import settings as site
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.urls import NoReverseMatch, reverse
from django.utils.cache import patch_vary_headers

from ..cookies import Cookie
from ..errors import StoreUnavailable
from ..outgoing import private_control
from ..page import Urls, default_layout, message
from ..replies import PRIVATE, RETRY_AFTER, Reply, problem
from ..replies import outage as told_of


def response_of(reply: Reply) -> HttpResponse:
    """The reply, for Django."""
    response = HttpResponse(reply.body, status=reply.status)
    if 300 <= reply.status < 400 and reply.status != 304:
        response = HttpResponseRedirect(dict(reply.headers)["location"], status=reply.status)
    del response["content-type"]
    for name, value in reply.headers:
        response[name] = value
    return response


def page_urls() -> Urls:
    """Where the page is, if the site has it."""
    try:
        return Urls(reverse("signedin:active_sessions"))
    except NoReverseMatch:
        return Urls("/")


def outage(request: HttpRequest, error: StoreUnavailable) -> HttpResponse:
    """503: for a person as a page, for a program as a problem (V4)."""
    code, title, text = told_of(error)
    if "text/html" not in request.META.get("HTTP_ACCEPT", ""):
        return response_of(problem(503, code, f"{title} {text}", RETRY_AFTER))
    page = default_layout(*message(title, text, urls=page_urls()))
    return response_of(Reply.html(page, 503, (*PRIVATE, *RETRY_AFTER)))


def keep_private(response: HttpResponseBase, *, session_read: bool) -> None:
    """Let no shared cache give one person's page to another (HDR-1)."""
    if response.has_header("Vary"):
        patch_vary_headers(response, ("Cookie",))
    else:
        response["Vary"] = "Cookie"
    if not session_read:
        return
    better = private_control(response.get("Cache-Control", "").lower())
    if better is not None:
        response["Cache-Control"] = better


def set_cookies(response: HttpResponseBase, cookies: Iterable[Cookie], max_age: int | None) -> None:
    """Our cookies as they are. max_age: of those that have no age of their own."""
    for cookie in cookies:
        response.set_cookie(
            cookie.name,
            cookie.value,
            max_age=max_age if cookie.max_age is None else cookie.max_age,
            secure=cookie.secure,
            httponly=True,
            samesite="Lax",
        )


def set_cookies_as_djangos(
    response: HttpResponseBase, cookies: Iterable[Cookie], max_age: int | None
) -> None:
    """Our cookies under Django's settings. max_age: of those that have no age of their own."""
    named: dict[str, Any] = {
        "path": site.SESSION_COOKIE_PATH,
        "domain": site.SESSION_COOKIE_DOMAIN,
        "secure": site.SESSION_COOKIE_SECURE,
        "httponly": site.SESSION_COOKIE_HTTPONLY,
        "samesite": site.SESSION_COOKIE_SAMESITE,
    }
    for cookie in cookies:
        age = max_age if cookie.max_age is None else cookie.max_age
        response.set_cookie(cookie.name, cookie.value, max_age=age, **named)
