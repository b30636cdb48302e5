"""schemathesis over the API of a running service, as three people: nobody, a user, another user."""

from __future__ import annotations

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.specs.openapi.checks import ignored_auth

from signedin.config import open_sessions
from signedin.openapi import document
from signedin.outcomes import SignedIn

from ..support import LAPTOP
from .chromium import Demo
from .support import PAGE

SCHEMA = schemathesis.openapi.from_dict(document(PAGE))
OPERATIONS = [result.ok() for result in SCHEMA.get_all_operations()]
ADA, BO = "1", "2"


@pytest.mark.parametrize("user", [None, ADA, BO], ids=["nobody", "ada", "bo"])
def test_the_api(demo: Demo, user: str | None) -> None:
    """Whatever it makes up: an answer that the document promises, never a 5xx; and what others ask
    ends nothing of Ada's.
    """
    sessions = open_sessions(store=demo.store)
    theirs = {session.id for session in sessions.list(ADA)}

    def entered() -> str:
        if user is None:
            return ""
        outcome = sessions.sign_in(user, LAPTOP, started_at=sessions.clock() + 60_000)
        assert isinstance(outcome, SignedIn)
        return f"__Host-signedin={outcome.cookies[0].value}"

    for operation in OPERATIONS:

        @settings(
            max_examples=12,
            deadline=None,
            database=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(case=operation.as_strategy())
        def fuzz(case: schemathesis.Case) -> None:
            # Anew each time: signing out is among what it makes up.
            headers = {
                "accept": "application/json",
                "sec-fetch-site": "same-origin",
                "cookie": entered(),
            }
            answer = case.call(base_url=demo.url, headers=headers)
            assert answer.status_code < 500
            # Its check of authentication knows no cookie that is sent as a header.
            case.validate_response(answer, excluded_checks=[ignored_auth])

        fuzz()
    if user != ADA:
        assert {session.id for session in sessions.list(ADA)} == theirs
    sessions.close()
