"""Starlette: ours, starsessions, crudauth."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import redis.asyncio
from crudauth import DatabaseStore
from crudauth.storage.backends.redis import RedisSessionStorage
from crudauth.transports.session.manager import SessionManager
from sqlalchemy import event
from sqlalchemy.ext.asyncio import create_async_engine
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starsessions import SessionAutoloadMiddleware, SessionMiddleware
from starsessions.stores.redis import RedisStore

from signedin import open_async_sessions
from signedin.asgi import SignedinMiddleware, current_session, sign_in
from signedin.config import now_ms

from .contract import ADDRESS, FIREFOX, Hook, Peer
from .places import Place


class Browser:
    """Requests to an ASGI application in this process. name: of the cookie."""

    def __init__(self, app: Any, name: str) -> None:
        self.app = app
        self.name = name
        self.hook: Hook | None = None

    async def ask(self, path: str, cookie: str = "") -> tuple[str, str]:
        """The body, and the session's cookie if it was set."""
        got: list[Any] = []
        headers = [(b"host", b"app.example"), (b"user-agent", FIREFOX.encode())]
        if cookie:
            headers.append((b"cookie", f"{self.name}={cookie}".encode()))
        scope = {
            "type": "http", "method": "GET", "path": path, "root_path": "", "scheme": "https",
            "query_string": b"", "client": (ADDRESS, 4711), "headers": headers,
            "state": {"hook": self.hook},
        }  # fmt: skip

        async def receive() -> Any:
            return {"type": "http.request", "body": b"", "more_body": False}

        async def send(message: Any) -> None:
            got.append(message)

        await self.app(scope, receive, send)
        assert got[0]["status"] == 200, got
        mine = f"{self.name}=".encode()
        cookies = [value for key, value in got[0]["headers"] if key == b"set-cookie"]
        found = [value[len(mine) :] for value in cookies if value.startswith(mine)]
        return got[1]["body"].decode(), found[0].partition(b";")[0].decode() if found else ""

    async def request(self, cookie: str) -> str:
        return (await self.ask("/", cookie))[0]

    async def sign_in(self, user: str) -> str:
        return (await self.ask(f"/enter/{user}"))[1]

    async def slow(self, cookie: str, hook: Hook) -> None:
        self.hook = hook
        await self.ask("/slow", cookie)
        self.hook = None


async def into_the_dictionary(request: Request) -> None:
    request.session["cart"] = "1"


def routes(
    of: Callable[[Request], Any],
    enter: Callable[[Request, Response], Any],
    write: Callable[[Request], Any] = into_the_dictionary,
) -> list[Route]:
    """of: who is signed in. enter: signs the user in whom the path names. write: into the session."""

    async def who(request: Request) -> Response:
        return PlainTextResponse(await of(request))

    async def entered(request: Request) -> Response:
        response = PlainTextResponse("")
        await enter(request, response)
        return response

    async def slow(request: Request) -> Response:
        user = await of(request)
        await request.state.hook()
        await write(request)
        return PlainTextResponse(user)

    return [Route("/", who), Route("/enter/{user}", entered), Route("/slow", slow)]


def bare() -> Callable[[str], Any]:
    """Starlette alone."""

    async def answer(request: Request) -> Response:
        return PlainTextResponse("1")

    return Browser(Starlette(routes=[Route("/", answer)]), "x").request


def ours(place: Place) -> Peer:
    moved = [0]
    sessions = open_async_sessions(store=place.url, sweep_every=None, clock=lambda: now_ms() + moved[0])

    async def of(request: Request) -> str:
        session = current_session(request)
        return "" if session is None else session.user_id

    async def enter(request: Request, response: Response) -> None:
        await sign_in(request, request.path_params["user"])

    app = SignedinMiddleware(Starlette(routes=routes(of, enter)), sessions=sessions, data=True)
    browser = Browser(app, "__Host-signedin")

    async def listed(user: str) -> int:
        return len(await sessions.list(user))

    async def revoke(user: str, cookie: str) -> None:
        await sessions.revoke(user, cookie.partition(".")[0], current=None)

    async def revoke_others(user: str, cookie: str) -> None:
        await sessions.revoke_others(user, current=cookie.partition(".")[0])

    def noting() -> None:
        moved[0] += 61_000

    return Peer(
        bare(), browser.request, browser.sign_in, browser.slow, revoke, listed, revoke_others,
        noting=noting, noted=app._touches.drain, close=sessions.close,
    )  # fmt: skip


