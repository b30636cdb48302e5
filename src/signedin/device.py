"""What we infer of a device from its user agent and client hints, and no more than is true.

Browsers freeze parts of the user agent: Chromium always says Windows 10, macOS 10.15.7 or Android
10 on a model ``K`` (the user-agent reduction), Safari freezes the version of macOS, an iPad calls
itself a Macintosh. So a version of the system and a model come from client hints only, but for the
words iPhone and iPad, which are true where they are said. Pure; any text is allowed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import astuple, dataclass
from functools import cached_property
from typing import Any, Final, Literal
from urllib.parse import unquote

from .messages import say

Kind = Literal["desktop", "phone", "tablet", "tv", "console", "cli", "unknown"]

CHARACTERS: Final = 64
"""Most characters of a name that a device gives itself."""
READ: Final = 512
APP: Final = " app"
"""Ends the browser's name where the client is an application rather than a browser."""


@dataclass(frozen=True)
class Device:
    """A device, as far as it can be known truthfully; None where it can't."""

    kind: str
    browser: str | None
    browser_version: str | None
    os: str | None
    os_version: str | None
    model: str | None

    @classmethod
    def of(cls, parts: tuple[str | None, ...]) -> Device:
        """A device from its stored parts; parts that are missing or unknown are None."""
        kind, *rest = (*parts, None, None, None, None, None, None)[:6]
        return cls(kind or "unknown", *rest)

    @property
    def parts(self) -> tuple[str | None, ...]:
        """Its stored form."""
        return astuple(self)

    @cached_property  # a page names each device three times
    def name(self) -> str:
        """What it is called: ``Firefox on Ubuntu``, ``Safari on iPhone``, ``Android device``."""
        place = self.model if self.model in ("iPhone", "iPad") else self.os
        if self.browser is not None:
            return self.browser if place is None else say("browser_on", browser=self.browser, os=place)
        if place is None:
            return say("unknown_device")
        return place if place == self.model else say("os_device", os=place)


UNKNOWN: Final = Device("unknown", None, None, None, None, None)


def parse_device(user_agent: str, hints: Mapping[str, str]) -> Device:
    """The device of a request.

    hints: the client-hint headers by their lower-case names (``sec-ch-ua`` and so on), and
    ``touch-points``, which the sign-in form may tell: a Macintosh with more than one is an iPad.
    """
    text = user_agent[:READ]
    try:
        kind, os, model = _system(text, hints)
        browser, version = _app(text) or _brand(hints) or _browser(text, kind)
        if _TOOL.match(text):
            kind = "cli"
        os_version = _os_version(os, _item(hints, "sec-ch-ua-platform-version"))
        model = model or (_clean(_item(hints, "sec-ch-ua-model")) if os == "Android" else None)
    except Exception:  # other people's parsers on hostile text: whatever it was, it is no device
        return UNKNOWN
    return Device(kind, browser, version, os, os_version, model)


# ── the system ───────────────────────────────────────────────────────────────────────────────

# CUBOT is a maker of phones.
_BOT: Final = re.compile(r"(?i)(?<!cu)bot\b|crawler|spider|slurp")
# The first that matches; the order is from the special to the general.
_SYSTEMS: Final[tuple[tuple[str, Kind, str | None, str | None], ...]] = (
    (r"PlayStation", "console", "PlayStation", None),
    (r"Xbox", "console", "Xbox", None),
    (r"Nintendo", "console", "Nintendo", None),
    (r"Web0S|webOS\.TV", "tv", "webOS", None),
    (r"Tizen.*TV|SMART-TV.*Tizen", "tv", "Tizen", None),
    (r"Apple ?TV", "tv", "tvOS", None),
    (r"Roku", "tv", "Roku", None),
    (r"\bAFT\w+", "tv", "Fire TV", None),
    (r"Android TV|GoogleTV|BRAVIA|CrKey|SmartTV|SMART-TV|HbbTV", "tv", "Android TV", None),
    (r"iPhone|iPod", "phone", "iOS", "iPhone"),
    (r"iPad", "tablet", "iPadOS", "iPad"),
    (r"Android.*Mobile|Dalvik.*Android", "phone", "Android", None),
    (r"Android", "tablet", "Android", None),
    (r"CrOS", "desktop", "ChromeOS", None),
    (r"Windows", "desktop", "Windows", None),
    (r"Macintosh|Mac OS X|apple-darwin", "desktop", "macOS", None),
    (r"Ubuntu", "desktop", "Ubuntu", None),
    (r"Fedora", "desktop", "Fedora", None),
    (r"FreeBSD", "desktop", "FreeBSD", None),
    (r"OpenBSD", "desktop", "OpenBSD", None),
    (r"(?i)linux|X11", "desktop", "Linux", None),
)
_PLATFORMS: Final = {
    "Windows": "Windows",
    "macOS": "macOS",
    "Android": "Android",
    "Linux": "Linux",
    "Chrome OS": "ChromeOS",
    "Chromium OS": "ChromeOS",
}
_FAMILIES: Final[dict[str | None, str]] = {"Ubuntu": "Linux", "Fedora": "Linux"}
_ORDINARY: Final = ("desktop", "phone", "tablet", "unknown")


