"""The ASGI adapter: sessions in, cookies and headers out."""

from __future__ import annotations

import asyncio
import re
from typing import Any

import pytest

from signedin.asgi import SignedinMiddleware
from signedin.errors import SignedinError, StoreUnavailable
from signedin.settings import Settings
from signedin.token import Token, new_secret

from ..support import DAY, FIREFOX, HOUR, LAPTOP, MINUTE, SECOND
from .support import ORIGIN, PAGE, REMEMBER, SESSION, Client, make_app


async def settle(app: Any) -> None:
    """Let the touches that follow a response reach the store."""
    await app._touches.drain()


# ── cookies (COOK-1) ─────────────────────────────────────────────────────────────────────────


async def test_sign_in_and_out(app: Any, browser: Client) -> None:
    """Cookies in with the right attributes, and cleared with the same."""
    answer = await browser.post("/sign_in", data={"user": "1", "remember": "1"})
    set_cookies = answer.headers.get_list("set-cookie")
    assert len(set_cookies) == 2
    for header in set_cookies:
        assert {"Path=/", "HttpOnly", "SameSite=Lax", "Secure"} <= set(header.split("; "))
        assert "domain" not in header.lower()
    assert re.match(r"__Host-signedin=[0-9a-f]{48}\.[\w-]{43}; Path", set_cookies[0])
    assert "Max-Age=1209600" in set_cookies[1]
    assert await browser.user() == "1"
    answer = await browser.post("/sign_out")
    cleared = answer.headers.get_list("set-cookie")
    assert {c.partition("=")[0] for c in cleared} == {SESSION, REMEMBER}
    for header in cleared:
        assert {"Path=/", "HttpOnly", "SameSite=Lax", "Secure", "Max-Age=0"} <= set(header.split("; "))
    assert answer.headers["clear-site-data"] == '"cache"'
    assert await browser.user() is None


async def test_insecure_http(path: str, clock: Any) -> None:
    """Plain HTTP: other names, no Secure, only when it was asked for."""
    app = make_app(store=path, insecure_http=True, url="http://intranet", clock=clock, sweep_every=None)
    async with Client(app, headers={"host": "intranet"}) as client:
        answer = await client.post("/sign_in", data={"user": "1"})
        assert answer.headers["set-cookie"].startswith("signedin=")
        assert "Secure" not in answer.headers["set-cookie"]
    await app.sessions.close()


@pytest.mark.parametrize("where", ["query", "header", "body", "doubled", "other-name"])
async def test_a_token_comes_from_its_cookie_only(app: Any, browser: Client, where: str) -> None:
    """Nowhere else, and not twice (V5)."""
    await browser.enter()
    token = browser.tokens()[SESSION]
    async with Client(app) as thief:
        requests = {
            "query": lambda: thief.get("/me", params={SESSION: token}),
            "header": lambda: thief.get("/me", headers={"authorization": f"Bearer {token}"}),
            "body": lambda: thief.request("GET", "/me", content=f"{SESSION}={token}"),
            "doubled": lambda: thief.get(
                "/me", headers={"cookie": f"{SESSION}={token}; {SESSION}={token}"}
            ),
            "other-name": lambda: thief.get("/me", headers={"cookie": f"signedin={token}"}),
        }
        assert (await requests[where]()).json()["user"] is None


async def test_cookie_headers_in_parts(app: Any, browser: Client) -> None:
    """HTTP/2 may send one cookie header for each cookie."""
    await browser.enter()
    token = browser.tokens()[SESSION]
    async with Client(app) as client:
        answer = await client.get("/me", headers=[("cookie", "a=b"), ("cookie", f"{SESSION}={token}")])
        assert answer.json()["user"] == "1"


@pytest.mark.parametrize(
    "junk", ["", "x", "A" * 20_000, "\xff\xfe", "a" * 48 + "." + "A" * 43, "%00", '"quoted"']
)
async def test_junk_cookies(app: Any, junk: str) -> None:
    """Any cookie: not signed in, no 5xx, and nothing is cleared (V5, V7)."""
    async with Client(app) as client:
        for name in (SESSION, REMEMBER):
            headers = {"cookie": f"{name}={junk}".encode("latin-1")}
            answer = await client.get("/me", headers=headers)
            assert (answer.status_code, answer.json()["user"]) == (200, None)
            assert "set-cookie" not in answer.headers


