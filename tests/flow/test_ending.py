"""Ending sessions: the matrix of every trigger, and each entry's own rules (E1–E9, REV-2)."""

from __future__ import annotations

import inspect
from dataclasses import replace
from typing import Any

import pytest

from signedin._async.listing import AsyncListing
from signedin._async.operating import AsyncOperating
from signedin._async.sessions import AsyncSessions
from signedin.errors import ClockError
from signedin.events import RememberMeForgotten, SessionEnded, SessionRotated
from signedin.outcomes import RevokedMany, SignedIn
from signedin.reasons import REASONS
from signedin.selector import Selector
from signedin.session import new_session_id
from signedin.steps import Touch

from ..support import DAY, HOUR, LAPTOP, MINUTE, PHONE, SECOND, ids
from .support import REMEMBER, SESSION, Browser

# Every verb of the library that ends sessions, and the reason it ends them for.
TRIGGERS: dict[str, tuple[str, Any]] = {
    "revoke": ("revoked", lambda f, b, c: f.revoke("1", b.id, current=c.id)),
    "revoke_by_operator": (
        "revoked_by_operator",
        lambda f, b, c: f.revoke("1", b.id, current=None, operator="root"),
    ),
    "revoke_others": ("revoked", lambda f, b, c: f.revoke_others("1", current=c.id)),
    "revoke_all": ("revoked_by_operator", lambda f, b, c: f.revoke_all("1", operator="root")),
    "revoke_everyone": ("revoked_by_operator", lambda f, b, c: f.revoke_everyone(operator="root")),
    "revoke_matching": (
        "revoked_by_operator",
        lambda f, b, c: f.revoke_matching(Selector(session=b.id[:12]), operator="root"),
    ),
    "revoke_matching_users": (
        "revoked_by_operator",
        lambda f, b, c: f.revoke_matching(Selector(users=("1",)), operator="root"),
    ),
    "revoke_matching_all_but": (
        "revoked_by_operator",
        lambda f, b, c: f.revoke_matching(Selector(), operator="root", spared=(c.id,)),
    ),
    "revoke_these": ("revoked_by_operator", lambda f, b, c: f.revoke_these([b.id], operator="root")),
    "sign_out_everywhere": ("signed_out_everywhere", lambda f, b, c: f.sign_out_everywhere("1")),
    "credentials_changed": (
        "credentials_changed",
        lambda f, b, c: f.credentials_changed("1", token=c.browser.token),
    ),
    "account_disabled": ("account_disabled", lambda f, b, c: f.account_disabled("1")),
    "sign_out": ("signed_out", lambda f, b, c: f.sign_out(b.browser.presented)),
    "sign_in": ("replaced", lambda f, b, c: b.browser.copy().sign_in("1")),
    "sign_in_as_another": ("replaced", lambda f, b, c: b.browser.copy().sign_in("2")),
}
ENDING_VERBS = {"sign_out", "sign_in", "sweep", "resume"}


def test_every_verb_is_in_the_matrix() -> None:
    """A new way to end sessions fails here until it is listed."""
    public = {
        name
        for name, _ in inspect.getmembers(AsyncOperating, inspect.isfunction)
        if not name.startswith("_")
    }
    looking = {"overview", "list", "search", "history", "why_ended", "connections_to_close"}
    looking |= {"find", "search_page", "search_ended", "matching", "counts", "audit_run", "audit_trail"}
    looking |= {"record", "stop_run"}
    # The first half of revoke_matching and revoke_these, which are nothing but both halves.
    looking |= {"begin_matching", "begin_these"}
    inherited = {name for name in public if name in vars(AsyncListing)} | looking
    assert public - inherited - {"forget", "sweep"} <= set(TRIGGERS)
    everything = {
        name
        for name, _ in inspect.getmembers(AsyncSessions, inspect.isfunction)
        if not name.startswith("_")
    }
    going_on = {
        "validate",
        "touch",
        "touch_due",
        "rotate",
        "reissue",
        "rename",
        "data",
        "set_data",
        "close",
    }
    going_on |= {"validate_with_data", "find_visitor", "add_visitor", "set_visitor", "drop_visitor"}
    assert everything - looking - going_on - public <= ENDING_VERBS


class Device:
    """A browser that is signed in."""

    def __init__(self, browser: Browser, session_id: str) -> None:
        self.browser = browser
        self.id = session_id


async def device(flow: Any, user: str = "1", client: Any = LAPTOP) -> Device:
    browser = Browser(flow, client)
    return Device(browser, (await browser.sign_in(user, remember=True)).session.id)


