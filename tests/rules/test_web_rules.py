"""What a request brings and what its response must say, the same for every framework."""

from __future__ import annotations

import pytest

from signedin.incoming import Incoming
from signedin.origin import normal_origin
from signedin.outcomes import Presented
from signedin.outgoing import private_control, refusal, varies
from signedin.session import Client
from signedin.settings import Settings

from .test_selector import session

PLAIN = Incoming(Settings())
BEHIND = Incoming(Settings(trusted_proxies=("10.0.0.0/8",)))


def test_presented() -> None:
    """Each of our cookies in its place; without any, nothing."""
    header = "__Host-signedin-visitor=v; __Host-signedin=s; other=o; __Host-signedin-remember=r"
    assert PLAIN.presented(header) == Presented("s", "r", "v")
    assert PLAIN.presented("__Host-signedin-remember=r") == Presented(None, "r", None)
    assert PLAIN.presented("other=o") == PLAIN.presented("") == Presented()
    insecure = Incoming(Settings(url="http://intranet", insecure_http=True))
    assert insecure.presented("signedin=s; __Host-signedin=x") == Presented("s")


def test_who_asks() -> None:
    """The peer; the proxy's word only where a proxy is trusted, and of it the end."""
    assert PLAIN.client("203.0.113.9", "198.51.100.1", b"UA") == Client("203.0.113.9", "UA")
    assert BEHIND.client("10.0.0.1", "198.51.100.1", b"UA") == Client("198.51.100.1", "UA")
    assert BEHIND.client("10.0.0.1", None, b"") == Client("10.0.0.1", "")
    assert BEHIND.client("10.0.0.1", "198.51.100.1" + " " * 4096, b"").ip == "10.0.0.1"
    assert BEHIND.client("10.0.0.1", "1.2.3.4" + " " * 4089, b"").ip == "1.2.3.4"
    assert BEHIND.client("10.0.0.1", "1.2.3.4" + " " * 4090, b"").ip == "10.0.0.1"


def test_long_user_agents() -> None:
    """512 bytes of a user agent are read; what stands behind them changes nothing (S2)."""
    unseen = b"\x00" * 400
    assert PLAIN.client("::1", None, unseen + b"a" * 112 + b"b").user_agent == "a" * 112
    assert PLAIN.client("::1", None, b"a" * 300).user_agent == "a" * 256


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "TRACE"])
def test_safe_methods(method: str) -> None:
    """What changes nothing may come from anywhere (CSRF-1)."""
    assert PLAIN.is_from_ours(method, "https", "app.example", "cross-site", "https://evil.example")


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "get", ""])
def test_other_methods(method: str) -> None:
    """Everything else must come from our own pages: those of the Host, or of the configured URL."""
    ours = "https://app.example"
    assert PLAIN.is_from_ours(method, "https", "app.example", "same-origin", None)
    assert not PLAIN.is_from_ours(method, "https", "app.example", "cross-site", ours)
    assert PLAIN.is_from_ours(method, "https", "app.example", None, ours)
    assert not PLAIN.is_from_ours(method, "http", "app.example", None, ours)
    assert not PLAIN.is_from_ours(method, "https", None, None, ours)
    known = Incoming(Settings(url=ours))
    assert known.is_from_ours(method, "http", "inner:8000", None, ours)
    assert not known.is_from_ours(method, "https", "evil.example", None, "https://evil.example")


def test_sockets() -> None:
    """A WebSocket handshake is judged by its Origin, against the same."""
    ours = "https://app.example"
    assert PLAIN.is_socket_from_ours("https", "app.example", ours)
    assert not PLAIN.is_socket_from_ours("http", "app.example", ours)
    assert not PLAIN.is_socket_from_ours("https", "app.example", None)
    assert Incoming(Settings(url=ours)).is_socket_from_ours("http", "inner", ours)
    assert not Incoming(Settings(url=ours)).is_socket_from_ours("http", "inner", "http://inner")


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("http://a", "http://a:80"),
        ("https://A.example/x?y#z", "https://a.example:443"),
        ("https://a:8443", "https://a:8443"),
        ("ftp://a", None),
        ("ftp://a:80", None),
        ("null", None),
        ("https:///x", None),
        ("https://:443", None),
    ],
)
def test_normal_origins(url: str, origin: str | None) -> None:
    """Scheme, host and port, spelled out; of the web alone."""
    assert normal_origin(url) == origin


@pytest.mark.parametrize(
    ("vary", "names"),
    [("", False), ("accept", False), ("cookie", True), ("accept , cookie", True), ("*", True), ("cookies", False)],
)  # fmt: skip
def test_varies(vary: str, names: bool) -> None:
    """Whether a cache knows already that the cookies matter."""
    assert varies(vary) is names


@pytest.mark.parametrize(
    ("control", "made"),
    [
        ("", "no-store"),
        (" , ", "no-store"),
        ("no-store", None),
        ("private", None),
        ("max-age=60, private", None),
        ("max-age=60,no-store", None),
        ("public", "no-store"),
        ("public, no-store", "private, no-store"),
        ("max-age=60", "private, max-age=60"),
        ("public, max-age=60, s-maxage=90", "private, max-age=60"),
        ("must-revalidate, max-age=60", "private, max-age=60, must-revalidate"),
        ("s-maxage=90", "no-store"),
    ],
)
def test_private_control(control: str, made: str | None) -> None:
    """What a session had part in is kept by no shared cache (HDR-1)."""
    assert private_control(control) == made


def test_refusals() -> None:
    """A person is sent to sign in and comes back; a program is told which of the two is missing."""

    def refused(accept: str, method: str = "GET", query: str = "", known: bool = False):
        return refusal(
            session() if known else None,
            "/sign_in",
            method=method,
            path="/a b",
            query=query,
            accept=accept,
        )

    def where(reply) -> tuple[int, str | None]:
        return reply.status, dict(reply.headers).get("location")

    assert where(refused("text/html,*/*")) == (303, "/sign_in?next=/a%20b")
    assert where(refused("text/html", "HEAD", "c=d")) == (303, "/sign_in?next=/a%20b%3Fc%3Dd")
    assert where(refused("text/html", "POST")) == (303, "/sign_in")
    told = refused("*/*")
    assert (told.status, b"sign_in_required" in told.body) == (401, True)
    told = refused("application/json", "POST", known=True)
    assert (told.status, b"reauthentication_required" in told.body) == (403, True)
