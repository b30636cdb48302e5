"""User agent and client hints to a device, truthfully (INP-1)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signedin.device import UNKNOWN, Device, parse_device

MAC = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/"
WIN = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
LINUX = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) "
ANDROID = "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) "
IPHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
)
IPAD = "Mozilla/5.0 (iPad; CPU OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "

AGENTS = [
    # desktop browsers
    (WIN + "Chrome/142.0.0.0 Safari/537.36", "desktop", "Chrome", "142", "Windows", "Chrome on Windows"),
    (WIN + "Chrome/142.0.0.0 Safari/537.36 Edg/142.0.0.0", "desktop", "Edge", "142", "Windows", "Edge on Windows"),
    (WIN + "Chrome/142.0.0.0 Safari/537.36 OPR/125.0.0.0", "desktop", "Opera", "125", "Windows", "Opera on Windows"),
    (WIN + "Chrome/142.0.0.0 Safari/537.36 Vivaldi/7.6", "desktop", "Vivaldi", "7", "Windows", "Vivaldi on Windows"),
    (
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:144.0) Gecko/20100101 Firefox/144.0",
        "desktop", "Firefox", "144", "Windows", "Firefox on Windows",
    ),
    (
        "Mozilla/5.0 (Windows NT 10.0; WOW64; Trident/7.0; rv:11.0) like Gecko",
        "desktop", "Internet Explorer", "11", "Windows", "Internet Explorer on Windows",
    ),
    (MAC + "537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36", "desktop", "Chrome", "142", "macOS", "Chrome on macOS"),
    (MAC + "605.1.15 (KHTML, like Gecko) Version/26.1 Safari/605.1.15", "desktop", "Safari", "26.1", "macOS", "Safari on macOS"),
    (MAC + "605.1.15 (KHTML, like Gecko) Version/26.0 Safari/605.1.15", "desktop", "Safari", "26", "macOS", "Safari on macOS"),
    (
        "Mozilla/5.0 (Macintosh; Intel Mac OS X 10.15; rv:144.0) Gecko/20100101 Firefox/144.0",
        "desktop", "Firefox", "144", "macOS", "Firefox on macOS",
    ),
    (
        "Mozilla/5.0 (X11; Ubuntu; Linux x86_64; rv:144.0) Gecko/20100101 Firefox/144.0",
        "desktop", "Firefox", "144", "Ubuntu", "Firefox on Ubuntu",
    ),
    (
        "Mozilla/5.0 (X11; Fedora; Linux x86_64; rv:144.0) Gecko/20100101 Firefox/144.0",
        "desktop", "Firefox", "144", "Fedora", "Firefox on Fedora",
    ),
    (
        "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
        "desktop", "Firefox", "140", "Linux", "Firefox on Linux",
    ),
    (
        "Mozilla/5.0 (X11; FreeBSD amd64; rv:140.0) Gecko/20100101 Firefox/140.0",
        "desktop", "Firefox", "140", "FreeBSD", "Firefox on FreeBSD",
    ),
    (LINUX + "Chrome/142.0.0.0 Safari/537.36", "desktop", "Chrome", "142", "Linux", "Chrome on Linux"),
    (LINUX + "HeadlessChrome/142.0.0.0 Safari/537.36", "desktop", "Headless Chrome", "142", "Linux", "Headless Chrome on Linux"),
    (
        "Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36",
        "desktop", "Chrome", "142", "ChromeOS", "Chrome on ChromeOS",
    ),
    (WIN + "Slack/4.36.140 Chrome/120.0 Electron/28.2 Safari/537.36", "desktop", "Slack app", None, "Windows", "Slack app on Windows"),
    (WIN + "Unheard/1.0 Chrome/142", "desktop", None, None, "Windows", "Windows device"),
    # phones and tablets
    (IPHONE + "Version/26.1 Mobile/15E148 Safari/604.1", "phone", "Safari", "26.1", "iOS", "Safari on iPhone"),
    (IPHONE + "CriOS/142.0.7444.77 Mobile/15E148 Safari/604.1", "phone", "Chrome", "142", "iOS", "Chrome on iPhone"),
    (IPHONE + "FxiOS/144.0 Mobile/15E148 Safari/605.1.15", "phone", "Firefox", "144", "iOS", "Firefox on iPhone"),
    (IPHONE + "Version/18.0 EdgiOS/142.0 Mobile/15E148 Safari/604.1", "phone", "Edge", "142", "iOS", "Edge on iPhone"),
    (IPHONE + "Mobile/15E148", "phone", None, None, "iOS", "iPhone"),
    (IPHONE + "Mobile/15E148 Instagram 330.0.3.29.109", "phone", "Instagram app", None, "iOS", "Instagram app on iPhone"),
    (IPHONE + "GSA/330.0 Mobile/15E148 Safari/604.1", "phone", "Google app", None, "iOS", "Google app on iPhone"),
    (IPAD + "Version/26.1 Mobile/15E148 Safari/604.1", "tablet", "Safari", "26.1", "iPadOS", "Safari on iPad"),
    (ANDROID + "Chrome/142.0.0.0 Mobile Safari/537.36", "phone", "Chrome", "142", "Android", "Chrome on Android"),
    (ANDROID + "Chrome/142.0.0.0 Safari/537.36", "tablet", "Chrome", "142", "Android", "Chrome on Android"),
    (ANDROID + "SamsungBrowser/28.0 Chrome/130.0.0.0 Mobile Safari/537.36", "phone", "Samsung Internet", "28", "Android", "Samsung Internet on Android"),
    (ANDROID + "Chrome/142.0.0.0 Mobile Safari/537.36 EdgA/142.0.0.0", "phone", "Edge", "142", "Android", "Edge on Android"),
    (ANDROID + "Chrome/142.0.0.0 Mobile Safari/537.36 OPR/92.0.0.0", "phone", "Opera", "92", "Android", "Opera on Android"),
    ("Mozilla/5.0 (Android 15; Mobile; rv:144.0) Gecko/144.0 Firefox/144.0", "phone", "Firefox", "144", "Android", "Firefox on Android"),
    ("Mozilla/5.0 (Android 15; Tablet; rv:144.0) Gecko/144.0 Firefox/144.0", "tablet", "Firefox", "144", "Android", "Firefox on Android"),
    (
        "Mozilla/5.0 (Linux; Android 14; Pixel 8 Build/UQ1A; wv) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/120.0 Mobile Safari/537.36",
        "phone", None, None, "Android", "Android device",
    ),
    ("Dalvik/2.1.0 (Linux; U; Android 14; SM-S928B Build/UP1A)", "phone", None, None, "Android", "Android device"),
    # televisions and consoles
    (
        "Mozilla/5.0 (Web0S; Linux/SmartTV) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/94.0.4606.128 Safari/537.36",
        "tv", "Chrome", "94", "webOS", "Chrome on webOS",
    ),
    (
        "Mozilla/5.0 (SMART-TV; LINUX; Tizen 7.0) AppleWebKit/537.36 (KHTML, like Gecko) 94.0.4606.31/7.0 TV Safari/537.36",
        "tv", None, None, "Tizen", "Tizen device",
    ),
    ("AppleTV14,1/16.1", "tv", "AppleTV14,1", "16", "tvOS", None),
    ("Roku/DVP-12.0 (12.0.0.4182)", "tv", None, None, "Roku", "Roku device"),
    (
        "Mozilla/5.0 (PlayStation; PlayStation 5/6.50) AppleWebKit/605.1.15 (KHTML, like Gecko)",
        "console", None, None, "PlayStation", "PlayStation device",
    ),
    (
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64; Xbox; Xbox Series X) AppleWebKit/537.36 Chrome/120 Edge/44.18363",
        "console", None, None, "Xbox", "Xbox device",
    ),
    (
        "Mozilla/5.0 (Nintendo Switch; WifiWebAuthApplet) AppleWebKit/609.4 NintendoBrowser/5.1.0.22474",
        "console", None, None, "Nintendo", "Nintendo device",
    ),
    # tools, applications, bots
    ("curl/8.5.0", "cli", "curl", "8", None, "curl"),
    ("Wget/1.21.4", "cli", "Wget", "1", None, "Wget"),
    ("git/2.43.0", "cli", "git", "2", None, "git"),
    ("python-requests/2.32.3", "cli", "python-requests", "2", None, "python-requests"),
    ("Go-http-client/2.0", "cli", "Go-http-client", "2", None, "Go-http-client"),
    ("MyApp/3.2 CFNetwork/1490.0.4 Darwin/23.2.0", "unknown", "MyApp app", "3", None, "MyApp app"),
    ("Harbour/5.1 (Android 15) okhttp/4.12", "tablet", "Harbour app", "5", "Android", "Harbour app on Android"),
    ("Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)", "unknown", "Googlebot", None, None, "Googlebot"),
    ("curl/8.5.0 (x86_64-pc-linux-gnu) libcurl/8.5.0", "cli", "curl", "8", "Linux", "curl on Linux"),
    ("Wget/1.21.4 (linux-gnu)", "cli", "Wget", "1", "Linux", "Wget on Linux"),
    ("curl/7.54.0 (x86_64-apple-darwin17)", "cli", "curl", "7", "macOS", "curl on macOS"),
    ("okhttp/4.12.0", "unknown", "okhttp", "4", None, "okhttp"),
    ("My%20App/3.2 CFNetwork/1490.0.4 Darwin/23.2.0", "unknown", "My App app", "3", None, "My App app"),
    ("%00/1 CFNetwork/1490.0.4 Darwin/23.2.0", "unknown", None, None, None, "Unknown device"),
    ("github-app/1.0 CFNetwork/1490.0.4 Darwin/23.2.0", "unknown", "github-app app", "1", None, "github-app app"),
    ("MyApp/3.2 (iPhone; iOS 18.1; Scale/3.00)", "phone", "MyApp app", "3", "iOS", "MyApp app on iPhone"),
    (
        "Mozilla/5.0 (Linux; Android 9; CUBOT X19) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Mobile Safari/537.36",
        "phone", "Chrome", "142", "Android", "Chrome on Android",
    ),
    ("", "unknown", None, None, None, "Unknown device"),
    ("Mozilla/5.0", "unknown", None, None, None, "Unknown device"),
    ("💥" * 100, "unknown", None, None, None, "Unknown device"),
]  # fmt: skip


@pytest.mark.parametrize(("agent", "kind", "browser", "version", "os", "name"), AGENTS)
def test_user_agents(
    agent: str, kind: str, browser: str | None, version: str | None, os: str | None, name: str | None
) -> None:
    """Kind, browser and system; never a frozen version of the system, never a model of K."""
    device = parse_device(agent, {})
    if name is not None:
        assert (device.kind, device.browser, device.browser_version, device.os) == (
            kind,
            browser,
            version,
            os,
        )
        assert device.name == name
    assert device.kind == kind
    assert device.os == os
    assert device.os_version is None
    assert device.model in (None, "iPhone", "iPad")


def hints(
    platform: str, version: str = "", model: str = "", mobile: str = "?0", brands: str = ""
) -> dict[str, str]:
    return {
        "sec-ch-ua": brands or '"Chromium";v="142", "Google Chrome";v="142", "Not_A Brand";v="99"',
        "sec-ch-ua-mobile": mobile,
        "sec-ch-ua-platform": f'"{platform}"',
        "sec-ch-ua-platform-version": f'"{version}"',
        "sec-ch-ua-model": f'"{model}"',
    }


@pytest.mark.parametrize(
    ("agent", "given", "expected"),
    [
        (WIN + "Chrome/142.0.0.0", hints("Windows", "15.0.0"), Device("desktop", "Chrome", "142", "Windows", "11", None)),
        (WIN + "Chrome/142.0.0.0", hints("Windows", "13.0.0"), Device("desktop", "Chrome", "142", "Windows", "11", None)),
        (WIN + "Chrome/142.0.0.0", hints("Windows", "10.0.0"), Device("desktop", "Chrome", "142", "Windows", "10", None)),
        (WIN + "Chrome/142.0.0.0", hints("Windows", "0.3.0"), Device("desktop", "Chrome", "142", "Windows", None, None)),
        (MAC + "Chrome/142", hints("macOS", "26.1.0"), Device("desktop", "Chrome", "142", "macOS", "26.1", None)),
        (MAC + "Chrome/142", hints("macOS", "26.0.0"), Device("desktop", "Chrome", "142", "macOS", "26", None)),
        (LINUX + "Chrome/142", hints("Linux", "6.8.0"), Device("desktop", "Chrome", "142", "Linux", None, None)),
        (LINUX + "Chrome/142", hints("Chrome OS"), Device("desktop", "Chrome", "142", "ChromeOS", None, None)),
        (ANDROID + "Chrome/142 Mobile", hints("Android", "16.0.0", "Pixel 9", "?1"), Device("phone", "Chrome", "142", "Android", "16", "Pixel 9")),
        (ANDROID + "Chrome/142", hints("Android", "15.0.0", "SM-X910", "?0"), Device("tablet", "Chrome", "142", "Android", "15", "SM-X910")),
        (
            WIN + "Chrome/142.0.0.0",
            hints("Windows", brands='"Brave";v="142", "Chromium";v="142", "Not=A?Brand";v="8"'),
            Device("desktop", "Brave", "142", "Windows", None, None),
        ),
        (
            WIN + "Chrome/142.0.0.0 Edg/142",
            hints("Windows", brands='"(Not(A:Brand";v="8", "Chromium";v="142", "Microsoft Edge";v="142"'),
            Device("desktop", "Edge", "142", "Windows", None, None),
        ),
        (
            LINUX + "Chrome/142",
            hints("Linux", brands='"Chromium";v="142", "Not;A Brand";v="99"'),
            Device("desktop", "Chromium", "142", "Linux", None, None),
        ),
        (MAC + "605.1.15 Version/26.1 Safari/605.1.15", {"touch-points": "5"}, Device("tablet", "Safari", "26.1", "iPadOS", None, "iPad")),
        (MAC + "605.1.15 Version/26.1 Safari/605.1.15", {"touch-points": "0"}, Device("desktop", "Safari", "26.1", "macOS", None, None)),
        (MAC + "605.1.15 CriOS/142.0 Version/18.0 Safari/605.1.15", {"touch-points": "5"}, Device("tablet", "Chrome", "142", "iPadOS", None, "iPad")),
        (
            MAC + "537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36",
            {"touch-points": "5"},
            Device("desktop", "Chrome", "142", "macOS", None, None),
        ),
        (MAC + "605.1.15 Version/26.1 Safari/605.1.15", {"touch-points": "²"}, Device("desktop", "Safari", "26.1", "macOS", None, None)),
    ],
)  # fmt: skip
def test_client_hints(agent: str, given: dict[str, str], expected: Device) -> None:
    """A version of the system and a model where the client hints give them, and nowhere else."""
    assert parse_device(agent, given) == expected


WEBVIEW = '"Android WebView";v="142", "Chromium";v="142", "Not_A Brand";v="99"'
ELECTRON = '"Chromium";v="142", "Not_A Brand";v="99"'


@pytest.mark.parametrize(
    ("agent", "given", "kind", "name"),
    [
        # a WebView belongs to an application
        (ANDROID + "Version/4.0 Chrome/142 Mobile Safari/537.36; wv)", hints("Android", mobile="?1", brands=WEBVIEW), "phone", "Android device"),
        (ANDROID + "Chrome/142 Mobile Instagram 330.0", hints("Android", mobile="?1", brands=WEBVIEW), "phone", "Instagram app on Android"),
        (WIN + "Slack/4.36.140 Chrome/142 Electron/28", hints("Windows", brands=ELECTRON), "desktop", "Slack app on Windows"),
        # the platform says Linux of every distribution
        ("Mozilla/5.0 (X11; Ubuntu; Linux x86_64) Chrome/142", hints("Linux"), "desktop", "Chrome on Ubuntu"),
        ("Mozilla/5.0 (X11; Fedora; Linux x86_64) Chrome/142", hints("Linux"), "desktop", "Chrome on Fedora"),
        # either of the two words for a phone will do
        (ANDROID + "Chrome/142 Mobile", {"sec-ch-ua-platform": '"Android"'}, "phone", "Android device"),
        (ANDROID + "Chrome/142", {"sec-ch-ua-mobile": "?1"}, "phone", "Android device"),
        # no hint turns a phone of Apple's or a bot into something else
        (IPHONE + "Version/26.1 Mobile/15E148 Safari/604.1", {"sec-ch-ua-platform": '"macOS"'}, "phone", "Safari on iPhone"),
        ("Mozilla/5.0 (compatible; bingbot/2.0)", {"sec-ch-ua-platform": '"Windows"'}, "unknown", "bingbot"),
    ],
)  # fmt: skip
def test_who_is_believed(agent: str, given: dict[str, str], kind: str, name: str) -> None:
    """Where the user agent and a hint differ, the one that can know is believed."""
    device = parse_device(agent, given)
    assert (device.kind, device.name) == (kind, name)


def test_full_version_list() -> None:
    """The list of full versions is preferred, and one that can't be read leaves the short one."""
    agent = WIN + "Chrome/142.0.0.0 Safari/537.36"
    short = {"sec-ch-ua": '"Brave";v="142", "Chromium";v="142"'}
    full = {"sec-ch-ua-full-version-list": '"Brave";v="143.1.2.3", "Chromium";v="143.0.0.1"'}
    assert parse_device(agent, short | full).browser_version == "143"
    broken = parse_device(agent, short | {"sec-ch-ua-full-version-list": '"broken'})
    assert (broken.browser, broken.browser_version) == ("Brave", "142")


