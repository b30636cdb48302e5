"""The admin page's acts: ending many at once, how that goes on, acting as a user."""

from __future__ import annotations

import asyncio
import re
from dataclasses import replace
from datetime import timedelta
from typing import Any

import apsw
import pytest

from signedin._async import operating
from signedin.admin import Admin
from signedin.admin_page import STALE
from signedin.audit import AuditEntry, new_run
from signedin.selector import Selector
from signedin.steps import Touch

from ..support import HOUR, LAPTOP, MINUTE, PHONE, SECOND, Clock
from .support import PAGE, SESSION, Client, make_app
from .test_admin import JSON, LIST, admin, app, arrive, confirmed, root, trail

__all__ = ["admin", "app", "root"]


# ── ending many ──────────────────────────────────────────────────────────────────────────────


async def test_revoking_what_matches(root: Client, flow: Any) -> None:
    """Asked with counts and the busiest users; a reason and the number; then the result, as JSON too."""
    for number in range(30):
        await arrive(flow, "1" if number < 20 else "2", remember=number == 3)
    html = (await root.get(f"{LIST}/revoke?q=browser:firefox")).text
    assert "Revoke 30 sessions of 2 users?" in html
    assert html.index("Ada Okafor") < html.index("Bo Nilsson")
    assert "The session you&#39;re using is left out." in html
    assert "Type 30 to confirm" in html
    answer = await root.post(f"{LIST}/revoke", data=confirmed(html))
    address = answer.headers["location"]
    assert re.fullmatch(rf"{LIST}/runs/[0-9a-f]{{16}}\?of=30", address)
    answer = await root.get(address)
    assert "The sessions are revoked" in answer.text
    assert "can simply be run again" in answer.text
    assert "refresh" not in answer.headers
    document = (await root.get(address, headers=JSON)).json()
    download = await root.get(address.partition("?")[0] + "/result.json")
    assert download.headers["content-disposition"].startswith("attachment")
    assert document == download.json()
    assert (document["outcome"], document["revoked"], document["users"], document["reason"]) == (
        "done",
        30,
        2,
        "Ticket 4711",
    )
    assert [s.user_id for s in await flow.list(None)] == ["3"]
    assert (await flow.overview("1")).remembered == 0
    (entry,) = await trail(flow)
    assert (entry.actor, entry.origin, entry.about) == ("web:3", "192.0.2.77", "browser:firefox")


async def test_the_answer_must_fit(root: Client, flow: Any) -> None:
    """Without a reason, with another number, or when more are meant by now: nothing ends."""
    for _ in range(3):
        await arrive(flow, "1")
        await arrive(flow, "2")
    html = (await root.get(f"{LIST}/revoke?q=os:ubuntu")).text
    for wrong, told in (
        ({"reason": " "}, "Write down a reason."),
        ({"number": "5"}, "Type 6."),
        ({"number": ""}, "Type 6."),
        ({"number": "6", "shown": "7"}, "Type 6."),
        ({"number": "-6", "shown": "-6"}, "Type 6."),
        ({"number": "5", "shown": "5"}, "There are more of them than a moment ago."),
    ):
        answer = await root.post(f"{LIST}/revoke", data=confirmed(html, **wrong))
        assert (answer.status_code, told in answer.text) == (422, True), wrong
        form = {"q": "os:ubuntu", "reason": "x", "number": "6", **wrong}
        answer = await root.post(f"{LIST}/revoke", data=form, headers=JSON)
        assert answer.json()["code"] == "confirmation_required"
    await arrive(flow, "1")
    answer = await root.post(f"{LIST}/revoke", data=confirmed(html))
    assert "There are more of them than a moment ago." in answer.text
    assert "Revoke 7 sessions of 2 users?" in answer.text
    assert len(await flow.list(None)) == 8
    answer = await root.post(f"{LIST}/revoke", data=confirmed(answer.text))
    assert answer.status_code == 303
    assert len(await flow.list(None)) == 1


