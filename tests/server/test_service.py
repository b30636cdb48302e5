"""The service: sign-in, sign-out, profile, password, disabled accounts, limits."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from argon2 import PasswordHasher

from signedin.admin import ADMIN_ROUTES
from signedin.config import open_sessions
from signedin.describe import initials
from signedin.errors import SettingsError, StoreUnavailable
from signedin.routing import ROUTES
from signedin.server.accounts import Accounts
from signedin.server.app import create_app
from signedin.server.demo import DEMO, prepare
from signedin.server.passwords import Passwords
from signedin.server.run import demo_settings, is_loopback, settings_for
from signedin.session import new_session_id
from signedin.settings import Settings

from ..support import DAY, IPHONE, MINUTE, PHONE, SECOND, Clock
from ..web.support import PAGE, Client

FAST = Passwords(PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
PASSWORD = "correct horse"
PROFILE = "/-/user_settings/profile"
CHANGE = "/-/user_settings/password"
SIGN_OUT = '<form method="post" action="/sign_out"><button>Sign out</button></form>'


@pytest.fixture
def settings(path: str) -> Settings:
    return Settings(store=path, sweep_every=None)


@pytest.fixture
def accounts(tmp_path: Path, clock: Clock) -> Any:
    made = Accounts(str(tmp_path / "accounts.db"))
    for name, shown in (("ada", "Ada Okafor"), ("bo", "Bo Nilsson")):
        made.add(
            name,
            name=shown,
            email=f"{name}@example.com",
            password_hash=FAST.hash_now(PASSWORD),
            now=clock(),
        )
    yield made
    made.close()


@pytest.fixture
async def app(settings: Settings, accounts: Accounts, clock: Clock) -> AsyncIterator[Any]:
    made: Any = create_app(settings, accounts, name="Harbour", passwords=FAST, clock=clock)
    yield made
    await made.app.sessions.close()


@pytest.fixture
async def browser(app: Any) -> AsyncIterator[Client]:
    async with Client(app) as made:
        yield made


@pytest.fixture
async def phone(app: Any) -> AsyncIterator[Client]:
    async with Client(app, address="198.51.100.7", headers={"user-agent": IPHONE}) as made:
        yield made


async def enter(client: Client, login: str = "ada", password: str = PASSWORD, **fields: str) -> Any:
    return await client.post("/sign_in", data={"login": login, "password": password} | fields)


async def test_the_journey(browser: Client) -> None:
    """Sign in, home, avatar, Edit profile, Active Sessions: by the links that are there."""
    answer = await browser.get("/")
    assert answer.headers["location"] == "/sign_in?next=/"
    form = await browser.get("/sign_in?next=/")
    assert "Username or email" in form.text
    assert "Stay signed in for 2 weeks on this device" in form.text
    answer = await enter(browser, next="/")
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    home = (await browser.get("/")).text
    assert "Ada Okafor" in home
    profile = re.search(r'href="([^"]+)">Edit profile', home)
    assert profile is not None
    settings = (await browser.get(profile[1])).text
    sessions = re.search(r'href="([^"]+)"[^>]*>(?:(?!</a>).)*Active Sessions</a>', settings, re.DOTALL)
    assert sessions is not None
    html = (await browser.get(sessions[1])).text
    assert "Active Sessions &middot; Harbour" in html
    assert 'aria-current="page"' in html
    assert "only signed in here" in html


@pytest.mark.parametrize("page", ["/", PAGE, PROFILE])
async def test_a_page_reads_its_account_once(
    browser: Client, accounts: Accounts, monkeypatch: pytest.MonkeyPatch, page: str
) -> None:
    """However many of its parts ask whose page it is; and the next request reads it again."""
    await enter(browser)
    find, read = accounts.find, list[str]()

    def counted(user_id: str) -> Any:
        read.append(user_id)
        return find(user_id)

    monkeypatch.setattr(accounts, "find", counted)
    for request in (1, 2):
        assert "Ada Okafor" in (await browser.get(page)).text
        assert len(read) == request


@pytest.mark.parametrize("login", ["ada", "ADA", " ada ", "ada@example.com", "Ada@Example.COM"])
async def test_logins(browser: Client, login: str) -> None:
    """By username or e-mail address, in any case."""
    assert (await enter(browser, login)).status_code == 303


@pytest.mark.parametrize(
    ("login", "password"),
    [
        ("ada", "wrong"),
        ("nobody", PASSWORD),
        ("", ""),
        ("ada", "x" * 5000),
        ("ada\x00", "\x00"),
        ("1", PASSWORD),
    ],
)
async def test_wrong_logins(browser: Client, login: str, password: str) -> None:
    """One message for an unknown user and a wrong password; what was typed for the name stays."""
    answer = await enter(browser, login, password)
    assert answer.status_code == 422
    assert "Invalid login or password." in answer.text
    assert "set-cookie" not in answer.headers
    assert password not in answer.text or len(password) < 6


@pytest.mark.parametrize(
    ("target", "goes"),
    [
        ("/-/user_settings/profile?a=b", "/-/user_settings/profile?a=b"),
        ("//evil.example", "/"),
        ("https://evil.example", "/"),
        ("/\\evil.example", "/"),
        ("", "/"),
        ("javascript:alert(1)", "/"),
        ("/a\r\nSet-Cookie: x=y", "/"),
    ],
)
async def test_next(browser: Client, target: str, goes: str) -> None:
    """Only a path of this origin is gone to."""
    page = await browser.get("/sign_in", params={"next": target})
    assert "evil" not in page.text
    assert (await enter(browser, next=target)).headers["location"] == goes


async def test_an_ipad_that_calls_itself_a_mac(app: Any) -> None:
    """The form's own hint tells: an iPad has touch points."""
    safari = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.1 Safari/605.1.15"
    for points, name in (
        ("5", "Safari on iPad"),
        ("0", "Safari on macOS"),
        ("x", "Safari on macOS"),
        ("", "Safari on macOS"),
    ):
        async with Client(app, headers={"user-agent": safari}) as browser:
            await enter(browser, touch_points=points)
            assert name in (await browser.get(PAGE)).text
            await browser.post("/sign_out")