def starsessions(place: Place) -> Peer:
    connection = redis.asyncio.Redis.from_url(place.redis_url)
    store = RedisStore(connection=connection)

    async def of(request: Request) -> str:
        return str(request.session.get("user", ""))

    async def enter(request: Request, response: Response) -> None:
        request.session["user"] = request.path_params["user"]

    inner = SessionAutoloadMiddleware(Starlette(routes=routes(of, enter)))
    browser = Browser(SessionMiddleware(inner, store=store, lifetime=604_800, rolling=True), "session")

    async def revoke(user: str, cookie: str) -> None:
        await store.remove(cookie)

    return Peer(bare(), browser.request, browser.sign_in, browser.slow, revoke, close=connection.aclose)


def crudauth(place: Place) -> Peer:
    """Its session manager, which asks for no user model."""
    storages, ready, close = kept_by_crudauth(place)
    manager = SessionManager(
        storages[0], csrf_storage=storages[1], key_secret="x" * 50, max_sessions_per_user=100
    )

    notes: list[bool] = []

    async def of(request: Request) -> str:
        await ready()
        session_id = request.cookies.get("session_id", "")
        session = await manager.validate_session(session_id, update_activity=bool(notes))
        return "" if session is None else str(session.user_id)

    async def enter(request: Request, response: Response) -> None:
        await ready()
        session_id, csrf = await manager.create_session(request, request.path_params["user"])
        manager.set_session_cookies(response, session_id, csrf)

    async def write(request: Request) -> None:
        def change(session: Any) -> None:
            session.metadata["cart"] = "1"

        await manager.modify_session(request.cookies["session_id"], change)

    browser = Browser(Starlette(routes=routes(of, enter, write)), "session_id")

    async def listed(user: str) -> int:
        return len(await manager.list_for_user(user))

    async def revoke(user: str, cookie: str) -> None:
        assert await manager.revoke_by_handle(manager.session_handle(cookie), user)

    async def revoke_others(user: str, cookie: str) -> None:
        await manager.revoke_all(user, exclude=cookie)

    def noting() -> None:
        notes.append(True)

    return Peer(
        bare(), browser.request, browser.sign_in, browser.slow, revoke, listed, revoke_others,
        noting=noting, close=close,
    )  # fmt: skip


def kept_by_crudauth(place: Place) -> tuple[tuple[Any, Any], Hook, Hook]:
    """Its two storages, what makes their tables at the first use, and what closes them."""
    names = ("session:", "csrf:")
    if place.engine == "redis":
        client = redis.asyncio.Redis.from_url(place.redis_url)
        first, second = (RedisSessionStorage[Any](prefix=name, client=client) for name in names)

        async def there() -> None:
            pass

        return (first, second), there, client.aclose
    url = f"sqlite+aiosqlite:///{place.folder / 'peer.db'}"
    if place.engine == "postgres":
        url = place.postgres_url.replace("postgresql:", "postgresql+psycopg:")
    engine = create_async_engine(url)
    if place.engine == "sqlite":
        event.listen(engine.sync_engine, "connect", as_ours)
    store = DatabaseStore(engine)
    made: list[bool] = []

    async def tables() -> None:
        if not made:
            await store.create_tables()
            made.append(True)

    return (store.storage(names[0]), store.storage(names[1])), tables, engine.dispose


def as_ours(connection: Any, record: Any) -> None:
    """The settings that our SQLite store has."""
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode = WAL")
    cursor.execute("PRAGMA synchronous = FULL")
    cursor.close()


PEERS: dict[str, tuple[Callable[[Place], Peer], tuple[str, ...]]] = {
    "signedin": (ours, ("sqlite", "redis", "postgres")),
    "starsessions": (starsessions, ("redis",)),
    "crudauth": (crudauth, ("sqlite", "redis", "postgres")),
}
