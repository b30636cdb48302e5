"""The admin page in a real Chromium: without a script, by keyboard, with two operators at once."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from signedin.audit import AuditEntry, new_run
from signedin.config import open_sessions
from signedin.outcomes import SignedIn
from signedin.session import Client

from .chromium import Demo, Profiles, sign_in
from .test_chromium_page import audit, press_until

LIST = "/admin/active_sessions"
ADA = "/admin/users/1/active_sessions"


def opened(profiles: Profiles, demo: Demo, name: str = "a", path: str = LIST, **options: Any) -> Page:
    page = profiles.open(name, **options)
    sign_in(page, demo, "root")
    page.goto(demo.url + path)
    return page


def rows(page: Page) -> Any:
    return page.locator("[data-as-session]")


def run_in(demo: Demo, outcome: Any) -> str:
    """A run that another process is at, or was."""
    sessions = open_sessions(store=demo.store)
    entry = AuditEntry(new_run(), sessions.clock(), outcome, "cli:ops", "revoke", "idle:>3d", "tidying")
    sessions.store.audit(entry)
    sessions.close()
    return entry.run


def many(demo: Demo, users: int = 30) -> None:
    """Sessions of users whom nobody knows by name."""
    sessions = open_sessions(store=demo.store)
    for number in range(users):
        for agent in ("curl/8.5.0", "Wget/1.21"):
            client = Client(f"198.51.100.{number}", agent)
            sessions.sign_in(str(900 + number), client, started_at=sessions.clock())
    sessions.close()


def test_the_way_there(profiles: Profiles, demo: Demo) -> None:
    """Avatar, Admin area, a search, a person, Revoke: without a script anywhere."""
    page = profiles.open("a", java_script_enabled=False)
    sign_in(page, demo, "root")
    page.locator("summary", has_text="@root").click()
    page.get_by_role("link", name="Admin area").click()
    expect(page.get_by_role("heading", name="Active Sessions", level=1)).to_be_visible()
    expect(rows(page)).to_have_count(7)
    page.get_by_role("link", name=re.compile("^Remembered")).click()
    expect(rows(page)).to_have_count(3)
    page.get_by_label("Search sessions").fill("user:ada type:phone")
    page.get_by_role("button", name="Search").click()
    expect(rows(page)).to_have_count(2)
    page.get_by_role("link", name=re.compile("Ada Okafor")).first.click()
    expect(page.get_by_role("heading", name="Sessions of Ada Okafor")).to_be_visible()
    page.get_by_role("button", name="Show IP addresses").click()
    expect(page.get_by_text("2001:db8:4f::1c7")).to_be_visible()
    page.get_by_role("button", name=re.compile("Revoke Ada Okafor, Safari on iPhone")).click()
    page.get_by_role("button", name="Revoke session").click()
    expect(page.locator("#flash")).to_contain_text("Safari on iPhone is signed out.")
    expect(rows(page)).to_have_count(5)
    expect(page.get_by_role("table", name=re.compile("What ended"))).to_contain_text("an administrator")
    assert profiles.troubles == []


def test_bulk_without_a_script(profiles: Profiles, demo: Demo) -> None:
    """The number is typed, the page says how it goes, and everybody else is out."""
    many(demo)
    page = opened(profiles, demo, java_script_enabled=False)
    page.get_by_role("button", name="Revoke matching").click()
    expect(page.get_by_role("heading", name="Revoke 66 sessions of 31 users?")).to_be_visible()
    page.get_by_label("Reason").fill("Everything must go")
    page.get_by_label("Type 66 to confirm").fill("6")
    page.get_by_role("button", name="Revoke 66 sessions").click()
    expect(page.get_by_role("alert")).to_contain_text("Type 66.")
    expect(page.get_by_label("Reason")).to_have_value("Everything must go")
    page.get_by_label("Type 66 to confirm").fill("66")
    page.get_by_role("button", name="Revoke 66 sessions").click()
    expect(page.get_by_role("heading", name="The sessions are revoked")).to_be_visible(timeout=20_000)
    expect(page.get_by_text("66", exact=True)).to_be_visible()
    page.get_by_role("link", name="Back to active sessions").click()
    page.goto(demo.url + LIST + "?q=user:root")
    expect(rows(page)).to_have_count(1)
    page.goto(demo.url + "/admin/audit")
    expect(page.get_by_role("row").nth(1)).to_contain_text("Everything must go")
    assert [t for t in profiles.troubles if "422" not in t] == []


def test_selecting(profiles: Profiles, demo: Demo) -> None:
    """One box for the page; two rows, one question, one result."""
    page = opened(profiles, demo)
    everything = page.get_by_role("checkbox", name="Select all on this page")
    everything.check()
    assert all(box.is_checked() for box in page.get_by_role("checkbox").all())
    page.get_by_role("checkbox").nth(1).uncheck()
    assert everything.evaluate("box => box.indeterminate")
    everything.check()
    everything.uncheck()
    for name in ("Safari on iPhone", "Chrome on Windows"):
        page.get_by_role("checkbox", name=re.compile(name)).check()
    page.get_by_role("button", name="Revoke selected").click()
    expect(page.get_by_role("heading", name="Revoke 2 sessions of 1 user?")).to_be_visible()
    page.get_by_label("Reason").fill("lost")
    page.get_by_role("button", name="Revoke 2 sessions").click()
    expect(page.get_by_role("heading", name="The sessions are revoked")).to_be_visible()
    page.goto(demo.url + ADA)
    expect(rows(page)).to_have_count(4)


def test_progress_moves_by_itself(profiles: Profiles, demo: Demo) -> None:
    """A run of another process is shown, stopped, and the page notices its end without a script."""
    run = run_in(demo, "started")
    page = opened(profiles, demo, path=f"{LIST}/runs/{run}?of=40", java_script_enabled=False)
    expect(page.get_by_role("heading", name="Revoking sessions")).to_be_visible()
    page.get_by_role("button", name="Stop").click()
    expect(page.get_by_text("It stops after the step that is under way.")).to_be_visible()
    sessions = open_sessions(store=demo.store)
    entry = sessions.audit_run(run)
    assert entry is not None
    assert entry.last.outcome == "stopping"
    ended = AuditEntry(run, sessions.clock(), "stopped", "cli:ops", "revoke", "idle:>3d", sessions=12)
    sessions.store.audit(ended)
    sessions.close()
    expect(page.get_by_role("heading", name="Revoking was stopped")).to_be_visible(timeout=15_000)
    with page.expect_download() as download:
        page.get_by_role("link", name="Download as JSON").click()
    assert download.value.suggested_filename == f"revoked-{run}.json"


def test_two_operators_at_once(profiles: Profiles, demo: Demo) -> None:
    """What one has ended, the other is told of; neither ends the other's own session by accident."""
    first, second = opened(profiles, demo, "a"), opened(profiles, demo, "b")
    for page in (first, second):
        page.goto(demo.url + ADA)
        page.get_by_role("button", name=re.compile("Chrome on Windows")).click()
    for page, told in ((first, "is signed out."), (second, "had already ended.")):
        page.get_by_role("button", name="Revoke session").click()
        expect(page.locator("#flash")).to_contain_text(told)
    for page in (first, second):
        page.goto(demo.url + LIST + "/revoke?q=type:phone")
    for page, ended in ((first, "2"), (second, "0")):
        page.get_by_label("Reason").fill("both")
        page.get_by_role("button", name="Revoke 2 sessions").click()
        expect(page.get_by_role("heading", name="The sessions are revoked")).to_be_visible()
        expect(page.locator(".as-sums dd").first).to_have_text(ended)
    first.goto(demo.url + LIST)
    expect(first.locator("tr", has_text="This is you")).to_have_count(1)
    expect(first.locator("tr", has_text="Root Admin")).to_have_count(2)


