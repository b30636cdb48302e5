"""The app ``signedin.django``."""

from __future__ import annotations

from django.apps import AppConfig


class SignedinConfig(AppConfig):
    """Binds the app to the site's signals and checks."""

    name = "signedin.django"
    label = "signedin"
    verbose_name = "Active sessions"

    def ready(self) -> None:
        """Once all apps are loaded."""
        from . import checks, signals

        checks.register()
        signals.connect()
