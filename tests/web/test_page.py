"""The page and its API: routes, answers, whose sessions they reach."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from signedin.errors import SignedinError
from signedin.replies import CONTENT_SECURITY_POLICY
from signedin.session import new_session_id

from ..support import SECOND
from .support import PAGE, SESSION, Client, make_app

JSON = {"accept": "application/json"}


def flash(html: str) -> str:
    """The words of the flash, or nothing."""
    found = re.search(r'id="flash".*?<p>(.*?)</p>', html, re.DOTALL)
    return "" if found is None else re.sub(r"<[^>]+>", "", found[1]).replace("&#39;", "'")


async def test_the_list(browser: Client, other: Client) -> None:
    """The current session first and marked, the others with a Revoke; no store of it anywhere."""
    mine, theirs = await browser.enter(), await other.enter(remember=True)
    answer = await browser.get(PAGE)
    assert answer.status_code == 200
    html = answer.text
    assert "This device" in html
    assert f"{PAGE}/{theirs}/revoke" in html
    assert f"{PAGE}/{mine}/revoke" not in html
    assert "198.51.100.7" in html
    assert "2 of 100 sessions" in html
    assert "1 other browser is remembered." in html
    assert answer.headers["cache-control"] == "no-store"
    assert {"Cookie", "Accept"} <= {
        part.strip() for part in ", ".join(answer.headers.get_list("vary")).split(",")
    }


async def test_the_list_as_json(browser: Client, other: Client, flow: Any) -> None:
    """The same list, versioned, without a secret."""
    mine, theirs = await browser.enter(), await other.enter()
    answer = await browser.get(PAGE, headers=JSON)
    document = answer.json()
    assert (document["schema"], document["count"], document["total"]) == ("signedin.list/1", 2, 2)
    assert [(s["id"], s["current"]) for s in document["sessions"]] == [(mine, True), (theirs, False)]
    first = document["sessions"][0]
    assert (first["user"], first["browser"], first["os"], first["ip_address"]) == (
        {"id": "1"},
        "Firefox",
        "Ubuntu",
        "203.0.113.24",
    )
    assert first["created_at"].endswith("Z")
    for token in (*browser.tokens().values(), *other.tokens().values()):
        assert token not in answer.text


@pytest.mark.parametrize("headers", [{}, JSON])
async def test_ended_while_the_list_is_read(
    browser: Client, flow: Any, monkeypatch: pytest.MonkeyPatch, headers: dict[str, str]
) -> None:
    """A session that ends between its validation and the list's read is in no list: nothing listed is
    dead, and there are never more than the cap (L2, S3).
    """
    mine, overview = await browser.enter(), flow.overview

    async def revoked_first(user_id: str) -> Any:
        await flow.revoke(user_id, mine, current=None)
        return await overview(user_id)

    monkeypatch.setattr(flow, "overview", revoked_first)
    answer = await browser.get(PAGE, headers=headers)
    assert answer.status_code == (401 if headers else 303)
    assert mine not in answer.text


@pytest.mark.parametrize("method", ["POST", "DELETE"])
async def test_revoke_one(browser: Client, other: Client, method: str) -> None:
    """The other is out and told why; this one goes on, and says so once."""
    await browser.enter(remember=True)
    theirs = await other.enter(remember=True)
    question = await browser.get(f"{PAGE}/{theirs}/revoke")
    assert "Revoke this session?" in question.text
    assert await other.user() == "1"
    path = f"{PAGE}/{theirs}" if method == "DELETE" else f"{PAGE}/{theirs}/revoke"
    answer = await browser.request(method, path)
    assert (answer.status_code, answer.headers["location"]) == (303, f"{PAGE}#flash")
    shown = await browser.get(PAGE)
    assert flash(shown.text) == (
        "Firefox on Ubuntu is signed out. Remember me was turned off on all your devices."
        " You stay signed in here until this session ends."
    )
    assert flash((await browser.get(PAGE)).text) == ""
    assert await other.user() is None
    assert (await other.get("/sign_in")).text == "You were signed out because this session was revoked."
    other.restart()
    assert await other.user() is None
    assert await browser.user() == "1"


async def test_revoke_one_as_json(browser: Client, other: Client) -> None:
    """What was done; the second time it had already ended; both are 200."""
    await browser.enter()
    theirs = await other.enter()
    first = (await browser.post(f"{PAGE}/{theirs}/revoke", headers=JSON)).json()
    assert (first["schema"], first["revoked"], first["already_ended"]) == ("signedin.revoke/1", 1, 0)
    again = await browser.post(f"{PAGE}/{theirs}/revoke", headers=JSON)
    assert (again.status_code, again.json()["revoked"], again.json()["already_ended"]) == (200, 0, 1)


async def test_nothing_was_remembered(browser: Client, other: Client) -> None:
    """Then the sentence about Remember me is left out."""
    await browser.enter()
    theirs = await other.enter()
    await browser.post(f"{PAGE}/{theirs}/revoke")
    assert flash((await browser.get(PAGE)).text).endswith("is signed out. You stay signed in here.")


async def test_revoke_others(browser: Client, other: Client) -> None:
    """Asked first, with the names; then everybody else is out."""
    await browser.enter(remember=True)
    assert (await browser.get(f"{PAGE}/revoke_others")).status_code == 303
    await other.enter()
    question = await browser.get(f"{PAGE}/revoke_others")
    assert "Revoke 1 other session?" in question.text
    assert "Firefox on Ubuntu" in question.text
    await browser.post(f"{PAGE}/revoke_others")
    assert flash((await browser.get(PAGE)).text).startswith("You're signed out everywhere else.")
    assert await other.user() is None
    assert await browser.user() == "1"


async def test_forget_others(browser: Client, other: Client) -> None:
    """Remember me goes off elsewhere; nobody is signed out; here it stays."""
    await browser.enter(remember=True)
    await other.enter(remember=True)
    await browser.post(f"{PAGE}/forget_others")
    assert flash((await browser.get(PAGE)).text).startswith(
        "Remember me is turned off on your other devices."
    )
    assert await other.user() == "1"
    other.restart()
    assert await other.user() is None
    browser.restart()
    assert await browser.user() == "1"


async def test_the_current_session_cannot_be_revoked(browser: Client, other: Client) -> None:
    """By no route; it says to sign out, and changes nothing (E1)."""
    mine = await browser.enter(remember=True)
    for method, path in (("GET", f"{mine}/revoke"), ("POST", f"{mine}/revoke"), ("DELETE", mine)):
        answer = await browser.request(method, f"{PAGE}/{path}")
        assert answer.status_code == 303
        assert (
            flash((await browser.get(PAGE)).text)
            == "You can't revoke the session you're using. Select Sign out instead."
        )
    answer = await browser.post(f"{PAGE}/{mine}/revoke", headers=JSON)
    assert (answer.status_code, answer.json()["code"]) == (409, "current_session")
    assert answer.headers["content-type"] == "application/problem+json"
    browser.restart()
    assert await browser.user() == "1"


async def test_other_peoples_sessions(browser: Client, other: Client, flow: Any) -> None:
    """Another user's id, an unknown one, and junk: 404, the same body, nothing ends (E4, IDOR-1)."""
    await browser.enter("1", remember=True)
    theirs = await other.enter("2")
    bodies = set()
    for wrong in (
        theirs,
        new_session_id("1"),
        new_session_id("2"),
        "0" * 48,
        "x",
        "..%2f",
        theirs.upper(),
        theirs[:8],
    ):
        for method, path in (("GET", f"{wrong}/revoke"), ("POST", f"{wrong}/revoke"), ("DELETE", wrong)):
            for headers in ({}, JSON):
                answer = await browser.request(method, f"{PAGE}/{path}", headers=headers)
                assert answer.status_code == 404, (method, path)
                bodies.add(answer.text)
    assert len(bodies) == 2
    assert await other.user() == "2"
    await flow.revoke("2", theirs, current=None)
    assert (await browser.post(f"{PAGE}/{theirs}/revoke", headers=JSON)).status_code == 404
    browser.restart()
    assert await browser.user() == "1"