def _system(text: str, hints: Mapping[str, str]) -> tuple[Kind, str | None, str | None]:
    if _BOT.search(text):
        return "unknown", None, None
    kind: Kind = "unknown"
    os = model = None
    for pattern, kind_, os_, model_ in _SYSTEMS:
        if re.search(pattern, text):
            kind, os, model = kind_, os_, model_
            break
    if os == "macOS" and _touches(hints) and not re.search(r"Chrome/|Firefox/", text):
        return "tablet", "iPadOS", "iPad"
    platform = _PLATFORMS.get(_item(hints, "sec-ch-ua-platform") or "")
    # The hint says Linux of every distribution, and no browser of Apple's sends one.
    if (
        platform is not None
        and platform != _FAMILIES.get(os, os)
        and model is None
        and kind in _ORDINARY
    ):
        os, kind = platform, "tablet" if platform == "Android" else "desktop"
    if os == "Android" and kind == "tablet" and hints.get("sec-ch-ua-mobile") == "?1":
        kind = "phone"
    return kind, os, model


def _touches(hints: Mapping[str, str]) -> bool:
    touch_points = hints.get("touch-points", "")
    return touch_points.isdecimal() and int(touch_points[:4]) > 1


def _os_version(os: str | None, hint: str | None) -> str | None:
    """The version that people know: ``11`` for Windows, where the hint counts otherwise."""
    match = re.match(r"(\d{1,4})(?:\.(\d{1,4}))?", hint or "")
    if match is None or os not in ("Windows", "macOS", "Android"):
        return None
    major, minor = int(match[1]), int(match[2] or 0)
    if os == "Windows":
        return "11" if major >= 13 else "10" if major > 0 else None
    if major == 0:
        return None
    return f"{major}.{minor}" if minor else str(major)


# ── the browser ──────────────────────────────────────────────────────────────────────────────

# ua-parser's families that are browsers, by the names that people know; anything else it says of a
# browser's user agent is a guess.
_BROWSERS: Final = {
    "Amazon Silk": "Silk",
    "Brave": "Brave",
    "Chrome": "Chrome",
    "Chrome Mobile": "Chrome",
    "Chrome Mobile iOS": "Chrome",
    "Chromium": "Chromium",
    "DuckDuckGo": "DuckDuckGo",
    "DuckDuckGo Mobile": "DuckDuckGo",
    "Edge": "Edge",
    "Edge Mobile": "Edge",
    "Epiphany": "GNOME Web",
    "Firefox": "Firefox",
    "Firefox Mobile": "Firefox",
    "Firefox iOS": "Firefox",
    "HeadlessChrome": "Headless Chrome",
    "Huawei Browser": "Huawei Browser",
    "IE": "Internet Explorer",
    "Konqueror": "Konqueror",
    "MiuiBrowser": "Mi Browser",
    "Mobile Safari": "Safari",
    "Opera": "Opera",
    "Opera Mini": "Opera Mini",
    "Opera Mobile": "Opera",
    "Opera Touch": "Opera",
    "QQ Browser": "QQ Browser",
    "Safari": "Safari",
    "Samsung Internet": "Samsung Internet",
    "UC Browser": "UC Browser",
    "Vivaldi": "Vivaldi",
    "Whale": "Whale",
    "Yandex Browser": "Yandex Browser",
}
_BRANDS: Final = {
    "Google Chrome": "Chrome",
    "Microsoft Edge": "Edge",
    "HeadlessChrome": "Headless Chrome",
}
_APPS: Final = re.compile(
    r"(?P<Instagram>Instagram)|(?P<Facebook>FBA[NV])|(?P<Google>GSA/)|(?P<Slack>Slack[/_])"
    r"|(?P<Teams>Teams/)|(?P<WeChat>MicroMessenger)|(?P<LinkedIn>LinkedInApp)|(?P<Snapchat>Snapchat)"
    r"|(?P<Pinterest>Pinterest/)|(?P<TikTok>musical_ly|TikTok)|(?P<LINE>\bLine/)"
)
_TOOL: Final = re.compile(
    r"(?i)(curl|libcurl|wget|git|python-requests|python-httpx|python-urllib|aiohttp|python|httpie"
    r"|go-http-client|node-fetch|axios|undici|postmanruntime|insomnia|ruby|java|perl|libwww-perl"
    r"|powershell|guzzlehttp|php|rust|reqwest)(?:/|$)"
)
_PRODUCT: Final = re.compile(r"([A-Za-z%][\w .+%-]{0,120}?)/v?(\d{1,5})")
# What the networking libraries and the systems of native applications add to a product's name.
_NATIVE: Final = re.compile(r"CFNetwork/|Alamofire/|.okhttp/|Android|iPhone|iPad")


