"""What docs/flask.md and docs/wsgi.md show, tried further than their own assertions go."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ..frameworks.test_wsgi import client_of
from .test_docs import PAGE, ROOT, blocks, run_python


def test_flask(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The application of the page goes the whole way, and every command of the terminal runs in it."""
    monkeypatch.chdir(tmp_path)
    names = run_python(ROOT / "docs" / "flask.md")
    app: Any = names["app"]
    client = names["client"]
    assert client.get("/members", headers={"accept": "text/html"}).location == "/sign_in?next=/members"
    other = app.test_client()
    other.environ_base["HTTP_SEC_FETCH_SITE"] = "same-origin"
    for browser in (client, other):
        browser.post("/sign_in", data={"remember_me": "1"})
    assert client.get("/members").text == "for members"
    assert "Active Sessions" in client.get(PAGE, headers={"accept": "text/html"}).text
    assert client.post("/password").status_code == 303
    assert other.get("/").text == "Sign in, please."
    assert "details changed" in other.get("/sign_in").text
    runner = app.test_cli_runner()
    for command in "".join(blocks(ROOT / "docs" / "flask.md", "sh")).splitlines():
        assert command.startswith("flask signedin "), command
        done = runner.invoke(args=command.split()[1:])
        assert done.exit_code == 0, done.output
        if " list " in command:
            assert "1 session of ada" in done.output
    assert client.get("/").text == "Sign in, please."
    for name in ("app", "shop", "behind_a_proxy"):
        names[name].extensions["signedin"].close()


def test_wsgi(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The application of the page signs in, knows who it is, and has the page."""
    monkeypatch.chdir(tmp_path)
    app = run_python(ROOT / "docs" / "wsgi.md")["app"]
    browser = client_of(app)
    assert browser.get("/").text == "Sign in, please."
    assert browser.post("/sign_in").status_code == 303
    assert browser.get("/").text == "Hello ada"
    assert "Active Sessions" in browser.get(PAGE).text
    app.close()