async def test_a_dead_token_is_ignored_not_cleared(app: Any, browser: Client, flow: Any) -> None:
    """A slow response must not delete the cookie that was just issued; the sign-in page may (V7)."""
    await browser.enter(remember=True)
    await flow.revoke_all("1", operator="root")
    before = browser.tokens()
    assert "set-cookie" not in (await browser.get("/me")).headers
    assert "set-cookie" not in (await browser.get("/", headers={"sec-fetch-mode": "no-cors"})).headers
    assert browser.tokens() == before
    # A foreign image of the sign-in page must not sign anybody out.
    answer = await browser.get("/sign_in", headers={"sec-fetch-mode": "no-cors"})
    assert "set-cookie" not in answer.headers
    answer = await browser.get("/sign_in", headers={"sec-fetch-mode": "navigate"})
    assert answer.text == "An administrator signed you out."
    assert browser.tokens() == {}
    assert (await browser.get("/sign_in")).text == "sign in"


async def test_the_sign_in_page_clears_nothing_alive(app: Any, browser: Client) -> None:
    """Whoever is signed in and looks at the sign-in page stays so."""
    await browser.enter(remember=True)
    before = browser.tokens()
    await browser.get("/sign_in")
    assert browser.tokens() == before
    browser.restart()
    assert (await browser.get("/sign_in")).text == "sign in"
    assert await browser.user() == "1"


# ── Remember me ──────────────────────────────────────────────────────────────────────────────


async def test_a_restarted_browser(app: Any, browser: Client, clock: Any) -> None:
    """Comes back by its remember-me cookie, with two new cookies."""
    first = await browser.enter(remember=True)
    clock.tick(DAY)
    browser.restart()
    answer = await browser.get("/me")
    assert answer.json()["user"] == "1"
    assert answer.json()["id"] != first
    assert len(answer.headers.get_list("set-cookie")) == 2
    assert await browser.user() == "1"


async def test_a_page_and_its_pictures_wake_up_together(app: Any, browser: Client) -> None:
    """Twenty requests with the old remember-me cookie: one session, the same cookies."""
    await browser.enter(remember=True)
    browser.restart()
    cookie = f"{REMEMBER}={browser.tokens()[REMEMBER]}"
    async with Client(app) as client:
        answers = await asyncio.gather(
            *(client.get("/me", headers={"cookie": cookie}) for _ in range(20))
        )
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert len({tuple(answer.headers.get_list("set-cookie")) for answer in answers}) == 1


async def test_theft_is_told(app: Any, browser: Client, flow: Any, clock: Any) -> None:
    """The owner's next page says why; the thief gets nothing."""
    await browser.enter(remember=True)
    browser.restart()
    stolen = Token.parse(browser.tokens()[REMEMBER])
    assert stolen is not None
    assert await browser.user() == "1"
    async with Client(app) as thief:
        forged = Token(stolen.id, new_secret()).text
        answer = await thief.get("/me", headers={"cookie": f"{REMEMBER}={forged}"})
        assert answer.json()["user"] is None
        assert "set-cookie" not in answer.headers
    assert await browser.user() is None
    assert "may have been copied" in (await browser.get("/sign_in")).text


# ── headers (HDR-1) ──────────────────────────────────────────────────────────────────────────


async def test_no_shared_cache_keeps_a_persons_page(app: Any, browser: Client) -> None:
    """Vary: Cookie always; no-store or private where a session was read or set."""
    anonymous = await browser.get("/")
    assert anonymous.headers["vary"] == "Cookie"
    assert "cache-control" not in anonymous.headers
    entered = await browser.post("/sign_in", data={"user": "1"})
    assert entered.headers["cache-control"] == "no-store"
    read = await browser.get("/")
    assert (read.headers["cache-control"], read.headers["vary"]) == ("no-store", "Cookie")
    cached = await browser.get("/cached")
    assert cached.headers["cache-control"] == "private, max-age=60"
    assert set(cached.headers.get_list("vary")) == {"Accept", "Cookie"}
    dead = await browser.get("/cached", headers={"cookie": f"{SESSION}=dead"})
    assert dead.headers["cache-control"] == "private, max-age=60"