@pytest.mark.parametrize("credential", ["session", "remember_me", "rotated"])
@pytest.mark.parametrize("trigger", TRIGGERS)
async def test_the_matrix(open_sessions: Any, clock: Any, trigger: str, credential: str) -> None:
    """Every trigger ends every credential of the session, for the reason it names, with one event
    and one entry in the history; a device is told if the reason says so (REV-2)."""
    heard: list[Any] = []
    flow = open_sessions(listeners=[heard.append])
    reason_name, act = TRIGGERS[trigger]
    reason = REASONS[reason_name]
    target, current = await device(flow), await device(flow, client=PHONE)
    stranger = await device(flow, "9")
    old = target.browser.copy()
    if credential == "rotated":
        target.browser.take((await flow.rotate(target.browser.token, authenticated_by=("otp",))).cookies)
        assert await old.is_in()
    clock.tick(SECOND)
    await act(flow, target, current)
    told = trigger != "sign_in_as_another"
    if credential == "remember_me":
        target.browser.restart()
        assert await target.browser.visit() is None
    assert not await target.browser.is_in()
    assert not await old.is_in()
    if credential == "session" and told:
        why = await flow.why_ended(target.browser.token)
        assert why == (reason if reason.told != "no" else None)
    entries = [e for e in await flow.history("1") if e.id == target.id]
    assert [e.reason for e in entries] == [reason_name]
    events = [e for e in heard if isinstance(e, SessionEnded) and e.session.id == target.id]
    assert [e.session.reason for e in events] == [reason_name]
    for_all = trigger in ("revoke_everyone", "revoke_matching_all_but")
    assert await stranger.browser.is_in() is not for_all
    # the others: what the reason forgets, and nothing else
    if await current.browser.is_in():
        current.browser.restart()
        resumed = await current.browser.visit()
        assert (resumed is None) is (reason.forgets == "all")


async def test_the_current_session_cannot_be_revoked(sessions: Any) -> None:
    """On the server: an answer that says so, and nothing changed (E1)."""
    mine, other = await device(sessions), await device(sessions)
    answer = await sessions.revoke("1", mine.id, current=mine.id)
    assert (answer.kept, answer.ended, answer.forgotten) == (True, (), 0)
    assert (await sessions.overview("1")).sessions[0].remembered
    answer = await sessions.revoke("1", [mine.id, other.id], current=mine.id)
    assert answer.kept
    assert ids(answer.ended) == {other.id}
    assert await mine.browser.is_in()


async def test_revoking_what_is_not_ones_own(sessions: Any) -> None:
    """Foreign and missing: the same answer, nothing ends, no Remember me is forgotten (E4)."""
    mine, theirs = await device(sessions), await device(sessions, "2")
    for wrong in (theirs.id, new_session_id("1"), new_session_id("3")):
        answer = await sessions.revoke("1", wrong, current=mine.id)
        assert answer.not_found == (wrong,)
        assert (answer.ended, answer.already, answer.forgotten) == ((), (), 0)
    assert await theirs.browser.is_in()
    assert (await sessions.list("1"))[0].remembered


async def test_revoking_twice(sessions: Any) -> None:
    """It is not an error: it had ended already (E3)."""
    mine, other = await device(sessions), await device(sessions)
    await sessions.revoke("1", other.id, current=mine.id)
    answer = await sessions.revoke("1", other.id, current=mine.id)
    assert (answer.ended, ids(answer.already), answer.not_found) == ((), {other.id}, ())


async def test_revoking_others_and_the_living(sessions: Any, clock: Any) -> None:
    """All but the current one; those signed in later are not meant; live sessions go on (E2)."""
    devices = [await device(sessions) for _ in range(4)]
    answer = await sessions.revoke("1", devices[1].id, current=devices[0].id)
    assert answer.forgotten == 4
    assert [await d.browser.is_in() for d in devices] == [True, False, True, True]
    answer = await sessions.revoke_others("1", current=devices[0].id)
    assert ids(answer.ended) == {devices[2].id, devices[3].id}
    later = await device(sessions)
    assert await later.browser.is_in()


