"""The admin page: looking at everybody's sessions, ending them, the trail, acting as a user."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from typing import Any

import pytest

from signedin._async import admin as routes
from signedin.admin import ACTIONS, Admin
from signedin.audit import AuditEntry
from signedin.describe import masked_ip
from signedin.errors import SettingsError
from signedin.session import Client as Facts
from signedin.session import new_session_id

from ..support import LAPTOP, MINUTE, PHONE, SECOND, Clock
from .support import Client, make_app

LIST = "/admin/active_sessions"
JSON = {"accept": "application/json"}
HOSTILE = "=cmd|' /C calc'!A0<script>alert(1)</script>\u202e\"'"


@dataclass(frozen=True)
class Someone:
    id: str
    username: str
    name: str
    email: str | None = None


class People:
    """A host's directory."""

    def __init__(self) -> None:
        self.known = {
            "1": Someone("1", "ada", "Ada Okafor", "ada@example.com"),
            "2": Someone("2", "bo", "Bo Nilsson"),
            "3": Someone("3", "root", "Root Admin"),
            "4": Someone("4", "eve", HOSTILE),
        }

    def find(self, user_id: str) -> Someone | None:
        return self.known.get(user_id)

    def find_by_username(self, username: str) -> Someone | None:
        return next((p for p in self.known.values() if p.username == username), None)

    def find_by_email(self, email: str) -> Someone | None:
        return next((p for p in self.known.values() if p.email == email), None)

    def search(self, text: str, limit: int) -> list[Someone]:
        return [p for p in self.known.values() if text.casefold() in (p.username + p.name).casefold()]

    def all(self) -> list[Someone]:
        return list(self.known.values())


@pytest.fixture
def admin() -> Admin:
    return Admin(
        lambda session, action: session.user_id == "3",
        People(),
        may_be_acted_as=lambda user_id: user_id != "3",
    )


@pytest.fixture
async def app(flow: Any, admin: Admin) -> Any:
    return make_app(sessions=flow, admin=admin)


@pytest.fixture
async def root(app: Any) -> AsyncIterator[Client]:
    async with Client(app, address="192.0.2.77") as made:
        await made.enter("3")
        yield made


async def arrive(flow: Any, user: str = "1", client: Facts = LAPTOP, **options: Any) -> Any:
    """A session of this user."""
    return (await flow.sign_in(user, client, started_at=flow.clock(), **options)).session


async def trail(flow: Any) -> list[AuditEntry]:
    return [run.last for run in (await flow.audit_trail()).runs]


def confirmed(html: str, **answer: str) -> dict[str, str]:
    """The form of a confirm page, filled in."""
    hidden = dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', html))
    return {**hidden, "reason": "Ticket 4711", "number": hidden["shown"], **answer}


# ── who may ──────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("headers", [{}, JSON])
async def test_nobody_by_default(flow: Any, headers: dict[str, str]) -> None:
    """Without an answer of the host's nobody may anything; what may not be seen looks like nothing."""
    async with Client(make_app(sessions=flow, admin=Admin())) as client:
        mine = await client.enter("3")
        answers = [
            await client.get(path, headers=headers)
            for path in (
                LIST,
                "/admin/nothing",
                f"{LIST}/{mine}/revoke",
                "/admin/users/3/active_sessions",
            )
        ]
        assert {(a.status_code, a.text, a.headers["cache-control"]) for a in answers} == {
            (404, answers[0].text, "no-store")
        }


async def test_without_an_admin_there_is_none(flow: Any) -> None:
    """The paths are the application's own."""
    async with Client(make_app(sessions=flow)) as client:
        await client.enter("3")
        assert (await client.get(LIST)).text == "Not Found"


async def test_a_coroutine_may_decide(flow: Any) -> None:
    """Both questions to the host may wait for something."""

    async def allows(session: Any, action: str) -> bool:
        return action == "list"

    async with Client(make_app(sessions=flow, admin=Admin(allows))) as client:
        await client.enter("anybody")
        html = (await client.get(LIST)).text
        assert "anybody" in html
        for control in ("Revoke", "Show IP", "/admin/audit", 'type="checkbox"'):
            assert control not in html
        assert (await client.get("/admin/audit")).status_code == 404


