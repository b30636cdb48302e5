"""Redis without a framework: ours, and the commands that GitLab sends for its active sessions.

GitLab isn't in Python, so this is our rendering of what its application is known to ask of Redis: the
session itself under a hash of the cookie, an entry of what the page shows, and a set by which a user's
entries are found. A request reads the session, and writes the entry and the set anew.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable
from functools import partial
from hashlib import sha256
from typing import Any

import redis

from signedin import Client, SignedIn, open_sessions
from signedin._sync.stores.redis import RedisStore
from signedin.config import now_ms
from signedin.steps import Touch

from ..postgres import fill as fill_postgres
from ..redis import fill as fill_redis
from ..tools import filled
from .contract import ADDRESS, FIREFOX, Hook, Peer
from .places import Place

WEEK = 604_800
AT_ONCE = 200
CAP = 100


class Active:
    """The commands."""

    def __init__(self, url: str) -> None:
        self._redis: Any = redis.Redis.from_url(url)
        self.notes = False

    def sign_in(self, user: str) -> str:
        cookie = secrets.token_hex(16)
        self._keep(cookie, {"user": user, "csrf": secrets.token_urlsafe(32)})
        self._note(user, cookie)
        self._clean_up(user)
        return cookie

    def request(self, cookie: str) -> str:
        session = self._session(cookie)
        if session is None:
            return ""
        if self.notes:
            self._note(session["user"], cookie)
        return str(session["user"])

    def slow(self, cookie: str, hook: Hook) -> None:
        """The session's store writes what changed, whether or not it is still there."""
        session = self._session(cookie)
        assert session is not None
        hook()
        self._keep(cookie, session | {"cart": "1"})

    def list(self, user: str) -> int:
        return len(self._entries(user))

    def revoke(self, user: str, cookie: str) -> None:
        self._end(user, [_private(cookie)])

    def revoke_others(self, user: str, cookie: str) -> None:
        mine = _private(cookie)
        self._end(user, [entry["id"] for entry in self._entries(user) if entry["id"] != mine])

    def fill(self, count: int) -> None:
        for start in range(0, count, 300):
            with self._redis.pipeline(transaction=False) as pipe:
                for number in range(start, min(start + 300, count)):
                    cookie, user = secrets.token_hex(16), f"other-{number // 3}"
                    self._keep(cookie, {"user": user, "csrf": "x" * 43}, pipe)
                    self._note(user, cookie, pipe)
                pipe.execute()

    def close(self) -> None:
        self._redis.close()

    def _session(self, cookie: str) -> dict[str, Any] | None:
        found = self._redis.get(f"session:{_private(cookie)}")
        return None if found is None else json.loads(found)

    def _keep(self, cookie: str, session: dict[str, Any], pipe: Any = None) -> None:
        (pipe or self._redis).setex(f"session:{_private(cookie)}", WEEK, json.dumps(session))

    def _note(self, user: str, cookie: str, pipe: Any = None) -> None:
        entry = {
            "id": _private(cookie), "ip": ADDRESS, "browser": "Firefox", "os": "Ubuntu",
            "device_name": None, "device_type": "desktop",
            "created_at": now_ms(), "updated_at": now_ms(),
        }  # fmt: skip
        mine = self._redis.pipeline(transaction=False) if pipe is None else pipe
        mine.setex(f"entry:{user}:{entry['id']}", WEEK, json.dumps(entry))
        mine.sadd(f"lookup:{user}", str(entry["id"]))
        if pipe is None:
            mine.execute()

    def _entries(self, user: str) -> list[dict[str, Any]]:
        ids = [each.decode() for each in self._redis.smembers(f"lookup:{user}")]
        found, gone = [], []
        for start in range(0, len(ids), AT_ONCE):
            some = ids[start : start + AT_ONCE]
            for each, entry in zip(
                some, self._redis.mget([f"entry:{user}:{i}" for i in some]), strict=True
            ):
                gone.append(each) if entry is None else found.append(json.loads(entry))
        if gone:
            self._redis.srem(f"lookup:{user}", *gone)
        return found

    def _clean_up(self, user: str) -> None:
        """Beyond the cap the oldest end."""
        entries = sorted(self._entries(user), key=lambda entry: entry["updated_at"])
        if len(entries) > CAP:
            self._end(user, [entry["id"] for entry in entries[:-CAP]])

    def _end(self, user: str, ids: list[str]) -> None:
        if ids:
            with self._redis.pipeline(transaction=False) as pipe:
                pipe.srem(f"lookup:{user}", *ids)
                pipe.delete(*(f"entry:{user}:{i}" for i in ids))
                pipe.delete(*(f"session:{i}" for i in ids))
                pipe.execute()


def _private(cookie: str) -> str:
    return sha256(cookie.encode()).hexdigest()


def gitlab(place: Place) -> Peer:
    active = Active(place.redis_url)

    def noting() -> None:
        active.notes = True

    return Peer(
        lambda cookie: "1", active.request, active.sign_in, active.slow, active.revoke, active.list,
        active.revoke_others, fill=active.fill, noting=noting, close=active.close,
    )  # fmt: skip


def ours(place: Place) -> Peer:
    """The flow itself; activity is noted in the request."""
    sessions = open_sessions(store=place.url, sweep_every=None)
    client, notes = Client(ADDRESS, FIREFOX), [False]

    def sign_in(user: str) -> str:
        outcome = sessions.sign_in(user, client, started_at=now_ms())
        assert isinstance(outcome, SignedIn)
        return outcome.cookies[0].value

    def request(cookie: str) -> str:
        session = sessions.validate(cookie)
        if session is None:
            return ""
        if notes[0]:
            sessions.touch(Touch(session.id, None))
        return session.user_id

    def slow(cookie: str, hook: Hook) -> None:
        session = sessions.validate(cookie)
        assert session is not None
        hook()
        sessions.touch(Touch(session.id, client))
        sessions.set_data(session.id, b"{}")

    def noting() -> None:
        notes[0] = True

    return Peer(
        lambda cookie: "1",
        request,
        sign_in,
        slow,
        lambda user, cookie: sessions.revoke(user, cookie.partition(".")[0], current=None),
        lambda user: len(sessions.list(user)),
        lambda user, cookie: sessions.revoke_others(user, current=cookie.partition(".")[0]),
        fill=partial(fill, place),
        noting=noting,
        close=sessions.close,
    )


def fill(place: Place, count: int) -> None:
    """Three sessions a user."""
    if place.engine == "sqlite":
        filled(place.url, count, "other-")
    elif place.engine == "postgres":
        fill_postgres(place.url, count, "other-")
    else:
        store = RedisStore(place.url)
        fill_redis(place.redis, store, count)
        store.close()


PEERS: dict[str, tuple[Callable[[Place], Peer], tuple[str, ...]]] = {
    "signedin": (ours, ("redis",)),
    "GitLab's commands": (gitlab, ("redis",)),
}