async def test_who_did_it(sessions: Any, clock: Any) -> None:
    """The history says by whom: the user, an operator for the user, or nobody (E8)."""
    for verb, actor in (
        (lambda f, i: f.revoke("1", i, current=None), "1"),
        (lambda f, i: f.revoke("1", [i], current=None, operator="root"), "root"),
        (lambda f, i: f.revoke_others("1", current=new_session_id("1")), "1"),
        (lambda f, i: f.revoke_others("1", current=new_session_id("1"), operator="root"), "root"),
        (lambda f, i: f.revoke_all("1", operator="root"), "root"),
        (lambda f, i: f.sign_out_everywhere("1"), "1"),
        (lambda f, i: f.account_disabled("1"), "1"),
        (lambda f, i: f.account_disabled("1", operator="root"), "root"),
        (lambda f, i: f.credentials_changed("1"), "1"),
    ):
        clock.tick(5 * SECOND)  # past the barrier of the one before
        one = await device(sessions)
        outcome = await verb(sessions, one.id)
        assert ids(outcome.ended) == {one.id}
        assert (await sessions.history("1"))[0].actor == actor
        if hasattr(outcome, "forgotten"):
            assert (outcome.forgotten, outcome.kept, outcome.not_found) == (1, False, ())
        if hasattr(outcome, "cookies"):
            assert [(c.name, c.clears) for c in outcome.cookies] == [(SESSION, True), (REMEMBER, True)]


async def test_credentials_changed(open_sessions: Any, clock: Any) -> None:
    """Others end, this one gets a new secret with no grace and its connections are cut (E7)."""
    heard: list[Any] = []
    flow = open_sessions(listeners=[heard.append])
    mine, other = await device(flow), await device(flow)
    thief = mine.browser.copy()
    opened = clock.now
    clock.tick(SECOND)
    changed = await flow.credentials_changed("1", token=mine.browser.token)
    mine.browser.take(changed.signed_in.cookies)
    assert ids(changed.ended) == {other.id}
    assert (changed.signed_in.session.id, changed.signed_in.session.remembered) == (mine.id, False)
    assert changed.barrier == clock.now
    assert heard[-1] == SessionRotated(changed.signed_in.session)
    assert not await thief.is_in()
    assert await flow.rotate(thief.token) is None
    session = await flow.validate(mine.browser.token)
    assert (session.remembered, session.authenticated_at) == (False, clock.now)
    key = (mine.id, opened)
    assert await flow.connections_to_close([key]) == {key: "credentials_changed"}
    assert await flow.connections_to_close([(mine.id, clock.now + 1)]) == {}


async def test_credentials_changed_right_after_a_step_up(sessions: Any) -> None:
    """The secret from before the step-up ends, too, although its grace isn't over (E7)."""
    mine = await device(sessions)
    before = mine.browser.copy()
    mine.browser.take((await sessions.rotate(mine.browser.token, authenticated_by=("otp",))).cookies)
    assert await before.is_in()
    await sessions.credentials_changed("1", token=mine.browser.token)
    assert not await before.is_in()


async def test_a_barrier_only_moves_forwards(sessions: Any, clock: Any) -> None:
    """By a clock that was set back the earlier one stands, and is what is told (S6)."""
    first = await sessions.credentials_changed("1")
    clock.tick(-MINUTE)
    second = await sessions.credentials_changed("1")
    assert second.barrier == first.barrier
    reset = Browser(sessions)
    assert isinstance(await reset.sign_in(barrier=second.barrier), SignedIn)


@pytest.mark.parametrize("token", [None, "junk", "stranger", "superseded", "over"])
async def test_credentials_changed_without_a_current_session(
    sessions: Any, clock: Any, token: str | None
) -> None:
    """A reset, or a token that is not the user's current one: all sessions end (E7)."""
    mine, stranger = await device(sessions), await device(sessions, "2")
    given = {
        None: None,
        "junk": "junk",
        "stranger": stranger.browser.token,
        "superseded": mine.browser.token,
        "over": mine.browser.token,
    }[token]
    if token == "superseded":
        await sessions.rotate(mine.browser.token, authenticated_by=("otp",))
    if token == "over":
        clock.tick(7 * DAY)
        stranger = await device(sessions, "2")
    changed = await sessions.credentials_changed("1", token=given)
    assert changed.signed_in is None
    assert ids(changed.ended) == {mine.id}
    assert await stranger.browser.is_in()


async def test_sign_out(open_sessions: Any) -> None:
    """This browser's session and its Remember me, or that of all devices where set so."""
    for forgets in ("this", "everywhere"):
        flow = open_sessions(sign_out_forgets=forgets)
        user = f"user-{forgets}"
        mine, other = await device(flow, user), await device(flow, user)
        outcome = await flow.sign_out(mine.browser.presented)
        assert ids(outcome.ended) == {mine.id}
        assert all(cookie.clears for cookie in outcome.cookies)
        assert await other.browser.is_in()
        other.browser.restart()
        assert (await other.browser.visit() is not None) is (forgets == "this")