async def test_behind_a_caching_proxy(app: Any, browser: Client, other: Client) -> None:
    """A cache that follows RFC 9111 never gives B what A saw."""
    await browser.enter("1")
    await other.enter("2")
    for path in ("/me", "/cached", PAGE):
        answer = await browser.get(path)
        control = answer.headers["cache-control"]
        assert "no-store" in control or "private" in control
        assert "public" not in control
        assert "Cookie" in ", ".join(answer.headers.get_list("vary"))


# ── who comes from where (CSRF-1, NET-1) ─────────────────────────────────────────────────────

SITES = ["same-origin", "none", "same-site", "cross-site", None]
ORIGINS = [ORIGIN, "https://evil.example", "null", None]


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"])
@pytest.mark.parametrize("site", SITES)
@pytest.mark.parametrize("origin", ORIGINS)
async def test_cross_site(app: Any, method: str, site: str | None, origin: str | None) -> None:
    """With our cookie, a change must come from our origin; looking may come from anywhere."""
    async with Client(app) as client:
        await client.enter()
        headers = {"sec-fetch-site": site, "origin": origin}
        for name in ("sec-fetch-site",):
            client.headers.pop(name)
        sent = {name: value for name, value in headers.items() if value is not None}
        answer = await client.request(method, "/post", headers=sent)
    ours = site in ("same-origin", "none") if site else origin == ORIGIN
    expected = {"GET": 405, "HEAD": 405, "OPTIONS": 405, "POST": 200}.get(method, 405)
    if method in ("POST", "PUT", "PATCH", "DELETE") and not ours:
        expected = 403
    assert answer.status_code == expected


async def test_a_cross_site_sign_in(app: Any, flow: Any) -> None:
    """Nobody is signed in as somebody else by another site's form."""
    async with Client(app) as client:
        answer = await client.post(
            "/sign_in", data={"user": "evil"}, headers={"sec-fetch-site": "cross-site"}
        )
        assert answer.status_code == 403
        assert "set-cookie" not in answer.headers
    assert await flow.list(None) == []


async def test_a_cross_site_sign_out(app: Any, browser: Client) -> None:
    """A foreign form comes without our cookies (SameSite): its answer must not clear them."""
    await browser.enter(remember=True)
    async with Client(app) as foreign:
        answer = await foreign.post("/sign_out", headers={"sec-fetch-site": "cross-site"})
        assert {"set-cookie", "clear-site-data"} & set(answer.headers) == set()
        answer = await foreign.post("/sign_out")
        assert {"set-cookie", "clear-site-data"} & set(answer.headers) == set()
    assert (await browser.post("/sign_out", headers={"sec-fetch-site": "cross-site"})).status_code == 403
    assert await browser.user() == "1"


async def test_without_our_cookie_others_are_left_alone(app: Any) -> None:
    """An API of the host's that doesn't use our cookies is not our business."""
    async with Client(app, headers={"sec-fetch-site": "cross-site"}) as client:
        assert (await client.post("/post")).status_code == 200


async def test_a_configured_origin(path: str, clock: Any) -> None:
    """Behind a proxy the setting ``url`` is ours, not the Host."""
    app = make_app(store=path, url="https://shop.example", clock=clock, sweep_every=None)
    async with Client(app) as client:
        client.headers.pop("sec-fetch-site")
        for origin, status in (("https://shop.example", 200), (ORIGIN, 403)):
            answer = await client.post("/sign_in", data={"user": "1"}, headers={"origin": origin})
            assert answer.status_code == status
    await app.sessions.close()


async def test_trusted_proxies(path: str, clock: Any) -> None:
    """The forwarded address counts only from a proxy that was named."""
    app = make_app(store=path, trusted_proxies=("10.0.0.0/8",), clock=clock, sweep_every=None)
    for peer, seen in (("10.1.2.3", "198.51.100.9"), ("203.0.113.24", "203.0.113.24")):
        async with Client(
            app, address=peer, headers={"x-forwarded-for": "1.1.1.1, 198.51.100.9"}
        ) as client:
            session_id = await client.enter(peer)
            assert [s.ip for s in await app.sessions.list(peer) if s.id == session_id] == [seen]
    await app.sessions.close()