async def test_the_same_form_twice(root: Client, flow: Any) -> None:
    """A second click leads to the run of the first one."""
    await arrive(flow, "1")
    html = (await root.get(f"{LIST}/revoke?q=user:ada")).text
    assert "Type 1" not in html
    answers = [await root.post(f"{LIST}/revoke", data=confirmed(html)) for _ in range(2)]
    first, second = (answer.headers["location"].partition("?")[0] for answer in answers)
    assert first == second
    assert len(await trail(flow)) == 1


async def test_revoking_everybody(root: Client, flow: Any) -> None:
    """All but this session; sign-ins under way are stopped, and it goes on without Remember me."""
    await arrive(flow, "1")
    began = flow.clock()
    flow.clock.tick(SECOND)
    html = (await root.get(f"{LIST}/revoke?q=")).text
    assert "All sessions of everybody" in html
    await root.post(f"{LIST}/revoke", data=confirmed(html))
    assert [s.user_id for s in await flow.list(None)] == ["3"]
    late = await flow.sign_in("1", LAPTOP, started_at=began)
    assert late.why == "barrier"
    assert (await root.get(LIST)).status_code == 200


async def test_one_who_comes_back_stays(root: Client, app: Any, flow: Any, clock: Clock) -> None:
    """The operator's session, unused for hours, is not among those seen lately when the question is
    answered, and would be a moment later: it is left out all the same.
    """
    mine = await flow.validate(root.tokens()[SESSION])
    clock.tick(2 * HOUR)
    ada = await arrive(flow, "1")
    form = {"q": "seen:<1h", "reason": "x", "number": "1"}
    flow.settings = replace(flow.settings, fresh_for=timedelta(days=1))
    await flow.touch(Touch(ada.id, None))
    begin = flow.begin_matching

    async def late(*arguments: Any, **options: Any) -> Any:
        await flow.touch(Touch(mine.id, None))
        return await begin(*arguments, **options)

    flow.begin_matching = late
    assert (await root.post(f"{LIST}/revoke", data=form)).status_code == 303
    assert await flow.find(ada.id) is None
    assert await flow.find(mine.id) is not None


async def test_revoking_all_of_one(root: Client, flow: Any) -> None:
    """All of Ada's, also what she is just doing; nobody else's."""
    began = flow.clock()
    flow.clock.tick(SECOND)
    await arrive(flow, "1")
    await arrive(flow, "2")
    html = (await root.get("/admin/users/1/active_sessions/revoke")).text
    assert "Revoke 1 session of 1 user?" in html
    await root.post("/admin/users/1/active_sessions/revoke", data=confirmed(html))
    assert await flow.list("1") == []
    assert (await flow.sign_in("1", LAPTOP, started_at=began)).why == "barrier"
    assert len(await flow.list("2")) == 1


async def test_revoking_selected(root: Client, flow: Any) -> None:
    """Of whichever users; asked first; ids of nobody are not counted; nothing selected is told."""
    ada, bo, stays = await arrive(flow, "1"), await arrive(flow, "2"), await arrive(flow, "1")
    ids = {"id": [ada.id, bo.id, "0" * 48, "nonsense"]}
    html = (await root.post(f"{LIST}/revoke_selected", data=ids)).text
    assert "Revoke 2 sessions of 2 users?" in html
    assert html.count('name="id"') == 3
    answer = await root.post(f"{LIST}/revoke_selected", data=confirmed(html) | ids)
    assert answer.status_code == 303
    assert {s.id for s in await flow.list(["1", "2"])} == {stays.id}
    assert (await root.post(f"{LIST}/revoke_selected", data={})).status_code == 303
    assert "No session was selected." in (await root.get(LIST)).text
    form = {"id": stays.id, "reason": "x", "number": "1"}
    answer = await root.post(f"{LIST}/revoke_selected", data=form, headers=JSON)
    assert answer.status_code == 202
    document = (await root.get(answer.json()["url"], headers=JSON)).json()
    assert (document["schema"], document["revoked"]) == ("signedin.run/1", 1)


