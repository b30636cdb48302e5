"""A store is moved to another engine: nobody is signed out, nothing comes back."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from signedin._async.copying import copy_store
from signedin._async.sessions import AsyncSessions
from signedin._sync.copying import copy_store as copy_sync_store
from signedin.audit import AuditEntry
from signedin.config import open_async_store, open_store
from signedin.outcomes import Copied, SignedIn
from signedin.settings import Settings

from ..engines import ENGINES, Engine, patient
from ..support import LAPTOP, PHONE, START, Clock, signed_in


@pytest.fixture(params=["to a file", "from a file"])
async def flows(
    request: pytest.FixtureRequest, engine: Engine, tmp_path: Path, clock: Clock
) -> AsyncIterator[tuple[AsyncSessions, AsyncSessions]]:
    """The same settings on a store of this engine and on a SQLite file, in either direction."""
    urls = [
        patient(engine.fresh(str(tmp_path / "one.db"))),
        ENGINES["sqlite"].fresh(str(tmp_path / "two.db")),
    ]
    if request.param == "from a file":
        urls.reverse()
    here, there = (
        AsyncSessions(open_async_store(Settings(store=url)), Settings(store=url), clock) for url in urls
    )
    yield here, there
    await here.close()
    await there.close()


async def sign_in(flow: AsyncSessions, user: str, client: Any = LAPTOP, **more: Any) -> SignedIn:
    outcome = await flow.sign_in(user, client, started_at=flow.clock(), **more)
    assert isinstance(outcome, SignedIn)
    return outcome


async def test_nobody_is_signed_out(flows: Any, clock: Clock) -> None:
    """Tokens and Remember me work at the new place; what was revoked stays dead; the trail is there."""
    here, there = flows
    mine = await sign_in(here, "1", remember=True)
    theirs = await sign_in(here, "2", PHONE)
    gone = await sign_in(here, "2")
    await here.store.set_data(theirs.session.id, b"bag", clock())
    clock.tick(1000)
    await here.revoke("2", gone.session.id, current=None)
    await here.revoke_these([gone.session.id], operator="cli:root", reason="INC-1")
    done = await copy_store(here.store, there.store)
    assert (done.outcome, done.users, done.sessions, done.differences) == ("done", 2, 2, 0)
    for signed in (mine, theirs):
        assert (await there.validate(signed.cookies[0].value)).id == signed.session.id
    assert await there.validate(gone.cookies[0].value) is None
    assert await there.store.data(theirs.session.id) == b"bag"
    resumed = await there.resume(mine.cookies[1].value, LAPTOP, started_at=clock())
    assert resumed.session.user_id == "1"
    assert (await there.audit_trail()).runs[0].last.reason == "INC-1"
    assert (await there.history("2"))[0].id == gone.session.id


async def test_copy_stop_copy(flows: Any, clock: Clock) -> None:
    """What ends between two copies ends in the target; the second says that all of it is there."""
    here, there = flows
    mine = await sign_in(here, "1", remember=True)
    await copy_store(here.store, there.store)
    clock.tick(1000)
    await here.revoke_others("1", current=None)
    later = await sign_in(here, "3")
    done = await copy_store(here.store, there.store)
    assert done.differences == 0
    assert await there.validate(mine.cookies[0].value) is None
    assert (await there.store.for_user("1")).series == frozenset()
    assert await there.validate(later.cookies[0].value) is not None


async def test_what_a_copy_tells(flows: Any, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    """Users, sessions, endings, entries; and what was left out because it has ended at the target."""
    monkeypatch.setattr("signedin._async.copying.ENTRIES", 1)
    here, there = flows
    one, two = [await sign_in(here, user) for user in ("1", "2")]
    for _ in range(3):
        clock.tick(1000)
        gone = await sign_in(here, "3")
        await here.revoke_these([gone.session.id], operator="cli:root")
    done = await copy_store(here.store, there.store)
    assert done == Copied(3, 2, ended=3, entries=6, outcome="done")
    clock.tick(1000)
    await there.revoke("1", one.session.id, current=None)
    told: list[Copied] = []
    done = await copy_store(here.store, there.store, progress=told.append, stop=lambda: False)
    assert done == Copied(3, 1, refused=1, entries=6, outcome="done")
    assert told == [Copied(3, 1, refused=1)]
    assert len((await there.store.audit_log(None, 100)).entries) == 6
    assert [session.id for session in await there.list(None)] == [two.session.id]


async def test_a_barrier_for_everybody_moves(flows: Any, clock: Clock) -> None:
    """A sign-in under way while everybody was signed out doesn't complete at the new place."""
    here, there = flows
    began = clock()
    clock.tick(60_000)
    await here.revoke_everyone(operator="cli:root")
    await copy_store(here.store, there.store)
    assert not isinstance(await there.sign_in("1", LAPTOP, started_at=began), SignedIn)


async def test_stopping_and_going_on(flows: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A copy that is stopped says how far it came; run again, it finishes."""
    monkeypatch.setattr("signedin._async.copying.USERS", 2)
    here, there = flows
    for number in range(7):
        await signed_in(here.store, f"u{number}")
    told: list[Copied] = []
    done = await copy_store(here.store, there.store, progress=told.append, stop=lambda: True)
    assert done.outcome == "stopped"
    assert 0 < done.sessions <= 7
    assert told == [Copied(done.users, done.sessions)]
    assert (await copy_store(here.store, there.store)).sessions == 7


async def test_a_difference_is_found(flows: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is revoked in the source while it is compared is not taken for the same."""
    here, there = flows
    record = await signed_in(here.store, remember=True)
    real = here.store.audit_log

    async def revoked_meanwhile(cursor: Any, limit: int) -> Any:
        await here.revoke_others(record.user_id, current=None)
        return await real(cursor, limit)

    monkeypatch.setattr(here.store, "audit_log", revoked_meanwhile)
    done = await copy_store(here.store, there.store)
    assert done.differences == 2


async def test_what_began_meanwhile_is_found(flows: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Sessions that the source got while it was copied are missing in the target, and counted."""
    here, there = flows
    await sign_in(here, "1")
    real = here.store.audit_log

    async def begun_meanwhile(cursor: Any, limit: int) -> Any:
        for user in ("1", "2"):
            await sign_in(here, user)
        return await real(cursor, limit)

    monkeypatch.setattr(here.store, "audit_log", begun_meanwhile)
    assert (await copy_store(here.store, there.store)).differences == 2


def test_without_waiting(engine: Engine, tmp_path: Path) -> None:
    """The sync colour does the same."""
    here = open_store(Settings(store=patient(engine.fresh(str(tmp_path / "one.db")))))
    there = open_store(Settings(store=str(tmp_path / "two.db")))
    here.audit(AuditEntry("a" * 16, START, "done", "cli:root", "revoke", "user:1"))
    assert copy_sync_store(here, there) == Copied(entries=1, outcome="done")
    here.close()
    there.close()
