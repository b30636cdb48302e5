"""The secret in a cookie (TOK-1, TOK-2, V5)."""

from __future__ import annotations

import os
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signedin.session import new_session_id
from signedin.token import LENGTH, Token, encode_secret, new_secret

FIXED = f"{'5a' * 24}.{'A' * 43}"


def make() -> Token:
    return Token(new_session_id("1"), new_secret())


def test_text_and_back() -> None:
    """A token survives its way through a cookie."""
    token = make()
    assert Token.parse(token.text) == token
    assert Token.parse(FIXED) is not None
    assert len(token.text) == LENGTH
    assert token.matches(token.hash())
    assert not token.matches(make().hash())


@given(st.one_of(st.text(), st.binary().map(lambda b: b.decode("latin-1"))))
def test_any_text_is_nothing(text: str) -> None:
    """Any other input is no token, and raises nothing (V5)."""
    assert Token.parse(text) is None


@pytest.mark.parametrize(
    "text",
    [
        "",
        ".",
        "\x00" * LENGTH,
        "a" * 1_000_000,
        FIXED + " ",
        FIXED.upper(),
        FIXED[:-1] + "\n",
        FIXED[:-1] + "B",  # not the canonical last letter of 32 bytes
        "\ud800" * LENGTH,
        None,
    ],
)
def test_near_misses(text: str | None) -> None:
    """Only the canonical spelling counts: a second one could look like theft."""
    assert Token.parse(text) is None


def test_shows_nothing() -> None:
    """No secret in repr, str or format (L3)."""
    token = make()
    for shown in (repr(token), str(token), f"{token}", f"{[token]}"):
        assert token.secret not in shown


def test_ten_thousand_differ() -> None:
    """Secrets are 256 bits from the OS (TOK-1)."""
    assert len({new_secret() for _ in range(10_000)}) == 10_000
    assert encode_secret(bytes(32)) == "A" * 43


def test_without_randomness_there_is_no_token(monkeypatch: pytest.MonkeyPatch) -> None:
    """If the OS source fails, so does the sign-in (TOK-1)."""

    def broken(count: int) -> bytes:
        raise OSError("no entropy")

    monkeypatch.setattr(os, "urandom", broken)
    with pytest.raises(OSError, match="no entropy"):
        new_secret()
    with pytest.raises(OSError, match="no entropy"):
        new_session_id("1")


def test_hash_is_all_that_is_kept() -> None:
    """What is stored can't be presented (TOK-2)."""
    token = make()
    stored = encode_secret(token.hash())
    assert not Token(token.id, stored).matches(token.hash())
    assert token.secret.encode() not in pickle.dumps(token.hash())
