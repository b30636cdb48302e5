"""One set of names for settings, from any source."""

from __future__ import annotations

from dataclasses import fields
from datetime import timedelta

import pytest

from signedin.config import open_async_sessions, sqlite_path
from signedin.errors import SettingsError
from signedin.policy import Policy
from signedin.settings import Settings


def test_text_as_the_environment_has_it() -> None:
    """SIGNEDIN_* in the environment are the same names in capitals."""
    environment = {
        "SIGNEDIN_POLICY": "aal1",
        "SIGNEDIN_CAP": "7",
        "SIGNEDIN_TRUSTED_PROXIES": "10.0.0.0/8, 192.0.2.1",
        "SIGNEDIN_PROXY_HEADER": "X-Real-IP",
        "SIGNEDIN_INLINE_READS": "no",
        "SIGNEDIN_FRESH_FOR": "15m",
        "SIGNEDIN_SWEEP_EVERY": "none",
        "SIGNEDIN_REMEMBER_ME": "30d",
        "SIGNEDIN_PAGE": "",
        "PATH": "/bin",
    }
    settings = Settings.of(Settings.from_environment(environment))
    assert settings.policy.idle_timeout is None
    assert settings.policy.cap == 7
    assert settings.policy.remember_me == timedelta(days=30)
    assert [str(n) for n in settings.proxies] == ["10.0.0.0/8", "192.0.2.1/32"]
    assert settings.proxy_header == "x-real-ip"
    assert settings.inline_reads is False
    assert settings.fresh_ms == 15 * 60_000
    assert settings.sweep_every is None
    assert settings.page is None


def test_values_as_python_has_them() -> None:
    """The same names as keyword arguments."""
    policy = Policy(cap=5)
    settings = Settings.of({"policy": policy, "exclude": ["/static"], "clock_skew": timedelta(0)})
    assert (settings.policy, settings.exclude, settings.skew_ms) == (policy, ("/static",), 0)


def test_what_is_set_where_nothing_is_said() -> None:
    """The defaults, as the documentation has them."""
    settings = Settings()
    assert {field.name: getattr(settings, field.name) for field in fields(settings)} == {
        "store": "sqlite:///signedin.db",
        "url": None,
        "policy": Policy.gitlab(),
        "cap": None,
        "remember_me": None,
        "trusted_proxies": (),
        "proxy_header": "x-forwarded-for",
        "exclude": (),
        "page": "/-/user_settings/active_sessions",
        "sign_in_path": "/sign_in",
        "insecure_http": False,
        "sign_out_forgets": "this",
        "fresh_for": timedelta(minutes=10),
        "reauth": "never",
        "clock_skew": timedelta(seconds=2),
        "sweep_every": timedelta(minutes=10),
        "directory": None,
        "inline_reads": True,
    }
    assert (settings.origin, settings.proxies, settings.cookies.secure) == (None, (), True)
    assert "password" not in repr(Settings(store="redis://:password@localhost"))


@pytest.mark.parametrize("name", ["insecure_http", "inline_reads"])
@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1", True), ("true", True), ("YES", True), ("on", True),
        ("0", False), ("False", False), ("no", False), ("off", False), ("", False),
    ],
)  # fmt: skip
def test_switches(name: str, text: str, value: bool) -> None:
    """Yes and no, as people write them."""
    assert (
        getattr(Settings.of({name: text, "url": "http://localhost" if value else None}), name) is value
    )


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("url", None),
        ("cap", None),
        ("cap", 5),
        ("remember_me", None),
        ("remember_me", timedelta(days=1)),
        ("fresh_for", timedelta(milliseconds=1)),
        ("page", None),
        ("sweep_every", None),
        ("sweep_every", timedelta(seconds=1)),
        ("directory", None),
        ("directory", "app:users"),
        ("trusted_proxies", ("10.0.0.1",)),
        ("exclude", ("/a", "/b")),
        ("insecure_http", False),
        ("reauth", "others"),
        ("sign_out_forgets", "everywhere"),
    ],
)
def test_possible_values(name: str, value: object) -> None:
    """What a setting may be stays as it was given."""
    assert getattr(Settings.of({name: value}), name) == value


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("policy", None),
        ("fresh_for", None),
        ("clock_skew", None),
        ("exclude", None),
        ("inline_reads", None),
        ("sign_in_path", None),
        ("proxy_header", None),
        ("fresh_for", 5),
        ("clock_skew", 5),
        ("sweep_every", 5),
        ("exclude", 5),
        ("inline_reads", 5),
        ("cap", 1.5),
        ("store", b"x"),
    ],
)
def test_impossible_values(name: str, value: object) -> None:
    """None only where it means something, and nothing of another kind."""
    with pytest.raises(SettingsError, match=f"^{name} is "):
        Settings.of({name: value})


