"""Reading and writing the two cookies (COOK-1, V5)."""

from __future__ import annotations

from dataclasses import astuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signedin.cookies import CookieNames, read

NAME = CookieNames().session


def test_attributes() -> None:
    """__Host-, Secure, HttpOnly, Path=/, SameSite=Lax, no Domain; no Max-Age on the session's."""
    names = CookieNames()
    header = names.set(names.session, "x").header
    assert header == "__Host-signedin=x; Path=/; HttpOnly; SameSite=Lax; Secure"
    kept = names.set(names.remember, "y", 1_209_600).header
    assert kept == "__Host-signedin-remember=y; Max-Age=1209600; Path=/; HttpOnly; SameSite=Lax; Secure"
    assert names.clear(names.session).header.startswith("__Host-signedin=; Max-Age=0; Path=/; HttpOnly")


def test_insecure() -> None:
    """Over plain HTTP: other names, no Secure."""
    names = CookieNames.insecure()
    assert names.set(names.session, "x").header == "signedin=x; Path=/; HttpOnly; SameSite=Lax"
    assert astuple(names)[:4] == tuple(
        name.removeprefix("__Host-") for name in astuple(CookieNames())[:4]
    )
    assert CookieNames().flash == "__Host-signedin-flash"
    assert CookieNames().visitor == "__Host-signedin-visitor"


def test_a_cookie_shows_no_value() -> None:
    """No secret in repr (L3)."""
    assert "secret" not in repr(CookieNames().set(NAME, "secret"))


@pytest.mark.parametrize(
    ("header", "value"),
    [
        (f"{NAME}=v", "v"),
        (f"a=b; {NAME}=v; c=d", "v"),
        (f"{NAME}-remember=r; {NAME}=v", "v"),
        (f"{NAME} = v", "v"),
        (f"{NAME}=v ", "v "),
        (f"{NAME}=", ""),
        (f"{NAME}=v; {NAME}=w", None),
        (f"{NAME}=v; {NAME}=v", None),
        (f"{NAME}", None),
        (f"x{NAME}=v", None),
        (f"{NAME}-remember=r", None),
        ("", None),
        (f"{NAME}=v; pad={'x' * 20_000}", None),
    ],
)
def test_read(header: str, value: str | None) -> None:
    """The one cookie of this name; a doubled one is none (V5)."""
    assert read(header, CookieNames()).get(NAME) == value


def test_only_what_came_twice_is_none() -> None:
    """A doubled cookie takes no other one along (V5)."""
    names = CookieNames()
    header = f"{names.remember}=r; {NAME}=v; {NAME}=w"
    assert read(header, names) == {names.remember: "r", NAME: None}


def test_the_longest_header() -> None:
    """16 kB are read, and not a byte more (V5)."""
    header = f"{NAME}=v; pad=".ljust(16_384, "x")
    assert read(header, CookieNames()) == {NAME: "v"}
    assert read(header + "x", CookieNames()) == {}


@given(st.text())
def test_any_header(header: str) -> None:
    """Any text is read without an error."""
    read(header, CookieNames())
    read(NAME + header, CookieNames.insecure())
