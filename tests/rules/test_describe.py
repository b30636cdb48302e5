"""A session in words (interface: rows, times, idle), and the page that is made of them."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from signedin import messages, page
from signedin.describe import ago, is_idle, method, moment, rfc3339, signed_in, subline, title
from signedin.device import Device
from signedin.page import Urls
from signedin.session import Session, decode_tail, session_of

from ..support import DAY, HOUR, MINUTE, make_record

ZURICH = ZoneInfo("Europe/Zurich")
NOW = int(datetime(2026, 11, 23, 8, 41, 7, tzinfo=UTC).timestamp() * 1000)
URLS = Urls("/-/user_settings/active_sessions")
HOSTILE = '<script>alert(1)</script>"><img src=x onerror=alert(2)>&{{7*7}}\u202eevil💥'


def session(**fields: object) -> Session:
    record, _ = make_record(now=NOW - DAY, active=NOW)
    facts = decode_tail(record.tail)
    assert facts is not None
    return replace(session_of(record, facts, NOW), **fields)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("since", "words"),
    [
        (-HOUR, "Active now"),
        (0, "Active now"),
        (5 * MINUTE, "Active now"),
        (5 * MINUTE + 1, "5 minutes ago"),
        (12 * MINUTE, "12 minutes ago"),
        (HOUR - 1, "59 minutes ago"),
        (HOUR, "1 hour ago"),
        (3 * HOUR, "3 hours ago"),
        (16 * HOUR, "Yesterday, 17:41"),
        (4 * DAY, "4 days ago"),
    ],
)
def test_ago(since: int, words: str) -> None:
    """How long ago, by the calendar of the person who reads."""
    assert ago(NOW - since, NOW, ZURICH) == words


def test_times() -> None:
    """Today, yesterday, a date, a date of another year; UTC says that it is."""
    assert signed_in(NOW - HOUR, NOW, ZURICH) == "Signed in today, 08:41"
    assert signed_in(NOW - 20 * HOUR, NOW, ZURICH) == "Signed in yesterday, 13:41"
    assert signed_in(NOW - 5 * DAY, NOW, ZURICH) == "Signed in 18 Nov, 09:41"
    assert signed_in(NOW - 400 * DAY, NOW, ZURICH) == "Signed in 19 Oct 2025, 10:41"
    assert signed_in(NOW - HOUR, NOW, UTC) == "Signed in today, 07:41 UTC"
    assert moment(NOW, ZURICH).full == "23 Nov 2026, 09:41 CET"
    assert moment(NOW, ZoneInfo("Asia/Kathmandu")).full == "23 Nov 2026, 14:26 +0545"
    assert rfc3339(NOW) == "2026-11-23T08:41:07Z"


def test_daylight_saving() -> None:
    """The same clock time on both sides of a change is 25 hours apart, and still yesterday."""
    later = int(datetime(2026, 10, 25, 12, 0, tzinfo=ZURICH).timestamp() * 1000)
    assert ago(later - 25 * HOUR, later, ZURICH) == "Yesterday, 12:00"


@pytest.mark.parametrize(
    ("fields", "since", "idle"),
    [
        ({}, 3 * DAY, False),
        ({}, 3 * DAY + 12 * HOUR, True),
        ({"idle_timeout": HOUR}, 23 * HOUR, False),
        ({"idle_timeout": None, "expires_at": NOW + 29 * DAY}, 14 * DAY, False),
        ({"idle_timeout": None, "expires_at": NOW + 29 * DAY}, 15 * DAY, True),
        ({"idle_timeout": None, "expires_at": None}, DAY, True),
    ],
)
def test_idle(fields: dict[str, object], since: int, idle: bool) -> None:
    """Unused for half the session's lifetime, and at least a day."""
    assert is_idle(session(**fields), NOW + since) is idle


def test_title_and_subline() -> None:
    """The user's own word first; then only what is known."""
    pixel = Device("phone", "Chrome", "142", "Android", "16", "Pixel 9")
    assert title(session()) == "Firefox on Ubuntu"
    assert title(session(name="My laptop")) == "My laptop"
    assert subline(session(name="My laptop")) == "Firefox on Ubuntu · Firefox 144"
    assert subline(session(device=pixel)) == "Chrome 142 · Android 16 · Pixel 9"
    assert (
        subline(session(device=Device.of(("unknown",)), remembered=True))
        == "Browser not recognized · Remembered"
    )
    assert subline(session(device=Device("phone", "Safari", None, "iOS", None, "iPhone"))) == ""


def test_method() -> None:
    """In words, the unknown ones as the host calls them."""
    assert method(session()) == "Password"
    assert method(session(authenticated_by=("password", "otp"))) == "Password and one-time code"
    assert method(session(authenticated_by=("a", "passkey", "x"))) == "a, passkey and x"
    assert method(session(authenticated_by=())) == ""


