"""The page in a real Chromium: what a script adds, keyboard alone, accessibility in every state."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from importlib.resources import files
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from signedin.config import open_sessions
from signedin.outcomes import SignedIn
from signedin.session import Client

from .chromium import Demo, Profiles, sign_in, to_active_sessions

PAGE = "/-/user_settings/active_sessions"
AXE = files("axe_playwright_python").joinpath("axe.min.js").read_text("utf-8")
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


def opened(profiles: Profiles, demo: Demo, user: str = "ada", **options: Any) -> Page:
    page = profiles.open("a", **options)
    sign_in(page, demo, user)
    page.goto(demo.url + PAGE)
    return page


def rows(page: Page) -> Any:
    return page.locator("[data-as-row]")


# ── what a script adds ───────────────────────────────────────────────────────────────────────


def test_revoking_in_a_dialog(profiles: Profiles, demo: Demo) -> None:
    """The question stands in front of the page; the row goes, the status says so, the focus moves on."""
    page = opened(profiles, demo)
    first, second = rows(page).nth(0), rows(page).nth(1)
    opener = first.get_by_role("button", name="Revoke")
    opener.click()
    dialog = page.get_by_role("dialog", name="Revoke this session?")
    expect(dialog).to_be_visible()
    expect(dialog).to_contain_text("Safari on iPhone is signed out right away.")
    expect(dialog).to_contain_text("2001:db8:4f::1c7")
    expect(dialog.get_by_role("button", name="Cancel")).to_be_focused()
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    expect(opener).to_be_focused()
    expect(rows(page)).to_have_count(6)
    opener.click()
    dialog.get_by_role("button", name="Cancel").click()
    expect(rows(page)).to_have_count(6)
    name = second.get_by_role("heading").inner_text()
    opener.click()
    dialog.get_by_role("button", name="Revoke session").click()
    status = page.locator("[data-as-told]")
    expect(status).to_contain_text(
        "Safari on iPhone is signed out. Remember me was turned off on all your devices."
        " You stay signed in here until this session ends."
    )
    expect(rows(page)).to_have_count(5)
    expect(rows(page).first.get_by_role("heading")).to_have_text(name)
    expect(rows(page).first.get_by_role("button", name="Revoke")).to_be_focused()
    expect(page.locator("[data-as-count]")).to_have_text("5")
    assert profiles.troubles == []


def test_selecting(profiles: Profiles, demo: Demo) -> None:
    """One, a range, all, none; the bar counts; what is selected ends after a question."""
    page = opened(profiles, demo)
    boxes = page.get_by_role("checkbox", name=re.compile("^Select (?!all)"))
    bar = page.get_by_role("form", name="Selected sessions")
    expect(bar).to_be_hidden()
    boxes.nth(1).check()
    expect(bar).to_contain_text("1 selected")
    boxes.nth(3).click(modifiers=["Shift"])
    expect(bar).to_contain_text("3 selected")
    everything = page.get_by_role("checkbox", name="Select all")
    assert everything.evaluate("box => box.indeterminate")
    everything.check()
    expect(bar).to_contain_text("6 selected")
    bar.get_by_role("button", name="Clear").click()
    expect(bar).to_be_hidden()
    boxes.nth(0).check()
    boxes.nth(1).check()
    bar.get_by_role("button", name="Revoke selected").click()
    expect(page.get_by_role("heading", name="Revoke 2 sessions?")).to_be_visible()
    page.get_by_role("button", name="Revoke 2 sessions").click()
    expect(page.locator("#flash")).to_contain_text("2 sessions are signed out.")
    expect(rows(page)).to_have_count(4)
    assert profiles.troubles == []


def test_selecting_without_a_script(profiles: Profiles, demo: Demo) -> None:
    """The same by plain forms; nothing selected is told."""
    page = opened(profiles, demo, java_script_enabled=False)
    page.get_by_role("button", name="Revoke selected").click()
    expect(page.locator("#flash")).to_contain_text("No session was selected.")
    page.get_by_role("link", name="Idle").click()
    expect(rows(page)).to_have_count(2)
    for box in page.get_by_role("checkbox").all():
        box.check()
    page.get_by_role("button", name="Revoke selected").click()
    page.get_by_role("button", name="Revoke 2 sessions").click()
    expect(page.locator("#flash")).to_contain_text("2 sessions are signed out.")
    page.goto(demo.url + PAGE + "?filter=idle")
    expect(page.get_by_text("No idle sessions.")).to_be_visible()
    page.get_by_role("link", name="Show all").click()
    expect(rows(page)).to_have_count(4)


def test_renaming(profiles: Profiles, demo: Demo) -> None:
    """A name of one's own, for another device and for this one."""
    page = opened(profiles, demo)
    for scope in (page.locator(".as-current"), rows(page).first):
        scope.locator("summary").click()
        scope.get_by_label("Your name for it").fill("Kitchen <b>tablet</b>")
        scope.get_by_role("button", name="Save").click()
        expect(page.locator("#flash")).to_contain_text("The name is saved.")
    expect(page.get_by_role("heading", name="Kitchen <b>tablet</b>")).to_have_count(2)