def test_acting_as(profiles: Profiles, demo: Demo) -> None:
    """Seen as Ada, told on every page; her list shows nothing of it; Stop leads back."""
    page = opened(profiles, demo, path=ADA)
    page.get_by_role("button", name="Act as Ada Okafor").click()
    page.get_by_label("Reason").fill("Ticket 7")
    page.get_by_role("button", name="Act as Ada Okafor").click()
    expect(page.get_by_role("heading", name="Welcome, Ada Okafor")).to_be_visible()
    banner = page.get_by_role("complementary", name="Acting as somebody else")
    expect(banner).to_contain_text("You are acting as Ada Okafor (@ada) until")
    page.get_by_role("link", name="Active Sessions").click()
    expect(page).to_have_url(demo.url + ADA)
    expect(banner).to_be_visible()
    page.goto(demo.url + LIST)
    expect(page.locator("tr", has_text="This is you")).to_contain_text("Acting as @ada")
    ada = profiles.open("b")
    sign_in(ada, demo)
    ada.goto(demo.url + "/-/user_settings/active_sessions")
    expect(ada.locator("[data-as-row]")).to_have_count(6)
    banner.get_by_role("button", name="Stop").click()
    expect(page.get_by_role("heading", name="Sessions of Ada Okafor")).to_be_visible()
    expect(banner).to_have_count(0)
    assert profiles.troubles == []


