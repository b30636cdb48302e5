"""What all of the admin page's routes need: who asks, what they may, how they are answered."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, tzinfo
from typing import Any, Final, TypeVar
from urllib.parse import quote, urlencode

from .. import admin_page
from ..admin import ACTIONS, Action, Admin
from ..admin_page import AdminUrls, View
from ..colours import async_call, async_in_thread
from ..describe import masked_ip, title
from ..directory import Directory, NoDirectory, Person, Stranger, reading_with
from ..messages import ENGLISH, say
from ..page import Flash, Fragment, default_layout
from ..replies import PRIVATE, Call, Headers, Reply, problem
from ..selector import Selector, parse_selector
from ..session import EndedSession, Session, checked_user_id, clean_text, parse_session_id
from ..steps import Counts
from .request import AsyncExchange

S = TypeVar("S", Session, EndedSession)

FLASH_SECONDS: Final = 60
SEARCH_CHARACTERS: Final = 500
COUNTED_FOR: Final = 30_000
"""So long the counts of everything are good, milliseconds: each takes a walk through the store."""


@dataclass
class Counted:
    """The counts of everything as this process last took them."""

    counts: Counts | None = None
    at: int = 0


@dataclass(frozen=True)
class AdminHost:
    """What the host adds to the admin page for one request.

    start: begins a run in the background, and may wait a moment for its end. stops: whether the
    process wants its runs to end.
    """

    admin: Admin
    urls: AdminUrls
    start: Callable[[Callable[[], Any]], object]
    stops: Callable[[], bool]
    counted: Counted = field(default_factory=Counted)
    layout: Callable[[str, str, str], object] = default_layout
    time_zone: tzinfo | None = None


def masked(sessions: Iterable[S]) -> list[S]:
    """The same sessions, whose addresses are not told in full."""
    return [replace(session, ip=masked_ip(session.ip)) for session in sessions]


class AsyncAdminCore:
    """One call's way through the admin page's routes."""

    def __init__(self, call: Call, exchange: AsyncExchange, host: AdminHost) -> None:
        self._call = call
        self._exchange = exchange
        self._sessions = exchange.sessions
        self._host = host
        self._urls = host.urls
        self._now = exchange.sessions.clock()
        self._ids: dict[str, str] = {}
        self._rights: frozenset[Action] = frozenset()
        self._directory: Directory[Person] = host.admin.directory or NoDirectory()

    @property
    def _own(self) -> Session:
        """The operator's own session; there is one wherever a route is answered."""
        assert self._exchange.session is not None
        return self._exchange.session

    async def _find_rights(self, own: Session) -> frozenset[Action]:
        allows = self._host.admin.allows
        return frozenset([action for action in ACTIONS if await async_call(allows, own, action)])

    # ── who and what is meant ────────────────────────────────────────────────────────────────

    def _text(self) -> str:
        """What was searched for, from the address or the form; nothing in it acts in a terminal."""
        given = self._call.query if self._call.method in ("GET", "HEAD") else self._call.form
        return clean_text(given.get("q", ""), SEARCH_CHARACTERS + 1)

    async def _read(self, text: str) -> tuple[Selector, tuple[str, ...]]:
        """What was searched for, and what of it can't be understood."""
        if len(text) > SEARCH_CHARACTERS:  # cut off, it could mean more
            return Selector(), (say("admin_search_long", most=SEARCH_CHARACTERS),)
        return await async_in_thread(parse_selector, text, reading_with(self._directory, self._now))

    async def _people(self, user_ids: Iterable[str]) -> dict[str, Person]:
        """Those of these users whom the directory knows."""
        wanted, directory = set(user_ids), self._directory

        def find() -> dict[str, Person]:
            found = {user_id: directory.find(user_id) for user_id in wanted}
            # A directory may find more than was asked for, such as names in any case.
            return {key: person for key, person in found.items() if person and person.id == key}

        return await async_in_thread(find)

    async def _person(self, user_id: str) -> Person | None:
        """The user of a path: in the directory, or at least with a session or a history."""
        try:
            checked_user_id(user_id)
        except ValueError:
            return None
        person = (await self._people([user_id])).get(user_id)
        if person is not None:
            return person
        there = (await self._sessions.overview(user_id)).sessions
        return Stranger(user_id) if there or await self._sessions.history(user_id) else None

    async def _view(self, user_ids: Iterable[str] = ()) -> View:
        return View(
            self._urls,
            self._now,
            self._host.time_zone or UTC,
            self._own,
            await self._people(user_ids),
            self._rights,
            await self._flash(),
        )

    async def _record(self, action: str, about: str, **more: Any) -> None:
        await self._sessions.record(action, about, **self._by(), **more)

    def _by(self) -> dict[str, Any]:
        """Who does it and from where, for the trail."""
        return {"operator": f"web:{self._own.user_id}", "origin": self._exchange.client.ip}

    # ── replying ─────────────────────────────────────────────────────────────────────────────

    async def _page(self, fragment: Fragment, status: int = 200, headers: Headers = PRIVATE) -> Reply:
        layout = self._host.layout
        html = await async_call(layout, fragment.title, fragment.head, fragment.body)
        return Reply.html(str(html), status, headers)

    async def message(
        self, status: int, code: str, heading: str, text: str, headers: Headers = ()
    ) -> Reply:
        """A problem, as a page or as JSON."""
        if self._call.wants_json:
            return problem(status, code, f"{heading} {text}".strip(), headers)
        fragment = admin_page.admin_message(heading, text, self._urls)
        return await self._page(fragment, status, (*PRIVATE, *headers))

    async def _not_found(self) -> Reply:
        """The same for what isn't there and for what isn't allowed."""
        return await self.message(404, "not_found", say("admin_not_found"), say("admin_not_found_text"))

    def _flashed(self, to: str, code: str, *about: str) -> Reply:
        """Another page, which says what happened, once."""
        names = self._sessions.settings.cookies
        value = ".".join((code, *about))
        self._exchange.cookies.append(names.set(names.flash, value, FLASH_SECONDS))
        return Reply.redirect(to + "#flash", PRIVATE)

    async def _flash(self) -> Flash | None:
        """What the last call did. The cookie only points: the words are ours."""
        if self._call.flash is None:
            return None
        names = self._sessions.settings.cookies
        self._exchange.cookies.append(names.clear(names.flash))
        code, _, about = self._call.flash[:100].partition(".")
        if code not in admin_page.ADMIN_FLASHES:
            return None
        values = {}
        if code == "admin_revoked":
            session_id = parse_session_id(about)
            entry = session_id and await self._sessions.store.find_ended(session_id)
            if not entry:
                return None
            values["title"] = title(entry.session)
        text = say(f"flash_{code}_text") if f"flash_{code}_text" in ENGLISH else ""
        return Flash(admin_page.ADMIN_FLASHES[code], say(f"flash_{code}", **values), text)

    def _sign_in_first(self) -> Reply:
        if self._call.wants_json:
            return problem(401, "sign_in_required", "Sign in first.")
        return self._to_sign_in()

    def _credentials_first(self) -> Reply:
        if self._call.wants_json:
            return problem(403, "reauthentication_required", "Give your credentials again.")
        return self._to_sign_in()

    def _to_sign_in(self) -> Reply:
        """To the sign-in page, and from there back to a page that only shows."""
        if self._call.method in ("GET", "HEAD"):
            query = urlencode(self._call.query)
            target = self._urls.to(quote(self._call.path)) + ("?" + query if query else "")
        elif "user" in self._ids:
            target = self._urls.user(self._ids["user"])
        else:
            target = self._urls.search(self._text())
        path = self._sessions.settings.sign_in_path
        return Reply.redirect(f"{path}?next={quote(target, safe='/')}", PRIVATE)