def test_it_looks_again(profiles: Profiles, demo: Demo) -> None:
    """A session that ended elsewhere greys out in place; a new one is announced; nothing moves."""
    page = profiles.open("a")
    page.clock.install()
    sign_in(page, demo)
    page.goto(demo.url + PAGE)
    expect(rows(page)).to_have_count(6)
    before = rows(page).nth(2).bounding_box()
    sessions = open_sessions(store=demo.store)
    ada = "1"
    gone = next(s for s in sessions.list(ada) if s.device.model == "iPhone")
    sessions.revoke(ada, gone.id, current=None)
    page.clock.run_for(31_000)
    ended = rows(page).filter(has_text="Ended")
    expect(ended).to_have_count(1)
    expect(ended).to_contain_text("Safari on iPhone")
    expect(ended.get_by_role("button", name="Revoke")).to_be_disabled()
    assert rows(page).nth(2).bounding_box() == before
    sessions.sign_in(ada, Client("192.0.2.99", "curl/8.5.0"), started_at=sessions.clock() + 60_000)
    page.clock.run_for(31_000)
    told = page.locator("[data-as-told]")
    expect(told).to_contain_text("1 new session.")
    told.get_by_role("link", name="Show it").click()
    expect(rows(page).filter(has_text="curl")).to_have_count(1)
    sessions.revoke_all(ada, operator="root")
    page.clock.run_for(31_000)
    expect(page).to_have_url(re.compile("/sign_in"))
    expect(page.get_by_text("An administrator signed you out.")).to_be_visible()
    sessions.close()


def test_looking_is_no_activity(profiles: Profiles, demo: Demo) -> None:
    """A page that is left open keeps nobody signed in, and reads what it knows already once."""
    page = profiles.open("a")
    page.clock.install()
    sign_in(page, demo)
    page.goto(demo.url + PAGE)
    answers: list[Any] = []
    page.on("response", lambda response: answers.append(response))
    for _ in range(5):
        page.clock.run_for(31_000)
        page.wait_for_timeout(300)
    asked = [answer for answer in answers if answer.url.endswith(PAGE)]
    assert len(asked) >= 3
    assert all(answer.request.headers["signedin-passive"] == "1" for answer in asked)
    assert asked[-1].status == 304


@pytest.mark.parametrize("zone", ["Europe/Zurich", "America/St_Johns", "UTC"])
def test_time_zones(profiles: Profiles, demo: Demo, zone: str) -> None:
    """The browser's zone where the profile has none; the profile's where it has; UTC is named."""
    page = opened(profiles, demo, timezone_id=zone)
    row = rows(page).filter(has_text="Safari on iPhone")
    row.locator("summary").click()
    expect(row.locator("[data-as-zone]")).to_have_text(zone)
    since = row.locator("[data-as-time=since]").inner_text()
    assert since.endswith("UTC") is (zone == "UTC")
    page.goto(demo.url + "/-/user_settings/profile")
    page.get_by_label("Time zone").fill("Pacific/Auckland")
    page.get_by_role("button", name="Save").click()
    page.goto(demo.url + PAGE)
    row.locator("summary").click()
    expect(row.locator("[data-as-zone]")).to_have_text("Pacific/Auckland")


