"""The store on Redis and Valkey: each verb is one command or one script."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import astuple
from typing import Any, Final

import msgspec

from ...audit import AuditEntry, AuditLog, AuditPage, AuditRun
from ...errors import StoreUnavailable
from ...policy import HISTORY_LENGTH
from ...reasons import Reason
from ...redis import records
from ...redis.address import Address
from ...redis.client_ips import packed_ip
from ...redis.failures import is_other_type
from ...redis.keys import Keys
from ...redis.records import key_of
from ...redis.user_agents import packed
from ...remember_me import Series, series_key
from ...session import EndedRecord, EndedSession, Record, SessionId, user_tag
from ...steps import (
    Added,
    AllBut,
    Ended,
    Ending,
    Refusal,
    Resumption,
    Rotation,
    SignIn,
    Touch,
    UserSessions,
    checked_bag,
)
from ...together import AsyncTogether
from ...visitor import Visitor
from .redis_link import AsyncRedisLink, Step
from .redis_opening import AsyncOpening
from .redis_operating import AsyncRedisOperating

CONNECT_WITHIN: Final = 1.0
ANSWER_WITHIN: Final = 0.25
"""Seconds, by default."""

_encode = msgspec.msgpack.Encoder().encode
_decode_entry = msgspec.msgpack.Decoder(tuple[Any, ...]).decode


class AsyncRedisStore(AsyncRedisOperating):
    """Keeps sessions on a Redis or Valkey server, or a cluster of them.

    where: a URL, see :class:`~signedin.redis.address.Address`, or a client of redis-py; of a cluster's
    client its nodes, credentials and TLS are taken. prefix, replicas, rdb_only: as in the URL, for a
    client. connect_within, answer_within: seconds; a client of one server has its own.
    """

    def __init__(
        self,
        where: Any,
        *,
        prefix: str | None = None,
        replicas: int | None = None,
        rdb_only: bool | None = None,
        connect_within: float = CONNECT_WITHIN,
        answer_within: float = ANSWER_WITHIN,
    ) -> None:
        self._opening = AsyncOpening(where, prefix, replicas, rdb_only, connect_within, answer_within)
        self.keys = Keys(self._opening.address.prefix)
        self._together: AsyncTogether[SessionId, Record | None] = AsyncTogether(self._find_all)
        self._with_data: AsyncTogether[SessionId, tuple[Record | None, bytes | None]] = AsyncTogether(
            self._find_all_with_data
        )
        self._swept: tuple[int, Any] | None = None

    @property
    def address(self) -> Address:
        """Where it is."""
        return self._opening.address

    async def link(self) -> AsyncRedisLink:
        """What carries its commands, from the first use on."""
        return self._opening.quick or await self._opening.open()

    async def patient_link(self) -> AsyncRedisLink:
        """The same for what takes long."""
        await self.link()
        return self._opening.patient()

    # ── reads ────────────────────────────────────────────────────────────────────────────────

    async def find(self, session_id: SessionId) -> Record | None:
        return await self._together.ask(session_id)

    async def _find_all(self, session_ids: Sequence[SessionId]) -> list[Record | None]:
        """In the order asked for."""
        names = [self.keys.sessions(i[24:]) for i in session_ids]
        values = await self._fields(names, [bytes.fromhex(i[:24]) for i in session_ids])
        unpack = records.unpack_session
        return [
            None if value is None else unpack(session_id, value)
            for session_id, value in zip(session_ids, values, strict=True)
        ]

    async def _fields(self, names: Sequence[str], fields: Sequence[bytes]) -> Sequence[bytes | None]:
        """A field of each of these hashes, in one round trip; none of what is no hash."""
        link = self._opening.quick or await self._opening.open()
        try:
            if len(names) > 2 and link.nodes_at_once:  # an answer for all costs a tenth of one for each
                (values,) = await link.look((Step("find", names, fields),))
                return values  # type: ignore[no-any-return]
            return await link.ask_all([("HGET", *of) for of in zip(names, fields, strict=True)])
        except StoreUnavailable as error:
            if error.__cause__ is None or not is_other_type(error.__cause__):
                raise
            if len(names) == 1:
                return [None]
            # Somebody else's value under one of the keys: the others are asked for alone.
            return [(await self._fields((n,), (f,)))[0] for n, f in zip(names, fields, strict=True)]

    async def find_with_data(self, session_id: SessionId) -> tuple[Record | None, bytes | None]:
        return await self._with_data.ask(session_id)

    async def _find_all_with_data(
        self, session_ids: Sequence[SessionId]
    ) -> list[tuple[Record | None, bytes | None]]:
        """In the order asked for."""
        tags = [i[24:] for i in session_ids]
        names = [*map(self.keys.sessions, tags), *map(self.keys.data, tags)]
        values = await self._fields(names, [bytes.fromhex(i[:24]) for i in session_ids] * 2)
        unpack, count = records.unpack_session, len(session_ids)
        return [
            (None, None) if value is None else (unpack(session_id, value), bag)
            for session_id, value, bag in zip(session_ids, values[:count], values[count:], strict=True)
        ]

    async def find_many(self, session_ids: Sequence[SessionId]) -> list[Record]:
        found = await self._find_all(session_ids) if session_ids else []
        return [record for record in found if record is not None]

    async def find_ended(self, session_id: SessionId) -> EndedRecord | None:
        random, tag = key_of(session_id)
        value = await (await self.link()).ask("HGET", self.keys.history(tag), random)
        return None if value is None else records.unpack_ended(random, tag, value)

    async def find_series(self, series_id: str) -> tuple[Series, Record | EndedRecord | None] | None:
        key, tag = series_key(series_id), series_id[24:]
        sessions, history, _, _ = self.keys.of(tag)
        (answer,) = await (await self.link()).look([Step("series", (sessions, history), (key,))])
        series = records.unpack_series(key, tag, answer[0]) if answer else None
        if series is None:
            return None
        if answer[1] == b"live":
            return series, records.unpack_session(series.session_id, answer[2])
        if answer[1] == b"ended":
            return series, records.unpack_ended(key_of(series.session_id)[0], tag, answer[2])
        return series, None

    async def for_user(self, user_id: str) -> UserSessions:
        tag = user_tag(user_id).hex()
        found = await (await self.link()).ask("HGETALL", self.keys.sessions(tag))
        return records.of_user(found, tag, user_id)

    async def history(self, user_id: str, since: int) -> list[EndedSession]:
        tag = user_tag(user_id).hex()
        found = await (await self.link()).ask("HGETALL", self.keys.history(tag))
        entries = [
            entry
            for entry in records.ended_sessions(found, tag)
            if entry.user_id == user_id and entry.ended_at >= since
        ]
        return sorted(entries, key=lambda entry: (-entry.ended_at, entry.id))[:HISTORY_LENGTH]

    async def everybody_barrier(self) -> int:
        return int(await (await self.link()).ask("GET", self.keys.everybody) or 0)

    async def data(self, session_id: SessionId) -> bytes | None:
        random, tag = key_of(session_id)
        bag: bytes | None = await (await self.link()).ask("HGET", self.keys.data(tag), random)
        return bag

    async def find_visitor(self, visitor_id: str) -> Visitor | None:
        try:
            value = await (await self.link()).ask("GET", self.keys.visitor(visitor_id))
        except StoreUnavailable as error:
            if error.__cause__ is None or not is_other_type(error.__cause__):
                raise
            return None
        return None if value is None else records.unpack_visitor(visitor_id, value)

    # ── writes ───────────────────────────────────────────────────────────────────────────────

    async def add(self, sign_in: SignIn) -> Added | Refusal:
        r, series = sign_in.record, sign_in.series
        random, tag = key_of(r.id)
        replaces = b"" if sign_in.replaces is None else key_of(sign_in.replaces)[0]
        args = [
            *(
                sign_in.now,
                sign_in.started_at,
                "" if sign_in.cap is None else sign_in.cap,
                sign_in.at_cap,
            ),
            *(r.user_id, random, records.pack_session(r), replaces, sign_in.forgets or b""),
            *((b"", b"") if series is None else (series.key, records.pack_series(series))),
        ]
        if sign_in.data is not None:
            args.append(sign_in.data)
        return self._added(await self._run("add", tag, args), tag)

    async def resume(self, resumption: Resumption) -> Added | Refusal:
        r, series = resumption.record, resumption.series
        random, tag = key_of(r.id)
        cap = "" if resumption.cap is None else resumption.cap
        args = [
            *(resumption.now, resumption.started_at, cap, resumption.at_cap),
            *(r.user_id, random, records.pack_session(r)),
            *(series.key, records.pack_series(series), resumption.expected_hash),
        ]
        return self._added(await self._run("resume", tag, args), tag)

    def _added(self, answer: Sequence[Any], tag: str) -> Added | Refusal:
        word = answer[0].decode()
        if word == "exists":
            raise ValueError("There is a session with this id already; nothing was changed.")
        if word in ("barrier", "limit", "lost"):
            return word  # type: ignore[no-any-return]
        return Added(tuple(records.ended_sessions(answer[1:], tag)))

    async def touch(self, touches: Sequence[Touch], now: int) -> None:
        by_tag: defaultdict[str, list[Any]] = defaultdict(list)
        for session_id, client in touches:
            random, tag = key_of(session_id)
            by_tag[tag] += (
                (random, "0", b"", b"")
                if client is None
                else (random, "1", packed_ip(client.ip), packed(client.user_agent))
            )
        steps = []
        for tag, told in by_tag.items():
            sessions, _, data, _ = self.keys.of(tag)
            steps.append(Step("touch", (sessions, data), (now, *told)))
        if steps:
            await (await self.link()).run_all(steps)

    async def rotate(self, rotation: Rotation, now: int) -> bool:
        random, tag = key_of(rotation.session_id)
        head = records.head(rotation.new_hash, rotation.tail)
        args = (random, now, rotation.expected_hash, head, rotation.tail)
        return bool(await self._run("rotate", tag, args, only=(0,)))

    async def rename(self, user_id: str, session_id: SessionId, name: str | None, now: int) -> bool:
        random, tag = key_of(session_id)
        args = (user_id, random, now) if name is None else (user_id, random, now, name)
        return bool(await self._run("rename", tag, args, only=(0,)))

    async def set_data(self, session_id: SessionId, bag: bytes | None, now: int) -> bool:
        checked_bag(bag)
        random, tag = key_of(session_id)
        args = (random, now) if bag is None else (random, now, bag)
        return bool(await self._run("set_data", tag, args, only=(0, 2)))

    async def keep_visitor(self, visitor: Visitor, now: int, *, new: bool) -> bool:
        checked_bag(visitor.bag)
        key, left = self.keys.visitor(visitor.id), max(visitor.expires_at - now, 1)
        there = "NX" if new else "XX"
        command = ("SET", key, records.pack_visitor(visitor), "PX", left, there)
        return await (await self.link()).write(command) is not None

    async def drop_visitor(self, visitor_id: str) -> None:
        await (await self.link()).write(("DEL", self.keys.visitor(visitor_id)))

    async def end(self, ending: Ending) -> Ended:
        return (await self.end_many([ending]))[0]

    async def end_many(self, endings: Sequence[Ending]) -> list[Ended]:
        if not endings:
            return []
        steps = [self._ending(ending) for ending in endings]
        answers = await (await self.link()).run_all(steps)
        return [self._ended(*both) for both in zip(endings, answers, strict=True)]

    def _ending(self, ending: Ending) -> Step:
        user_id, which, reason, actor, now, rotation = ending
        tag = user_tag(user_id).hex()
        moved: tuple[Any, ...] = (b"", b"", b"", b"")
        if rotation is not None and key_of(rotation.session_id)[1] == tag:
            head = records.head(rotation.new_hash, rotation.tail)
            moved = (key_of(rotation.session_id)[0], rotation.expected_hash, head, rotation.tail)
        kept, asked = b"", list[bytes]()
        if isinstance(which, AllBut):
            kept = b"" if which.kept is None else key_of(which.kept)[0]
        else:
            # An id with another tag is another user's: the user's own keys can't hold it.
            asked = [random for random, own in map(key_of, which.ids) if own == tag]
        told = (user_id, now, reason.name, reason.forgets, reason.barrier)
        what = ("all" if isinstance(which, AllBut) else "only", kept)
        by = ("0", "") if actor is None else ("1", actor)
        return Step("end", self.keys.of(tag), (*told, *what, *moved, *by, *asked))

    def _ended(self, ending: Ending, answer: Sequence[Any]) -> Ended:
        tag = user_tag(ending.user_id).hex()
        forgotten, barrier, rotated, count, *rest = answer
        return Ended(
            tuple(records.ended_sessions(rest[:count], tag)),
            tuple(records.ended_sessions(rest[count:], tag)),
            forgotten,
            barrier if self._raises(ending.reason, ending.which) else None,
            bool(rotated),
        )

    def _raises(self, reason: Reason, which: object) -> bool:
        return reason.barrier == "always" or (reason.barrier == "all" and which == AllBut(None))

    async def forget(self, user_id: str, *, only: bytes | None = None, keep: bytes | None = None) -> int:
        tag = user_tag(user_id).hex()
        args = (user_id, "keep", keep or b"") if only is None else (user_id, "only", only)
        return int(await self._run("forget", tag, args, only=(0,)))

    async def raise_everybody_barrier(self, now: int) -> int:
        return int(await (await self.link()).run(Step("raise", (self.keys.everybody,), (now,))))

    async def _run(
        self, name: str, tag: str, args: Sequence[Any], *, only: tuple[int, ...] = (0, 1, 2, 3)
    ) -> Any:
        """A script over a user's keys, or over those of them that it takes."""
        of = self.keys.of(tag)
        return await (await self.link()).run(Step(name, [of[n] for n in only], args))

    # ── the audit trail ──────────────────────────────────────────────────────────────────────

    async def audit(self, entry: AuditEntry, *, once: bool = False) -> None:
        keys = (self.keys.log, self.keys.firsts, self.keys.runs)
        packed_entry = _encode(astuple(entry))
        await (await self.link()).run(Step("audit", keys, (entry.run, packed_entry, int(once))))

    async def audit_run(self, run: str) -> AuditRun | None:
        runs = await self._runs(("run", run))
        return runs[0] if runs else None

    async def audit_trail(self, cursor: int | None, limit: int) -> AuditPage:
        runs = await self._runs(("before", cursor or 0, limit))
        return AuditPage(runs, runs[-1].number if len(runs) == limit else None)

    async def _runs(self, args: Sequence[Any]) -> list[AuditRun]:
        keys = (self.keys.log, self.keys.firsts, self.keys.runs)
        (answer,) = await (await self.link()).look([Step("trail", keys, args)])
        found = zip(answer[::3], answer[1::3], answer[2::3], strict=True)
        return [AuditRun(int(number), _entry(first).at, _entry(last)) for number, first, last in found]

    async def audit_log(self, cursor: int | None, limit: int) -> AuditLog:
        (answer,) = await (await self.link()).look([Step("log", (self.keys.log,), (cursor or 0, limit))])
        entries = [_entry(entry) for entry in answer[1::2]]
        return AuditLog(entries, int(answer[-2]) if len(entries) == limit else None)

    async def close(self) -> None:
        await self._opening.close()


def _entry(stored: bytes) -> AuditEntry:
    return AuditEntry(*_decode_entry(stored))