def test_the_keyboard_alone(profiles: Profiles, demo: Demo) -> None:
    """Search, select, ask, write, confirm, without a mouse."""
    page = opened(profiles, demo)
    for _ in range(40):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.id") == "as-q":
            break
    page.keyboard.type("user:ada os:windows")
    page.keyboard.press("Enter")
    expect(rows(page)).to_have_count(2)
    press_until(page, "Chrome on Windows")
    page.keyboard.press("Space")
    expect(page.get_by_role("checkbox", name=re.compile("Chrome on Windows"))).to_be_checked()
    press_until(page, "Revoke selected")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Revoke 1 session of 1 user?")).to_be_visible()
    for _ in range(40):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.id") == "as-reason":
            break
    page.keyboard.type("by hand")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="The sessions are revoked")).to_be_visible()


# ── every state ──────────────────────────────────────────────────────────────────────────────


def go(path: str) -> Callable[[Page, Demo], object]:
    return lambda page, demo: page.goto(demo.url + path)


def state_ips(page: Page, demo: Demo) -> None:
    page.get_by_role("button", name="Show IP addresses").click()


def state_selected(page: Page, demo: Demo) -> None:
    page.get_by_role("checkbox").nth(1).check()


def state_one(page: Page, demo: Demo) -> None:
    page.get_by_role("button", name=re.compile("Revoke Ada Okafor")).first.click()


def state_flash(page: Page, demo: Demo) -> None:
    state_one(page, demo)
    page.get_by_role("button", name="Revoke session").click()
    expect(page.locator("#flash")).to_be_visible()


def state_missing(page: Page, demo: Demo) -> None:
    page.goto(demo.url + LIST + "/revoke?q=")
    page.get_by_label("Reason").fill("x")
    page.get_by_label("Type").fill("0")
    page.get_by_role("button", name=re.compile(r"Revoke \d+ sessions")).click()
    expect(page.get_by_role("alert")).to_be_visible()


def state_run(outcome: str) -> Callable[[Page, Demo], object]:
    return lambda page, demo: page.goto(f"{demo.url}{LIST}/runs/{run_in(demo, outcome)}?of=9")


def state_acting(page: Page, demo: Demo) -> None:
    page.goto(demo.url + "/admin/users/1/act_as")
    page.get_by_label("Reason").fill("x")
    page.get_by_role("button", name="Act as").click()
    expect(page.get_by_role("heading", name="Welcome, Ada Okafor")).to_be_visible()


STATES: dict[str, Callable[[Page, Demo], object]] = {
    "list": go(LIST),
    "selected": state_selected,
    "addresses": state_ips,
    "search": go(LIST + "?q=user:ada"),
    "hints": go(LIST + "?q=idel:3d+chrome"),
    "nothing found": go(LIST + "?q=type:console"),
    "refused": go(LIST + "/revoke?q=idel:3d"),
    "one": state_one,
    "flash": state_flash,
    "many": go(LIST + "/revoke?q="),
    "wrong answer": state_missing,
    "nothing to revoke": go(LIST + "/revoke?q=type:console"),
    "running": state_run("started"),
    "stopping": state_run("stopping"),
    "failed": state_run("failed"),
    "done": state_run("done"),
    "user": go(ADA),
    "user alone": go("/admin/users/2/active_sessions"),
    "act as": go("/admin/users/1/act_as"),
    "audit": go("/admin/audit"),
    "nothing here": go("/admin/nothing"),
    "acting": state_acting,
    "acting, on the list": go(LIST),
}


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_accessibility(profiles: Profiles, demo: Demo, theme: str, width: int) -> None:
    """axe-core finds nothing in any state, in both themes, wide and narrow; nothing scrolls sideways."""
    hostile = "<img src=x onerror=alert(1)>\u202e" + "x" * 300
    sessions = open_sessions(store=demo.store)
    outcome = sessions.sign_in(
        "1", Client("2001:db8:1234:5678:9abc:def0:1234:5678", hostile), started_at=sessions.clock()
    )
    assert isinstance(outcome, SignedIn)
    sessions.rename("1", outcome.session.id, hostile)
    sessions.sign_in("x" * 200, Client("192.0.2.7", hostile), started_at=sessions.clock())
    sessions.close()
    size = {"width": width, "height": 844}
    page = opened(profiles, demo, viewport=size, color_scheme=theme, reduced_motion="reduce")
    found: list[str] = []
    for name, reach in STATES.items():
        if not name.startswith("acting"):
            page.goto(demo.url + LIST)
        reach(page, demo)
        found += audit(page, name)
        assert page.evaluate("document.documentElement.scrollWidth") <= width, name
        assert page.locator("img").count() == 0, name
    assert found == []
    assert [t for t in profiles.troubles if not re.search("404|422", t)] == []
