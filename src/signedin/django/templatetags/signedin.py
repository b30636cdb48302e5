"""Where sessions are, for the admin's list of users and its page of one."""

from __future__ import annotations

from typing import Any

from django import template
from django.contrib.auth import get_user_model
from django.urls import NoReverseMatch, reverse

register = template.Library()


@register.simple_tag
def sessions_url(opts: Any, object_id: str | None = None) -> str:
    """The address in the admin of everybody's, or of this user's; empty for what is no user, and on a
    site without that page.
    """
    if not issubclass(opts.model, get_user_model()):
        return ""
    try:
        if object_id is None:
            return reverse("signedin_admin:sessions")
        return reverse("signedin_admin:below", args=[f"users/{object_id}/active_sessions"])
    except NoReverseMatch:
        return ""