async def test_a_dry_run(root: Client, flow: Any) -> None:
    """A program asks the same way: what would end."""
    await arrive(flow, "1")
    document = (await root.get(f"{LIST}/revoke?q=user:ada", headers=JSON)).json()
    assert (document["dry_run"], document["matched"], document["revoked"]) == (True, 1, 0)


async def test_fresh_credentials_first(root: Client, flow: Any, clock: Clock) -> None:
    """What ends many asks for credentials given lately, and comes back to a page that shows."""
    await arrive(flow, "1")
    form = confirmed((await root.get(f"{LIST}/revoke?q=user:ada")).text)
    clock.tick(10 * MINUTE)
    answer = await root.get(f"{LIST}/revoke?q=user:ada")
    expected = "/sign_in?next=/admin/active_sessions/revoke%3Fq%3Duser%253Aada"
    assert answer.headers["location"] == expected
    answer = await root.post(f"{LIST}/revoke", data=form)
    assert answer.headers["location"] == "/sign_in?next=/admin/active_sessions%3Fq%3Duser%253Aada"
    answer = await root.post("/admin/users/1/active_sessions/revoke", data=form)
    assert answer.headers["location"] == "/sign_in?next=/admin/users/1/active_sessions"
    answer = await root.post(f"{LIST}/revoke", data=form, headers=JSON)
    assert (answer.status_code, answer.json()["code"]) == (403, "reauthentication_required")
    assert len(await flow.list("1")) == 1
    await root.post("/step_up")
    assert (await root.post(f"{LIST}/revoke", data=form)).status_code == 303
    assert await flow.list("1") == []


# ── how it goes on ───────────────────────────────────────────────────────────────────────────


async def test_progress(root: Client, flow: Any, clock: Clock) -> None:
    """While it runs the page looks again by itself and can stop it, whichever process runs it."""
    entry = AuditEntry(new_run(), clock(), "started", "cli:ops", "revoke", "idle:>3d", "tidying")
    await flow.store.audit(entry)
    await flow.store.audit(replace(entry, outcome="running", sessions=612, users=98))
    address = f"{LIST}/runs/{entry.run}?of=1203"
    answer = await root.get(address)
    assert answer.headers["refresh"] == "3"
    assert '<progress max="1203" value="612">' in answer.text
    assert "cli:ops" in answer.text
    answer = await root.post(f"{LIST}/runs/{entry.run}/stop", data={"of": "1203"})
    assert answer.headers["location"] == address
    answer = await root.get(address)
    assert answer.headers["refresh"] == "3"
    assert "It stops after the step" in answer.text
    assert "/stop" not in answer.text
    clock.tick(STALE + 1)
    answer = await root.get(address)
    assert "refresh" not in answer.headers
    assert "Nothing was heard of this for a while" in answer.text
    await flow.store.audit(replace(entry, outcome="failed", sessions=612, in_doubt=4))
    answer = await root.get(address)
    assert "Revoking was interrupted" in answer.text
    assert re.search(r"In doubt</dt><dd>4<", answer.text)
    assert (await root.post(f"{LIST}/runs/{entry.run}/stop")).status_code == 303
    assert (await trail(flow))[0].outcome == "failed"


@pytest.mark.parametrize("step", [0, 2 * SECOND])
async def test_stopping(flow: Any, clock: Clock, monkeypatch: Any, step: int) -> None:
    """Whoever asks a run to stop is heard after its step, also when it has just told how far it is."""
    monkeypatch.setattr(operating, "PAGE", 2)
    for number in range(20):
        await arrive(flow, str(number))
    run, asked = new_run(), []

    async def progress(done: Any) -> None:
        clock.tick(step)
        if not asked:
            asked.append(await flow.stop_run(run))

    done = await flow.revoke_matching(
        Selector(remembered=False), operator="x", run=run, progress=progress
    )
    assert (done.outcome, done.sessions) == ("stopped", 2)
    assert (await trail(flow))[0].outcome == "stopped"
    assert len(await flow.list(None)) == 18


