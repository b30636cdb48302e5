"""Whose request may change something (CSRF-1): the whole truth table."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signedin.origin import is_local_path, is_our_origin, is_ours, normal_origin

OURS = normal_origin("https://app.example")
SITES = ["same-origin", "none", "same-site", "cross-site", "", "SAME-ORIGIN", None]
ORIGINS = [
    "https://app.example",
    "https://app.example:443",
    "http://app.example",
    "https://evil.example",
    "null",
    None,
]


@pytest.mark.parametrize("site", SITES)
@pytest.mark.parametrize("origin", ORIGINS)
def test_truth_table(site: str | None, origin: str | None) -> None:
    """Sec-Fetch-Site decides; without it Origin must be ours; with neither it is refused."""
    expected = (
        site in ("same-origin", "none")
        if site is not None
        else origin in ("https://app.example", "https://app.example:443")
    )
    assert is_ours(site, origin, OURS) is expected


@pytest.mark.parametrize("origin", ORIGINS)
def test_websocket(origin: str | None) -> None:
    """A WebSocket handshake is judged by Origin always."""
    assert is_our_origin(origin, OURS) is (origin in ORIGINS[:2])


def test_no_origin_of_our_own() -> None:
    """A Host that is none is not ours, whatever Origin says."""
    assert normal_origin("https://") is None
    assert not is_our_origin("https://", None)
    assert not is_our_origin(None, None)
    assert normal_origin("https://a:99999") is None
    assert normal_origin("http://[::1") is None
    assert normal_origin("http://[::][::[:@p]:") is None
    assert normal_origin("http://[::]@p[:/[::") is None
    assert normal_origin("HTTPS://App.Example") == OURS
    assert normal_origin("https://[2001:DB8::1]") == "https://[2001:db8::1]:443"
    assert is_our_origin("https://[2001:db8::1]", "https://[2001:db8::1]:443")
    assert not is_our_origin("https://[2001:db8::1]evil.example", "https://[2001:db8::1]:443")


def test_a_request_without_a_host() -> None:
    """Nobody is ours then, whatever they are called; where the URL is configured it is asked instead."""
    from signedin.incoming import Incoming
    from signedin.settings import Settings

    incoming = Incoming(Settings())
    assert not incoming.is_from_ours("POST", "https", None, None, "https://none")
    assert not incoming.is_socket_from_ours("https", None, "https://none")
    known = Incoming(Settings.of({"url": "https://app.example"}))
    assert known.is_from_ours("POST", "https", None, None, "https://app.example")


@pytest.mark.parametrize("path", ["/", "/a?b=c&d=%20", "/a#b", "/-/x", "/!~", "/" + "a" * 2047])
def test_local_paths(path: str) -> None:
    """A path of this origin can be gone to after the sign-in."""
    assert is_local_path(path)


@pytest.mark.parametrize(
    "path",
    [
        "",
        "a",
        "//evil",
        "/\\evil",
        "/a\\b",
        "https://evil",
        "/a\nb",
        "/a b",
        "/\x00",
        "/é",
        "/\x7f",
        "/\x1f",
        "/" + "a" * 2048,
    ],
)
def test_other_places(path: str) -> None:
    """Nothing that a browser could read as another place."""
    assert not is_local_path(path)


@given(st.text())
def test_anything(text: str) -> None:
    """Any text is judged without an error."""
    is_local_path(text)
    spelled = normal_origin(text)
    assert spelled is None or normal_origin(spelled) == spelled
    is_our_origin(text, OURS)