def test_sweeping() -> None:
    """How often, or never, as text has it."""
    for text, every in (("15m", timedelta(minutes=15)), ("none", None), ("", None)):
        assert Settings.of({"sweep_every": text}).sweep_every == every


def test_lists() -> None:
    """Text with commas, without what is empty; or any list."""
    for value in ("/a, /b,,", ["/a", " /b", ""], {"/a": 1, "/b": 1}.keys() | set()):
        assert set(Settings.of({"exclude": value}).exclude) == {"/a", "/b"}


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"polcy": "gitlab"}, "Did you mean 'policy'"),
        ({"policy": "gitlob"}, "not one of gitlab, aal1, aal2, aal3"),
        ({"cap": "many"}, "cap"),
        ({"cap": 0}, "at least 1"),
        ({"fresh_for": "soon"}, "90s, 15m, 12h, 7d"),
        ({"insecure_http": "maybe"}, "yes or no"),
        ({"trusted_proxies": "proxy.local"}, "10.0.0.0/8"),
        ({"sign_out_forgets": "some"}, "'this' or 'everywhere'"),
        ({"url": "app.example"}, "https://app.example"),
        ({"url": "http://app.example"}, "insecure_http=True"),
        ({"url": "https://app.example", "insecure_http": True}, "leave it out"),
        ({"page": "active"}, "starts with '/'"),
        ({"clock_skew": timedelta(seconds=-1)}, "negative"),
        ({"sweep_every": timedelta(0)}, "longer than zero"),
        ({"fresh_for": timedelta(0)}, "longer than zero"),
        ({"sign_in_path": "sign_in"}, "sign_in_path is a path"),
        ({"reauth": "always"}, "'never' or 'others'"),
        ({"url": "http://127.0.0.2"}, "insecure_http=True"),
        ({"qqqq": 1}, "^There is no setting 'qqqq'.$"),
    ],
)
def test_bad_values(values: dict[str, object], says: str) -> None:
    """A setting that can't be is refused at start-up, with what may be (COOK-1)."""
    with pytest.raises(SettingsError, match=says):
        Settings.of(values)


def test_cookies_by_transport() -> None:
    """Loopback keeps the prefix; other plain HTTP has to be said by name."""
    assert Settings(url="http://127.0.0.1:8000").cookies.secure
    assert Settings(url="http://[::1]:8000").cookies.secure
    assert Settings(url="http://localhost").cookies.secure
    assert Settings(url="https://app.example").origin == "https://app.example:443"
    assert not Settings(url="http://localhost", insecure_http=True).cookies.secure
    assert not Settings(url="http://intranet", insecure_http=True).cookies.secure


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("sqlite:///a.db", "a.db"),
        ("sqlite:////var/a.db", "/var/a.db"),
        ("sqlite:///with%20space.db", "with space.db"),
        ("a.db", "a.db"),
    ],
)
def test_store_urls(url: str, path: str) -> None:
    """A file beside the application or an absolute one."""
    assert sqlite_path(url) == path


@pytest.mark.parametrize(
    "url", ["", "sqlite://", "sqlite://host/a.db", "mysql:///a", "sqlite:///:memory:"]
)
def test_impossible_store_urls(url: str) -> None:
    """Anything else says what is possible."""
    with pytest.raises(SettingsError):
        sqlite_path(url)


def test_settings_or_values() -> None:
    """A Settings object or single settings, not both."""
    with pytest.raises(SettingsError, match="not both"):
        open_async_sessions(Settings(), cap=3)


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("remember_me", 14, "remember_me is a timedelta, or text such as '12h', not 14."),
        ("trusted_proxies", None, "trusted_proxies is a list, or text with commas, not None."),
        ("url", 5, "url is text, not 5."),
        ("policy", None, "policy is a Policy, or the name of one, not None."),
        ("insecure_http", 2.5, "insecure_http is yes or no, not 2.5."),
    ],
)
def test_what_a_setting_may_be(name: str, value: object, told: str) -> None:
    """Configuration in Python may hold anything: a setting of another kind is told by its name."""
    with pytest.raises(SettingsError) as raised:
        Settings.of({name: value})
    assert str(raised.value) == told
