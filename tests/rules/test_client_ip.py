"""Which address a request comes from (NET-1): the spoof table."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signedin.client_ip import canonical_ip, client_ip, networks
from signedin.errors import SettingsError

PROXIES = networks(("10.0.0.0/8", "2001:db8:ffff::/48"))


@pytest.mark.parametrize(
    ("peer", "header", "trusted", "address"),
    [
        # nothing is trusted by default
        ("203.0.113.9", "198.51.100.1", (), "203.0.113.9"),
        ("203.0.113.9", None, PROXIES, "203.0.113.9"),
        # a peer that is no proxy can say what it wants
        ("203.0.113.9", "198.51.100.1", PROXIES, "203.0.113.9"),
        # one proxy, two proxies; what the client wrote itself stands further left
        ("10.0.0.1", "198.51.100.1", PROXIES, "198.51.100.1"),
        ("10.0.0.1", "1.2.3.4, 198.51.100.1", PROXIES, "198.51.100.1"),
        ("10.0.0.1", "1.2.3.4, 198.51.100.1, 10.0.0.2", PROXIES, "198.51.100.1"),
        ("10.0.0.1", "10.0.0.9, 10.0.0.2", PROXIES, "10.0.0.9"),
        # what is no address ends the walk
        ("10.0.0.1", "198.51.100.1, garbage", PROXIES, "10.0.0.1"),
        ("10.0.0.1", "198.51.100.1, , 10.0.0.2", PROXIES, "10.0.0.2"),
        ("10.0.0.1", "", PROXIES, "10.0.0.1"),
        # spellings
        ("10.0.0.1", "198.51.100.1:4711", PROXIES, "198.51.100.1"),
        ("10.0.0.1", "[2001:DB8::1]:4711", PROXIES, "2001:db8::1"),
        ("10.0.0.1", "2001:db8:0:0::1", PROXIES, "2001:db8::1"),
        ("::ffff:10.0.0.1", "::ffff:198.51.100.1", PROXIES, "198.51.100.1"),
        ("2001:db8:ffff::7", "198.51.100.1", PROXIES, "198.51.100.1"),
        # RFC 7239
        ("10.0.0.1", 'for=198.51.100.1;proto=https, for="[2001:db8:ffff::1]"', PROXIES, "198.51.100.1"),
        ("10.0.0.1", 'proto=https;For="198.51.100.1:80"', PROXIES, "198.51.100.1"),
        ("10.0.0.1", "by=198.51.100.1", PROXIES, "10.0.0.1"),
        # a Unix socket has no address
        ("", None, PROXIES, "0.0.0.0"),
        ("unix:", "198.51.100.1", PROXIES, "0.0.0.0"),
    ],
)
def test_spoof_table(peer: str, header: str | None, trusted: object, address: str) -> None:
    """The peer, unless a trusted proxy says another, read from the right."""
    assert client_ip(peer, header, trusted) == address  # type: ignore[arg-type]


@given(st.text(), st.none() | st.text())
def test_anything(peer: str, header: str | None) -> None:
    """Any header gives an address and no error."""
    assert client_ip(peer, header, PROXIES)
    assert client_ip("10.0.0.1", header, PROXIES)


def test_the_last_hops() -> None:
    """64 are read, from the right."""
    proxies = ", 10.0.0.2" * 63
    assert client_ip("10.0.0.1", f"198.51.100.1{proxies}", PROXIES) == "198.51.100.1"
    assert client_ip("10.0.0.1", f"198.51.100.1{proxies}, 10.0.0.2", PROXIES) == "10.0.0.2"


@pytest.mark.parametrize(
    ("text", "address"),
    [
        (" 203.0.113.9 ", "203.0.113.9"),
        ("2001:DB8:0::1", "2001:db8::1"),
        ("fe80::1%eth0", "fe80::1"),
        ("[fe80::1%eth0]:80", "fe80::1"),
        ("[2001:db8::1", "2001:db8::1"),
        ("::ffff:203.0.113.9", "203.0.113.9"),
        ("203.0.113.9:80", "203.0.113.9"),
        ("203.0.113.9:80:80", "0.0.0.0"),
        ("app.example", "0.0.0.0"),
    ],
)
def test_one_spelling(text: str, address: str) -> None:
    """An address is kept in its canonical form, and what is none as one that is nobody's."""
    assert canonical_ip(text) == address


def test_networks() -> None:
    """Addresses or networks, wherever the host's bits stand; anything else is told."""
    assert [str(n) for n in networks((" 10.1.2.3/8 ", "::1"))] == ["10.0.0.0/8", "::1/128"]
    with pytest.raises(SettingsError, match="trusted_proxies: 'proxy'"):
        networks(("10.0.0.1", "proxy"))


def test_many_hops() -> None:
    """A header of a megabyte costs no more than a short one."""
    assert client_ip("10.0.0.1", "1.1.1.1," * 100_000 + "198.51.100.1", PROXIES) == "198.51.100.1"
