"""``manage.py shell``: with ActiveSession and SessionUser, as the console has them."""

from __future__ import annotations

from django.core.management.commands import shell


class Command(shell.Command):
    """Django's, and two names more."""

    def get_auto_imports(self) -> list[str]:
        """What is there from the start."""
        ours = ["signedin.django.console.ActiveSession", "signedin.django.console.SessionUser"]
        return [*(super().get_auto_imports() or ()), *ours]