async def test_long_headers_are_cut_before_they_are_kept(path: str, clock: Any) -> None:
    """What a client sends of itself takes no room in memory beyond what is used of it (INP-1)."""
    app = make_app(store=path, trusted_proxies=("10.0.0.0/8",), clock=clock, sweep_every=None)
    async with Client(app, address="10.0.0.1") as client:
        for header in ("x" * 60_000, "1.1.1.1, " * 7000 + "198.51.100.9", "198.51.100.9" + "," * 60_000):
            answer = await client.get(
                "/me", headers={"x-forwarded-for": header, "user-agent": "y" * 60_000}
            )
            assert answer.status_code == 200
    assert app._incoming._known.cache_info().currsize == 3
    await app.sessions.close()


async def test_hostile_user_agents(app: Any, flow: Any) -> None:
    """512 bytes read, 256 characters kept, nothing that acts (INP-1)."""
    agents = [
        b"<script>alert(1)</script>" * 40,
        b"\xff\xfe" * 400,
        "\u202eevil\u2066".encode(),
        b"x" * 10_000,
    ]
    async with Client(app) as client:
        for n, agent in enumerate(agents):
            await client.post("/sign_in", data={"user": str(n)}, headers={"user-agent": agent})
            (session,) = await flow.list(str(n))
            assert len(session.user_agent) <= 256
            assert "\u202e" not in session.user_agent


# ── touches (V3) ─────────────────────────────────────────────────────────────────────────────


async def test_touches_follow_the_response(app: Any, browser: Client, flow: Any, clock: Any) -> None:
    """Noted after the response, once in a while, with the address of the moment."""
    await browser.enter()
    await settle(app)
    clock.tick(MINUTE)
    await browser.get("/me")
    await settle(app)
    (session,) = await flow.list("1")
    assert session.last_active_at == clock.now
    clock.tick(59 * SECOND)
    await browser.get("/me")
    await settle(app)
    assert (await flow.list("1"))[0].last_active_at == session.last_active_at


async def test_polling_is_no_activity(app: Any, browser: Client, flow: Any, clock: Any) -> None:
    """Signedin-Passive: 1 keeps nobody signed in."""
    await browser.enter()
    await settle(app)
    (before,) = await flow.list("1")
    clock.tick(DAY)
    await browser.get("/me", headers={"signedin-passive": "1"})
    await settle(app)
    assert (await flow.list("1"))[0].last_active_at == before.last_active_at
    await browser.get("/me", headers={"signedin-passive": "1", "user-agent": "Other/1"})
    await settle(app)
    assert (await flow.list("1"))[0].user_agent == "Other/1"


async def test_a_touch_that_fails_fails_no_request(
    app: Any, browser: Client, flow: Any, clock: Any, monkeypatch: pytest.MonkeyPatch, caplog: Any
) -> None:
    """It is logged, and still due at the next request."""
    await browser.enter()
    await settle(app)
    clock.tick(MINUTE)

    async def fails(*touches: Any) -> None:
        raise StoreUnavailable("on purpose")

    with monkeypatch.context() as patched:
        patched.setattr(flow, "touch", fails)
        assert (await browser.get("/me")).status_code == 200
        await settle(app)
    assert "not recorded" in caplog.text
    await browser.get("/me")
    await settle(app)
    assert (await flow.list("1"))[0].last_active_at == clock.now


async def test_an_answer_of_the_applications_own_with_500_is_activity_too(flow: Any, clock: Any) -> None:
    """So it is in the other frameworks (V3)."""

    async def broken(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 500, "headers": []})
        await send({"type": "http.response.body", "body": b"sorry"})

    outcome = await flow.sign_in("1", LAPTOP, started_at=clock.now)
    clock.tick(HOUR)
    made = SignedinMiddleware(broken, sessions=flow)
    async with Client(made) as client:
        client.cookies.set(SESSION, outcome.cookies[0].value, domain="app.example")
        assert (await client.get("/")).status_code == 500
    await made._touches.drain()
    assert (await flow.list("1"))[0].last_active_at == clock.now