async def test_remember_me(browser: Client, clock: Clock) -> None:
    """A restarted browser comes back; without the box it doesn't."""
    await enter(browser)
    browser.restart()
    assert (await browser.get("/")).status_code == 303
    await enter(browser, remember_me="1")
    clock.tick(DAY)
    browser.restart()
    assert (await browser.get("/")).status_code == 200


async def test_the_whole_way(browser: Client, phone: Client) -> None:
    """A and B sign in with Remember me, A revokes B, B is told, stays out, A goes on."""
    await enter(browser, remember_me="1")
    await enter(phone, remember_me="1")
    html = (await browser.get(PAGE)).text
    assert "Safari on iPhone" in html
    revoke = re.search(rf'action="({PAGE}/[0-9a-f]+/revoke)"', html)
    assert revoke is not None
    assert "Revoke this session?" in (await browser.get(revoke[1])).text
    await browser.post(revoke[1])
    assert "Safari on iPhone is signed out." in (await browser.get(PAGE)).text
    answer = await phone.get(PROFILE)
    assert answer.headers["location"] == f"/sign_in?next={PROFILE}"
    page = await phone.get(answer.headers["location"])
    assert "You were signed out because this session was revoked." in page.text
    assert "revoked" not in (await phone.get("/sign_in")).text
    phone.restart()
    assert (await phone.get("/")).status_code == 303
    assert (await browser.get("/")).status_code == 200


