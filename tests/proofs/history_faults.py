"""Faults that others have made, planted around a real store: the checker must see each of them."""

from __future__ import annotations

import asyncio
import os
import tempfile
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any

import msgspec

from signedin._async.copying import copy_store
from signedin._async.stores.sqlite import AsyncSqliteStore
from signedin.errors import StoreUnavailable
from signedin.policy import surplus
from signedin.reasons import REASONS
from signedin.session import Record, SessionId
from signedin.steps import Added, Ended, Ending, Only, Refusal, Rotation, SignIn, Touch


class Around:
    """A store that does one thing in its own way, and else what the real one does."""

    def __init__(self, store: Any) -> None:
        self.real = store

    def __getattr__(self, name: str) -> Any:
        return getattr(self.real, name)


class Cached(Around):
    """Each process keeps what it has read, and nobody tells it."""

    def __init__(self, store: Any) -> None:
        super().__init__(store)
        self.kept: dict[str, Record] = {}

    async def find(self, session_id: SessionId) -> Record | None:
        if session_id not in self.kept:
            record = await self.real.find(session_id)
            if record is None:
                return None
            self.kept[session_id] = record
        return self.kept[session_id]


class Upserting(Around):
    """A touch writes back the record that its request has read."""

    def __init__(self, store: Any) -> None:
        super().__init__(store)
        self.read: dict[str, Record] = {}

    async def find(self, session_id: SessionId) -> Record | None:
        record = await self.real.find(session_id)
        if record is not None:
            self.read[session_id] = record
        return record

    async def touch(self, touches: Sequence[Touch], now: int) -> None:
        await self.real.touch(touches, now)
        for touch in touches:
            record = self.read.get(touch.session_id)
            if record is not None and await self.real.find(touch.session_id) is None:
                written = msgspec.structs.replace(record, last_active_at=now)
                with suppress(ValueError):  # somebody else has just done so
                    await self.real.add(SignIn(written, now, now, None, "evict"))


class CheckThenAct(Around):
    """Who is beyond the cap is found out first, and ended then; the new one comes last."""

    async def add(self, sign_in: SignIn) -> Added | Refusal:
        user, now = sign_in.record.user_id, sign_in.now
        found = (await self.real.for_user(user)).records
        await asyncio.sleep(0.001)
        active = {
            (record.last_active_at, record.signed_in_at, bytes.fromhex(record.id)): record.id
            for record in found
            if record.judge(now) == "active"
        }
        ids = tuple(active[key] for key in surplus(list(active), sign_in.cap))
        evicted: tuple[Any, ...] = ()
        if ids:
            evicted = (
                await self.real.end(Ending(user, Only(ids), REASONS["limit"], None, now))
            ).sessions
        answer = await self.real.add(sign_in._replace(cap=None))
        return answer if isinstance(answer, str) else Added(evicted + answer.ended)


class Lagging(Around):
    """What is read comes from a copy that is some milliseconds behind."""

    LAG = 0.02

    def __init__(self, store: Any) -> None:
        super().__init__(store)
        self.folder = tempfile.TemporaryDirectory()
        self.copy = AsyncSqliteStore(os.path.join(self.folder.name, "copy.db"))
        self.following: asyncio.Task[None] | None = None
        self.closed = False

    async def follow(self) -> None:
        while not self.closed:
            with suppress(StoreUnavailable):
                await copy_store(self.real, self.copy)
            await asyncio.sleep(self.LAG)

    async def find(self, session_id: SessionId) -> Record | None:
        if self.following is None:
            self.following = asyncio.create_task(self.follow())
        found: Record | None = await self.copy.find(session_id)
        return found

    async def close(self) -> None:
        self.closed = True
        if self.following is not None:
            await self.following
        await self.copy.close()
        self.folder.cleanup()
        await self.real.close()


class Forgetful(Around):
    """Ending sessions leaves Remember me as it is."""

    async def end(self, ending: Ending) -> Ended:
        reason = replace(ending.reason, forgets="none")
        ended: Ended = await self.real.end(ending._replace(reason=reason))
        return ended


class Swapping(Around):
    """A rotation replaces whatever secret there is."""

    async def rotate(self, rotation: Rotation, now: int) -> bool:
        while (record := await self.real.find(rotation.session_id)) is not None:
            swapped = rotation._replace(expected_hash=record.secret_hash)
            if await self.real.rotate(swapped, now):
                return True
        return False


class Losing(Around):
    """Now and then a session goes that nobody ended, as when a server is short of memory."""

    count = 0

    async def find(self, session_id: SessionId) -> Record | None:
        record: Record | None = await self.real.find(session_id)
        self.count += 1
        if record is not None and self.count % 200 == 0:
            lost = Ending(
                record.user_id, Only((session_id,)), REASONS["limit"], None, record.signed_in_at
            )
            await self.real.end(lost)
        return record


FAULTS: dict[str, Callable[[Any], Any]] = {
    "cache": Cached,
    "upsert": Upserting,
    "cap": CheckThenAct,
    "replica": Lagging,
    "remember": Forgetful,
    "swap": Swapping,
    "lose": Losing,
}