def test_a_path_that_is_none() -> None:
    """Told when the application starts."""
    for path in ("admin", "/", "/admin/", "/a b"):
        with pytest.raises(SettingsError, match="path"):
            Admin(path=path)
    assert len(ACTIONS) == 7


# ── looking ──────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("ip", "shown"),
    [
        ("203.0.113.24", "203.0.113.•••"),
        ("2001:db8:4f::1c7", "2001:db8:4f::•••"),
        ("::1", "::•••"),
        ("", ""),
        ("unix", "•••"),
    ],
)
def test_masked(ip: str, shown: str) -> None:
    """An address is shown as far as its network."""
    assert masked_ip(ip) == shown


async def test_the_list(root: Client, flow: Any) -> None:
    """Everybody's sessions with names, masked addresses, badges; one's own is marked and stays."""
    ada = await arrive(flow, "1", PHONE, remember=True)
    bo = await arrive(flow, "2")
    mine = (await flow.list("3"))[0]
    answer = await root.get(LIST)
    html = answer.text
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    assert "3 sessions of 3 users" in html
    for part in ("Ada Okafor", "@bo", "2001:db8:4f::•••", "203.0.113.•••", "This is you", "Remembered"):
        assert part in html
    assert f"{LIST}/{ada.id}/revoke" in html
    assert f"{LIST}/{mine.id}/revoke" not in html
    assert PHONE.ip not in html
    assert bo.ip not in html
    for law in ("<caption", 'scope="col"', 'scope="row"', 'aria-sort="descending"'):
        assert law in html
    assert not re.search(r"<script(?! type=\"module\" src=)|style=|onclick", html)
    document = (await root.get(LIST, headers=JSON)).json()
    assert {s["ip_address"] for s in document["sessions"]} == {
        "2001:db8:4f::•••",
        "203.0.113.•••",
        "192.0.2.•••",
    }
    assert [s["id"] for s in document["sessions"] if s["current"]] == [mine.id]
    assert {s["user"]["username"] for s in document["sessions"]} == {"ada", "bo", "root"}


async def test_pages(root: Client, flow: Any) -> None:
    """Fifty a page, each session once; the address says where; a made-up place is the beginning."""
    for number in range(70):
        await arrive(flow, str(100 + number))
    seen: list[str] = []
    address = LIST
    while True:
        html = (await root.get(address)).text
        seen += re.findall(r'data-as-session="(\w+)"', html)
        older = re.search(r'rel="next" href="([^"]+)"', html)
        if older is None:
            break
        assert len(seen) == 50
        address = older[1].replace("&amp;", "&")
    assert len(seen) == len(set(seen)) == 71
    assert f'href="{LIST}">Newest' in html
    for cursor in ("nonsense", "-1", "0" * 300):
        answer = await root.get(f"{LIST}?cursor={cursor}")
        assert (answer.status_code, answer.headers["location"]) == (303, LIST)
        answer = await root.get(f"{LIST}?cursor={cursor}", headers=JSON)
        assert (answer.status_code, answer.json()["code"]) == (422, "bad_cursor")
    document = (await root.get(LIST, headers=JSON)).json()
    more = (await root.get(f"{LIST}?cursor={document['next_cursor']}", headers=JSON)).json()
    assert (document["count"], more["count"], more["next_cursor"]) == (50, 21, None)


async def test_searching(root: Client, flow: Any, clock: Clock) -> None:
    """By names of the directory, by addresses, by what a device is; the words stay in the field."""
    ada, bo = await arrive(flow, "1", PHONE), await arrive(flow, "2")
    for text, found in {
        "okafor": {ada.id},
        "user:bo": {bo.id},
        "email:ada@example.com": {ada.id},
        "ip:2001:db8::/32": {ada.id},
        "browser:firefox user:bo": {bo.id},
        "type:phone": {ada.id},
        "nobody-is-called-so": set(),
    }.items():
        html = (await root.get(LIST, params={"q": text})).text
        assert set(re.findall(r'data-as-session="(\w+)"', html)) == found, text
        assert f'value="{text}"' in html
        assert "Revoke matching" in html or not found


