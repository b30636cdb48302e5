"""The session engine: Django's dict of a request is the data bag of a session of ours.

One read finds both. Nobody is stored before something is kept; who isn't signed in is a visitor, and
login moves what was kept to a session. ``session_key`` is the session's id, which opens nothing: the
token is in the cookie alone, and the store has its hash.
"""

from __future__ import annotations

from typing import Any, Final

from asgiref.sync import sync_to_async
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.backends.base import CreateError, SessionBase, UpdateError

from ..events import logger
from ..outcomes import Presented
from ..session import Client, Session, SessionId, parse_session_id
from ..token import Token
from .binding import Binding
from .flow import flow, remembered

UNTIL: Final = "_session_until"
"""In a bag: when it is over, milliseconds, where the site has said so with ``set_expiry``."""
OPERATOR: Final = "django"
_NOBODY: Final = Client("", "")


class SessionStore(SessionBase):
    """The dict of a request; with the id of a session, that session's, for the site's own code.

    session_key: an id, or a token as a cookie brings it. Each method has a twin for coroutines.
    """

    def __init__(self, session_key: str | None = None, *, binding: Binding | None = None) -> None:
        # What the base class sets, but for its key: this is made for every request.
        self.accessed = self.modified = False
        self.serializer = flow().serializer
        self._named: SessionId | None = None
        if binding is None:
            is_token = Token.parse(session_key) is not None
            brought = Presented(session_key, None, session_key) if is_token else Presented()
            binding = Binding(brought, _NOBODY, with_data=True)
            self._named = None if is_token or session_key is None else parse_session_id(session_key)
        self.binding = binding

    # ── whose it is ──────────────────────────────────────────────────────────────────────────

    @property
    def session_key(self) -> str | None:
        """The id of the session or of the visitor; None where nothing is kept."""
        return self._named or self._id_of(self.binding.open())

    @staticmethod
    def _id_of(exchange: Any) -> str | None:
        if exchange.session is not None:
            return str(exchange.session.id)
        return None if exchange.visitor is None else str(exchange.visitor.id)

    def is_empty(self) -> bool:
        """Whether nothing is kept."""
        return not self._get_session() and self.session_key is None

    # ── reading ──────────────────────────────────────────────────────────────────────────────

    def load(self) -> dict[str, Any]:
        """The dict as it is stored; the session's user is who is logged in."""
        if self._named is not None:
            if not self.exists(self._named):
                self._named = None
                return {}
            return self._decoded(flow().sessions.data(self._named))[0]
        exchange = self.binding.open()
        session = exchange.session
        found, is_over = self._decoded(exchange.data)
        if is_over:
            self._leave(exchange)
            return {}
        if session is not None and SESSION_KEY not in found:
            self._log_in(found, remembered(session.user_id))
        return _only_of(session, found)

    async def aload(self) -> dict[str, Any]:
        """The same."""
        if self._named is not None:
            if not await self.aexists(self._named):
                self._named = None
                return {}
            return self._decoded(await sync_to_async(flow().sessions.data)(self._named))[0]
        exchange = await self.binding.aopen()
        session = exchange.session
        found, is_over = self._decoded(exchange.data)
        if is_over:
            await self._aleave(exchange)
            return {}
        if session is not None and SESSION_KEY not in found:
            self._log_in(found, await sync_to_async(remembered)(session.user_id))
        return _only_of(session, found)

    def _get_session(self, no_load: bool = False) -> dict[str, Any]:
        self.accessed = True
        if not hasattr(self, "_session_cache"):
            self._session_cache: dict[str, Any] = {} if no_load else self.load()
        return self._session_cache

    _session = property(_get_session)

    async def _aget_session(self, no_load: bool = False) -> dict[str, Any]:
        self.accessed = True
        if not hasattr(self, "_session_cache"):
            self._session_cache = {} if no_load else await self.aload()
        return self._session_cache

    def _log_in(self, found: dict[str, Any], who: tuple[Any, str] | None) -> None:
        """After Remember me started the session: what Django's own login writes."""
        if who is not None:
            user, backend = who
            found[SESSION_KEY] = user._meta.pk.value_to_string(user)
            found[BACKEND_SESSION_KEY] = backend
            found[HASH_SESSION_KEY] = user.get_session_auth_hash()
            self.modified = True

    def _decoded(self, bag: bytes | None) -> tuple[dict[str, Any], bool]:
        """The dict, and whether its time is over."""
        if bag is None:
            return {}, False
        try:
            found: dict[str, Any] = self.serializer().loads(bag)
        except Exception:
            logger.warning("The data of a session can't be read, and counts as none.")
            return {}, False
        until = found.pop(UNTIL, None)
        return found, until is not None and flow().clock() >= until

    # ── writing ──────────────────────────────────────────────────────────────────────────────

    def encoded(self, found: dict[str, Any]) -> bytes | None:
        """The dict as it is stored."""
        if not found:
            return None
        if found.get("_session_expiry"):
            age = self.get_expiry_age(expiry=found["_session_expiry"])
            found = found | {UNTIL: flow().clock() + age * 1000}
        bag: bytes = self.serializer().dumps(found)
        return bag

    def save(self, must_create: bool = False) -> None:
        """Write what has changed. Raises UpdateError when the session has ended meanwhile."""
        bag = self.encoded(self._get_session(no_load=must_create))
        if self._named is not None:
            if must_create:
                raise CreateError
            kept = flow().sessions.set_data(self._named, bag)
        else:
            kept = self.binding.open().keep_data(b"{}" if must_create and bag is None else bag)
        if not kept:
            raise UpdateError

    async def asave(self, must_create: bool = False) -> None:
        """The same."""
        bag = self.encoded(await self._aget_session(no_load=must_create))
        if self._named is not None:
            if must_create:
                raise CreateError
            kept = await sync_to_async(flow().sessions.set_data)(self._named, bag)
        else:
            exchange = await self.binding.aopen()
            kept = await exchange.keep_data(b"{}" if must_create and bag is None else bag)
        if not kept:
            raise UpdateError

    def create(self) -> None:
        """Begin as a visitor with nothing."""
        self._named = None
        self.flush()
        self.save(must_create=True)

    async def acreate(self) -> None:
        """The same."""
        self._named = None
        await self.aflush()
        await self.asave(must_create=True)

    # ── ending ───────────────────────────────────────────────────────────────────────────────

    def exists(self, session_key: str) -> bool:
        """Whether it is the id of an active session."""
        named = parse_session_id(session_key)
        record = None if named is None else flow().sessions.store.find(named)
        return record is not None and record.judge(flow().clock()) == "active"

    async def aexists(self, session_key: str) -> bool:
        """The same."""
        return await sync_to_async(self.exists)(session_key)

    def delete(self, session_key: str | None = None) -> None:
        """End the session: this browser's own, or by its id as an operator."""
        wanted = session_key or self._named
        if wanted is None:
            self._leave(self.binding.open())
            return
        named = parse_session_id(wanted)
        record = None if named is None else flow().sessions.store.find(named)
        if record is not None:
            flow().sessions.revoke(record.user_id, record.id, current=None, operator=OPERATOR)

    async def adelete(self, session_key: str | None = None) -> None:
        """The same."""
        if session_key or self._named:
            await sync_to_async(self.delete)(session_key)
        else:
            await self._aleave(await self.binding.aopen())

    def flush(self) -> None:
        """Nothing is left, and the session has ended."""
        self.clear()
        self.delete()
        self._named = None

    async def aflush(self) -> None:
        """The same."""
        self.clear()
        await self.adelete()
        self._named = None

    @staticmethod
    def _leave(exchange: Any) -> None:
        if exchange.session is not None:
            exchange.sign_out()
        else:
            exchange.keep_data(None)

    @staticmethod
    async def _aleave(exchange: Any) -> None:
        if exchange.session is not None:
            await exchange.sign_out()
        else:
            await exchange.keep_data(None)

    def cycle_key(self) -> None:
        """A session has a new secret; a visitor begins anew with the same dict."""
        self._get_session()
        exchange = self.binding.open()
        if exchange.session is not None:
            exchange.rotate(None)
        else:
            exchange.keep_data(None)
        self.modified = True

    async def acycle_key(self) -> None:
        """The same."""
        await self._aget_session()
        exchange = await self.binding.aopen()
        if exchange.session is not None:
            await exchange.rotate(None)
        else:
            await exchange.keep_data(None)
        self.modified = True

    @classmethod
    def clear_expired(cls) -> None:
        """Move what has expired to the history."""
        flow().sessions.sweep()

    @classmethod
    async def aclear_expired(cls) -> None:
        """The same."""
        await sync_to_async(cls.clear_expired)()


def _only_of(session: Session | None, found: dict[str, Any]) -> dict[str, Any]:
    """Only a session logs in, and only its own user: no dict does."""
    if SESSION_KEY in found and (session is None or found[SESSION_KEY] != session.user_id):
        for name in (SESSION_KEY, BACKEND_SESSION_KEY, HASH_SESSION_KEY):
            found.pop(name, None)
    return found