async def test_already_ended(browser: Client, other: Client) -> None:
    """A stale page, a second click: a true sentence (E3)."""
    await browser.enter()
    theirs = await other.enter()
    await other.post("/sign_out")
    for method in ("GET", "POST"):
        answer = await browser.request(method, f"{PAGE}/{theirs}/revoke")
        assert answer.status_code == 303
        assert flash((await browser.get(PAGE)).text) == "That session had already ended."


async def test_without_a_session(browser: Client) -> None:
    """A page leads to the sign-in and back; JSON gets 401."""
    answer = await browser.get(PAGE)
    assert (answer.status_code, answer.headers["location"]) == (303, f"/sign_in?next={PAGE}")
    assert (await browser.post(f"{PAGE}/revoke_others")).status_code == 303
    answer = await browser.get(PAGE, headers=JSON)
    assert (answer.status_code, answer.json()["code"]) == (401, "sign_in_required")


async def test_looking_changes_nothing(browser: Client, other: Client, flow: Any) -> None:
    """GET and HEAD of every address leave everything as it is."""
    mine, theirs = await browser.enter(), await other.enter(remember=True)
    for path in (
        "",
        f"/{mine}/revoke",
        f"/{theirs}/revoke",
        "/revoke_others",
        "/forget_others",
        "/sign_out",
        f"/{theirs}",
    ):
        for method in ("GET", "HEAD"):
            answer = await browser.request(method, PAGE + path)
            assert answer.status_code in (200, 303, 404, 405)
            if method == "HEAD":
                assert answer.content == b""
    assert len(await flow.list("1")) == 2
    assert await flow.history("1") == []
    other.restart()
    assert await other.user() == "1"


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "POST"])
async def test_wrong_methods(browser: Client, method: str) -> None:
    """405, not a guess."""
    await browser.enter()
    path = f"{PAGE}/forget_others" if method != "POST" else PAGE
    answer = await browser.request(method, path)
    assert answer.status_code in (404, 405)