async def test_a_shutdown_ends_runs_cleanly(app: Any, root: Client, flow: Any, monkeypatch: Any) -> None:
    """A run that is under way when the process ends stops after its step, and the trail says so."""
    monkeypatch.setattr(operating, "PAGE", 1)
    for number in range(6):
        await arrive(flow, str(number))
    release, tell = asyncio.Event(), flow._tell

    async def slowly(event: Any) -> None:
        await release.wait()
        await tell(event)

    monkeypatch.setattr(flow, "_tell", slowly)
    monkeypatch.setattr("signedin.asgi.admin.AT_ONCE", 0.05)
    html = (await root.get(f"{LIST}/revoke?q=remembered:no")).text
    address = (await root.post(f"{LIST}/revoke", data=confirmed(html))).headers["location"]
    assert (await root.get(address)).headers["refresh"] == "3"
    draining = asyncio.create_task(app._admin_page.runs.drain())
    await asyncio.sleep(0)
    release.set()
    await draining
    document = (await root.get(address, headers=JSON)).json()
    assert (document["outcome"], document["revoked"]) == ("stopped", 1)


async def test_a_run_that_hangs_at_shutdown(app: Any, root: Client, flow: Any, monkeypatch: Any) -> None:
    """It is not waited for for ever; the trail says that it was interrupted."""
    await arrive(flow, "1")

    async def never(event: Any) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(flow, "_tell", never)
    monkeypatch.setattr("signedin.asgi.admin.AT_ONCE", 0.05)
    monkeypatch.setattr("signedin.asgi.admin.GRACE", 0.05)
    html = (await root.get(f"{LIST}/revoke?q=user:ada")).text
    address = (await root.post(f"{LIST}/revoke", data=confirmed(html))).headers["location"]
    await app._admin_page.runs.drain()
    document = (await root.get(address, headers=JSON)).json()
    assert (document["outcome"], document["over"]) == ("failed", True)


async def test_a_store_that_goes_away(root: Client, flow: Any, path: str) -> None:
    """Before the run: 503, nothing is claimed. It comes back: the same form does its work."""
    ada = await arrive(flow, "1")
    html = (await root.get(f"{LIST}/revoke?q=user:ada")).text
    blocker = apsw.Connection(path)
    blocker.execute("BEGIN IMMEDIATE")
    for headers in ({}, JSON):
        answer = await root.post(f"{LIST}/revoke", data=confirmed(html), headers=headers)
        assert answer.status_code == 503
        assert answer.headers["retry-after"] == "5"
        answer = await root.post(f"{LIST}/{ada.id}/revoke", headers=headers)
        assert answer.status_code == 503
    blocker.execute("ROLLBACK")
    blocker.close()
    assert await flow.find(ada.id) is not None
    assert (await root.post(f"{LIST}/revoke", data=confirmed(html))).status_code == 303
    assert await flow.find(ada.id) is None


async def test_a_store_that_goes_away_on_the_way(
    root: Client, flow: Any, path: str, monkeypatch: Any, clock: Clock
) -> None:
    """What has ended is ended; the page claims no more; later it is simply run again."""
    monkeypatch.setattr(operating, "PAGE", 1)
    monkeypatch.setattr("signedin.asgi.admin.AT_ONCE", 30.0)
    for number in range(4):
        await arrive(flow, str(number))
    blocker, tell = apsw.Connection(path), flow._tell

    async def block(event: Any) -> None:
        if not blocker.in_transaction:
            blocker.execute("BEGIN IMMEDIATE")
        await tell(event)

    monkeypatch.setattr(flow, "_tell", block)
    html = (await root.get(f"{LIST}/revoke?q=remembered:no")).text
    address = (await root.post(f"{LIST}/revoke", data=confirmed(html))).headers["location"]
    blocker.execute("ROLLBACK")
    blocker.close()
    monkeypatch.setattr(flow, "_tell", tell)
    document = (await root.get(address, headers=JSON)).json()
    assert not document["over"]
    assert len(await flow.list(None)) == 4
    clock.tick(STALE + 1)
    assert "It can simply be run again" in (await root.get(address)).text
    html = (await root.get(f"{LIST}/revoke?q=remembered:no")).text
    address = (await root.post(f"{LIST}/revoke", data=confirmed(html))).headers["location"]
    assert (await root.get(address, headers=JSON)).json()["revoked"] == 3
    assert [s.user_id for s in await flow.list(None)] == ["3"]


