"""The flow: what can be done with sessions. Start reading here.

Each verb reads the clock, asks the pure rules, and takes one atomic step in the store. Beginning a
session and being signed in stand here; looking at sessions in ``listing.py``, ending them in
``endings.py``, ending many in ``operating.py``, and what they share in ``core.py``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from enum import Enum
from typing import Final

from ..cookies import Cookie
from ..events import RecordUnreadable, SessionCreated, SessionRenamed, SessionRotated
from ..outcomes import Presented, Refused, SignedIn, SignedOut
from ..policy import ROTATION_GRACE, STARTED_AT_MOST, milliseconds, touch_due
from ..reasons import REASONS
from ..remember_me import Series, renewed_until, series_key
from ..session import (
    Client,
    EndedSession,
    Facts,
    Record,
    Session,
    SessionId,
    checked_user_id,
    clean_text,
    decode_tail,
    judge,
    new_session_id,
    session_of,
)
from ..steps import Only, SignIn, Touch
from ..token import Token, new_secret
from .core import after_a_step, changed
from .operating import AsyncOperating
from .resuming import resume
from .visiting import AsyncVisiting

NAME_CHARACTERS: Final = 64
_NOTHING: Final = Presented()


class Keep(Enum):
    """The right stays as it is."""

    KEEP = "keep"


KEEP: Final = Keep.KEEP


class AsyncSessions(AsyncOperating, AsyncVisiting):
    """Sessions in a store, under settings, by a clock.

    clock: the time in milliseconds since the epoch. listeners: called with each event after the
    store has committed; one that fails is logged and stops nothing. account_active: asked with the
    user id before Remember me signs somebody in.
    """

    # ── signing in ───────────────────────────────────────────────────────────────────────────

    async def sign_in(
        self,
        user_id: str | int,
        client: Client,
        *,
        started_at: int,
        barrier: int | None = None,
        remember: bool = False,
        authenticated_by: Sequence[str] = ("password",),
        presented: Presented = _NOTHING,
        data: bytes | None = None,
    ) -> SignedIn | Refused:
        """A new session with a new token, whatever the browser presented before (S1).

        started_at: when the first credential of this sign-in was presented, in milliseconds.
        barrier: what ``credentials_changed`` returned, for a reset that signs in. remember: start
        a remember-me series, if the policy has one. authenticated_by: methods, such as
        ``("password", "otp")``. presented: the cookies of the request; what they stand for ends.
        data: a data bag that moves over.

        Raises ValueError for an impossible user id, StoreUnavailable when the store is broken.
        """
        user = checked_user_id(user_id)
        policy, now = self.settings.policy, self.clock()
        begun = started_at - self.settings.skew_ms if barrier is None else barrier
        if now - begun > STARTED_AT_MOST + self.settings.skew_ms:
            return Refused("too_old")
        replaces, forgets, left = await self._leave(presented, user, now)
        token = Token(new_session_id(user), new_secret())
        names = self.settings.cookies
        cookies = [self._session_cookie(token)]
        series = None
        if remember and policy.remember_me is not None:
            series, cookie = self._new_series(SessionId(token.id), user, now)
            cookies.append(cookie)
        elif presented.remember is not None:
            cookies.append(names.clear(names.remember))
        record = self._new_record(
            token,
            user,
            client,
            now,
            series=None if series is None else series.key,
            authenticated_by=tuple(authenticated_by),
            authenticated_at=now,
        )
        step = SignIn(
            record, now, begun, policy.cap_for(user), policy.at_cap, replaces, forgets, series, data
        )
        with after_a_step(left):
            answer = await self.store.add(step)
        if isinstance(answer, str):
            return Refused(answer)
        await self._announce(answer.ended)
        if await self._stopped_for_everybody(record, begun):
            return Refused("barrier")
        session = self._public(record)
        await self._tell(SessionCreated(session))
        return SignedIn(session, tuple(cookies), answer.ended)

    async def resume(
        self, remember_token: str | None, client: Client, *, started_at: int
    ) -> SignedIn | Refused | None:
        """A new session for a valid remember-me token, or None for one that is none (R2–R5).

        Raises StoreUnavailable when the store is broken.
        """
        token = Token.parse(remember_token)
        if token is None:
            return None
        return await resume(self, token, client, started_at)

    # ── being signed in ──────────────────────────────────────────────────────────────────────

    async def validate(self, token: str | None) -> Session | None:
        """The active session of this token, or None; one read, no write (V1).

        Any text is allowed. Raises StoreUnavailable when the store is broken.
        """
        parsed = Token.parse(token)
        if parsed is None:
            return None
        return await self._judged(parsed, await self.store.find(SessionId(parsed.id)))

    async def validate_with_data(self, token: str | None) -> tuple[Session | None, bytes | None]:
        """The same, and the session's data bag, in the same read."""
        parsed = Token.parse(token)
        if parsed is None:
            return None, None
        record, bag = await self.store.find_with_data(SessionId(parsed.id))
        session = await self._judged(parsed, record)
        return session, None if session is None else bag

    async def _judged(self, parsed: Token, record: Record | None) -> Session | None:
        now = self.clock()
        if (
            record is None
            or judge(record.last_active_at, record.idle_timeout, record.expires_at, now) != "active"
        ):
            return None
        facts = decode_tail(record.tail)
        if facts is None:
            await self._tell(RecordUnreadable(record.id))
            return None
        if parsed.matches(record.secret_hash):
            return session_of(record, facts, now)
        if _is_superseded(parsed, facts, now):
            return session_of(record, facts, now, superseded=True)
        return None

    def touch_due(self, session: Session, client: Client | None, *, passive: bool = False) -> bool:
        """Whether this request's activity should be recorded with :meth:`touch` (V3)."""
        return touch_due(session, client, self.clock(), passive)

    async def touch(self, *touches: Touch) -> None:
        """Note activity of these sessions, now; one that has ended stays ended."""
        if touches:
            await self.store.touch(touches, self.clock())

    async def rotate(
        self,
        token: str | None,
        *,
        authenticated_by: Sequence[str] | None = None,
        acting_as: str | Keep | None = KEEP,
        acting_until: int | None = None,
        admin_until: int | Keep | None = KEEP,
    ) -> SignedIn | None:
        """The same session with a new secret and these rights; None if it isn't the current secret.

        authenticated_by: methods just given (step-up), which make the session fresh; None leaves
        them. acting_as, admin_until: as they shall be from now on; KEEP leaves them. acting_until: when
        a new acting_as ends at the latest. The old secret is
        good for 10 s without these rights, and not at all when ``acting_as`` changed (V6).
        """
        parsed, now = Token.parse(token), self.clock()
        record = None if parsed is None else await self.store.find(SessionId(parsed.id))
        if parsed is None or record is None or not parsed.matches(record.secret_hash):
            return None
        facts = decode_tail(record.tail)
        if facts is None:
            return None
        acts_as = facts.acting_as if acting_as is KEEP else acting_as
        rights = changed(
            facts,
            acting_as=acts_as,
            acting_until=facts.acting_until if acting_as is KEEP else acting_until,
            admin_until=facts.admin_until if admin_until is KEEP else admin_until,
            previous_hash=record.secret_hash if acts_as == facts.acting_as else None,
            rotated_at=now,
            # What was opened as somebody must not go on as that one.
            connections_cut_at=facts.connections_cut_at if acts_as == facts.acting_as else now,
        )
        if authenticated_by is not None:
            rights = changed(rights, authenticated_by=tuple(authenticated_by), authenticated_at=now)
        rotation, signed_in = self._rotation(record, rights)
        if not await self.store.rotate(rotation, now):
            return None
        await self._tell(SessionRotated(signed_in.session))
        return signed_in

    async def reissue(self, user_id: str | int, session_id: SessionId) -> SignedIn | None:
        """The same session with a new secret, for a browser that is known by other means and perhaps
        never got the cookie; None if the user has no such active session. The secret before is good
        for 10 s.
        """
        user = checked_user_id(user_id)
        while True:
            record, now = await self.store.find(session_id), self.clock()
            if record is None or record.user_id != user or record.judge(now) != "active":
                return None
            facts = decode_tail(record.tail)
            if facts is None:
                return None
            same = changed(facts, previous_hash=record.secret_hash, rotated_at=now)
            rotation, signed_in = self._rotation(record, same)
            # Who is beaten to it looks again.
            if await self.store.rotate(rotation, now):
                await self._tell(SessionRotated(signed_in.session))
                return signed_in

    async def rename(self, user_id: str | int, session_id: SessionId, name: str | None) -> bool:
        """The user's own name for a session, 64 characters at most; empty or None for none.

        False when the user has no such active session.
        """
        user, clean = checked_user_id(user_id), clean_text((name or "").strip(), NAME_CHARACTERS) or None
        renamed = await self.store.rename(user, session_id, clean, self.clock())
        if renamed:
            await self._tell(SessionRenamed(session_id, user, clean))
        return renamed

    async def data(self, session_id: SessionId) -> bytes | None:
        """The session's data bag, or None."""
        return await self.store.data(session_id)

    async def set_data(self, session_id: SessionId, bag: bytes | None) -> bool:
        """Write the data bag, 64 kB at most; False when the session is no longer active."""
        return await self.store.set_data(session_id, bag, self.clock())

    async def sign_out(self, presented: Presented) -> SignedOut:
        """End the session of this browser and forget its Remember me; the cookies to clear."""
        now, names = self.clock(), self.settings.cookies
        ended: tuple[EndedSession, ...] = ()
        session = await self.validate(presented.session)
        series = await self._presented_series(presented.remember, now)
        if session is not None:
            reason = REASONS["signed_out"]
            if self.settings.sign_out_forgets == "everywhere":
                reason = replace(reason, forgets="all")
            ended = (
                await self._end(session.user_id, Only((session.id,)), reason, session.user_id)
            ).sessions
        if series is not None:
            with after_a_step(bool(ended)):
                await self.store.forget(series.user_id, only=series.key)
        return SignedOut((names.clear(names.session), names.clear(names.remember)), ended)

    async def close(self) -> None:
        """Let go of the store."""
        await self.store.close()

    # ── what a browser presented ─────────────────────────────────────────────────────────────

    async def _leave(
        self, presented: Presented, user_id: str, now: int
    ) -> tuple[SessionId | None, bytes | None, bool]:
        """What this browser presented and must not keep: the same user's session and series, to end
        in the step of the sign-in; another user's end here, before it (S1). Last, whether any did.
        """
        replaces, forgets, left = None, None, False
        token = Token.parse(presented.session)
        record = None if token is None else await self.store.find(SessionId(token.id))
        series = await self._presented_series(presented.remember, now)
        if token is not None and record is not None and token.matches(record.secret_hash):
            if record.user_id == user_id:
                replaces = record.id
            else:
                await self._end(record.user_id, Only((record.id,)), REASONS["replaced"], None)
                left = True
        if series is not None:
            if series.user_id == user_id:
                forgets = series.key
            else:
                with after_a_step(left):
                    await self.store.forget(series.user_id, only=series.key)
                left = True
        return replaces, forgets, left

    def _new_series(self, session_id: SessionId, user_id: str, now: int) -> tuple[Series, Cookie]:
        """A remember-me series that starts with this session, and its first cookie (R1)."""
        policy = self.settings.policy
        assert policy.remember_me is not None
        token = Token(new_session_id(user_id), new_secret())
        series = Series(
            key=series_key(token.id),
            user_id=user_id,
            secret_hash=token.hash(),
            previous_hash=None,
            nonce=None,
            seen_at=None,
            session_id=session_id,
            created_at=now,
            expires_at=renewed_until(
                now, now, milliseconds(policy.remember_me), milliseconds(policy.remember_me_limit)
            ),
        )
        return series, self._remember_cookie(token, series, now)


def _is_superseded(token: Token, facts: Facts, now: int) -> bool:
    """Whether it is the secret from before a rotation, a few seconds ago (V6)."""
    return (
        facts.previous_hash is not None
        and now < facts.rotated_at + ROTATION_GRACE
        and token.matches(facts.previous_hash)
    )