async def test_changing_the_password(browser: Client, phone: Client, accounts: Accounts) -> None:
    """Other sessions end, this one goes on; the new password is the password (E7)."""
    await enter(browser, remember_me="1")
    await enter(phone, remember_me="1")
    for current, new, says in (
        ("wrong", "new password", "not right"),
        (PASSWORD, "short", "at least 8"),
    ):
        answer = await browser.post(CHANGE, data={"current": current, "new": new})
        assert answer.status_code == 422
        assert says in answer.text
    assert (await phone.get("/")).status_code == 200
    answer = await browser.post(CHANGE, data={"current": PASSWORD, "new": "new password"})
    assert answer.headers["location"] == f"{CHANGE}?changed#flash"
    assert "Your password is changed." in (await browser.get(f"{CHANGE}?changed")).text
    assert (await browser.get("/")).status_code == 200
    answer = await phone.get("/")
    assert "details changed" in (await phone.get(answer.headers["location"])).text
    phone.restart()
    assert (await phone.get("/")).status_code == 303
    assert (await enter(phone)).status_code == 422
    assert (await enter(phone, password="new password")).status_code == 303


async def test_a_password_change_during_a_sign_in(
    browser: Client,
    phone: Client,
    accounts: Accounts,
    app: Any,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The old password, checked before the change, signs nobody in after it (S6)."""
    await enter(browser)
    verify = FAST.verify

    async def slow(self: Any, *args: Any) -> bool:
        right = await verify(*args)
        with monkeypatch.context() as patched:
            patched.setattr(Passwords, "verify", lambda self, *args: verify(*args))
            clock.tick(5 * SECOND)
            answer = await browser.post(CHANGE, data={"current": PASSWORD, "new": "new password"})
            assert answer.status_code == 303
        return right

    monkeypatch.setattr(Passwords, "verify", slow)
    answer = await enter(phone)
    assert answer.headers["location"] == "/sign_in?again&next=/"
    assert "Please sign in again." in (await phone.get(answer.headers["location"])).text


async def test_a_store_that_fails_after_the_password_changed(
    browser: Client, app: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Then the page says what is done and what is not."""
    await enter(browser)

    async def fails(*args: Any, **kwargs: Any) -> Any:
        raise StoreUnavailable

    monkeypatch.setattr(app.app.sessions, "credentials_changed", fails)
    answer = await browser.post(CHANGE, data={"current": PASSWORD, "new": "new password"})
    assert "could not be signed out" in answer.text


async def test_a_disabled_account(browser: Client, accounts: Accounts, app: Any) -> None:
    """No sign-in, no resume; told only to who knows the password."""
    ada = accounts.find_by_login("ada")
    assert ada is not None
    await enter(browser, remember_me="1")
    accounts.set_disabled(ada.id, True)
    browser.restart()
    assert (await browser.get("/")).status_code == 303
    assert "Invalid login or password." in (await enter(browser, password="wrong")).text
    answer = await enter(browser)
    assert answer.status_code == 403
    assert "This account is disabled." in answer.text
    accounts.set_disabled(ada.id, False)
    assert (await browser.get("/")).status_code == 200
    await app.app.sessions.account_disabled(ada.id)
    answer = await browser.get("/")
    assert "This account is disabled." in (await browser.get(answer.headers["location"])).text


async def test_too_many_attempts(browser: Client, clock: Clock) -> None:
    """The eleventh within a minute is told to wait; sessions are left alone."""
    await enter(browser)
    for n in range(9):
        login = "ada@example.com" if n % 2 else "ada"
        assert (await enter(browser, login, password="wrong")).status_code == 422
    answer = await enter(browser)
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "6")
    assert "Try again in 6 seconds" in answer.text
    assert (await browser.get("/")).status_code == 200
    assert (
        await browser.post(CHANGE, data={"current": PASSWORD, "new": "new password"})
    ).status_code == 422
    clock.tick(MINUTE)
    assert (await enter(browser)).status_code == 303


async def test_too_many_changes(browser: Client, clock: Clock) -> None:
    """60 a minute on the page and its API; looking is not limited."""
    await enter(browser)
    json = {"accept": "application/json"}
    for _ in range(60):
        assert (await browser.post(f"{PAGE}/forget_others", headers=json)).status_code == 204
    answer = await browser.post(f"{PAGE}/forget_others", headers=json)
    assert (answer.status_code, answer.json()["code"], answer.headers["retry-after"]) == (
        429,
        "too_many",
        "1",
    )
    assert (await browser.get(PAGE)).status_code == 200
    clock.tick(MINUTE)
    assert (await browser.post(f"{PAGE}/forget_others", headers=json)).status_code == 204


