"""One peer on one engine: what its operations cost, and whether what was revoked stays dead."""

from __future__ import annotations

import asyncio
import inspect
import statistics
import time
from collections.abc import Callable
from itertools import count
from typing import Any

from .contract import Peer
from .places import Place

LISTS = (1, 10, 100)


class Measured:
    """A peer, driven. quick: fewer of everything."""

    def __init__(self, peer: Peer, place: Place, quick: bool) -> None:
        self._peer = peer
        self._place = place
        self._quick = quick
        self._runner = asyncio.Runner()
        self._users = count(1)

    def _do(self, work: Callable[..., Any], *arguments: Any) -> Any:
        if not inspect.iscoroutinefunction(work):
            return work(*arguments)
        return self._runner.run(work(*arguments))

    def _each(self, work: Callable[..., Any], calls: list[tuple[Any, ...]]) -> list[float]:
        """Microseconds of each call."""
        if inspect.iscoroutinefunction(work):
            return self._runner.run(_each_waited_for(work, calls))
        taken = []
        for arguments in calls:
            began = time.perf_counter()
            work(*arguments)
            taken.append((time.perf_counter() - began) * 1e6)
        return taken

    def _user(self) -> str:
        return str(next(self._users))

    def _signed_in(self, times: int = 1) -> tuple[str, list[str]]:
        """A new user with so many sessions, and their cookies."""
        user = self._user()
        return user, [self._do(self._peer.sign_in, user) for _ in range(times)]

    # ── what it costs ────────────────────────────────────────────────────────────────────────

    def costs(self) -> dict[str, float | None]:
        """Microseconds of each operation, medians; a request's and a sign-in's above the bare one's."""
        peer, many = self._peer, 200 if self._quick else 400
        self._signed_in()
        before = self._place.size()
        calls = [(self._user(),) for _ in range(many)]
        found: dict[str, float | None] = {}
        taken = self._each(peer.sign_in, calls)
        bare = statistics.median(self._each(peer.bare, [("",)] * 100))
        found["sign-in"] = statistics.median(taken) - bare
        found["bytes a session"] = (self._place.size() - before) / many
        cookies = [self._signed_in()[1][0] for _ in range(60)]
        found["request"] = self._request(cookies, None)
        for size in LISTS:
            found[f"list {size}"] = self._listing(size)
        found["revoke one of 10"] = self._revoking(10)
        found["revoke 9 others"] = self._revoking_others(10, 12)
        found["revoke 99 others"] = self._revoking_others(100, 2 if self._quick else 3)
        found["request, activity noted"] = self._request(cookies, peer.noting)
        return found

    def _request(self, cookies: list[str], noting: Callable[[], Any] | None) -> float:
        """Above the bare one: medians of turns that take turns. What is noted is waited for."""
        calls = [(cookie,) for cookie in cookies]
        self._each(self._peer.request, calls)
        self._do(self._peer.noted)
        turns = []
        for _ in range(8 if self._quick else 12):
            bare = statistics.mean(self._each(self._peer.bare, calls))
            if noting is not None:
                self._do(noting)
            began = time.perf_counter()
            self._each(self._peer.request, calls)
            if noting is not None:
                self._do(self._peer.noted)
            turns.append((time.perf_counter() - began) * 1e6 / len(calls) - bare)
        return statistics.median(turns)

    def _listing(self, size: int) -> float | None:
        if self._peer.list is None:
            return None
        user, cookies = self._signed_in(size)
        assert self._do(self._peer.list, user) == len(cookies)
        return statistics.median(self._each(self._peer.list, [(user,)] * 20))

    def _revoking(self, size: int) -> float:
        calls = []
        for _ in range(12):
            user, cookies = self._signed_in(size if self._peer.list else 1)
            calls.append((user, cookies[0]))
        taken = statistics.median(self._each(self._peer.revoke, calls))
        assert self._do(self._peer.request, calls[0][1]) == ""
        return taken

    def _revoking_others(self, size: int, times: int) -> float | None:
        if self._peer.revoke_others is None:
            return None
        calls = []
        for _ in range(times):
            user, cookies = self._signed_in(size)
            calls.append((user, cookies[-1]))
        taken = statistics.median(self._each(self._peer.revoke_others, calls))
        assert self._do(self._peer.request, cookies[-1]) == user
        assert self._do(self._peer.request, cookies[0]) == ""
        return taken

    def growth(self, sizes: list[int]) -> dict[str, dict[str, float]]:
        """What a request and a user's list cost in stores of these sizes, in microseconds."""
        peer, there = self._peer, 0
        assert peer.fill is not None
        found: dict[str, dict[str, float]] = {"request": {}, "list": {}}
        for size in sizes:
            self._do(peer.fill, size - there)
            there = size
            users = [self._signed_in(3) for _ in range(20)]
            cookies = [cookies[0] for _, cookies in users]
            found["request"][str(size)] = self._request(cookies, None)
            work, times = (peer.list, 20) if peer.list else (peer.walk, 3)
            assert work is not None
            calls = [(user,) for user, _ in users[:times]]
            # What a first call has to do, a connection or a statement to prepare, is done then.
            assert {self._do(work, user) for (user,) in calls} == {3}
            found["list"][str(size)] = statistics.median(self._each(work, calls))
        return found

    # ── what passes ──────────────────────────────────────────────────────────────────────────

    def passes(self) -> dict[str, list[int] | None]:
        """Statements and round trips of each operation."""
        peer = self._peer
        for _ in range(2):  # connections are open then, and scripts known
            user, (cookie, *others) = self._signed_in(3)
            self._do(peer.revoke, user, others[0])
            if peer.revoke_others is not None:
                self._do(peer.revoke_others, user, cookie)
        found: dict[str, list[int] | None] = {}
        found["sign-in"] = self._counted(peer.sign_in, self._user())
        user, (cookie,) = self._signed_in()
        self._do(peer.request, cookie)
        self._do(peer.noted)
        found["request"] = self._counted(peer.request, cookie)
        for size in LISTS:
            user, cookies = self._signed_in(size)
            found[f"list {size}"] = self._counted(peer.list, user)
        found["revoke 99 others"] = self._counted(peer.revoke_others, user, cookies[-1])
        user, cookies = self._signed_in(10)
        found["revoke one of 10"] = self._counted(peer.revoke, user, cookies[0])
        found["revoke 9 others"] = None
        if peer.revoke_others is not None:
            user, cookies = self._signed_in(10)
            found["revoke 9 others"] = self._counted(peer.revoke_others, user, cookies[-1])
        self._do(peer.request, cookies[-1])
        self._do(peer.noted)
        self._do(peer.noting)

        def noted(cookie: str) -> None:
            self._do(peer.request, cookie)
            self._do(peer.noted)

        found["request, activity noted"] = self._counted(noted, cookies[-1])
        return found

    def _counted(self, work: Callable[..., Any] | None, *arguments: Any) -> list[int] | None:
        if work is None:
            return None
        with self._place.counting() as passed:
            self._do(work, *arguments)
        return [passed.statements, passed.trips]

    # ── what holds ───────────────────────────────────────────────────────────────────────────

    def holds(self) -> dict[str, bool]:
        """A slow request reads its session, the session is revoked, the request writes and answers."""
        peer = self._peer
        user, (cookie, *_) = self._signed_in(2)
        is_in = self._do(peer.request, cookie) == user
        assert is_in, "the cookie is good at first"
        if inspect.iscoroutinefunction(peer.revoke):

            async def revoke() -> None:
                await peer.revoke(user, cookie)

            hook: Callable[[], Any] = revoke
        else:

            def hook() -> None:
                peer.revoke(user, cookie)

        self._do(peer.slow, cookie, hook)
        dead = self._do(peer.request, cookie) != user
        live = self._signed_in()[1][0]
        # Ours has a dot before the secret; the id alone is no secret.
        plain = any(self._place.holds(each.rpartition(".")[2]) for each in (cookie, live))
        return {"a revoked session stays dead under a slow request": dead, "tokens at rest": plain}

    def close(self) -> None:
        self._do(self._peer.close)
        self._runner.close()


async def _each_waited_for(work: Callable[..., Any], calls: list[tuple[Any, ...]]) -> list[float]:
    taken = []
    for arguments in calls:
        began = time.perf_counter()
        await work(*arguments)
        taken.append((time.perf_counter() - began) * 1e6)
    return taken
