"""schemathesis over the API as it documents itself, on real servers: the service's document and that of a FastAPI
application with our router, as nobody, as another person, as an operator, and as the owner.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import schemathesis
import uvicorn
from fastapi import FastAPI
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis.specs.openapi.checks import ignored_auth

from signedin.admin import Admin
from signedin.config import open_sessions
from signedin.fastapi import SignedinMiddleware, sessions_router
from signedin.openapi import document
from signedin.outcomes import SignedIn

from ..servers import free_port
from ..support import LAPTOP
from ..web.chromium import Demo
from ..web.support import PAGE

OWNER, OTHER, OPERATOR = "1", "2", "3"
ROLES = {"nobody": None, "another": OTHER, "operator": OPERATOR, "owner": OWNER}


@contextmanager
def service(folder: Path) -> Iterator[tuple[str, str, Any]]:
    """The demo, whose third person is its administrator."""
    with Demo(folder) as demo:
        yield demo.url, demo.store, document(PAGE)


@contextmanager
def fastapi_application(folder: Path) -> Iterator[tuple[str, str, Any]]:
    """An application of somebody's, with the router and FastAPI's own document of it; its operators may do
    everything on the admin page, which gives them no more here.
    """
    app, store, port = FastAPI(), str(folder / "sessions.db"), free_port()
    app.include_router(sessions_router(PAGE))
    admin = Admin(lambda session, action: session.user_id == OPERATOR)
    whole: Any = SignedinMiddleware(app, store=store, page=None, admin=admin, sweep_every=None)
    server = uvicorn.Server(uvicorn.Config(whole, port=port, log_level="warning"))
    thread = threading.Thread(target=asyncio.run, args=(server.serve(),))
    thread.start()
    while not server.started:
        assert thread.is_alive()
        threading.Event().wait(0.01)
    try:
        yield f"http://127.0.0.1:{port}", store, app.openapi()
    finally:
        server.should_exit = True
        thread.join()


@pytest.mark.parametrize("application", [service, fastapi_application])
def test_the_api(application: Any, tmp_path: Path) -> None:
    """Whatever it makes up, with the owner's ids or any: an answer that the document promises, never a 5xx,
    no token in it; and nobody else sees anything of the owner's, or ends it.
    """
    with application(tmp_path) as (url, store, told):
        sessions = open_sessions(store=store)
        operations = [found.ok() for found in schemathesis.openapi.from_dict(told).get_all_operations()]
        assert len(operations) == sum(len(methods) for methods in told["paths"].values())
        for role, user in ROLES.items():
            if user == OWNER:
                mine: set[str] = set()
            else:
                entered(sessions, OWNER)
                mine = {str(session.id) for session in sessions.list(OWNER)}
            for operation in operations:
                attack(operation, url, sessions, user, mine)
            if mine:
                assert {session.id for session in sessions.list(OWNER)} == mine, role
        sessions.close()


def entered(sessions: Any, user: str) -> str:
    """The token of a new session."""
    outcome = sessions.sign_in(user, LAPTOP, started_at=sessions.clock() + 60_000)
    assert isinstance(outcome, SignedIn)
    return outcome.cookies[0].value


def attack(operation: Any, url: str, sessions: Any, user: str | None, mine: set[str]) -> None:
    """One operation as one person. mine: the owner's ids, where that is somebody else."""

    @settings(
        max_examples=settings.default.max_examples // 20,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(), chosen=st.sampled_from([None, *sorted(mine)]))
    def fuzz(case: schemathesis.Case, chosen: str | None) -> None:
        if chosen and "id" in case.path_parameters:
            case.path_parameters["id"] = chosen
        # Anew each time: signing out is among what it makes up.
        token = "" if user is None else entered(sessions, user)
        cookie = {"cookie": f"__Host-signedin={token}"} if token else {}
        headers = {"accept": "application/json", "sec-fetch-site": "same-origin", **cookie}
        answer = case.call(base_url=url, headers=headers)
        assert answer.status_code < 500
        # Its check of authentication knows no cookie that is sent as a header.
        case.validate_response(answer, excluded_checks=[ignored_auth])
        shown = answer.text + str(answer.headers)
        assert not token or token.partition(".")[2] not in shown
        asked = str(case.path_parameters) + str(case.body)
        assert not [session_id for session_id in mine if session_id in shown and session_id not in asked]
        if chosen and "id" in case.path_parameters:
            # The service lets nobody try for ever.
            assert answer.status_code in (401, 404, 429)

    fuzz()