async def test_sign_out_of_a_browser_that_is_only_remembered(sessions: Any, clock: Any) -> None:
    """Its series is forgotten and the session that stands behind it ends, or it would come back."""
    mine, other = await device(sessions), await device(sessions)
    for one in (mine, other):
        one.browser.restart()
    await sessions.sign_out(mine.browser.presented)
    assert await mine.browser.resume() is None
    assert await other.browser.visit() is not None


async def test_a_superseded_secret_signs_its_session_out(sessions: Any) -> None:
    """Signing out in the other tab right after a step-up works."""
    mine = await device(sessions)
    old = mine.browser.copy()
    mine.browser.take((await sessions.rotate(mine.browser.token, authenticated_by=("otp",))).cookies)
    await sessions.sign_out(old.presented)
    assert not await mine.browser.is_in()


async def test_anonymous_sign_outs_write_nothing(open_sessions: Any, path: str) -> None:
    """Junk and anonymous visitors leave no trace (DOS-1)."""
    from signedin.outcomes import Presented

    flow = open_sessions()
    await device(flow)
    before = len(await flow.history("1"))
    for token in (None, "junk", "x" * 92):
        outcome = await flow.sign_out(Presented(token, token))
        assert outcome.ended == ()
    assert len(await flow.history("1")) == before


async def test_everyone(open_sessions: Any, clock: Any) -> None:
    """All sessions of all users, with progress; people with only a remembered browser too (E3)."""
    flow = open_sessions()
    devices = [await device(flow, str(n % 5)) for n in range(12)]
    lonely = await device(flow, "lonely")
    clock.tick(8 * DAY)
    await flow.sweep()
    late = [await device(flow, "new") for _ in range(2)]
    clock.tick(SECOND)
    seen: list[Any] = []
    done = await flow.revoke_everyone(operator="root", progress=seen.append)
    assert done == RevokedMany(done.run, "done", sessions=2, users=7, forgotten=15)
    assert seen[-1] == replace(done, outcome="running")
    for one in (*devices, lonely, *late):
        one.browser.restart()
        assert await one.browser.visit() is None
    assert await flow.list(None) == []
    again = await flow.revoke_everyone(operator="root")
    assert again == RevokedMany(again.run, "done")


@pytest.mark.parametrize("told", [False, True])
async def test_everyone_but_oneself(open_sessions: Any, clock: Any, told: bool) -> None:
    """The operator's own session goes on and isn't counted, nor is the operator, unless something of theirs has
    ended or is forgotten (E3).
    """
    flow = open_sessions(listeners=[lambda event: None] if told else [])
    for remember in (False, True):
        others = [await device(flow, user) for user in ("1", "1", "2")]
        mine = Browser(flow)
        session = (await mine.sign_in("root", remember=remember)).session
        clock.tick(SECOND)
        asked = await flow.matching(Selector(), spared=(session.id,))
        assert (asked.sessions, asked.users) == (3, 2)
        done = await flow.revoke_matching(Selector(), operator="web:root", spared=(session.id,))
        assert (done.sessions, done.users, done.forgotten) == (3, 2 + remember, 3 + remember)
        assert [await one.browser.is_in() for one in others] == [False, False, False]
        assert await mine.is_in()
        assert ids(await flow.list(None)) == {session.id}
        await flow.sign_out(mine.presented)
        clock.tick(5 * SECOND)


async def test_forget(open_sessions: Any) -> None:
    """Remember me off on other devices; no session ends; told once."""
    heard: list[Any] = []
    flow = open_sessions(listeners=[heard.append])
    mine, other = await device(flow), await device(flow)
    assert await flow.forget("1", keep=mine.id) == 1
    assert await flow.forget("1", keep=mine.id) == 0
    assert [(e.user_id, e.count) for e in heard if isinstance(e, RememberMeForgotten)] == [("1", 1)]
    for one, stays in ((mine, True), (other, False)):
        assert await one.browser.is_in()
        one.browser.restart()
        assert (await one.browser.visit() is not None) is stays
    theirs = await device(flow, "2")
    assert await flow.forget("1", keep=theirs.id) == 1


