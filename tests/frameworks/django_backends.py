"""Another way to log in, which a site has beside Django's."""

from __future__ import annotations

from django.contrib.auth.backends import BaseBackend


class Partners(BaseBackend):
    """Knows none of the users that a test has."""
