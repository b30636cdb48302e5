"""docs/django.md is followed, in both ways in, and the example runs."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "django.md"
OTHER = {"beside": "As the session engine", "engine": "Beside your session engine"}
BLOCK = re.compile(r"^```(sh|py|html)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
NAMED = re.compile(r"(?:# |<!-- )(\S+)(?: -->)?\n")
TRY = """
from django.contrib.auth import get_user_model
from django.test import Client
get_user_model().objects.create_superuser("ada", "", "correct horse")
first, second = Client(), Client()
for client in (first, second):
    form = {"username": "ada", "password": "correct horse"}
    assert client.post("/accounts/login/", form).status_code == 302
page = first.get("/account/sessions/")
assert page.status_code == 200, page
assert LOOK in page.content.decode(), page.content
told = {"content_type": "application/x-www-form-urlencoded", "headers": {"sec-fetch-site": "same-origin"}}
assert first.post("/account/sessions/revoke_others", "", **told).status_code == 303
assert first.get("/account/sessions/").status_code == 200
assert second.get("/account/sessions/").status_code == 303
assert b"revoked" in second.get("/accounts/login/").content or LOOK != "Shop"
assert first.get("/admin/sessions/active_sessions").status_code == 200
"""


def run(folder: Path, *words: str, **more: str) -> str:
    """A command in the folder."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environ = os.environ | {"PATH": path, "PYTHONDONTWRITEBYTECODE": "1"} | more
    done = subprocess.run(words, cwd=folder, env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize("way", list(OTHER))
def test_the_page(way: str, tmp_path: Path) -> None:
    """Every file is written and every command runs, from an empty folder; then people log in."""
    sections = re.split(r"^## ", PAGE.read_text(), flags=re.MULTILINE)
    followed = "".join(part for part in sections if not part.startswith(OTHER[way]))
    for language, text in BLOCK.findall(followed):
        if language == "sh":
            for line in text.splitlines():
                if line.startswith("pip install "):
                    continue
                run(tmp_path, "sh", "-c", line)
            continue
        named = NAMED.match(text)
        assert named is not None, text
        file = tmp_path / named[1]
        file.parent.mkdir(parents=True, exist_ok=True)
        added = text[named.end() :]
        before = file.read_text() if file.name == "settings.py" else ""
        file.write_text(before + "\n" + added)
    run(tmp_path, "sh", "-c", "python manage.py check")
    run(tmp_path, "python", "manage.py", "shell", "-v0", "-c", _try("Your site, ada", "localhost"))


def test_the_example(tmp_path: Path) -> None:
    """The example's database is made, its checks pass, and people log in and are signed out."""
    folder, data = ROOT / "examples" / "django", {"SHOP_DATA": str(tmp_path)}
    run(folder, "python", "manage.py", "migrate", **data)
    run(folder, "python", "manage.py", "check", **data)
    run(folder, "python", "manage.py", "shell", "-v0", "-c", _try("Shop", "localhost"), **data)


def _try(look: str, host: str) -> str:
    made = TRY.replace("Client()", f"Client(SERVER_NAME={host!r})").replace("LOOK", repr(look))
    return made.replace("\n\n", "\n")