# ── the trail ────────────────────────────────────────────────────────────────────────────────


async def test_the_trail(root: Client, flow: Any) -> None:
    """The latest first, in pages, with names where they are known; as JSON too."""
    for number in range(55):
        await flow.record("reveal_ip", f"session:{number}", operator="web:3", origin="192.0.2.1")
    await flow.record("act_as", "user:1", operator="web:3", reason="<b>why</b>")
    html = (await root.get("/admin/audit")).text
    assert "user:1 (@ada)" in html
    assert "@root" in html
    assert "&lt;b&gt;why&lt;/b&gt;" in html
    older = re.search(r'rel="next" href="([^"]+)"', html)
    assert older is not None
    html = (await root.get(older[1])).text
    assert "session:0<" in html
    assert "Newest" in html
    document = (await root.get("/admin/audit", headers=JSON)).json()
    assert (document["schema"], len(document["runs"])) == ("signedin.audit/1", 50)
    assert document["runs"][0]["action"] == "act_as"
    more = (await root.get(f"/admin/audit?cursor={document['next_cursor']}", headers=JSON)).json()
    assert (len(more["runs"]), more["next_cursor"]) == (6, None)
    assert (await root.get("/admin/audit?cursor=x")).status_code == 422


# ── acting as a user ─────────────────────────────────────────────────────────────────────────