async def test_what_is_not_understood_is_never_wider(root: Client, flow: Any) -> None:
    """A hint beside the field; nothing that acts on the search is offered, or done."""
    ada = await arrive(flow, "1")
    html = (await root.get(LIST, params={"q": "usr:ada"})).text
    assert "Did you mean user:?" in html
    assert 'aria-invalid="true"' in html
    assert "Revoke matching" not in html
    assert "Export" not in html
    form = {"q": "usr:ada", "reason": "x", "number": "2", "shown": "2"}
    for headers in ({}, JSON):
        for answer in (
            await root.get(f"{LIST}/revoke?q=usr:ada", headers=headers),
            await root.post(f"{LIST}/revoke", data=form, headers=headers),
            await root.post(f"{LIST}/export", data=form, headers=headers),
        ):
            assert answer.status_code == 422
            assert "Did you mean user:?" in answer.text
    for text in ("user:ada " + "x" * 500, "user:ada " * 100):
        assert (await root.post(f"{LIST}/revoke", data=form | {"q": text})).status_code == 422
    assert await flow.find(ada.id) is not None
    assert await trail(flow) == []


async def test_filters_and_counts(root: Client, flow: Any, clock: Clock) -> None:
    """The filters are searches; their counts are taken every half minute at most, and say when."""
    ada = await arrive(flow, "1", remember=True)
    clock.tick(5 * 24 * 60 * MINUTE)
    await root.enter("3")
    bo = await arrive(flow, "2")
    html = (await root.get(LIST)).text
    links = {
        label.strip(): (href.replace("&amp;", "&"), int(count))
        for href, label, count in re.findall(r'<a href="([^"]+)"[^>]*>(\w+) <span>(\d+)', html)
    }
    assert {label: count for label, (_, count) in links.items()} == {
        "All": 3,
        "Idle": 1,
        "Remembered": 1,
    }
    for label in ("Idle", "Remembered"):
        html = (await root.get(links[label][0])).text
        assert re.findall(r'data-as-session="(\w+)"', html) == [ada.id]
        assert 'aria-current="true">' + label in html
    await flow.revoke_these([bo.id], operator="x")
    assert "3 sessions" in (await root.get(LIST)).text
    clock.tick(30 * SECOND)
    assert "2 sessions" in (await root.get(LIST)).text


