"""What each framework must do with each request: no secret without randomness (TOK-1), strict cookies (COOK-1),
a client's address that can't be made up (NET-1), text of others that does nothing (INP-1).
"""

from __future__ import annotations

import os
from datetime import timedelta
from http.cookies import SimpleCookie
from pathlib import Path
from typing import Any

import pytest

from signedin.policy import Policy
from signedin.token import Token

from ..support import HOUR, SECOND, Clock
from ..web.support import Client
from .hosts import HOSTS, Host, opened, opens, with_cookies


def broken(count: int) -> bytes:
    raise OSError("no randomness")


async def test_without_randomness(host: Host, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the system's source fails nobody is signed in, no row is written and no cookie is set; nor does
    Remember me start a session. When it is back, all is as it was.
    """
    form = {"username": "bob", "password": "correct horse"} if host.ids else {"user": "bob"}
    async with host.client() as ada, host.client() as bob:
        await host.enter(ada, remember=True)
        ada.cookies.delete(host.session)
        clock.tick(HOUR)
        for client in (ada, bob):
            client._transport.raise_app_exceptions = False  # type: ignore[attr-defined]
        with monkeypatch.context() as patched:
            patched.setattr(os, "urandom", broken)
            answers = [await bob.post(host.login, data=form), await ada.get(host.me)]
        assert [answer.status_code for answer in answers] == [500, 500]
        assert not [answer for answer in answers if issued(host, answer)]
        assert await host.flow.list(host.user_id("bob")) == []
        assert await host.user(ada) == "ada"


def issued(host: Host, answer: Any) -> list[Any]:
    """The cookies of ours in an answer."""
    lines = answer.headers.get_list("set-cookie")
    found = [morsel for line in lines for morsel in SimpleCookie(line).values()]
    return [morsel for morsel in found if morsel.key.startswith(host.session)]


async def test_every_cookie(host: Host, clock: Clock) -> None:
    """Of all that is set and cleared on a browser's way: the prefix, ``Secure``, ``HttpOnly``, the whole
    site's path, no domain, ``Lax``; an age only for what outlasts the browser. Where Django's cookies are
    in use Django's settings say the name, ``Secure`` and the session's age.
    """
    page, engine = host.page.rstrip("/"), not host.session.startswith("__Host-")
    async with host.client() as ada, host.client() as other:
        answers = [await host.enter(ada, remember=True)]
        ada.cookies.delete(host.session)
        clock.tick(HOUR)
        answers.append(await ada.get(host.me))
        await host.enter(other)
        target = (await host.flow.list(host.user_id("ada")))[0].id
        answers.append(await ada.post(f"{page}/{target}/name", data={"name": "x"}))
        answers.append(await ada.get(host.page))
        answers.append(await other.post(f"{page}/revoke_others"))
        answers.append(await ada.get(host.login))
        answers.append(await other.post(f"{page}/sign_out"))
        found = [morsel for answer in answers for morsel in issued(host, answer)]
        kinds = {(morsel.key.removeprefix(host.session), bool(morsel.value)) for morsel in found}
        assert {("", True), ("", False), ("-flash", True), ("-flash", False)} <= kinds
        for morsel in found:
            told = {name: value for name, value in morsel.items() if value}
            cleared = not morsel.value
            ages = told.pop("max-age", None), told.pop("expires", None)
            assert bool(told.pop("secure", False)) is not engine, morsel.key
            assert told == {"path": "/", "httponly": True, "samesite": "Lax"}, morsel.key
            if cleared:
                assert ages[0] == "0"
            elif morsel.key == host.session:
                assert ages[0] is None or host.name.startswith("django")
            elif morsel.key.endswith("-remember"):
                assert ages[0] == "1209600"
            else:
                assert ages[0] == "60"
            assert (Token.parse(morsel.value) is not None) is (not cleared and "flash" not in morsel.key)


@pytest.mark.parametrize("ending", ["signed_out", "idle", "expired"])
@pytest.mark.parametrize("name", HOSTS)
async def test_after_the_end(
    name: str, ending: str, path: str, tmp_path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a sign-out, and at the moment at which a session's time is over, its token opens nothing and changes
    nothing, swept or not; after a sign-out Remember me doesn't either, the browser's cookies are cleared
    and its cache as well (ASVS 7.4.1).
    """
    limit = timedelta(hours=2)
    policy = Policy(idle_timeout=limit) if ending == "idle" else Policy(absolute_timeout=limit)
    remember = ending == "signed_out"
    async with opened(name, path, tmp_path, clock, monkeypatch, policy=policy) as host:
        page, passive = host.page.rstrip("/"), {"signedin-passive": "1"}
        async with host.client() as ada:
            await host.enter(ada, remember=remember)
            held = ada.tokens()
            assert len([name for name in held if name.startswith(host.session)]) == 1 + remember
            if ending == "signed_out":
                assert await host.user(ada) == "ada"
                answer = await ada.post(f"{page}/sign_out")
                assert answer.status_code == 303
                assert answer.headers["clear-site-data"] == '"cache"'
                assert not [name for name in ada.tokens() if name.startswith(host.session)]
            else:
                clock.tick(2 * HOUR - 1)
                assert await host.user(ada, headers=passive) == "ada"
                clock.tick()
        for sweeps in (False, True):
            if sweeps:
                await host.flow.sweep()
            assert not await opens(host, held)
            async with with_cookies(host, held) as copy:
                assert (await copy.get(host.page)).status_code == 303
                answer = await copy.post(f"{page}/revoke_others", headers={"accept": "application/json"})
                assert answer.status_code == 401
        (ended,) = await host.flow.history(host.user_id("ada"))
        assert ended.reason == ending
        assert await host.flow.list(host.user_id("ada")) == []


# Peer, the header's lines, whether proxies are trusted: the address that must be recorded.
SPOOFED: list[tuple[str, list[str], bool, str]] = [
    ("203.0.113.9", ["198.51.100.1"], False, "203.0.113.9"),
    ("10.0.0.1", ["198.51.100.1"], False, "10.0.0.1"),
    ("203.0.113.9", ["198.51.100.1"], True, "203.0.113.9"),
    ("10.0.0.1", ["198.51.100.1"], True, "198.51.100.1"),
    ("10.0.0.1", ["1.2.3.4, 198.51.100.1"], True, "198.51.100.1"),
    ("10.0.0.1", ["1.2.3.4", "198.51.100.1"], True, "198.51.100.1"),
    ("10.0.0.1", ["1.2.3.4", "198.51.100.1, 10.0.0.2"], True, "198.51.100.1"),
    ("10.0.0.1", ["127.0.0.1, junk"], True, "10.0.0.1"),
    ("10.0.0.1", ["::ffff:198.51.100.1"], True, "198.51.100.1"),
    ("10.0.0.1", ["<script>"], True, "10.0.0.1"),
    ("10.0.0.1", ["1.1.1.1," * 5000 + "198.51.100.1"], True, "198.51.100.1"),
]


@pytest.mark.parametrize("name", HOSTS)
async def test_the_clients_address(
    name: str, path: str, tmp_path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is the socket's peer, unless that is a proxy we were told of; then what the last that isn't one
    says of where it comes from. Other headers than the chosen one say nothing.
    """
    for trusted in (False, True):
        told = {"trusted_proxies": ("10.0.0.0/8",)} if trusted else {}
        store = f"{path}-{trusted}"
        async with opened(name, store, tmp_path, clock, monkeypatch, **told) as host:
            for peer, lines, trusts, address in SPOOFED:
                if trusts is not trusted:
                    continue
                others = [("x-real-ip", "192.0.2.1"), ("forwarded", "for=192.0.2.1")]
                headers = [("x-forwarded-for", line) for line in lines] + others
                async with host.client(address=peer) as ada:
                    ada.headers = type(ada.headers)([*ada.headers.multi_items(), *headers])
                    await host.enter(ada)
                    (session,) = await host.flow.list(host.user_id("ada"))
                    assert session.ip == address, (peer, lines)
                    await host.flow.revoke_all(host.user_id("ada"), operator="x")
                    clock.tick(5 * SECOND)


NASTY = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>=cmd|' /C calc'!A0"
UNSEEN = "\x1b[31m\u202egnp\u2066\x00\x7f\r\nSet-Cookie: x=1"


async def test_text_of_others(host: Host) -> None:
    """A user agent and a name that would act as HTML, as a header, in a terminal or by their direction are
    text on the page and in JSON.
    """
    agent = (NASTY + UNSEEN.translate(dict.fromkeys(b"\r\n\0"))).encode()
    async with host.client() as ada, Client(host.app, address="198.51.100.1") as other:
        await host.enter(ada)
        other.headers.update([(b"user-agent", agent)])
        await host.enter(other)
        target = next(s for s in await host.flow.list(host.user_id("ada")) if "script" in s.user_agent)
        page = host.page.rstrip("/")
        renamed = await ada.post(f"{page}/{target.id}/name", data={"name": UNSEEN + NASTY[:20]})
        assert renamed.status_code == 303
        for shown in (
            (await ada.get(host.page)).text,
            (await ada.get(f"{page}/{target.id}/revoke")).text,
            (await ada.get(host.page, headers={"accept": "application/json"})).json()["sessions"],
        ):
            text = str(shown)
            assert not [unseen for unseen in "\x1b\u202e\u2066\x00\x7f" if unseen in text]
            if shown is text:
                assert "<script>alert" not in text
                assert "<img src=x" not in text


@pytest.mark.parametrize(
    "name", ["a" * 300 + ".css", "%00.css", "..%2Fpage.py", "%2E%2E/x.css", "%ff.js", ".css"]
)
async def test_files_that_are_none(host: Host, name: str) -> None:
    """Only the page's own files are there, whatever name is asked for."""
    async with host.client() as client:
        answer = await client.get(f"{host.page.rstrip('/')}/static/{name}")
        assert answer.status_code in (303, 404)  # what is no address of a file is one of the page