def test_the_script_and_the_server_say_the_same(profiles: Profiles, demo: Demo) -> None:
    """In the same zone each time is told in the same words by both."""
    scripted = opened(profiles, demo, timezone_id="UTC")
    words = [t.inner_text() for t in scripted.locator("[data-as-row] time:visible").all()]
    plain = profiles.open("b", java_script_enabled=False)
    sign_in(plain, demo)
    plain.goto(demo.url + PAGE)
    theirs = [t.inner_text() for t in plain.locator("[data-as-row] time:visible").all()]
    # The first browser's own session comes first in the second one's list; minutes may have passed.
    lasting = [word for word in words if "minute" not in word]
    assert [word for word in theirs if "minute" not in word][-len(lasting) :] == lasting


# ── the keyboard alone ───────────────────────────────────────────────────────────────────────


def press_until(page: Page, name: str, key: str = "Tab") -> None:
    """Move with the keyboard until this is focused."""
    for _ in range(80):
        page.keyboard.press(key)
        if name in page.evaluate(
            "document.activeElement.textContent + (document.activeElement.getAttribute('aria-label') || '')"
        ):
            return
    raise AssertionError(f"the keyboard does not reach {name!r}")


def test_the_keyboard_alone(profiles: Profiles, demo: Demo) -> None:
    """Sign in, find the page, revoke a device, without a mouse."""
    page = profiles.open("a")
    page.goto(demo.url + "/sign_in")
    page.keyboard.type("ada")
    page.keyboard.press("Tab")
    page.keyboard.type("correct horse")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Welcome")).to_be_visible()
    press_until(page, "@ada")
    page.keyboard.press("Enter")
    press_until(page, "Edit profile")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Profile")).to_be_visible()
    press_until(page, "Active Sessions")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Active Sessions", level=1)).to_be_visible()
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to active sessions")).to_be_focused()
    page.keyboard.press("Enter")
    press_until(page, "Revoke Chrome on Windows")
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Cancel")).to_be_focused()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.locator("[data-as-told]")).to_contain_text("Chrome on Windows is signed out.")


def test_names_of_buttons(profiles: Profiles, demo: Demo) -> None:
    """Each Revoke button's accessible name is its own, and starts with the visible word."""
    page = opened(profiles, demo)
    names = [b.evaluate("b => b.textContent") for b in rows(page).locator(".as-go button").all()]
    assert len(set(names)) == len(names) == 6
    assert all(name.startswith("Revoke ") for name in names)


# ── every state ──────────────────────────────────────────────────────────────────────────────


def hundred(page: Page, demo: Demo) -> None:
    page.goto(demo.url + "/demo/devices")
    page.get_by_role("button", name="Sign in 100 more times").click()
    page.goto(demo.url + PAGE)


def go(path: str) -> Callable[[Page, Demo], object]:
    return lambda page, demo: page.goto(demo.url + path)


def state_dialog(page: Page, demo: Demo) -> None:
    rows(page).first.get_by_role("button", name="Revoke").click()
    expect(page.get_by_role("dialog")).to_be_visible()


def state_bulk(page: Page, demo: Demo) -> None:
    page.get_by_role("checkbox").nth(2).check()


def state_details(page: Page, demo: Demo) -> None:
    for summary in page.locator("main summary").all():
        summary.click()


def state_confirm(page: Page, demo: Demo) -> None:
    page.goto(rows(page).first.locator(".as-go").evaluate("form => form.action"))


def state_flash(page: Page, demo: Demo) -> None:
    state_dialog(page, demo)
    page.get_by_role("button", name="Revoke session").click()
    expect(page.locator(".as-dismiss")).to_be_visible()
    expect(page.locator(".as-gone")).to_have_count(0)


STATES: dict[str, Callable[[Page, Demo], object]] = {
    "list": lambda page, demo: None,
    "details": state_details,
    "bulk": state_bulk,
    "dialog": state_dialog,
    "confirm": state_confirm,
    "confirm others": go(PAGE + "/revoke_others"),
    "confirm everywhere": go(PAGE + "/sign_out_everywhere"),
    "no such session": go(PAGE + "/" + "0" * 48 + "/revoke"),
    "flash": state_flash,
    "history": go(PAGE + "/history"),
    "idle": go(PAGE + "?filter=idle"),
    "profile": go("/-/user_settings/profile"),
    "password": go("/-/user_settings/password"),
    "home": go("/"),
    "devices": go("/demo/devices"),
    "a hundred": hundred,
}


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_accessibility(profiles: Profiles, demo: Demo, theme: str, width: int) -> None:
    """axe-core finds nothing in any state, in both themes, wide and narrow; nothing scrolls sideways."""
    options = {
        "viewport": {"width": width, "height": 844},
        "color_scheme": theme,
        "reduced_motion": "reduce",
    }
    page = profiles.open("a", **options)
    page.goto(demo.url + "/sign_in")
    found = audit(page, "sign-in")
    sign_in(page, demo)
    for name, reach in STATES.items():
        page.goto(demo.url + PAGE)
        reach(page, demo)
        found += audit(page, name)
        assert page.evaluate("document.documentElement.scrollWidth") <= width, name
        assert page.evaluate("document.getAnimations().length") == 0, name
    single = profiles.open("b", **options)
    sign_in(single, demo, "bo")
    single.goto(demo.url + PAGE)
    expect(single.get_by_text("You're only signed in here")).to_be_visible()
    found += audit(single, "only here")
    assert found == []
    assert [t for t in profiles.troubles if "404" not in t] == []