async def test_touches_are_drained_at_shutdown(app: Any, browser: Client, flow: Any, clock: Any) -> None:
    """What was active is recorded before the process ends."""
    await browser.enter()
    clock.tick(MINUTE)
    await browser.get("/me")
    messages = iter([{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}])
    sent = []

    async def receive() -> Any:
        return next(messages)

    async def send(message: Any) -> None:
        sent.append(message["type"])

    await app({"type": "lifespan", "state": {}}, receive, send)
    assert sent == ["lifespan.startup.complete", "lifespan.shutdown.complete"]
    assert (await flow.list("1"))[0].last_active_at == clock.now


# ── where a session is needed ────────────────────────────────────────────────────────────────


async def test_require_session(app: Any, browser: Client) -> None:
    """A page redirects and comes back; anything else gets 401."""
    answer = await browser.get("/members?a=b&c=%2F")
    assert (answer.status_code, answer.headers["location"]) == (
        303,
        "/sign_in?next=/members%3Fa%3Db%26c%3D%252F",
    )
    answer = await browser.post("/members")
    assert (answer.status_code, answer.headers["location"]) == (303, "/sign_in")
    answer = await browser.get("/members", headers={"accept": "application/json"})
    assert (answer.status_code, answer.json()["code"]) == (401, "sign_in_required")
    await browser.enter()
    assert (await browser.get("/members")).json()["user"] == "1"


async def test_require_a_fresh_session(app: Any, browser: Client, clock: Any) -> None:
    """Credentials within the last ten minutes; a step-up makes it so, Remember me doesn't."""
    await browser.enter(remember=True)
    assert (await browser.get("/fresh")).status_code == 200
    clock.tick(10 * MINUTE)
    assert (await browser.get("/fresh")).status_code == 303
    answer = await browser.get("/fresh", headers={"accept": "application/json"})
    assert (answer.status_code, answer.json()["code"]) == (403, "reauthentication_required")
    assert (await browser.post("/step_up")).text == "fresh"
    assert (await browser.get("/fresh")).status_code == 200
    browser.restart()
    assert (await browser.get("/fresh")).status_code == 303


async def test_requests_in_flight_during_a_rotation(app: Any, browser: Client, clock: Any) -> None:
    """They stay signed in, without special rights, and set no cookie (V6)."""
    await browser.enter()
    old = {"cookie": f"{SESSION}={browser.tokens()[SESSION]}"}
    await browser.post("/step_up")
    async with Client(app) as slow:
        answer = await slow.get("/me", headers=old)
        assert answer.json()["user"] == "1"
        assert "set-cookie" not in answer.headers
        assert (await slow.get("/fresh", headers=old)).status_code == 303
        assert (await slow.post("/step_up", headers=old)).text == "late"
        clock.tick(10 * SECOND)
        assert (await slow.get("/me", headers=old)).json()["user"] is None
    assert await browser.user() == "1"


async def test_a_password_change_in_the_web(app: Any, browser: Client, other: Client) -> None:
    """The others are out, this one goes on with a new cookie (E7)."""
    await browser.enter(remember=True)
    await other.enter(remember=True)
    before = browser.tokens()[SESSION]
    assert (await browser.post("/change")).text == "1"
    assert browser.tokens()[SESSION] != before
    assert REMEMBER not in browser.tokens()
    assert await browser.user() == "1"
    assert await other.user() is None
    assert "details changed" in (await other.get("/sign_in")).text
    assert (await other.post("/change")).text == "nobody"


async def test_signing_out_everywhere(app: Any, browser: Client, other: Client) -> None:
    """The current session included; the others are told."""
    await browser.enter()
    await other.enter()
    assert (await browser.post("/everywhere")).text == "out"
    assert await browser.user() is None
    assert (await other.get("/sign_in")).text == "You signed out on all devices."
    assert (await browser.post("/everywhere")).text == "nobody"


