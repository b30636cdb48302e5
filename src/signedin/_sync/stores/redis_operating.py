# Generated from _async by scripts/unasync.py; edit that one.
"""The Redis store's verbs for operators. There is no index: they walk the keys, in parts."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final

from ...cursors import beginning_of, number, place, position
from ...describe import is_idle
from ...policy import DAY, LATELY
from ...redis import records
from ...session import EndedSession, Record, parse_session_id
from ...steps import (
    Batch,
    Counts,
    EndedPage,
    EndingEverybody,
    Exported,
    Imported,
    Page,
    Query,
    Swept,
    UserRecords,
)
from .redis_link import AT_ONCE, RedisLink, Step
from .redis_walk import Walk, parts

if TYPE_CHECKING:
    from ...redis.keys import Keys

WALKED: Final = 20_000
"""A batch that ends nothing goes so far, and no further: whoever asked may be told how it goes on."""


class RedisOperating:
    """Walks the keys."""

    keys: Keys
    _swept: tuple[int, str | None] | None

    def patient_link(self) -> RedisLink:
        """What carries commands that take long."""
        raise NotImplementedError

    def _walk(self, pattern: str, cursor: str | None = None) -> Walk:
        """Through all keys of a pattern, of all nodes at once."""
        return Walk(self.patient_link(), self.keys, pattern, cursor)

    def _all(self, pattern: str) -> Iterator[tuple[str, list[Any]]]:
        """All of it: tags, each with what its hash holds."""
        link = self.patient_link()
        walk = self._walk(pattern)
        while not walk.over:
            for some in parts(walk.step(), walk.users_at_once):
                commands = [("HGETALL", self.keys.of(under.tag)[under.kind]) for under in some]
                answers = link.ask_all(commands)
                for under, flat in zip(some, answers, strict=True):
                    yield under.tag, flat

    # ── looking ──────────────────────────────────────────────────────────────────────────────

    def search(self, query: Query) -> Page:
        if len(query.beginning) == 48:
            return self._search_one(query)
        if query.order == "key":
            return self._search_in_key_order(query)
        (tag, random), more = place(query.cursor)
        wanted = narrowed(query)
        since: tuple[Any, ...] | None
        goes_by: Callable[[Record], tuple[Any, ...]]
        if query.order == "recent":
            since = None if query.cursor is None else (-number(more), _inverse(tag), _inverse(random))
            goes_by = _recent
        else:
            since = None if query.cursor is None else (more, tag, random)
            goes_by = _along_ip
        first = First(query.limit, goes_by, since)
        for tag_hex, flat in self._all(self.keys.users):
            first.offer(record for record in records.sessions_of(flat, tag_hex) if wanted(record))
        found: list[Record] = first.items()
        if len(found) < query.limit:
            return Page(found, None)
        last = found[-1]
        more_of_last = last.last_active_at if query.order == "recent" else last.ip
        return Page(found, position(last.id, more_of_last))

    def _search_one(self, query: Query) -> Page:
        """A whole id says where it is."""
        session_id = parse_session_id(query.beginning)
        if session_id is None or query.cursor is not None:
            return Page([], None)
        random, tag = records.key_of(session_id)
        link = self.patient_link()
        value = link.ask("HGET", self.keys.sessions(tag), random)
        record = None if value is None else records.unpack_session(session_id, value)
        return Page([record] if record is not None and narrowed(query)(record) else [], None)

    def _search_in_key_order(self, query: Query) -> Page:
        """A step of the walk after the other, a node after the other, each in the order of its keys: a
        page that ends in the middle of a step goes on behind its last key.
        """
        cursor, _, after_text = (query.cursor or "").rpartition(".")
        after = parse_session_id(after_text)
        if query.cursor is not None and after is None:
            raise ValueError(f"{query.cursor!r} is not a cursor of this list.")
        wanted = narrowed(query)
        link = self.patient_link()
        walk = Walk(link, self.keys, self.keys.users, cursor, at_once=False)
        found: list[Record] = []
        while not walk.over:
            met = walk.step()
            tags = [under.tag for under in met if after is None or under.tag >= after[24:]]
            for some in parts(tags, AT_ONCE):
                answers = link.ask_all([("HGETALL", self.keys.sessions(tag)) for tag in some])
                for tag, flat in zip(some, answers, strict=True):
                    for record in sorted(records.sessions_of(flat, tag), key=_by_user):
                        if after is not None and tag == after[24:] and record.id <= after:
                            continue
                        if not wanted(record):
                            continue
                        found.append(record)
                        if len(found) == query.limit:
                            return Page(found, f"{walk.here}.{record.id}")
            after = None
        return Page(found, None)

    def search_ended(self, since: int, cursor: str | None, limit: int) -> EndedPage:
        (tag, random), more = place(cursor)
        start = None if cursor is None else (-number(more), _inverse(tag), _inverse(random))
        first = First(limit, _latest, start)
        for tag_hex, flat in self._all(self.keys.histories):
            late = [
                part
                for field, entry in records.pairs(flat)
                if (told := records.when_and_why(entry)) is not None and told[0] >= since
                for part in (field, entry)
            ]
            first.offer(records.ended_sessions(late, tag_hex))
        found: list[EndedSession] = first.items()
        if len(found) < limit:
            return EndedPage(found, None)
        return EndedPage(found, position(found[-1].id, found[-1].ended_at))

    def counts(self, now: int) -> Counts:
        sessions = users = remembered = idle = lately = created = over = 0
        for tag, flat in self._all(self.keys.users):
            found = records.sessions_of(flat, tag)
            live = [record for record in found if record.judge(now) == "active"]
            over += len(found) - len(live)
            sessions += len(live)
            users += len({record.user_id for record in live})
            remembered += sum(record.series is not None for record in live)
            idle += sum(is_idle(record, now) for record in live)
            lately += sum(record.last_active_at >= now - LATELY for record in live)
            created += sum(record.signed_in_at >= now - DAY for record in live)
        ended: Counter[str] = Counter()
        for _, flat in self._all(self.keys.histories):
            told = (records.when_and_why(entry) for entry in flat[1::2])
            ended.update(each[1] for each in told if each is not None and each[0] >= now - DAY)
        return Counts(sessions, users, remembered, idle, lately, created, over, dict(ended))

    def newest(self) -> int:
        link = self.patient_link()
        walk = self._walk(self.keys.users)
        newest = 0
        while not walk.over:
            some = [self.keys.of(under.tag)[:1] for under in walk.step()]
            answers = link.look(self._steps(link, "newest", some, ()))
            newest = max([newest, *answers])
        return newest

    # ── ending ───────────────────────────────────────────────────────────────────────────────

    def _steps(
        self, link: RedisLink, name: str, keys: Sequence[Sequence[str]], args: Sequence[Any]
    ) -> list[Step]:
        """A script over the keys of many users at once; on a cluster, where that can't be, one each."""
        size = AT_ONCE if link.nodes_at_once else 1
        return [Step(name, [key for own in some for key in own], args) for some in parts(keys, size)]

    def end_everybody(
        self, ending: EndingEverybody, cursor: bytes | None, limit: int, *, told: bool
    ) -> Batch:
        reason, actor, now, spared = ending
        random, tag = (b"", "") if spared is None else records.key_of(spared)
        args = [now, reason.name, self.keys.sessions(tag), random, int(told)]
        if actor is not None:
            args.append(actor)
        link = self.patient_link()
        sessions = users = forgotten = walked = 0
        gone: list[EndedSession] = []
        walk = self._walk(self.keys.users, None if cursor is None else cursor.decode())
        while not walk.over and sessions < limit and walked < WALKED:
            tags = [under.tag for under in walk.step()]
            steps = self._steps(link, "everybody", [self.keys.of(tag)[:3] for tag in tags], args)
            size = AT_ONCE if link.nodes_at_once else 1
            for own, answer in zip(parts(tags, size), link.run_all(steps), strict=True):
                sessions += answer[0]
                users += answer[1]
                forgotten += answer[2]
                gone += _placed(answer[3:], own, 3)
            walked += len(tags)
        following = None if walk.cursor is None else walk.cursor.encode()
        return Batch(sessions, users, forgotten, tuple(gone), following)

    def sweep(self, now: int, limit: int) -> Swept:
        """Where the last batch stopped is remembered, so that the next one needn't begin anew: all who
        sweep for the same ``now`` share a walk. Without it nothing is lost but time.
        """
        where = self._swept[1] if self._swept is not None and self._swept[0] == now else None
        link = self.patient_link()
        walk = self._walk(self.keys.all, where)
        ended: list[EndedSession] = []
        walked = 0
        while not walk.over and walked < WALKED:
            met = walk.step()
            tags: Sequence[str] = sorted({under.tag for under in met})
            while tags:
                left = limit - len(ended)
                if left <= 0:
                    self._swept = (now, walk.here)
                    return Swept(tuple(ended), more=True)
                some, tags = tags[: min(left, AT_ONCE)], tags[min(left, AT_ONCE) :]
                keys = [self.keys.of(tag) for tag in some]
                each = left if link.nodes_at_once else left // len(some)
                answers = link.run_all(self._steps(link, "sweep", keys, (now, each)))
                size = AT_ONCE if link.nodes_at_once else 1
                for own, answer in zip(parts(some, size), answers, strict=True):
                    ended += _placed(answer[1:], own, 4)
                if not all(answer[0] for answer in answers):
                    self._swept = (now, walk.here)
                    return Swept(tuple(ended), more=True)
            walked += len(met)
        self._swept = None if walk.over else (now, walk.cursor)
        return Swept(tuple(ended), more=not walk.over)

    # ── moving ───────────────────────────────────────────────────────────────────────────────

    def export(self, cursor: str | None, limit: int) -> Exported:
        link = self.patient_link()
        walk = self._walk(self.keys.all, cursor)
        users: list[UserRecords] = []
        while not walk.over and len(users) < limit:
            firsts: dict[str, int] = {}
            for under in walk.step():
                firsts[under.tag] = min(under.kind, firsts.get(under.tag, under.kind))
            for some in parts(sorted(firsts), 20):
                steps = [Step("export", self.keys.of(tag), (firsts[tag] + 1,)) for tag in some]
                for tag, answer in zip(some, link.look(steps), strict=True):
                    users += records.users_of(answer, tag)
        return Exported(users, walk.cursor)

    def import_users(self, users: Sequence[UserRecords]) -> Imported:
        link = self.patient_link()
        done = [(0, 0, 0, 0)]
        for some in parts(users, 20):
            steps = [
                Step("import", self.keys.of(records.tag_of(user.user_id)), records.import_args(user))
                for user in some
            ]
            done += [tuple(answer) for answer in link.run_all(steps)]
        return Imported(*map(sum, zip(*done, strict=True)))


