"""The how-tos from an empty folder, exactly as written; and the examples, as their READMEs say."""

from __future__ import annotations

import re
import shutil
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest
from starlette.testclient import TestClient

from ..frameworks.test_wsgi import client_of
from ..web.support import PAGE
from .how_tos import files, page, run, served, steps
from .test_docs import DOCS, FILE, ROOT, blocks, run_python

HOW_TOS = ("starlette", "fastapi", "flask", "wsgi")
EXAMPLES = ("django", "fastapi", "flask", "starlette", "wsgi")
RIGHT = {"user": "ada", "password": "correct horse", "remember_me": "1"}
EXTRAS = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]


def as_browser(url: str) -> httpx2.Client:
    return httpx2.Client(base_url=url, headers={"sec-fetch-site": "same-origin", "accept": "text/html"})


def keep(client: httpx2.Client, answer: httpx2.Response) -> httpx2.Response:
    """Chromium sends Secure cookies to loopback; this client is told to."""
    for cookie in client.cookies.jar:
        cookie.secure = False
    return answer


def go_the_whole_way(url: str, *, has_cart: bool) -> None:
    """Two browsers: a cart comes along at the sign-in, one revokes the other, which is told why."""
    with as_browser(url) as a, as_browser(url) as b:
        if has_cart:
            keep(a, a.post("/cart"))
            assert "Cart: 1" in a.get("/").text
        assert keep(a, a.post("/sign_in", data={"user": "ada", "password": "no"})).status_code == 422
        assert keep(a, a.post("/sign_in", data={"user": "eve", "password": ""})).status_code == 422
        assert a.get("/api/orders").headers["location"] == "/sign_in?next=/api/orders"
        for browser in (a, b):
            assert keep(browser, browser.post("/sign_in", data=RIGHT)).headers["location"] == "/"
        shown = a.get("/").text
        assert "Hello ada." in shown
        assert not has_cart or "Cart: 1" in shown
        assert not has_cart or "Cart: 0" in b.get("/").text
        assert b.get("/api/orders").json() == ["An order of ada"]
        assert "Active Sessions · Shop" in a.get(PAGE).text
        assert keep(a, a.post(f"{PAGE}/revoke_others")).status_code == 303
        assert b.get("/api/orders", headers={"accept": "application/json"}).status_code == 401
        assert "this session was revoked" in b.get("/sign_in").text
        there = keep(b, b.post("/sign_in?next=/api/orders", data=RIGHT))
        assert there.headers["location"] == "/api/orders"
        assert keep(b, b.post("/sign_in?next=//evil.example", data=RIGHT)).headers["location"] == "/"
        assert keep(a, a.post("/sign_out")).headers["location"] == "/"
        assert "Hello" not in a.get("/").text
        assert not has_cart or "Cart: 0" in a.get("/").text


@pytest.mark.parametrize("name", HOW_TOS)
def test_from_an_empty_folder(name: str, tmp_path: Path) -> None:
    """Every file is written and every command runs; tests leave nothing behind; operators see who it is."""
    for file, code in files(page(name)).items():
        (tmp_path / file).write_text(code)
    serve, tests, console = steps(page(name))
    with served(serve.strip(), tmp_path) as url:
        go_the_whole_way(url, has_cart=name != "wsgi")
        before = {path.name for path in tmp_path.iterdir()}
        for _ in range(2):
            assert re.search(r"[12] passed", run(tests, tmp_path))
        assert {path.name for path in tmp_path.iterdir()} == before | {".pytest_cache"}
        shown = run(console, tmp_path)
    assert re.search(r"1 session of ada( \(Ada Okafor\))?\.", shown)
    assert "Signed out by an administrator" in shown
    assert ("Ada Okafor" in shown) is ("people.py" in before)


def test_all_of_them() -> None:
    """No page shows a file or a command of a shell that isn't run here, or by Django's tests; an example is
    the very file of its page.
    """
    shown = {path.stem for path in DOCS if any(FILE.match(code) for code in blocks(path, "python"))}
    assert shown == set(HOW_TOS)
    typed = {path.stem for path in DOCS if blocks(path, "sh") and path.parent.name == "docs"}
    assert typed == {*HOW_TOS, "django", "quickstart"}
    for name in ("starlette", "fastapi", "wsgi"):
        assert files(page(name))["app.py"] == (ROOT / "examples" / name / "app.py").read_text()


def test_what_is_installed() -> None:
    """From a checkout everywhere, with extras that there are, and all that the page goes on to use."""
    for path in DOCS:
        for words in re.findall(r"pip install ([^`\n]+)", path.read_text()):
            assert "signedin" not in words, path
            for named in re.findall(r"'\.\[([\w,]+)\]'", words):
                assert set(named.split(",")) <= set(EXTRAS), path
    for name in ("starlette", "fastapi", "wsgi"):
        assert re.search(r"pip install '\.\[[\w,]*\bcli\b", page(name).read_text()), name


# ── behind a proxy ───────────────────────────────────────────────────────────────────────────


@contextmanager
def behind(name: str) -> Iterator[Any]:
    """The page's application with the page's change, as its proxy calls it."""
    if name == "flask":
        app = run_python(page(name))["behind_a_proxy"]
    else:
        changed = next(code for code in blocks(page(name), "python") if "trusted_proxies" in code)
        start = re.escape(changed.partition("\n")[0])
        code = files(page(name))["app.py"]
        code, count = re.subn(rf"^{start}.*$", lambda _: changed, code, flags=re.MULTILINE)
        assert count == 1
        names: dict[str, Any] = {"__name__": "app"}
        exec(code, names)
        app = names["app"]
    if name in ("starlette", "fastapi"):
        with TestClient(app, client=("10.0.0.5", 1), follow_redirects=False) as client:
            yield client
    else:
        with httpx2.Client(transport=httpx2.WSGITransport(app, remote_addr="10.0.0.5")) as client:
            yield client
        (app.extensions["signedin"] if name == "flask" else app).close()