async def test_sign_in_after_sign_out_in_one_request(app: Any, flow: Any) -> None:
    """The last word holds: one Set-Cookie for each name."""
    from starlette.applications import Starlette
    from starlette.responses import PlainTextResponse
    from starlette.routing import Route

    from signedin.asgi import current_session, sign_in, sign_out

    async def twice(request: Any) -> Any:
        await sign_in(request, "1", remember=True)
        await sign_out(request)
        await sign_in(request, "2")
        return PlainTextResponse(current_session(request).user_id)

    wrapped = SignedinMiddleware(Starlette(routes=[Route("/x", twice, methods=["POST"])]), sessions=flow)
    async with Client(wrapped) as client:
        answer = await client.post("/x")
        assert answer.text == "2"
        names = [c.partition("=")[0] for c in answer.headers.get_list("set-cookie")]
        assert sorted(names) == sorted(set(names))
    assert len(await flow.list(None)) == 1


# ── outages (V4, ERR-1) ──────────────────────────────────────────────────────────────────────


class Broken:
    """A store that can't be reached."""

    def __getattr__(self, name: str) -> Any:
        async def verb(*args: Any, **kwargs: Any) -> Any:
            raise StoreUnavailable

        return verb


async def test_an_outage(app: Any, browser: Client, flow: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """503 with Retry-After where a session is needed, and only there; cookies untouched."""
    await browser.enter(remember=True)
    before = browser.tokens()
    with monkeypatch.context() as patched:
        patched.setattr(flow, "store", Broken())
        for path, status in (
            ("/", 200),
            ("/me", 503),
            ("/state", 503),
            ("/members", 503),
            (PAGE, 503),
            ("/sign_in", 200),
        ):
            answer = await browser.get(path)
            assert answer.status_code == status, path
            assert "set-cookie" not in answer.headers
            if status == 503:
                assert answer.headers["retry-after"] == "5"
        for path in ("/sign_in", "/everywhere", "/change", f"{PAGE}/revoke_others"):
            answer = await browser.post(path, data={"user": "1"})
            assert answer.status_code == 503
            assert "set-cookie" not in answer.headers
            assert "Nothing was changed" in answer.text
        browser.restart()
        assert (await browser.get("/me")).status_code == 503
    assert browser.tokens() == {REMEMBER: before[REMEMBER]}
    assert await browser.user() == "1"


async def test_troubles_are_readable(
    app: Any, browser: Client, flow: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A page for a person, a problem for a program, with the same status and headers."""
    await browser.enter()
    with monkeypatch.context() as patched:
        patched.setattr(flow, "store", Broken())
        for accept, kind in (
            ("text/html", "text/html"),
            ("application/json", "application/problem+json"),
        ):
            answer = await browser.get("/me", headers={"accept": accept})
            assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
            assert answer.headers["content-type"].startswith(kind)
            assert "Nothing was changed. Try again in a moment." in answer.text
    for accept, kind in (("text/html", "text/html"), ("*/*", "application/problem+json")):
        answer = await browser.post("/post", headers={"accept": accept, "sec-fetch-site": "cross-site"})
        assert answer.status_code == 403
        assert answer.headers["content-type"].startswith(kind)


async def test_state_without_an_outage(app: Any, browser: Client) -> None:
    """``request.state.current_session`` is there with and without a session."""
    assert (await browser.get("/state")).json() == {"user": None}
    await browser.enter()
    assert (await browser.get("/state")).json() == {"user": "1"}


async def test_excluded_paths(path: str, clock: Any) -> None:
    """They cost nothing, know no session, and asking for one says why."""
    app = make_app(store=path, exclude=("/static",), clock=clock, sweep_every=None)
    async with Client(app) as client:
        await client.enter()
        app.sessions.store = Broken()
        with pytest.raises(SignedinError, match="exclude"):
            await client.get("/static/me")


def test_settings_by_keyword() -> None:
    """A wrong one is refused when the application is made."""
    with pytest.raises(ValueError, match="Did you mean 'trusted_proxies'"):
        make_app(trusted_proxys=("10.0.0.1",))
    assert make_app(store="x.db", cap=3).settings == Settings(store="x.db", cap=3)
    assert FIREFOX