async def test_looking_through(root: Client, flow: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A rare thing is looked for in steps, and a link goes on."""
    monkeypatch.setattr(routes, "LOOK_THROUGH", 10)
    wanted = await arrive(flow, "1", PHONE)
    flow.clock.tick(SECOND)
    for number in range(600):
        await arrive(flow, str(100 + number))
    address, pages, seen = f"{LIST}?q=type:phone", 0, 0
    while True:
        html = (await root.get(address)).text
        seen += f'value="{wanted.id}"' in html
        go_on = re.search(r'href="([^"]+)">Go on searching', html)
        if go_on is None:
            break
        assert "so far" in html or wanted.id in html
        address, pages = go_on[1].replace("&amp;", "&"), pages + 1
    assert pages >= 1
    assert seen == 1


async def test_hostile_strings(root: Client, flow: Any) -> None:
    """Names, devices and searches are text in the table, in JSON and in a spreadsheet."""
    eve = await arrive(flow, "4", Facts("192.0.2.9", HOSTILE))
    await flow.rename("4", eve.id, HOSTILE)
    mine = (await flow.list("3"))[0]
    await flow.rename("3", mine.id, "+1+1")
    for address in (
        LIST,
        f"{LIST}?q=<script>alert(1)</script>",
        f"{LIST}?q=\"'><x>",
        "/admin/users/4/active_sessions",
    ):
        html = (await root.get(address)).text
        assert "<script>" not in html
        assert "><x>" not in html
    document = (await root.get(LIST, headers=JSON)).json()
    assert any(s["user"].get("name") == HOSTILE for s in document["sessions"])
    answer = await root.post(f"{LIST}/export", data={"q": ""})
    assert answer.headers["content-type"].startswith("text/csv")
    assert "attachment" in answer.headers["content-disposition"]
    cells = [cell for row in csv.reader(io.StringIO(answer.text)) for cell in row]
    assert not [cell for cell in cells if cell.startswith(("=", "+", "-", "@", "\t", "\r"))]
    assert "'" + HOSTILE in cells


async def test_exporting(root: Client, flow: Any, app: Any, admin: Admin, monkeypatch: Any) -> None:
    """Addresses are in it, and in the trail that they are, for those who may see them; else masked."""
    await arrive(flow, "1", PHONE)
    text = (await root.post(f"{LIST}/export", data={"q": "user:ada"})).text
    assert PHONE.ip in text
    assert (await trail(flow))[0].action == "export"
    app._admin_page._admin = replace(admin, allows=lambda session, action: action == "list")
    text = (await root.post(f"{LIST}/export", data={"q": "user:ada"})).text
    assert PHONE.ip not in text
    assert "2001:db8:4f::•••" in text
    assert len(await trail(flow)) == 1
    monkeypatch.setattr(routes, "EXPORT_MOST", 1)
    answer = await root.post(f"{LIST}/export", data={"q": ""})
    assert answer.status_code == 422
    assert "Over 1 sessions" in answer.text


async def test_showing_addresses(root: Client, flow: Any) -> None:
    """By POST, for the chosen rows or the page, once; the trail knows before the operator does."""
    ada = await arrive(flow, "1", PHONE)
    await arrive(flow, "2", LAPTOP)
    html = (await root.post(f"{LIST}/show_ips", data={"id": ada.id})).text
    assert PHONE.ip in html
    assert LAPTOP.ip not in html
    html = (await root.post(f"{LIST}/show_ips", data={"q": "user:bo"})).text
    assert LAPTOP.ip in html
    assert PHONE.ip not in html
    html = (await root.post("/admin/users/1/active_sessions/show_ips")).text
    assert PHONE.ip in html
    assert PHONE.ip not in (await root.get("/admin/users/1/active_sessions")).text
    told = [(e.action, e.about, e.sessions, e.actor, e.origin) for e in await trail(flow)]
    assert told == [
        ("reveal_ip", "user:1", 1, "web:3", "192.0.2.77"),
        ("reveal_ip", "user:2", 1, "web:3", "192.0.2.77"),
        ("reveal_ip", f"session:{ada.id}", 1, "web:3", "192.0.2.77"),
    ]


# ── one user ─────────────────────────────────────────────────────────────────────────────────


async def test_a_users_page(root: Client, flow: Any) -> None:
    """What is signed in and what has ended, with why; no other user's."""
    ada, bo = await arrive(flow, "1", PHONE), await arrive(flow, "2")
    gone = await arrive(flow, "1")
    await flow.revoke("1", gone.id, current=ada.id)
    html = (await root.get("/admin/users/1/active_sessions")).text
    assert "Sessions of Ada Okafor" in html
    assert ada.id in html
    assert bo.id not in html
    assert "Revoked" in html
    assert "Revoke all of Ada Okafor&#39;s sessions" in html
    assert gone.ip not in html
    document = (await root.get("/admin/users/1/active_sessions", headers=JSON)).json()
    assert [s["id"] for s in document["sessions"]] == [ada.id]
    history = (await root.get("/admin/users/1/active_sessions/history", headers=JSON)).json()
    assert [s["id"] for s in history["sessions"]] == [gone.id]
    assert gone.ip not in str(history)


async def test_ids_of_nobody(root: Client, flow: Any) -> None:
    """Nothing is there, whatever is asked of it; whom only the store knows is found."""
    nobody = new_session_id("1")
    for path in ("users/99/active_sessions", "users/%00/active_sessions", f"users/{'x' * 300}/active_sessions",
                 "users/99/act_as", "users/99/active_sessions/revoke", "users/99/active_sessions/history",
                 f"active_sessions/{nobody}/revoke", "active_sessions/runs/0123456789abcdef",
                 "active_sessions/runs/0123456789abcdef/result.json", "active_sessions/xyz/revoke",
                 "users//active_sessions", "static/nothing.css"):  # fmt: skip
        assert (await root.get(f"/admin/{path}")).status_code == 404, path
    for path in (f"active_sessions/{nobody}/revoke", "active_sessions/runs/0123456789abcdef/stop",
                 "users/99/active_sessions/revoke", "users/99/act_as", "users/99/active_sessions/show_ips"):  # fmt: skip
        assert (await root.post(f"/admin/{path}", data={"reason": "x"})).status_code == 404, path
    await arrive(flow, "left/us?&#ü")
    html = (await root.get(LIST)).text
    link = re.search(r'href="(/admin/users/left[^"]+)"', html)
    assert link is not None
    assert "Sessions of left/us?&amp;#ü" in (await root.get(link[1])).text


# ── ending one ───────────────────────────────────────────────────────────────────────────────


async def test_revoking_one(root: Client, flow: Any) -> None:
    """Asked first; then it has ended, Remember me with it, and the trail tells who did it."""
    ada = await arrive(flow, "1", PHONE, remember=True)
    html = (await root.get(f"{LIST}/{ada.id}/revoke")).text
    assert "Ada Okafor is signed out of Safari on iPhone right away." in html
    assert await flow.find(ada.id) is not None
    answer = await root.post(f"{LIST}/{ada.id}/revoke")
    assert answer.headers["location"] == "/admin/users/1/active_sessions#flash"
    html = (await root.get("/admin/users/1/active_sessions")).text
    assert "Safari on iPhone is signed out." in html
    assert "Safari on iPhone is signed out." not in (await root.get(LIST)).text
    (ended,) = await flow.history("1")
    assert (ended.reason, ended.actor) == ("revoked_by_operator", "web:3")
    assert (await flow.overview("1")).remembered == 0
    (entry,) = await trail(flow)
    assert (entry.action, entry.outcome, entry.sessions, entry.actor) == ("revoke", "done", 1, "web:3")
    for call in (root.get, root.post):
        answer = await call(f"{LIST}/{ada.id}/revoke")
        assert answer.status_code == 303
        assert "already ended" in (await root.get("/admin/users/1/active_sessions")).text
    again = (await root.delete(f"{LIST}/{ada.id}", headers=JSON)).json()
    assert (again["schema"], again["revoked"], again["already_ended"]) == ("signedin.revoke/1", 0, 1)


async def test_ones_own_session_stays(root: Client, flow: Any) -> None:
    """It is not revoked from here, neither alone nor among others."""
    mine = (await flow.list("3"))[0]
    other = await arrive(flow, "3")
    for call in (root.get, root.post):
        assert (await call(f"{LIST}/{mine.id}/revoke")).status_code == 303
        assert "You can&#39;t revoke the session" in (await root.get(LIST)).text
    assert (await root.delete(f"{LIST}/{mine.id}", headers=JSON)).status_code == 409
    html = (await root.post(f"{LIST}/revoke_selected", data={"id": [mine.id, other.id]})).text
    assert "The session you&#39;re using is left out." in html
    assert "Revoke 1 session of 1 user?" in html
    await root.post(f"{LIST}/revoke_selected", data=confirmed(html) | {"id": [mine.id, other.id]})
    html = (await root.get("/admin/users/3/active_sessions/revoke")).text
    assert "There is nothing to revoke." in html
    assert [s.id for s in await flow.list("3")] == [mine.id]


async def test_crooked_requests(root: Client, flow: Any) -> None:
    """Addresses and forms that nobody's page sends are answered, not fallen over."""
    assert (await root.get(LIST + "?" + "&".join(["a=1"] * 40))).status_code == 400
    assert (await root.post(f"{LIST}/revoke", content=b"{}")).status_code == 415
    for text in (
        "\x00\x1b[31m",
        "ip:::::",
        "\ud800".encode("utf-8", "surrogatepass"),
        '"',
        "user:",
        ":",
    ):
        assert (await root.get(LIST, params={"q": text})).status_code == 200
    await root.post(f"{LIST}/show_ips", data={"q": "x\x1b[31m\u202e"})
    assert (await trail(flow))[0].about == "x[31m"
