"""The console's names on the site's store: ``from signedin.django.console import ActiveSession``.

A user of the site is one of its users, too: ``ActiveSession.list(User.objects.get(username="ada"))``.
"""

from __future__ import annotations

import getpass
import platform

from .._sync import console
from .directory import SiteUsers
from .flow import flow

__all__ = ["ActiveSession", "SessionUser"]

ActiveSession = console.ActiveSession(
    flow().sessions,
    SiteUsers(),
    operator=f"django:{getpass.getuser()}",
    origin=platform.node(),
)
SessionUser = console.User(ActiveSession)