@pytest.mark.parametrize("name", HOW_TOS)
def test_behind_a_proxy(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The whole application works as before; addresses are the visitors', and other origins are refused."""
    monkeypatch.chdir(tmp_path)
    with behind(name) as client:
        client.base_url = "https://shop.example"
        client.headers = {"accept": "text/html", "x-forwarded-for": "203.0.113.9"}
        ours, theirs = {"origin": "https://shop.example"}, {"origin": "https://evil.example"}
        assert client.get("/").status_code == 200
        assert client.post("/sign_in", data=RIGHT, headers=theirs).status_code == 403
        assert client.post("/sign_in", data=RIGHT, headers=ours).status_code == 303
        assert "Hello ada." in client.get("/").text
        shown = client.get(PAGE).text
        assert "203.0.113.9" in shown
        assert "10.0.0.5" not in shown
        assert "Active Sessions · Shop" in shown


# ── what is Flask's ──────────────────────────────────────────────────────────────────────────


def test_flask(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the page adds to its application: a password change, the page elsewhere, the admin page."""
    monkeypatch.chdir(tmp_path)
    names = run_python(page("flask"))
    elsewhere = client_of(names["shown_elsewhere"])
    elsewhere.post("/sign_in", data=RIGHT)
    assert "Europe/Zurich" in elsewhere.get("/account/devices").text
    assert elsewhere.get("/admin/active_sessions").status_code == 404
    app = names["create_app"]()
    first, second = client_of(app), client_of(app)
    for browser in (first, second):
        browser.post("/sign_in", data=RIGHT)
    assert first.post("/password").headers["location"] == "/"
    assert "Hello" not in second.get("/").text
    assert "details changed" in second.get("/sign_in").text
    for made in (app, names["shown_elsewhere"], names["behind_a_proxy"]):
        made.extensions["signedin"].close()


def test_flasks_layout(tmp_path: Path) -> None:
    """The page's templates beside its application, with the one change that the page names."""
    text = page("flask").read_text()
    changed = re.search(r"`(Signedin\(app, store=store, layout=\"active_sessions.html\".*?)`", text)
    assert changed is not None
    before = "Signedin(app, store=store, layout=layout, **options)"
    code = files(page("flask"))["app.py"]
    assert before in code
    (tmp_path / "templates").mkdir()
    for template in blocks(page("flask"), "html"):
        named = re.match(r"{# (templates/\w+\.html) #}\n", template)
        assert named is not None
        (tmp_path / named[1]).write_text(template)
    (tmp_path / "app.py").write_text(code.replace(before, changed[1]))
    with served("flask run", tmp_path) as url, as_browser(url) as browser:
        keep(browser, browser.post("/sign_in", data=RIGHT))
        shown = browser.get(PAGE).text
    assert "Active Sessions · Shop</title>" in shown
    assert f'<a href="{PAGE}">Active sessions</a></nav>' in shown
    assert 'rel="stylesheet"' in shown


# ── the quickstart, the ten lines, the examples ──────────────────────────────────────────────


def test_the_quickstart_runs(tmp_path: Path) -> None:
    """Steps 1 to 5 in one file, under the page's command."""
    text = page("quickstart").read_text()
    first = text[: text.index("## 6. ")]
    code = re.findall(r"```python\n(.*?)```", first, re.DOTALL)
    (tmp_path / "app.py").write_text("\n".join(code))
    (serve,) = steps(page("quickstart"))
    with served(serve.strip(), tmp_path) as url, as_browser(url) as browser:
        assert "Remember me" in browser.get("/sign_in").text
        keep(browser, browser.post("/sign_in", data={"name": "ada", "password": "correct horse"}))
        assert browser.get("/").text == "Hello ada."
        assert "Active Sessions · Shop" in browser.get(PAGE).text


def test_the_ten_lines_run(tmp_path: Path) -> None:
    """README's application, under the command that is named there."""
    (code,) = blocks(ROOT / "README.md", "python")
    (tmp_path / "app.py").write_text(code)
    assert "`uvicorn app:app`" in (ROOT / "README.md").read_text()
    with served("uvicorn app:app", tmp_path) as url, as_browser(url) as browser:
        keep(browser, browser.post("/sign_in"))
        assert browser.get("/").text == "Hello ada"


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_examples(name: str, tmp_path: Path) -> None:
    """Each is started by the commands of its README, in the folder that they are to be typed in."""
    assert sorted(path.name for path in (ROOT / "examples").iterdir()) == list(EXAMPLES)
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    (step,) = steps(ROOT / "examples" / name / "README.md")
    *first, serve = step.splitlines()
    for command in first:
        more = (
            " --noinput --username ada --email ada@example.com" if "createsuperuser" in command else ""
        )
        run(command + more, tmp_path, DJANGO_SUPERUSER_PASSWORD="correct horse")
    with served(serve, tmp_path) as url, as_browser(url) as browser:
        assert browser.get("/").status_code == 200
        if name in HOW_TOS and name != "flask":
            go_the_whole_way(url, has_cart=name != "wsgi")