def test_a_parser_that_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    """A device that can't be parsed is unknown, and a sign-in goes on."""

    def fail(_: str) -> None:
        raise ValueError

    monkeypatch.setattr("ua_parser.parse_user_agent", fail)
    assert parse_device(WIN + "Chrome/142.0.0.0 Safari/537.36", {}) == UNKNOWN


@pytest.mark.parametrize(
    "junk", ['"', "Windows", '"\\"', "(((", '"a";v=', "\x00", ";;;", '"' + "x" * 9999 + '"']
)
def test_malformed_hints(junk: str) -> None:
    """A hint that can't be read is no hint."""
    given = dict.fromkeys(hints(""), junk)
    assert parse_device(WIN + "Chrome/142.0.0.0 Safari/537.36", given).browser == "Chrome"


KEYS = sorted({*hints(""), "sec-ch-ua-full-version-list", "touch-points"})


@given(
    st.text() | st.sampled_from([row[0] for row in AGENTS]),
    st.dictionaries(st.sampled_from(KEYS), st.text()),
)
def test_anything(agent: str, given: dict[str, str]) -> None:
    """Any text gives a device whose words are short and can be shown; twice the same one."""
    device = parse_device(agent, given)
    assert parse_device(agent, given) == device
    for word in device.parts:
        assert word is None or (len(word) <= 64 and word.isprintable())
    assert Device.of(device.parts) == device
    assert device.name


