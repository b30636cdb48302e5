"""One web request: cookies in, a session, cookies out. The adapters bind it to their frameworks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from .. import outgoing
from ..cookies import Cookie
from ..errors import StoreUnavailable
from ..events import logger
from ..outcomes import CredentialsChanged, Presented, Refused, SignedIn, SignedOut
from ..policy import touch_due
from ..reasons import Reason
from ..replies import Reply
from ..session import Client, Session, SessionId
from ..steps import Touch
from ..visitor import Visitor, is_due
from .sessions import AsyncSessions


class AsyncExchange:
    """What a request brought and what its response must carry.

    presented: its cookies. client: its facts. started_at: when it began, milliseconds. passive: it is
    polling, which is no activity. from_ours: it comes from our own pages, as far as that matters.
    cookies: to be set by the response, whatever it is. data: the data bag as it is stored, where it was
    asked for. visitor: whose it is, if nobody is signed in.
    """

    clear_cache = False
    data: bytes | None = None
    visitor: Visitor | None = None
    _session: Session | None = None
    _outage: StoreUnavailable | None = None
    _dead_remember = False

    def __init__(
        self,
        sessions: AsyncSessions,
        presented: Presented,
        client: Client,
        started_at: int,
        *,
        passive: bool = False,
        from_ours: bool = True,
    ) -> None:
        self.sessions = sessions
        self.presented = presented
        self.client = client
        self.started_at = started_at
        self.passive = passive
        self.from_ours = from_ours
        self.cookies: list[Cookie] = []

    @property
    def session(self) -> Session | None:
        """The current session, or None. Raises StoreUnavailable when that can't be known (V4)."""
        if self._outage is not None:
            raise self._outage
        return self._session

    @property
    def is_known(self) -> bool:
        """Whether the store could be asked."""
        return self._outage is None

    async def open(self, *, may_resume: bool, with_data: bool = False) -> None:
        """Find the current session; never raises for an absent store, which is told on use.

        may_resume: Remember me may start a session (not in a WebSocket handshake, R2). with_data: the
        data bag is wanted, too, the session's or else the visitor's.
        """
        presented = self.presented
        try:
            if with_data:
                self._session, self.data = await self.sessions.validate_with_data(presented.session)
            else:
                self._session = await self.sessions.validate(presented.session)
            if self._session is None and may_resume and presented.remember is not None:
                await self._resume()
            if self._session is None and with_data and presented.visitor is not None:
                self.visitor = await self.sessions.find_visitor(presented.visitor)
                self.data = None if self.visitor is None else self.visitor.bag
        except StoreUnavailable as outage:
            self._outage = outage

    async def _resume(self) -> None:
        outcome = await self.sessions.resume(
            self.presented.remember, self.client, started_at=self.started_at
        )
        if isinstance(outcome, SignedIn):
            self._take(outcome)
        else:
            # Refused for now is not dead: the same token may be good in a moment.
            self._dead_remember = outcome is None or outcome.why == "theft"

    def due_touch(self) -> Touch | None:
        """This request as activity, as of its beginning, where that is to be recorded; with the client
        only if it is another one than is known.
        """
        session, client = self._session, self.client
        if session is None or not touch_due(session, client, self.started_at, self.passive):
            return None
        is_known = client.ip == session.ip and client.user_agent == session.user_agent
        return Touch(session.id, None if is_known else client)

    def refusal(
        self, session: Session | None, *, fresh: bool, method: str, path: str, query: str, accept: str
    ) -> Reply | None:
        """None where this session may go on; else what its request is told, see
        :func:`~signedin.outgoing.refusal`. fresh: credentials must have been given within the setting
        ``fresh_for``.
        """
        settings = self.sessions.settings
        if session is not None and (
            not fresh or session.is_fresh(self.sessions.clock(), settings.fresh_ms)
        ):
            return None
        told = {"method": method, "path": path, "query": query, "accept": accept}
        return outgoing.refusal(session, settings.sign_in_path, **told)

    def note_hints(self, hints: Mapping[str, str]) -> None:
        """What the browser says of itself in client hints, for a sign-in."""
        self.client = self.client._replace(hints={**hints, **self.client.hints})

    async def sign_in(
        self,
        user_id: str | int,
        *,
        remember: bool = False,
        authenticated_by: Sequence[str] = ("password",),
        barrier: int | None = None,
        started_at: int | None = None,
        data: bytes | None = None,
    ) -> SignedIn | Refused:
        """Start a session in this browser, whose cookies the response will set.

        started_at: when the first credential was presented, if not with this request. data: the data
        bag that moves over, unless it was another user's. A request that came from another site is
        refused.
        """
        if not self.from_ours:
            return Refused("cross_site")
        if not self.carries_data_to(user_id):
            data = None
        outcome = await self.sessions.sign_in(
            user_id,
            self.client,
            started_at=self.started_at if started_at is None else started_at,
            barrier=barrier,
            remember=remember,
            authenticated_by=authenticated_by,
            presented=self._now_presented(),
            data=data,
        )
        if isinstance(outcome, SignedIn):
            self._take(outcome)
            self.data = data
            await self._leave_visitor()
        return outcome

    def carries_data_to(self, user_id: str | int) -> bool:
        """Whether this request's data bag may become that user's: it is no other user's (S1)."""
        return self._session is None or self._session.user_id == str(user_id)

    async def keep_data(self, bag: bytes | None) -> bool:
        """Write the request's data bag, None for an empty one, if it has changed. False where what it
        belonged to has ended meanwhile, or the request came from another site: nothing was written.

        Raises DataTooLarge, and StoreUnavailable when it can't be known whose it is.
        """
        session, visitor, is_same = self.session, self.visitor, bag == self.data
        if session is not None:
            kept = is_same or await self.sessions.set_data(session.id, bag)
        elif bag is None:
            kept = True
            if visitor is not None:
                await self._leave_visitor()
        elif visitor is not None:
            renewed = not self.passive and is_due(visitor, self.started_at)
            kept = (is_same and not renewed) or await self.sessions.set_visitor(visitor, bag)
        elif self.from_ours:
            self.visitor, cookie = await self.sessions.add_visitor(bag)
            self._set(cookie)
            kept = True
        else:
            kept = False
        if kept:
            self.data = bag
        return kept

    async def _leave_visitor(self) -> None:
        """The browser is no visitor's any more. What can't be removed now goes by itself."""
        if self.presented.visitor is None and self.visitor is None:
            return
        names, visitor, self.visitor = self.sessions.settings.cookies, self.visitor, None
        self._set(names.clear(names.visitor))
        if visitor is not None:
            try:
                await self.sessions.drop_visitor(visitor)
            except StoreUnavailable as error:
                logger.warning("A visitor's data bag was not removed: %s", error)

    async def sign_out(self) -> SignedOut:
        """End this browser's session; the response clears its cookies and its cache.

        A request from another site, which comes without our cookies, clears nothing.
        """
        if not self.from_ours or self._now_presented()[:2] == (None, None):
            return SignedOut((), ())
        outcome = await self.sessions.sign_out(self._now_presented())
        self._leave(outcome)
        return outcome

    async def sign_out_everywhere(self) -> SignedOut | None:
        """End all sessions of the current user; None if nobody is signed in."""
        session = self.session
        if session is None:
            return None
        outcome = await self.sessions.sign_out_everywhere(session.user_id)
        self._leave(outcome)
        return outcome

    async def credentials_changed(self) -> CredentialsChanged | None:
        """After the current user changed a credential; None if nobody is signed in (E7)."""
        session = self.session
        if session is None:
            return None
        outcome = await self.sessions.credentials_changed(
            session.user_id, token=self._now_presented().session
        )
        names = self.sessions.settings.cookies
        if outcome.signed_in is not None:
            self._take(outcome.signed_in)
        else:
            self._session = self.data = None
        if self.presented.remember is not None:
            self._set(names.clear(names.remember))
        return outcome

    async def rotate(self, authenticated_by: Sequence[str] | None) -> SignedIn | None:
        """After a step-up: the same session with a new secret, fresh; None if it is too late.

        authenticated_by: the methods just given; None: none was, and only the secret is new.
        """
        outcome = await self.sessions.rotate(
            self._now_presented().session, authenticated_by=authenticated_by
        )
        if outcome is not None:
            self._take(outcome)
        return outcome

    async def reissue(self, user_id: str | int, session_id: SessionId) -> SignedIn | None:
        """Let this browser, which is known by other means, have that session of the user; None if it is
        over.
        """
        outcome = await self.sessions.reissue(user_id, session_id)
        if outcome is not None:
            self._take(outcome)
        return outcome

    async def act_as(self, user_id: str | None, *, until: int | None = None) -> SignedIn | None:
        """Let the current session act as this user until then, milliseconds, or (None) no longer; it
        gets a new secret. None if it is too late.
        """
        outcome = await self.sessions.rotate(
            self._now_presented().session, acting_as=user_id, acting_until=until
        )
        if outcome is not None:
            self._take(outcome)
        return outcome

    async def why_signed_out(self, *, navigation: bool) -> Reason | None:
        """For the sign-in page: why this browser's session ended, told once (E8).

        navigation: the request is a person's way to the page; then dead cookies are cleared, and
        only those that came and that the store has answered dead (V7).
        """
        if self._outage is not None or self._session is not None:
            return None
        reason = await self.sessions.why_ended(self.presented.session)
        names = self.sessions.settings.cookies
        if navigation and self.presented.session is not None:
            self._set(names.clear(names.session))
        if navigation and self._dead_remember:
            self._set(names.clear(names.remember))
        return reason

    def _take(self, outcome: SignedIn) -> None:
        self._session, self._outage = outcome.session, None
        for cookie in outcome.cookies:
            self._set(cookie)

    def _leave(self, outcome: SignedOut) -> None:
        self._session, self.data, self.clear_cache = None, None, True
        for cookie in outcome.cookies:
            self._set(cookie)

    def _set(self, cookie: Cookie) -> None:
        """One ``Set-Cookie`` for each name: the last word holds."""
        self.cookies = [other for other in self.cookies if other.name != cookie.name] + [cookie]

    def _now_presented(self) -> Presented:
        """What the browser would present after this response: what was just set, else what came."""
        names = self.sessions.settings.cookies
        now = {cookie.name: None if cookie.clears else cookie.value for cookie in self.cookies}
        return Presented(
            now.get(names.session, self.presented.session),
            now.get(names.remember, self.presented.remember),
            now.get(names.visitor, self.presented.visitor),
        )