def audit(page: Page, state: str) -> list[str]:
    page.evaluate(AXE)
    result = page.evaluate("tags => axe.run(document, { runOnly: tags })", TAGS)
    return [
        f"{state}: {v['id']}: {v['nodes'][0]['html'][:200]} {v['nodes'][0]['failureSummary'][:200]}"
        for v in result["violations"]
    ]


def test_budgets(profiles: Profiles, demo: Demo) -> None:
    """Small, and nothing shifts while it loads: HTML 30 kB gzip at 10 rows, CSS 10, script 6."""
    import gzip
    import urllib.request

    page = profiles.open("a")
    shifts = "window.shift = 0; new PerformanceObserver(l => l.getEntries().forEach(e => { window.shift += e.value })).observe({ type: 'layout-shift', buffered: true })"
    page.add_init_script(shifts)
    sign_in(page, demo)
    page.goto(demo.url + "/demo/devices")
    for _ in range(3):
        page.get_by_role("button", name="Sign in as another device").click()
    answer = page.goto(demo.url + PAGE)
    page.wait_for_load_state("networkidle")
    assert answer is not None
    assert rows(page).count() == 9
    assert len(gzip.compress(answer.body())) <= 30_000
    assert page.evaluate("window.shift") == 0
    for name, most in (("active_sessions.css", 10_000), ("active_sessions.js", 6_000)):
        url = f"{demo.url}{PAGE}/static/{name}"
        assert len(gzip.compress(urllib.request.urlopen(url).read())) <= most


def test_gitlabs_journey(profiles: Profiles, demo: Demo) -> None:
    """Avatar, Edit profile, Active Sessions: by visible text, on a phone."""
    page = profiles.open("a", viewport={"width": 390, "height": 844}, has_touch=True)
    sign_in(page, demo)
    began = time.monotonic()
    to_active_sessions(page)
    rows(page).filter(has_text="198.51.100.77").get_by_role("button", name="Revoke").click()
    page.get_by_role("button", name="Revoke session").click()
    expect(page.locator("[data-as-told]")).to_contain_text("Chrome on Windows is signed out.")
    assert time.monotonic() - began < 30


def test_hostile_devices(profiles: Profiles, demo: Demo) -> None:
    """Script, direction marks, emoji, 10 kB: text on the page, in the question and in the answer."""
    hostile = "<img src=x onerror=alert(1)>\u202e<script>alert(2)</script>💥" + "x" * 300
    sessions = open_sessions(store=demo.store)
    outcome = sessions.sign_in("1", Client("192.0.2.7", hostile), started_at=sessions.clock())
    assert isinstance(outcome, SignedIn)
    sessions.rename("1", outcome.session.id, hostile)
    sessions.close()
    page = profiles.open("a", viewport={"width": 390, "height": 844})
    page.on("dialog", lambda dialog: profiles.troubles.append(dialog.message))
    sign_in(page, demo)
    page.goto(demo.url + PAGE)
    row = rows(page).filter(has_text="<img src=x")
    expect(row).to_have_count(1)
    row.locator("summary").click()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    row.get_by_role("button", name="Revoke").click()
    expect(page.get_by_role("dialog")).to_contain_text("<img src=x onerror=alert(1)>")
    page.get_by_role("button", name="Revoke session").click()
    expect(page.locator("[data-as-told]")).to_contain_text("is signed out.")
    page.goto(demo.url + PAGE + "/history")
    expect(page.get_by_text("<img src=x").first).to_be_visible()
    assert page.locator("img").count() == 0
    assert profiles.troubles == []