async def test_the_sign_in_page_for_who_is_signed_in(browser: Client, clock: Clock) -> None:
    """Freshly signed in: go on. Signed in long ago: the form, to become fresh."""
    await enter(browser)
    assert (await browser.get("/sign_in?next=/-/user_settings/profile")).headers["location"] == PROFILE
    clock.tick(11 * MINUTE)
    assert (await browser.get("/sign_in")).status_code == 200


async def test_step_up(settings: Settings, accounts: Accounts, clock: Clock) -> None:
    """Where the setting asks, ending several sessions wants the password again: the same session goes
    on, fresh, with a new secret.
    """
    made: Any = create_app(replace(settings, reauth="others"), accounts, passwords=FAST, clock=clock)
    async with Client(made) as browser, Client(made, address="198.51.100.7") as phone:
        await enter(browser, remember_me="1")
        await enter(phone)
        clock.tick(11 * MINUTE)
        (before,) = [s for s in await made.app.sessions.list("1") if s.ip != "198.51.100.7"]
        secret = browser.tokens()["__Host-signedin"]
        for path in ("revoke_others", "sign_out_everywhere", "revoke_selected"):
            answer = await browser.post(f"{PAGE}/{path}")
            assert answer.headers["location"] == f"/sign_in?next={PAGE}"
        answer = await browser.post(f"{PAGE}/revoke_others", headers={"accept": "application/json"})
        assert (answer.status_code, answer.json()["code"]) == (403, "reauthentication_required")
        form = (await browser.get(f"/sign_in?next={PAGE}")).text
        assert "Confirm it's you" in form
        assert 'name="step_up"' in form
        assert (await enter(browser, password="wrong", step_up="1")).status_code == 422
        assert (await enter(browser, step_up="1", next=PAGE)).headers["location"] == PAGE
        assert browser.tokens()["__Host-signedin"] != secret
        assert before.id in {s.id for s in await made.app.sessions.list("1")}
        assert (await browser.post(f"{PAGE}/revoke_others")).headers["location"] == f"{PAGE}#flash"
        assert len(await made.app.sessions.list("1")) == 1
        # The password of somebody else is a sign-in of theirs, and ends this one.
        assert (await enter(browser, "bo", step_up="1")).status_code == 303
        assert await made.app.sessions.list("1") == []
    await made.app.sessions.close()


async def test_profile(browser: Client, accounts: Accounts) -> None:
    """Name and time zone; a wrong one says so and loses nothing."""
    await enter(browser)
    answer = await browser.post(PROFILE, data={"name": "Ada <b>", "time_zone": "Europe/Zurich"})
    assert answer.status_code == 303
    html = (await browser.get(f"{PROFILE}?saved")).text
    assert "Your profile is saved." in html
    assert "Ada &lt;b&gt;" in html
    assert "Europe/Zurich" in (await browser.get(PAGE)).text
    for data in ({"name": " ", "time_zone": ""}, {"name": "Ada", "time_zone": "Mars/Base"}):
        assert (await browser.post(PROFILE, data=data)).status_code == 422
    ada = accounts.find_by_login("ada")
    assert ada is not None
    assert (ada.name, ada.time_zone) == ("Ada <b>", "Europe/Zurich")


async def test_sign_out(browser: Client) -> None:
    """Clears what is the service's own: cookies, cache, storage."""
    await enter(browser, remember_me="1")
    answer = await browser.post("/sign_out")
    assert answer.headers["clear-site-data"] == '"cache", "cookies", "storage"'
    assert browser.tokens() == {}
    assert (await browser.get("/sign_out")).status_code == 405