async def test_bodies(browser: Client) -> None:
    """A body is a form, not too large, and readable (CSRF-1)."""
    await browser.enter()
    path = f"{PAGE}/revoke_others"
    for kind in ("application/json", "text/plain", "multipart/form-data; boundary=x", ""):
        answer = await browser.post(path, content=b"x=1", headers={"content-type": kind})
        assert (answer.status_code, answer.json()["code"]) == (415, "unsupported_media_type")
    form = {"content-type": "application/x-www-form-urlencoded"}
    assert (await browser.post(path, content=b"x" * 70_000, headers=form)).status_code == 413
    assert (
        await browser.post(path, content=b"&".join([b"x=1"] * 2000), headers=form)
    ).status_code == 400
    assert (await browser.post(path, content="é=ü".encode(), headers=form)).status_code == 400
    assert (await browser.post(path, content=b"x=1", headers=form)).status_code == 303


@pytest.mark.parametrize(
    "where",
    [
        "",
        "/nothing",
        "/revoke_others",
        "/sign_out",
        f"/{'0' * 48}/revoke",
        "/static/active_sessions.css",
        "/static/..%2fpage.py",
        "/static/nothing.css",
    ],
)
async def test_security_headers(browser: Client, where: str) -> None:
    """Every answer of the page, errors included, says what HDR-2 asks."""
    await browser.enter()
    answer = await browser.get(PAGE + where)
    if "static" in where:
        assert answer.status_code == (200 if where.endswith("active_sessions.css") else 404)
        return
    assert answer.headers["content-security-policy"] == CONTENT_SECURITY_POLICY
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "same-origin"
    assert answer.headers["cross-origin-opener-policy"] == "same-origin"


async def test_static_files(browser: Client) -> None:
    """Kept for ever, found by the address that the page names; no session is read for them."""
    await browser.enter()
    address = re.search(r'href="([^"]+\.css[^"]*)"', (await browser.get(PAGE)).text)
    assert address is not None
    answer = await browser.get(address[1])
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert "vary" not in answer.headers
    assert (await browser.post(address[1])).status_code in (200, 405)


@pytest.mark.parametrize(
    "value", ["revoked.1." + "0" * 48, "others", "evil.1.1", "", "revoked", "<b>", "x" * 4000, "\xff"]
)
async def test_forged_flashes(browser: Client, value: str) -> None:
    """The cookie only points: no words of it reach the page."""
    await browser.enter()
    cookie = f"{SESSION}={browser.tokens()[SESSION]}; __Host-signedin-flash={value}"
    answer = await browser.get(PAGE, headers={"cookie": cookie.encode("latin-1")})
    assert answer.status_code == 200
    assert flash(answer.text) in (
        "",
        "You're signed out everywhere else. You stay signed in here.",
        "You're signed out everywhere else. Remember me was turned off on all your devices. You stay signed in here until this session ends.",
    )