async def test_a_slow_request_revives_nothing(sessions: Any, clock: Any) -> None:
    """What a request that began before the revoke still writes changes nothing (REV-3)."""
    mine, other = await device(sessions), await device(sessions)
    slow = await sessions.validate(other.browser.token)
    clock.tick(MINUTE)
    assert sessions.touch_due(slow, LAPTOP)
    await sessions.revoke("1", other.id, current=mine.id)
    await sessions.touch(Touch(slow.id, LAPTOP))
    assert not await sessions.set_data(slow.id, b"x")
    assert await sessions.rotate(other.browser.token) is None
    assert not await sessions.rename("1", slow.id, "x")
    assert not await other.browser.is_in()
    assert ids(await sessions.list("1")) == {mine.id}


async def test_told_only_to_the_browser_that_holds_it(sessions: Any) -> None:
    """Why a session ended is for who can prove it; a stranger who knows the id learns nothing (E8)."""
    from signedin.token import Token, new_secret

    mine, other = await device(sessions), await device(sessions)
    await sessions.revoke("1", other.id, current=mine.id)
    assert (await sessions.why_ended(other.browser.token)).message.startswith("You were signed out")
    assert await sessions.why_ended(Token(other.id, new_secret()).text) is None
    assert await sessions.why_ended(mine.browser.token) is None


async def test_sweep(open_sessions: Any, clock: Any) -> None:
    """What has passed its limits goes to the history, once, and is told (E9)."""
    heard: list[Any] = []
    sessions = open_sessions(listeners=[heard.append])
    over = await device(sessions)
    clock.tick(7 * DAY)
    living = await device(sessions)
    assert await sessions.sweep(batch=1) == 1
    assert await sessions.sweep() == 0
    assert [e.session.id for e in heard if isinstance(e, SessionEnded)] == [over.id]
    assert [(e.id, e.reason) for e in await sessions.history("1")] == [(over.id, "idle")]
    assert (await sessions.why_ended(over.browser.token)).name == "idle"
    assert await living.browser.is_in()
    # an idle ending forgets nothing: the browser comes back by its series
    assert await over.browser.visit() is not None


async def test_a_sweep_by_a_wrong_clock(sessions: Any, clock: Any) -> None:
    """It refuses when the newest record lies more than 5 minutes ahead (TIME-1)."""
    await device(sessions)
    clock.tick(-5 * MINUTE)
    assert await sessions.sweep() == 0
    clock.tick(-1)
    with pytest.raises(ClockError):
        await sessions.sweep()


async def test_a_clock_set_back(sessions: Any, clock: Any) -> None:
    """It extends a session by at most the step, idle or used all the time, and Remember me as well; times
    don't decrease (TIME-1).
    """
    step, began = 2 * HOUR, clock.now
    idle, used, remembered, kept = [await device(sessions, user) for user in ("1", "2", "3", "4")]
    clock.tick(HOUR)
    await sessions.touch(Touch(idle.id, LAPTOP))
    active = (await sessions.list("1"))[0].last_active_at
    clock.tick(-step)
    assert await idle.browser.is_in()
    await sessions.touch(Touch(idle.id, LAPTOP))
    assert (await sessions.list("1"))[0].last_active_at == active

    async def go_on(lasted: int, since: int) -> None:
        """Until so much time has really gone by since the clock, not set back yet, showed this."""
        end = since - step + lasted
        await sessions.touch(Touch(used.id, LAPTOP))
        while clock.now < end - 6 * DAY:
            clock.tick(6 * DAY)
            await sessions.touch(Touch(used.id, LAPTOP))
        clock.now = end

    await go_on(7 * DAY + step - 1, active)
    assert await idle.browser.is_in()
    clock.tick()
    assert not await idle.browser.is_in()
    await go_on(14 * DAY + step - 1, began)
    assert isinstance(await kept.browser.resume(), SignedIn)
    clock.tick()
    assert await remembered.browser.resume() is None
    await go_on(365 * DAY + step - 1, began)
    assert await used.browser.is_in()
    clock.tick()
    assert not await used.browser.is_in()


async def test_many_connections_in_one_read(sessions: Any, clock: Any) -> None:
    """Open connections are judged together, each with its word (E10)."""
    gone, over, living = await device(sessions), await device(sessions, "2"), await device(sessions)
    since = clock.now
    await sessions.revoke("1", gone.id, current=living.id)
    keys = [(d.id, since) for d in (gone, over, living)]
    assert await sessions.connections_to_close(keys) == {keys[0]: "revoked"}
    clock.tick(7 * DAY)
    assert (await sessions.connections_to_close(keys))[keys[1]] == "idle"
    unknown = (new_session_id("1"), since)
    assert await sessions.connections_to_close([unknown]) == {unknown: "ended"}
    assert await sessions.connections_to_close([]) == {}