async def test_sign_out_is_on_every_page(settings: Settings, accounts: Accounts, clock: Clock) -> None:
    """Each page that needs a session has the form that signs out, also what isn't there and who acts as
    another; a page that is new is among them by itself (ASVS 7.4.4).
    """
    accounts.add("root", password_hash=FAST.hash_now(PASSWORD), admin=True, now=clock())
    made: Any = create_app(settings, accounts, demo=DEMO, passwords=FAST, clock=clock)
    flow = made.app.sessions
    paths = [route.path for route in made.app.app.routes if "GET" in route.methods]
    paths += [f"{PAGE}/{route.path}".rstrip("/") for route in ROUTES if route.method == "GET"]
    paths += [f"/admin/{route.path}" for route in ADMIN_ROUTES if route.method == "GET" and route.path]
    paths += ["/nothing", f"{PAGE}/nothing", "/admin/nothing", f"{PAGE}/{new_session_id('1')}/revoke"]
    paths.remove("/sign_in")  # for who isn't signed in
    async with Client(made) as root:
        await enter(root, "root")
        run = (await flow.revoke_these([new_session_id("9")], operator="web:9")).run
        shown = set()
        for acting in (False, True):
            if acting:
                await root.post("/admin/users/1/act_as", data={"reason": "looking"})
            ids = [(await flow.sign_in(user, PHONE, started_at=clock())).session.id for user in "31"]
            for path in paths:
                named = path.format(id=ids[acting], session=ids[1], user="2", run=run)
                answer = await root.get(named)
                if answer.headers.get("content-type", "").startswith("text/html"):
                    shown.add(path)
                    assert SIGN_OUT in answer.text, (acting, named)
    await flow.close()
    for_programs = {f"{PAGE}/{name}" for name in ("current", "openapi.json", "{id}")}
    for_programs |= {"/admin/active_sessions/runs/{run}/result.json"}
    for_programs |= {"/admin/users/{user}/active_sessions/history"}
    assert set(paths) - shown == for_programs


async def test_headers_everywhere(browser: Client) -> None:
    """Every answer, errors included, says what HDR-2 asks; none has anything inline."""
    for entered in (False, True):
        for path in ("/", "/sign_in", "/sign_out", PROFILE, CHANGE, PAGE, "/nothing", f"{PAGE}/nothing"):
            answer = await browser.get(path)
            for name in (
                "content-security-policy",
                "x-content-type-options",
                "referrer-policy",
                "cross-origin-opener-policy",
            ):
                assert name in answer.headers, path
            html = re.sub(r'<script type="module" src="[^"]+"></script>', "", answer.text)
            assert not re.search(r"<script|<style|\sstyle=|\son\w+=", html)
        if not entered:
            await enter(browser)
    assert (await browser.post("/sign_in", headers={"sec-fetch-site": "cross-site"})).status_code == 403


