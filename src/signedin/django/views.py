"""The Active Sessions page in the site's own layout, and its API."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.safestring import mark_safe
from django.views.decorators.csrf import csrf_exempt

from .. import calls
from .._sync.request import Exchange
from .._sync.routes import Host, answer
from ..cookies import read as read_cookies
from ..messages import say
from ..replies import Call, Reply, problem
from ..static_files import static_file
from .binding import binding_of, is_from_ours
from .flow import flow
from .responses import page_urls, response_of

LAYOUT = "signedin/layout.html"
"""The template that a site overrides: it is given title, head and body."""


def static(request: HttpRequest, name: str) -> HttpResponse:
    """A file of the page."""
    return response_of(static_file(name))


@csrf_exempt
def active_sessions(request: HttpRequest, below: str = "") -> HttpResponse:
    """The page. Its changes are told from those of other sites by what the browser says of them
    (CSRF-1), so they work without a token of Django's.
    """
    zone = timezone.get_current_timezone()
    # The site's own zone is nobody's: without one that was activated, the browser's is right.
    known = None if zone == timezone.get_default_timezone() else zone
    host = Host(page_urls(), in_template(request, LAYOUT, {}), known)
    return answered(request, below, lambda call, exchange: answer(call, exchange, host))


def in_template(request: HttpRequest, name: str, more: dict[str, Any]) -> Callable[[str, str, str], str]:
    """A layout: the template of this name."""

    def layout(title: str, head: str, body: str) -> str:
        shown = more | {"title": title, "head": mark_safe(head), "body": mark_safe(body)}  # noqa: S308
        return render_to_string(name, shown, request)

    return layout


def answered(
    request: HttpRequest, below: str, answer: Callable[[Call, Exchange], Reply]
) -> HttpResponse:
    """A page's reply to a request of our own site."""
    if not is_from_ours(request):
        return response_of(problem(403, "cross_site", say("cross_site")))
    call = _call_of(request, below)
    if isinstance(call, Reply):
        return response_of(call)
    exchange = binding_of(request).open()
    reply = answer(call, exchange)
    if exchange.clear_cache:
        request.session.flush()
    return response_of(reply)


def _call_of(request: HttpRequest, below: str) -> Call | Reply:
    sent, names = request.META, flow().settings.cookies
    length = sent.get("CONTENT_LENGTH") or ""
    told = int(length) if length.isascii() and length.isdigit() else 0
    if told > calls.BODY_BYTES:
        return calls.TOO_LARGE
    body = b"" if request.method in ("GET", "HEAD") else request.body
    if body and len(body) < told:
        return calls.INCOMPLETE
    return calls.read_call(
        request.method or "",
        below,
        query=sent.get("QUERY_STRING", ""),
        body=body,
        content_type=sent.get("CONTENT_TYPE", ""),
        accept=sent.get("HTTP_ACCEPT", ""),
        if_none_match=sent.get("HTTP_IF_NONE_MATCH", ""),
        flash=read_cookies(sent.get("HTTP_COOKIE", ""), names).get(names.flash),
    )
