"""The whole way in a real Chromium: two profiles, and GitLab's journey by visible text."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import expect

from .chromium import REVOKED, Demo, Profiles, sign_in, to_active_sessions


@pytest.mark.parametrize("javascript", [True, False], ids=["with-javascript", "without-javascript"])
def test_two_browsers(profiles: Profiles, demo: Demo, javascript: bool) -> None:
    """A and B sign in with Remember me; A revokes B; B's next click is the sign-in page with the
    reason; B closed and opened again is still out; A goes on.
    """
    a = profiles.open("a", java_script_enabled=javascript)
    b = profiles.open(
        "b",
        java_script_enabled=javascript,
        user_agent="Mozilla/5.0 (X11; Fedora; Linux x86_64; rv:144.0) Gecko/20100101 Firefox/144.0",
    )
    sign_in(a, demo)
    sign_in(b, demo)
    to_active_sessions(a)
    row = a.get_by_role("listitem").filter(has_text="127.0.0.1").filter(has_text="Remembered")
    expect(row).to_have_count(1)
    expect(a.get_by_text("This device", exact=True).last).to_be_visible()
    row.get_by_role("button", name="Revoke").click()
    expect(a.get_by_role("heading", name="Revoke this session?")).to_be_visible()
    assert b.goto(demo.url + "/-/user_settings/profile").status == 200  # type: ignore[union-attr]
    a.get_by_role("button", name="Revoke session").click()
    status = a.locator("[data-as-told]")
    expect(status).to_contain_text("is signed out.")
    expect(status).to_contain_text("Remember me was turned off on all your devices.")

    b.get_by_role("link", name="Password").click()
    expect(b).to_have_url(re.compile(r"/sign_in\?next=/-/user_settings/password$"))
    expect(b.get_by_text(REVOKED)).to_be_visible()
    b.context.close()
    profiles.contexts.remove(b.context)
    b = profiles.open("b", java_script_enabled=javascript)
    b.goto(demo.url + "/-/user_settings/profile")
    expect(b).to_have_url(re.compile("/sign_in"))
    expect(b.get_by_text(REVOKED)).to_have_count(0)

    a.reload()
    expect(a.get_by_role("heading", name="Active Sessions", level=1)).to_be_visible()
    expect(a.locator("#flash")).to_have_count(0)
    assert profiles.troubles == []


def test_remember_me_survives_a_restart(profiles: Profiles, demo: Demo) -> None:
    """Chromium keeps the __Host- cookies on http://127.0.0.1; the session cookie goes, the series stays."""
    a = profiles.open("a")
    sign_in(a, demo)
    cookies = {cookie["name"]: cookie for cookie in a.context.cookies(demo.url)}  # type: ignore[typeddict-item]
    assert set(cookies) == {"__Host-signedin", "__Host-signedin-remember"}
    for cookie in cookies.values():
        assert cookie["httpOnly"]
        assert cookie["secure"]
        assert cookie["sameSite"] == "Lax"
    assert cookies["__Host-signedin"]["expires"] == -1
    a.context.clear_cookies(name="__Host-signedin")
    a.goto(demo.url)
    expect(a.get_by_role("heading", name="Welcome")).to_be_visible()


def test_revoking_all_others(profiles: Profiles, demo: Demo) -> None:
    """All of ada's other devices go at once; Cancel changes nothing."""
    a = profiles.open("a")
    sign_in(a, demo)
    to_active_sessions(a)
    expect(
        a.get_by_role("list").get_by_role("listitem").filter(has=a.get_by_role("button", name="Revoke"))
    ).to_have_count(6)
    a.get_by_role("button", name="Revoke all other sessions").click()
    expect(a.get_by_role("heading", name="Revoke 6 other sessions?")).to_be_visible()
    a.get_by_role("link", name="Cancel").click()
    a.get_by_role("button", name="Revoke all other sessions").click()
    a.get_by_role("button", name="Revoke 6 sessions").click()
    expect(a.locator("[data-as-told]")).to_contain_text("You're signed out everywhere else.")
    expect(a.get_by_text("You're only signed in here")).to_be_visible()
    a.get_by_role("button", name="Sign out").first.click()
    expect(a).to_have_url(re.compile("/sign_in"))
    assert a.context.cookies(demo.url) == []


def test_the_back_button_and_a_second_click(profiles: Profiles, demo: Demo) -> None:
    """A stale page tells the truth."""
    a = profiles.open("a")
    sign_in(a, demo)
    to_active_sessions(a)
    row = a.locator("[data-as-row]").filter(has_text="Office desktop")
    stale = row.locator(".as-go").evaluate("form => form.action")
    row.get_by_role("button", name="Revoke").click()
    a.get_by_role("button", name="Revoke session").click()
    expect(a.locator("[data-as-told]")).to_contain_text("Office desktop is signed out.")
    a.goto(stale)
    expect(a.locator("[data-as-told]")).to_contain_text("That session had already ended.")


def test_cross_site_forms(profiles: Profiles, demo: Demo, tmp_path: Path) -> None:
    """Another site's form ends nothing and signs nobody in (CSRF-1)."""
    a = profiles.open("a")
    sign_in(a, demo, "bo")
    evil = tmp_path / "evil.html"
    for path in ("/-/user_settings/active_sessions/sign_out", "/sign_out", "/sign_in"):
        evil.write_text(f'<form method="post" action="{demo.url}{path}"><button>Win</button></form>')
        profiles.demo.url, kept = "", demo.url
        a.goto(evil.as_uri())
        with a.expect_response(kept + path) as answer:
            a.get_by_role("button").click()
        assert answer.value.status == 403
        profiles.demo.url = kept
    a.goto(demo.url)
    expect(a.get_by_role("heading", name="Welcome, Bo Nilsson")).to_be_visible()


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [320, 390, 820, 1080, 1280])
def test_no_sideways_scroll(profiles: Profiles, demo: Demo, width: int, theme: str) -> None:
    """At every width, in both themes, details open, the page fits, and its targets can be hit."""
    a = profiles.open("a", viewport={"width": width, "height": 800}, color_scheme=theme)
    sign_in(a, demo)
    for path in (
        "/",
        "/-/user_settings/profile",
        "/-/user_settings/password",
        "/-/user_settings/active_sessions",
    ):
        a.goto(demo.url + path)
        for summary in a.locator("main summary").all()[:2]:
            summary.click()
        assert a.evaluate("document.documentElement.scrollWidth") <= width
        smallest = 44 if width <= 820 else 24
        for button in a.locator("main button:visible, main .as-btn:visible, main summary:visible").all():
            box = button.bounding_box()
            assert box is not None
            assert box["height"] >= smallest - 0.5
    assert profiles.troubles == []