def _app(text: str) -> tuple[str, None] | None:
    """A known application; it comes before the brands, where it only says which engine it embeds."""
    app = _APPS.search(text)
    return None if app is None else (f"{app.lastgroup}{APP}", None)


def _browser(text: str, kind: Kind) -> tuple[str | None, str | None]:
    if not text.startswith("Mozilla/"):
        product = _PRODUCT.match(text)
        name = _clean(unquote(product[1])) if product else None  # CFNetwork escapes its host's name
        if product is None or name is None or name == "Dalvik":
            return None, None
        is_app = _NATIVE.search(text) and not _TOOL.match(text)
        return name + (APP if is_app else ""), product[2]
    if kind == "console" or "; wv)" in text:
        return None, None
    from ua_parser import parse_user_agent

    found = parse_user_agent(text)
    if found is None:
        return None, None
    if kind == "unknown":
        return _clean(_BROWSERS.get(found.family, found.family)), None
    name = _BROWSERS.get(found.family)
    major, minor = found.major or "", found.minor or "0"
    if name is None or not 0 < len(major) < 6:
        return None, None
    rest = f".{minor}" if name == "Safari" and minor != "0" and len(minor) < 6 else ""
    return name, major + rest


def _brand(hints: Mapping[str, str]) -> tuple[str, str | None] | None:
    """The brand that a Chromium browser names itself by, past the made-up one among them."""
    named = _brands(hints.get("sec-ch-ua-full-version-list", "")) or _brands(hints.get("sec-ch-ua", ""))
    if any("WebView" in name for name in named):
        return None  # an application's; its Chromium is not what the person uses
    for name, version in named.items():
        if name != "Chromium":
            return name, version
    return ("Chromium", named["Chromium"]) if named else None


def _brands(header: str) -> dict[str, str | None]:
    """The brands of a list and their major versions; none if the list can't be read."""
    if not header:
        return {}
    from http_sf import StructuredFieldError, parse

    try:
        items: Any = parse(header[:READ].encode("latin-1", "replace"), tltype="list")
    except StructuredFieldError:
        return {}
    named: dict[str, str | None] = {}
    for value, parameters in items:
        if not isinstance(value, str) or re.sub("[^a-z]", "", value.lower()) == "notabrand":
            continue
        name = _clean(_BRANDS.get(value, value))
        if name:
            major = str(parameters.get("v", "")).partition(".")[0]
            named[name] = major if major.isdecimal() and len(major) < 6 else None
    return named


# ── words ────────────────────────────────────────────────────────────────────────────────────


def _item(hints: Mapping[str, str], name: str) -> str | None:
    """A hint that is a string; None for anything else."""
    match = re.fullmatch(r'"([^"\\]{1,128})"', hints.get(name, "").strip())
    return None if match is None else match[1]


def _clean(text: str | None) -> str | None:
    """A name that a device gives itself, without what can't be seen, and not too long."""
    shown = "".join(filter(str.isprintable, text or "")).strip()[: CHARACTERS - len(APP)].strip()
    return shown or None