class First:
    """The first so many of what is offered, in an order, behind a place in it."""

    def __init__(self, limit: int, goes_by: Callable[[Any], Any], after: Any) -> None:
        self._limit = limit
        self._goes_by = goes_by
        self._after = after
        self._kept: list[Any] = []

    def offer(self, items: Any) -> None:
        """Take what may be among them."""
        goes_by, after = self._goes_by, self._after
        self._kept += [item for item in items if after is None or goes_by(item) > after]
        if len(self._kept) > 4 * self._limit + 1000:
            self._kept = self.items()

    def items(self) -> list[Any]:
        """Those that are."""
        return heapq.nsmallest(self._limit, self._kept, key=self._goes_by)


def narrowed(query: Query) -> Callable[[Record], bool]:
    """Whether a record is within what a query says."""
    first, last = beginning_of(query.beginning)
    low, high = query.ip or (None, None)

    def wanted(record: Record) -> bool:
        return (
            (not query.beginning or first <= bytes.fromhex(record.id[:24]) <= last)
            and (low is None or high is None or low <= record.ip <= high)
            and (query.active_from is None or record.last_active_at >= query.active_from)
            and (query.active_to is None or record.last_active_at <= query.active_to)
            and (query.remembered is None or (record.series is not None) == query.remembered)
        )

    return wanted


def _inverse(raw: bytes) -> bytes:
    return bytes(255 - byte for byte in raw)


def _key(session_id: str) -> tuple[bytes, bytes]:
    raw = bytes.fromhex(session_id)
    return raw[12:], raw[:12]


def _by_user(record: Record) -> tuple[str, str]:
    return record.user_id, record.id


def _recent(record: Record) -> tuple[Any, ...]:
    tag, random = _key(record.id)
    return -record.last_active_at, _inverse(tag), _inverse(random)


def _latest(ended: EndedSession) -> tuple[Any, ...]:
    tag, random = _key(ended.id)
    return -ended.ended_at, _inverse(tag), _inverse(random)


def _along_ip(record: Record) -> tuple[Any, ...]:
    return record.ip, *_key(record.id)


def _placed(flat: Sequence[Any], tags: Sequence[str], keys: int) -> list[EndedSession]:
    """What a script over many users ended: the place of the user's keys, random, entry, …"""
    return [
        ended
        for at, random, entry in zip(flat[::3], flat[1::3], flat[2::3], strict=True)
        for ended in records.ended_sessions((random, entry), tags[(at - 1) // keys])
    ]