async def test_a_flash_about_somebody_elses_session(browser: Client, other: Client, flow: Any) -> None:
    """What ended for another user is not named to this one."""
    await browser.enter("1")
    theirs = await other.enter("2")
    await flow.rename("2", theirs, "Their secret name")
    await flow.revoke("2", theirs, current=None)
    cookie = f"{SESSION}={browser.tokens()[SESSION]}; __Host-signedin-flash=revoked.1.{theirs}"
    assert "secret name" not in (await browser.get(PAGE, headers={"cookie": cookie})).text


async def test_in_the_hosts_layout(flow: Any) -> None:
    """The host's own page around the fragment, in its time zone; a coroutine is waited for."""

    async def layout(scope: Any, title: str, head: str, body: str) -> str:
        return f"<title>{title} at {scope['path']}</title>{head}<header>Shop</header>{body}"

    app = make_app(sessions=flow, layout=layout, time_zone=lambda scope: "Asia/Kathmandu")
    async with Client(app) as client:
        await client.enter()
        html = (await client.get(PAGE)).text
    assert html.startswith(f"<title>Active Sessions at {PAGE}</title><link")
    assert "<header>Shop</header>" in html
    assert "Asia/Kathmandu" in html


@pytest.mark.parametrize("page", ["/account/devices", None])
async def test_elsewhere_or_nowhere(path: str, clock: Any, page: str | None) -> None:
    """At another path, or not at all."""
    app = make_app(store=path, page=page, clock=clock, sweep_every=None)
    async with Client(app) as client:
        await client.enter()
        assert (await client.get(PAGE)).status_code == 404
        if page is not None:
            html = (await client.get(page)).text
            assert f'href="{page}/static/' in html
            assert (await client.get(page + "x")).status_code == 404
    await app.sessions.close()


@pytest.mark.parametrize("stripped", [True, False], ids=["by a proxy", "as the interface has it"])
async def test_mounted_below_a_path(flow: Any, stripped: bool) -> None:
    """``root_path`` leads every address of the page, whether or not it leads the path too; a page comes back to
    where it was, and what is excluded is.
    """
    app = make_app(sessions=flow)
    app._exclude = ("/fresh",)

    async def mounted(scope: Any, receive: Any, send: Any) -> None:
        path = scope["path"] if stripped else "/app" + scope["path"]
        await app(dict(scope, root_path="/app", path=path), receive, send)

    async with Client(mounted) as client:
        refused = await client.get("/members")
        assert refused.headers["location"] == "/sign_in?next=/app/members"
        await client.enter()
        page = (await client.get(PAGE)).text
        assert f'action="/app{PAGE}/sign_out"' in page
        assert "/app/app" not in page
        assert (await client.get(f"{PAGE}/history", headers={"accept": "application/json"})).json()
        with pytest.raises(SignedinError, match="exclude"):
            await client.get("/fresh")


async def test_sign_out_on_the_page(browser: Client) -> None:
    """The current card's own button."""
    await browser.enter(remember=True)
    answer = await browser.post(f"{PAGE}/sign_out")
    assert (answer.status_code, answer.headers["location"]) == (303, "/sign_in")
    assert browser.tokens() == {}


async def test_the_page_the_api_and_the_library_agree(
    browser: Client, other: Client, flow: Any, clock: Any
) -> None:
    """One truth, three ways to it."""
    await browser.enter()
    clock.tick(SECOND)
    await other.enter(remember=True)
    listed = {s.id for s in await flow.list("1")}
    document = (await browser.get(PAGE, headers=JSON)).json()
    assert {s["id"] for s in document["sessions"]} == listed
    html = (await browser.get(PAGE)).text
    assert set(re.findall(r"sessions/([0-9a-f]{48})/revoke", html)) == listed - {
        document["sessions"][0]["id"]
    }
    assert json.dumps(document)