async def test_acting_as(root: Client, flow: Any, clock: Clock) -> None:
    """A mode of the operator's own session: a new secret, an hour at most, both ends in the trail, and
    nothing of it in the list of the person it is about.
    """
    await arrive(flow, "1", PHONE)
    before = root.tokens()[SESSION]
    html = (await root.get("/admin/users/1/act_as")).text
    assert "for an hour at most" in html
    assert (await root.post("/admin/users/1/act_as", data={"reason": ""})).status_code == 422
    answer = await root.post("/admin/users/1/act_as", data={"reason": "Ticket 7"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    session = await flow.validate(root.tokens()[SESSION])
    assert (session.user_id, session.acting_as) == ("3", "1")
    assert session.acting_until == clock() + HOUR
    assert await flow.validate(before) is None
    assert len(await flow.list("1")) == 1
    assert "Acting as @ada" in (await root.get(LIST)).text
    answer = await root.get(PAGE)
    assert answer.headers["location"] == "/admin/users/1/active_sessions"
    for answer in (await root.get(PAGE, headers=JSON), await root.post(f"{PAGE}/revoke_others")):
        assert (answer.status_code, answer.json()["code"]) == (403, "acting_as")
    await root.post("/admin/users/2/act_as", data={"reason": "x"})
    assert "You act as somebody already." in (await root.get("/admin/users/2/active_sessions")).text
    answer = await root.post("/admin/stop_acting")
    assert answer.headers["location"] == "/admin/users/1/active_sessions"
    session = await flow.validate(root.tokens()[SESSION])
    assert session.acting_as is None
    assert (await root.post("/admin/stop_acting")).status_code == 404
    told = [(entry.action, entry.about, entry.reason) for entry in await trail(flow)]
    assert told == [("stop_acting", "user:1", None), ("act_as", "user:1", "Ticket 7")]


async def test_acting_ends_by_itself(root: Client, flow: Any, clock: Clock) -> None:
    """After the hour the session is only the operator's own again."""
    await arrive(flow, "1")
    await root.post("/admin/users/1/act_as", data={"reason": "x"})
    clock.tick(HOUR)
    assert (await flow.validate(root.tokens()[SESSION])).acting_as is None
    assert (await root.post("/admin/stop_acting")).status_code == 404
    assert (await root.get(PAGE)).status_code == 200


async def test_whom_nobody_acts_as(root: Client, app: Any, flow: Any, admin: Admin) -> None:
    """Not oneself, not another administrator, not a disabled account, not nobody."""
    await arrive(flow, "1")
    before = await flow.validate(root.tokens()[SESSION])
    flow.account_active = lambda user_id: user_id != "2"
    for user in ("2", "3"):
        answer = await root.post(f"/admin/users/{user}/act_as", data={"reason": "x"})
        assert answer.headers["location"] == f"/admin/users/{user}/active_sessions#flash"
        html = (await root.get(f"/admin/users/{user}/active_sessions")).text
        assert "You can&#39;t act as this user." in html
        assert "/act_as" not in html
        answer = await root.post(f"/admin/users/{user}/act_as", data={"reason": "x"}, headers=JSON)
        assert (answer.status_code, answer.json()["code"]) == (409, "cannot_act")
    app._admin_page._admin = replace(admin, may_be_acted_as=None)
    answer = await root.post("/admin/users/1/act_as", data={"reason": "x"})
    assert answer.headers["location"].endswith("#flash")
    assert "/act_as" not in (await root.get("/admin/users/1/active_sessions")).text
    assert await flow.validate(root.tokens()[SESSION]) == before
    assert await trail(flow) == []


async def test_an_operator_who_is_none_any_more(root: Client, app: Any, flow: Any, admin: Admin) -> None:
    """Whoever loses the right while acting can still stop, and nothing else."""
    await arrive(flow, "1")
    await root.post("/admin/users/1/act_as", data={"reason": "x"})
    app._admin_page._admin = replace(admin, allows=lambda session, action: False)
    assert (await root.get(LIST)).status_code == 404
    answer = await root.post("/admin/stop_acting")
    assert answer.headers["location"] == "/"
    assert (await flow.validate(root.tokens()[SESSION])).acting_as is None


async def test_acting_without_an_admin_page(flow: Any) -> None:
    """The user's page has nowhere to lead, and says so."""
    async with Client(make_app(sessions=flow)) as client:
        await client.enter("3")
        changed = await flow.rotate(
            client.tokens()[SESSION], acting_as="1", acting_until=flow.clock() + 9
        )
        client.cookies.set(SESSION, changed.cookies[0].value, domain="app.example")
        answer = await client.get(PAGE)
        assert (answer.status_code, answer.json()["code"]) == (403, "acting_as")
        assert (await client.post(f"{PAGE}/sign_out")).status_code == 303


async def test_connections_and_acting(flow: Any, clock: Clock) -> None:
    """What was opened as somebody is closed when the acting ends, by hand or by itself; and the other
    way round.
    """
    signed_in = await flow.sign_in("3", LAPTOP, started_at=clock())
    session_id, token = signed_in.session.id, signed_in.cookies[0].value

    async def rotate(user_id: str | None, until: int | None = None) -> None:
        nonlocal token
        changed = await flow.rotate(token, acting_as=user_id, acting_until=until)
        token = changed.cookies[0].value

    own = (session_id, clock())
    await rotate("1", clock.tick(SECOND) + MINUTE)
    first = (session_id, clock.tick(SECOND))
    assert await flow.connections_to_close([own, first]) == {own: "credentials_changed"}
    clock.tick(SECOND)
    await rotate(None)
    assert first in await flow.connections_to_close([first])
    await rotate("1", clock.tick(SECOND) + MINUTE)
    second = (session_id, clock.tick(SECOND))
    assert await flow.connections_to_close([second]) == {}
    clock.tick(MINUTE)
    assert await flow.connections_to_close([second]) == {second: "acting_ended"}
    assert await flow.connections_to_close([(session_id, clock())]) == {}
