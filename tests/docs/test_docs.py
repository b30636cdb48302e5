"""The documentation is run: every block of code, every command, every name in a table."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from signedin import REASONS, Policy, Settings
from signedin.admin import ACTIONS
from signedin.cli.failures import CODES
from signedin.policy import NAMED
from signedin.selector import _TERMS as TERMS

from ..web.support import PAGE, SESSION, Client
from . import transcripts

ROOT = Path(__file__).parent.parent.parent
DOCS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("examples/*/*.md")])
MAKE = (ROOT / "Makefile").read_text()


def blocks(path: Path, language: str) -> list[str]:
    """The code blocks of a page in this language, indented ones too."""
    found = re.findall(rf"^( *)```{language}\n(.*?)^ *```$", path.read_text(), re.DOTALL | re.MULTILINE)
    return ["\n".join(line.removeprefix(indent) for line in code.split("\n")) for indent, code in found]


FILE = re.compile(r"# (\w+\.py)\n")
"""The first line of a block that is a file of its own; test_how_tos.py runs those."""


def run_python(path: Path) -> dict[str, Any]:
    """Execute the page's Python from top to bottom; the names it leaves."""
    names: dict[str, Any] = {"__name__": "docs"}
    for code in blocks(path, "python"):
        if FILE.match(code):
            continue
        exec(compile(code, str(path), "exec"), names)
    return names


