"""How the store is opened: at its first use, and on no server that would bring revoked sessions back."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import Any, Final
from weakref import WeakSet

from ...errors import SettingsError, StoreUnavailable
from ...redis.address import Address
from ...redis.colours import async_address_of
from ...redis.failures import is_not_permitted
from ...redis.persistence import SNAPSHOTS, only_snapshots
from .redis_cluster import AsyncRedisClusterLink
from .redis_link import AsyncRedisLink

LONG_WITHIN: Final = 10.0
"""Seconds for a step of an operator's work."""


class AsyncOpening:
    """The links of a store: one for requests, one for what takes long."""

    def __init__(
        self,
        where: Any,
        prefix: str | None,
        replicas: int | None,
        rdb_only: bool | None,
        connect_within: float,
        answer_within: float,
    ) -> None:
        address = Address.of(where) if isinstance(where, str) else async_address_of(where)
        self._client = None if isinstance(where, str) or address.kind == "cluster" else where
        named = {"prefix": prefix, "replicas": replicas, "rdb_only": rdb_only}
        self.address = replace(address, **{k: v for k, v in named.items() if v is not None})  # type: ignore[arg-type]
        self._connect_within = connect_within
        self._answer_within = address.answer_within or answer_within
        _openings.add(self)
        self.quick: AsyncRedisLink | None = None
        self._links: dict[float, AsyncRedisLink] = {}

    def _link(self, answer_within: float) -> AsyncRedisLink:
        found = self._links.get(answer_within)
        if found is None:  # two threads may both make one: the first stays, the other has opened nothing
            found = self._links.setdefault(answer_within, self._make(answer_within))
        return found

    def _make(self, answer_within: float) -> AsyncRedisLink:
        client = self._client
        if client is not None:
            return AsyncRedisLink(
                client.connection_pool,
                answer_within=self._answer_within,
                replicas=self.address.replicas,
            )
        made = AsyncRedisClusterLink if self.address.kind == "cluster" else AsyncRedisLink
        return made.to(self.address, connect_within=self._connect_within, answer_within=answer_within)

    async def open(self) -> AsyncRedisLink:
        """The link for requests, once the server is known to bring nothing back."""
        link = self._link(self._answer_within)
        if not self.address.rdb_only:
            for node in await link.nodes():
                try:
                    save = await link.at_node(node, "CONFIG", "GET", "save")
                    appendonly = await link.at_node(node, "CONFIG", "GET", "appendonly")
                except StoreUnavailable as error:
                    if not is_not_permitted(error.__cause__):
                        raise
                    break  # a managed server doesn't tell: signedin doctor says so
                if only_snapshots(save, appendonly):
                    raise SettingsError(SNAPSHOTS)
        self.quick = link
        return link

    def patient(self) -> AsyncRedisLink:
        """The link for what takes long."""
        return self._link(LONG_WITHIN)

    def forget(self) -> None:
        """After a fork the connections are the parent's: not used, and not closed either, for what waits
        for them in the parent would no longer be woken.
        """
        _parents.extend(self._links.values())
        self.quick, self._links = None, {}

    async def close(self) -> None:
        """Let go of the connections; a client that was passed in is its owner's."""
        links = self._links.values()
        self.quick, self._links = None, {}
        for link in links:
            if self._client is None:
                await link.close()


_openings: WeakSet[AsyncOpening] = WeakSet()
_parents: list[AsyncRedisLink] = []


def _forked() -> None:
    for opening in _openings:
        opening.forget()


os.register_at_fork(after_in_child=_forked)