async def test_an_outage(
    browser: Client, app: Any, accounts: Accounts, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A page that says so, with Retry-After; cookies untouched."""
    await enter(browser, remember_me="1")
    before = browser.tokens()

    class Broken:
        def __getattr__(self, name: str) -> Any:
            async def verb(*args: Any, **kwargs: Any) -> Any:
                raise StoreUnavailable

            return verb

    with monkeypatch.context() as patched:
        patched.setattr(app.app.sessions, "store", Broken())
        for path in ("/", PROFILE, CHANGE, PAGE):
            answer = await browser.get(path)
            assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
            assert "set-cookie" not in answer.headers
    with monkeypatch.context() as patched:
        patched.setattr(accounts, "_do", lambda work: (_ for _ in ()).throw(StoreUnavailable()))
        assert (await browser.get("/")).status_code == 503
        assert (await enter(browser)).status_code == 503
    assert browser.tokens() == before
    assert (await browser.get("/")).status_code == 200


@pytest.mark.parametrize("name", ["Ada Okafor", "ada", "Ada van der Berg", "é", "", "  "])
def test_initials(name: str) -> None:
    """First and last word."""
    assert initials(name) == {"Ada Okafor": "AO", "ada": "A", "Ada van der Berg": "AB", "é": "É"}.get(
        name, ""
    )


# ── running ──────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "intranet", "", "127.0.0.1.evil"])
def test_other_machines_need_https(host: str) -> None:
    """Refused with the way out, unless https is said or plain HTTP was meant."""
    assert not is_loopback(host)
    with pytest.raises(SettingsError, match="--url https://"):
        settings_for(Settings(), host)
    with pytest.raises(SettingsError, match="--url https://"):
        settings_for(Settings(url="http://localhost:8000"), host)
    https = Settings(url="https://app.example")
    assert settings_for(https, host) is https
    with pytest.raises(SettingsError, match="--i-know-this-is-a-demo"):
        demo_settings(Settings(), host, 8000, known=False)
    assert demo_settings(https, host, 8000, known=True) is https


def test_loopback() -> None:
    """This machine only: no question asked."""
    for host in ("127.0.0.1", "localhost", "::1", "[::1]", "127.8.8.8"):
        assert settings_for(Settings(), host) == Settings()
        assert demo_settings(Settings(), host, 8000, known=False) == Settings()
    assert not demo_settings(Settings(), "192.0.2.1", 80, known=True).cookies.secure


async def test_the_demos_devices(settings: Settings, tmp_path: Path, clock: Clock) -> None:
    """More devices, the limit, another time: through the page, for whoever is signed in."""
    accounts = Accounts(str(tmp_path / "demo.db"))
    prepare(settings, accounts, clock())
    # Between equal times the limit chooses by id; here some time passes, as it always does.
    made: Any = create_app(settings, accounts, demo=DEMO, clock=clock.tick)
    async with Client(made) as browser:
        assert (await browser.get("/demo/devices")).status_code == 303
        await enter(browser, "bo")
        assert "With two browsers" in (await browser.get("/demo/devices")).text
        for device in ("0", "5", "x", "99"):
            answer = await browser.post("/demo/sign_in_as", data={"device": device, "remember_me": "1"})
            assert answer.headers["location"] == "/demo/devices?done=device"
        assert "5 of 100 sessions" in (await browser.get(PAGE)).text
        for _ in range(5):  # never the session of this browser
            await browser.post("/demo/many")
            assert "100 of 100 sessions" in (await browser.get(PAGE)).text
        await browser.post("/demo/clock", data={"hours": "1"})
        assert "It is 1 hour ahead" in (await browser.get("/demo/devices")).text
        await browser.post("/demo/clock", data={"hours": "99"})
        await browser.post("/demo/clock", data={"hours": "192"})
        answer = await browser.get(PAGE)
        assert answer.status_code == 303
        assert "after a time without activity" in (await browser.get(answer.headers["location"])).text
        assert (
            await browser.post("/demo/many", headers={"sec-fetch-site": "cross-site"})
        ).status_code in (303, 403)
    await made.app.sessions.close()
    accounts.close()


async def test_only_the_demo_has_them(browser: Client) -> None:
    """The real service has neither the page nor a way to move its clock."""
    await enter(browser)
    for path in ("/demo/devices", "/demo/clock", "/demo/many", "/demo/sign_in_as"):
        assert (await browser.request("POST", path)).status_code == 404
    assert "demo" not in (await browser.get("/")).text.lower()


def test_the_demo(settings: Settings, tmp_path: Path, clock: Clock) -> None:
    """Ada with six devices, nobody else with any; made once."""
    accounts = Accounts(str(tmp_path / "demo.db"))
    for _ in range(2):
        prepare(settings, accounts, clock())
    assert [a.username for a in accounts.all()] == ["ada", "bo", "root"]
    ada, root = accounts.find_by_login("ada"), accounts.find_by_login("root")
    assert ada is not None
    assert root is not None
    assert root.admin
    assert Passwords().verify_now(accounts.password_hash(ada.id), DEMO.password)
    sessions = open_sessions(settings, clock=clock)
    listed = sessions.list("1")
    assert [s.name or f"{s.device.browser} {s.device.model or s.device.os}" for s in listed] == [
        "Safari iPhone",
        "Chrome Windows",
        "Chrome Pixel 9",
        "Office desktop",
        "Safari iPad",
        "None None",
    ]
    assert len(sessions.list(None)) == 6
    sessions.close()
    accounts.close()


# ── the admin page, and acting as somebody ───────────────────────────────────────────────────


@pytest.fixture
async def root(app: Any, accounts: Accounts, clock: Clock) -> AsyncIterator[Client]:
    accounts.add(
        "root", name="Root Admin", password_hash=FAST.hash_now(PASSWORD), admin=True, now=clock()
    )
    async with Client(app, address="192.0.2.77") as made:
        await enter(made, "root")
        yield made


async def test_the_admin_area(root: Client, browser: Client, accounts: Accounts) -> None:
    """Only administrators have the link and what is behind it, and only while they are some."""
    await enter(browser)
    assert "Admin area" in (await root.get("/")).text
    assert "Admin area" not in (await browser.get("/")).text
    html = (await root.get("/admin/active_sessions")).text
    assert 'aria-label="Admin area"' in html
    assert "Ada Okafor" in html
    assert (await browser.get("/admin/active_sessions")).status_code == 404
    accounts.set_disabled("3", True)
    assert (await root.get("/admin/active_sessions")).status_code == 404


async def test_acting_as_somebody(
    root: Client, browser: Client, accounts: Accounts, clock: Clock
) -> None:
    """Every page tells it; home and profile are that person's, and neither password nor profile can be
    changed; the person sees nothing of it.
    """
    await enter(browser)
    before = (await browser.get(PAGE)).text
    answer = await root.post("/admin/users/1/act_as", data={"reason": "Ticket 7"})
    assert answer.headers["location"] == "/"
    for path in ("/", PROFILE, CHANGE, "/admin/active_sessions", "/admin/audit", "/nowhere"):
        html = (await root.get(path)).text
        banner = re.search(r"<aside.*?</aside>", html, re.DOTALL)
        assert banner is not None, path
        words = re.sub(r"<[^>]+>", "", banner[0])
        assert "You are acting as Ada Okafor (@ada) until" in words
        assert "Stop" in words
    assert "Welcome, <bdi>Ada Okafor</bdi>" in (await root.get("/")).text
    assert "Admin area" not in (await root.get("/")).text
    assert "Admin area" in (await root.get("/admin/active_sessions")).text
    for path, form in (
        (CHANGE, {"current": PASSWORD, "new": "another password"}),
        (PROFILE, {"name": "Mallory", "time_zone": ""}),
    ):
        answer = await root.post(path, data=form)
        assert answer.status_code == 422
        assert "while you act as somebody else" in answer.text
    assert [accounts.find(key).name for key in ("1", "3")] == ["Ada Okafor", "Root Admin"]  # type: ignore[union-attr]
    answer = await root.get(PAGE)
    assert answer.headers["location"] == "/admin/users/1/active_sessions"
    assert (await browser.get(PAGE)).text.count("as-row") == before.count("as-row")
    assert (await root.post("/admin/stop_acting")).status_code == 303
    html = (await root.get("/")).text
    assert "Welcome, <bdi>Root Admin</bdi>" in html
    assert "<aside" not in html


async def test_acting_as_and_losing_the_right(root: Client, accounts: Accounts) -> None:
    """Who is no administrator any more, or acts as somebody who is gone, is only themselves, and can
    stop it.
    """
    for user, change in (
        ("1", "UPDATE account SET disabled = 1 WHERE id = 1"),
        ("2", "DELETE FROM account WHERE id = 2"),
        ("4", "UPDATE account SET admin = 0"),
    ):
        if user == "4":
            accounts.add("eve", password_hash="x", now=0)
        answer = await root.post(f"/admin/users/{user}/act_as", data={"reason": "x"})
        assert answer.headers["location"] == "/"
        accounts.transaction(lambda connection, sql=change: connection.execute(sql).fetchall())
        html = (await root.get("/")).text
        assert "Welcome, <bdi>Root Admin</bdi>" in html
        assert '<aside class="sv-acting"' in html
        assert (await root.post("/admin/stop_acting")).status_code == 303
        assert "<aside" not in (await root.get("/")).text


async def test_signing_out_while_acting(root: Client, phone: Client) -> None:
    """It ends with the operator's session; the next sign-in is only oneself."""
    await root.post("/admin/users/1/act_as", data={"reason": "x"})
    await root.post("/sign_out")
    await enter(root, "root")
    assert "Welcome, <bdi>Root Admin</bdi>" in (await root.get("/")).text
