"""``manage.py clearsessions``: ours, and those of another session engine."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from ...flow import flow, is_engine


class Command(BaseCommand):
    """Run it from cron where the setting ``SWEEP_EVERY`` is None."""

    help = "Moves expired sessions to the history, and clears those of Django's session engine."

    def handle(self, **options: Any) -> None:
        """Do it, and say how many."""
        count = flow().sessions.sweep()
        if not is_engine():
            import_module(settings.SESSION_ENGINE).SessionStore.clear_expired()
        self.stdout.write(f"{count} expired.")