@pytest.mark.parametrize("path", DOCS, ids=lambda path: str(path.relative_to(ROOT)))
def test_python(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every block of Python runs."""
    monkeypatch.chdir(tmp_path)
    run_python(path)


@pytest.mark.parametrize("path", DOCS, ids=lambda path: str(path.relative_to(ROOT)))
def test_commands(path: Path, tmp_path: Path) -> None:
    """Every command runs and prints what the page shows; every target of make is there."""
    for line in "".join(blocks(path, "console")).splitlines():
        if line.startswith("$ "):
            assert line.startswith(("$ make ", "$ signedin ")), line
        if line.startswith("$ make "):
            assert re.search(rf"^{line.split()[2]}:", MAKE, re.MULTILINE), line
    text = path.read_text()
    if "$ signedin" in text:
        shown = transcripts.played(path, tmp_path)
        assert transcripts.comparable(shown) == transcripts.comparable(text)
    assert "[exit code" not in text


@pytest.mark.parametrize("path", DOCS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links(path: Path) -> None:
    """Every relative link and picture leads to something, headings included."""
    text = path.read_text()
    links = re.findall(r"\]\(([^)\s]+)\)", text) + re.findall(r'(?:src|srcset)="([^"]+)"', text)
    for link in links:
        if link.startswith(("http:", "https:")):
            continue
        file, _, heading = link.partition("#")
        target = path if not file else (path.parent / file)
        assert target.exists(), link
        if heading:
            titles = re.findall(r"^#+ (.+)$", target.read_text(), re.MULTILINE)
            assert heading in {re.sub(r"[^\w -]", "", t.lower()).replace(" ", "-") for t in titles}, link


@pytest.mark.parametrize("path", DOCS, ids=lambda path: str(path.relative_to(ROOT)))
def test_named_tests(path: Path) -> None:
    """Every test that a page names is there, and so is every module that it says to run."""
    text = path.read_text()
    for file, name in re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", text):
        assert re.search(rf"^(async )?def {name}\(", (ROOT / file).read_text(), re.MULTILINE), name
    for module in re.findall(r"`python -m ((?:tests|benchmarks|scripts)[\w.]*)", text):
        place = ROOT / module.replace(".", "/")
        assert place.with_suffix(".py").exists() or (place / "__main__.py").exists(), module


def test_the_standards_requirements() -> None:
    """The table has each requirement of ASVS 5.0's chapter V7, once, in order."""
    counts = {1: 3, 2: 4, 3: 2, 4: 5, 5: 3, 6: 2}
    rows = re.findall(r"^\| (7\.\d\.\d) \|", (ROOT / "docs" / "asvs.md").read_text(), re.MULTILINE)
    assert rows == [f"7.{part}.{n}" for part, most in counts.items() for n in range(1, most + 1)]


async def test_the_ten_lines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """README's application signs in, knows who it is, and has the page."""
    monkeypatch.chdir(tmp_path)
    app = run_python(ROOT / "README.md")["app"]
    async with Client(app) as browser:
        assert (await browser.get("/")).text == "Sign in, please."
        assert (await browser.post("/sign_in")).status_code == 303
        assert SESSION in browser.tokens()
        assert (await browser.get("/")).text == "Hello ada"
        assert "Active Sessions" in (await browser.get(PAGE)).text
    await app.sessions.close()


async def test_the_quickstart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The quickstart's application, the whole way."""
    monkeypatch.chdir(tmp_path)
    app = run_python(ROOT / "docs" / "quickstart.md")["app"]
    async with Client(app) as a, Client(app, address="198.51.100.7") as b:
        assert (await a.get("/members")).headers["location"] == "/sign_in?next=/members"
        assert (await a.post("/sign_in", data={"name": "ada", "password": "no"})).status_code == 422
        for browser in (a, b):
            right = {"name": "ada", "password": "correct horse", "remember_me": "1"}
            assert (await browser.post("/sign_in", data=right)).headers["location"] == "/"
        assert (await b.get("/members")).text == "for members"
        page = (await a.get(PAGE)).text
        assert "Active Sessions · Shop" in page
        assert "Europe/Zurich" in page
        assert (await a.post("/password")).status_code == 303
        assert (await a.get("/")).text == "Hello ada."
        assert (await b.get("/")).text == "Hello."
        assert "details changed" in (await b.get("/sign_in")).text
        await a.post("/sign_out")
        assert (await a.get("/")).text == "Hello."
    await app.sessions.close()


async def test_the_admin_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The example's staff sees Ada, and Ada sees nothing; the table has every action."""
    monkeypatch.chdir(tmp_path)
    app = run_python(ROOT / "docs" / "admin.md")["app"]
    async with Client(app) as ada, Client(app) as grace:
        await ada.post("/enter?id=1")
        await grace.post("/enter?id=2")
        assert "Ada Okafor" in (await grace.get("/admin/active_sessions")).text
        assert (await ada.get("/admin/active_sessions")).status_code == 404
    await app.sessions.close()
    assert [names(row[0])[0] for row in table("admin.md", "| action")] == list(ACTIONS)
    terms = [term for row in table("admin.md", "| term") for term in re.findall(r"`(\w+):", row[0])]
    assert set(terms) == set(TERMS)


def table(page: str, after: str) -> list[list[str]]:
    """The cells of the first table behind these words."""
    text = (ROOT / "docs" / page).read_text()
    rows = re.search(r"(?:^\|.*\n)+", text[text.index(after) :], re.MULTILINE)
    assert rows is not None
    return [[cell.strip() for cell in row.strip("|\n").split("|")] for row in rows[0].splitlines()[2:]]


def names(cell: str) -> list[str]:
    return re.findall(r"`(\w+)`", cell)


def test_reference() -> None:
    """Settings, policies, reasons and exit codes: the tables and the code say the same."""
    assert [names(row[0])[0] for row in table("policy.md", "## Settings")] == [
        f.name for f in fields(Settings)
    ]
    assert {names(row[0])[0] for row in table("policy.md", "## Policy")} == {
        f.name for f in fields(Policy)
    }
    assert [names(row[0])[0] for row in table("policy.md", "| named policy")] == list(NAMED)
    reasons = [
        (name, row) for row in table("policy.md", "## Why sessions end") for name in names(row[0])
    ]
    assert {name for name, _ in reasons} == set(REASONS)
    words = {"all": "all of the user", "series": "this browser's", "none": "none"}
    for name, row in reasons:
        reason = REASONS[name]
        assert row[1] == words[reason.forgets], name
        assert (row[2] == "–") is (reason.barrier == "never"), name
        assert row[3] == {"no": "no", "yes": "yes", "others": "the others"}[reason.told], name
    codes = {int(row[0]) for row in table("operating.md", "| exit code")}
    assert codes == {0, *CODES.values()}


def test_every_page_is_found() -> None:
    """README leads to every page of the documentation."""
    text = (ROOT / "README.md").read_text()
    for page in ROOT.glob("docs/*.md"):
        assert f"docs/{page.name}" in text
    for number, decision in enumerate(sorted(ROOT.glob("docs/decisions/*.md")), 1):
        assert decision.name.startswith(f"{number:04}-")
        assert decision.read_text().startswith(f"# {number}. ")