def test_every_message_is_used_and_there() -> None:
    """The catalogue and its users name the same messages, both ways."""
    source = Path(page.__file__).parent
    texts = [
        p.read_text()
        for p in (*source.rglob("*.py"), *source.joinpath("templates").iterdir())
        if "messages" not in p.name
    ]
    said = r"""say\(\s*['"](\w+)['"]|['"](\w+)['"]\|say"""
    chosen = r"""say\(\s*"(\w+)" if \w+ else "(\w+)"|\("(\w+)" if \w+ else "(\w+)"\)\|say"""
    used = {
        key for text in texts for way in (said, chosen) for keys in re.findall(way, text) for key in keys
    }
    used -= {""}
    prefixes = ("flash_", "method_", "ended_", "filter_", "none_", "confirm_")
    prefixes += ("admin_outcome_",)
    composed = {key for key in messages.ENGLISH if key.startswith(prefixes)}
    used = (used | set(page.SCRIPT_SAYS)) - {"none_"}
    assert used <= messages.ENGLISH.keys()
    assert messages.ENGLISH.keys() - composed <= used


def test_a_constant_message_is_worked_out_once() -> None:
    """What has no values is text in the compiled template: drawing a page doesn't look it up again."""
    environment = page._templates()
    for name in environment.list_templates(["html"]):
        assert environment.loader is not None
        source, _, _ = environment.loader.get_source(environment, name)
        assert not re.findall(r"\bt_\d+\('\w+'\)", environment.compile(source, raw=True)), name


def render(*others: Session, current: Session | None = None, **options: object) -> str:
    values: dict[str, object] = {"series_elsewhere": 0, "cap": 100, "flash": None} | options
    return page.active_sessions(
        current or session(),
        others,
        now=NOW,
        tz=UTC,
        urls=URLS,
        **values,  # type: ignore[arg-type]
    ).body


def test_the_current_session_has_no_revoke() -> None:
    """No Revoke, no checkbox for it; with nobody else a sentence instead of an empty list."""
    html = render()
    assert "/revoke" not in html.replace("/revoke_others", "")
    assert "You&#39;re only signed in here" in html
    assert "1 of 100 sessions" in html


def test_near_the_limit() -> None:
    """From 90 of 100 on, the note says what is about to happen."""
    assert "as-near" not in render(*[session(id=f"{n:048x}") for n in range(88)])
    assert "as-near" in render(*[session(id=f"{n:048x}") for n in range(89)])
    assert "sessions</b>" not in render(cap=None)


def test_names_of_buttons_are_unique() -> None:
    """Two devices that look alike are told apart by the session's number."""
    twins = [session(id=f"{n:08x}" + "0" * 40) for n in range(3)]
    names = re.findall(r"Revoke<span class=\"as-vh\"> (.*?)</span>", render(*twins))
    assert len(names) == len(set(names)) == 3


@pytest.mark.parametrize("make", ["list", "one", "others", "flash"])
def test_hostile_text_is_inert(make: str) -> None:
    """Whatever a device or a user calls itself is text (INP-1)."""
    device = Device("phone", HOSTILE, HOSTILE, HOSTILE, HOSTILE, HOSTILE)
    bad = session(
        name=HOSTILE, device=device, user_agent=HOSTILE, ip=HOSTILE, authenticated_by=(HOSTILE,)
    )
    if make == "list":
        html = render(bad, current=bad)
    elif make == "one":
        html = page.confirm_revoke(bad, now=NOW, tz=UTC, urls=URLS).body
    elif make == "others":
        html = page.confirm_many("others", [bad] * 9, now=NOW, tz=UTC, urls=URLS).body
    else:
        html = render(flash=page.Flash("ok", HOSTILE, HOSTILE))
    assert "<script" not in html
    assert "<img" not in html
    assert "{{7*7}}" in html
    html = page.default_layout(HOSTILE, "", html)
    assert "<script" not in html


def test_nothing_inline() -> None:
    """The strictest policy allows the page: no inline script, style or handler (HDR-2)."""
    html = page.default_layout("x", "", render(session(), flash=page.flash_for("others")))
    html = re.sub(r'<script type="module" src="[^"]+"></script>', "", html)
    assert not re.search(r"<script|<style|\sstyle=|\son\w+=|javascript:", html)


def test_static_addresses_tell_the_content() -> None:
    """A file's address changes with it."""
    assert re.fullmatch(
        r"/-/user_settings/active_sessions/static/active_sessions\.css\?v=[0-9a-f]{12}",
        URLS.static("active_sessions.css"),
    )


@pytest.mark.parametrize("code", page.FLASHES)
def test_flashes(code: str) -> None:
    """Each outcome has its sentences."""
    record = session()
    from signedin.session import EndedSession

    ended = EndedSession(record.id, "1", NOW, NOW, NOW, "revoked", "1", record.ip, None, record.device)
    flash = page.flash_for(code, 1, 2, 1, 3, ended=ended)
    assert flash.title
    assert flash.title in {
        "Firefox on Ubuntu is signed out.",
        "You're signed out everywhere else.",
        "Remember me is turned off on your other devices.",
        "That session had already ended.",
        "You can't revoke the session you're using.",
        "2 sessions are signed out.",
        "The name is saved.",
        "No session was selected.",
    }