@pytest.mark.parametrize(
    "agent", ["(" * 10_000, "Android" * 2_000, "Mozilla/5.0 " + "Chrome/1 " * 2_000, "a/1" * 5_000]
)
def test_long_texts(agent: str) -> None:
    """Only the beginning is read."""
    assert parse_device(agent, {"sec-ch-ua": agent}).kind


def test_stored_forms() -> None:
    """Parts that an older version did not write are None."""
    assert Device.of(()) == UNKNOWN
    assert Device.of(("tv", "X")) == Device("tv", "X", None, None, None, None)
    assert Device.of((*UNKNOWN.parts, "future")) == UNKNOWN


def test_a_tablet_that_says_it_is_mobile() -> None:
    """An Android tablet that asks for mobile pages is a phone; an iPad stays what it is."""
    assert parse_device(IPAD, {"sec-ch-ua-mobile": "?1"}).kind == "tablet"
    assert parse_device(ANDROID, {}).kind == "tablet"
    assert parse_device(ANDROID, {"sec-ch-ua-mobile": "?1"}).kind == "phone"


def test_long_names_and_versions() -> None:
    """60 characters of a name that a device gives itself, five digits of a version."""
    assert parse_device("X" * 70 + "/1", {}).browser == "X" * 60
    for version, kept in (("99999", "99999"), ("100000", None)):
        brands = {"sec-ch-ua": f'"Brave";v="{version}"'}
        assert parse_device(WIN, brands).browser_version == kept
