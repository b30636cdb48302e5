"""What is told of an error shows no token (TOK-4): Django's mail to its administrators, and its debug page."""

from __future__ import annotations

from typing import Any

import pytest
from django.core import mail
from django.test import override_settings
from django.urls import path

from signedin.token import Token

from .hosts import Host


def breaks(request: Any) -> Any:
    raise RuntimeError(f"broken for {request.user}")


urlpatterns = [path("breaks/", breaks)]


@pytest.mark.parametrize("host", ["django-beside", "django-engine"], indirect=True)
@pytest.mark.parametrize("debug", [False, True], ids=["a mail", "the debug page"])
async def test_a_report(host: Host, debug: bool) -> None:
    """All of our cookies are left out, in both ways in; what the site hides itself stays hidden."""
    settings = {
        "DEBUG": debug,
        "ADMINS": [("root", "root@example.com")],
        "EMAIL_BACKEND": "django.core.mail.backends.locmem.EmailBackend",
        "ROOT_URLCONF": "tests.attack.test_reports",
    }
    async with host.client() as ada:
        await host.enter(ada, remember=True)
        tokens = [token for text in ada.tokens().values() if (token := Token.parse(text)) is not None]
        mail.outbox = []
        ada._transport.raise_app_exceptions = False  # type: ignore[attr-defined]
        with override_settings(**settings):
            answer = await ada.get(
                "/breaks/", headers={"accept": "text/plain" if debug else "text/html"}
            )
    assert answer.status_code == 500
    told = answer.text + "".join(message.body for message in mail.outbox)
    assert "broken for ada" in told
    assert "sessionid" in told
    assert len(tokens) == 2
    assert not [token for token in tokens if token.secret in told]
