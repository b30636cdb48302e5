"""Remember me at work: from a presented token to a session, its repeat, or an alarm (R2–R5).

The judgement is the pure rule's; the store compares and sets. Whoever loses the race against
another tab looks once more, and finds the repeat.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from ..colours import async_call
from ..events import SessionResumed, TheftSuspected
from ..outcomes import Refused, SignedIn
from ..policy import STARTED_AT_MOST, milliseconds
from ..reasons import REASONS, RESUMABLE
from ..remember_me import Derived, Series, derive, judge, renewed_until
from ..session import Client, Record, SessionId, new_session_id
from ..steps import Only, Resumption
from ..token import Token
from .core import changed

if TYPE_CHECKING:
    from .sessions import AsyncSessions

AUTHENTICATED_BY = ("remember_me",)


async def resume(
    sessions: AsyncSessions, token: Token, client: Client, started_at: int
) -> SignedIn | Refused | None:
    """What a well-formed token leads to; None for one that is nothing (unknown or expired)."""
    for _ in range(2):
        answer = await _attempt(sessions, token, client, started_at)
        if answer != Refused("lost"):
            break
    return answer


async def _attempt(
    sessions: AsyncSessions, token: Token, client: Client, started_at: int
) -> SignedIn | Refused | None:
    now = sessions.clock()
    found = await sessions.store.find_series(token.id)
    if found is None or sessions.settings.policy.remember_me is None:
        return None
    series, last = found
    match judge(series, token, now):
        case "expired":
            return None
        case "stolen":
            await sessions._end(series.user_id, Only((series.session_id,)), REASONS["theft"], None)
            await sessions._tell(TheftSuspected(series.user_id, client.ip))
            return Refused("theft")
        case "current":
            return await _accept(sessions, series, token, client, now, started_at)
        case "predecessor":
            assert series.nonce is not None
            if isinstance(last, Record) and last.judge(now) == "active":
                derived = derive(token.secret, series.nonce)
                return _repeat(sessions, series, token.id, last, derived, now)
            if last is None or isinstance(last, Record) or last.session.reason in RESUMABLE:
                return await _accept(sessions, series, token, client, now, started_at)
            return None


async def _accept(
    sessions: AsyncSessions, series: Series, token: Token, client: Client, now: int, started_at: int
) -> SignedIn | Refused:
    """A new session from the presented token, whose secret moves on (R2). A repeat of it finds this
    session, also where it was the series' predecessor and what came of it is over (R3).
    """
    begun = started_at - sessions.settings.skew_ms
    if now - begun > STARTED_AT_MOST + sessions.settings.skew_ms:
        return Refused("too_old")
    if sessions.account_active is not None and not await async_call(
        sessions.account_active, series.user_id
    ):
        return Refused("account")
    policy = sessions.settings.policy
    assert policy.remember_me is not None
    nonce = os.urandom(32)
    derived = derive(token.secret, nonce)
    session_token = Token(new_session_id(series.user_id), derived.session_secret)
    moved = changed(
        series,
        secret_hash=Token(token.id, derived.successor).hash(),
        previous_hash=token.hash(),
        nonce=nonce,
        seen_at=None,
        session_id=SessionId(session_token.id),
        expires_at=renewed_until(
            series.created_at,
            now,
            milliseconds(policy.remember_me),
            milliseconds(policy.remember_me_limit),
        ),
    )
    record = sessions._new_record(
        session_token,
        series.user_id,
        client,
        now,
        series=series.key,
        authenticated_by=AUTHENTICATED_BY,
        authenticated_at=None,
    )
    answer = await sessions.store.resume(
        Resumption(
            record, now, begun, policy.cap_for(series.user_id), policy.at_cap, series.secret_hash, moved
        )
    )
    if isinstance(answer, str):
        return Refused(answer)
    await sessions._announce(answer.ended)
    if await sessions._stopped_for_everybody(record, begun):
        return Refused("barrier")
    signed_in = _signed_in(sessions, moved, token.id, record, derived, now)
    await sessions._tell(SessionResumed(signed_in.session))
    return SignedIn(signed_in.session, signed_in.cookies, answer.ended)


def _repeat(
    sessions: AsyncSessions, series: Series, series_id: str, record: Record, derived: Derived, now: int
) -> SignedIn | Refused:
    """The same two cookies again, unless the session has moved to another secret since (R4)."""
    if not Token(record.id, derived.session_secret).matches(record.secret_hash):
        return Refused("lost")
    return _signed_in(sessions, series, series_id, record, derived, now)


def _signed_in(
    sessions: AsyncSessions, series: Series, series_id: str, record: Record, derived: Derived, now: int
) -> SignedIn:
    cookies = (
        sessions._session_cookie(Token(record.id, derived.session_secret)),
        sessions._remember_cookie(Token(series_id, derived.successor), series, now),
    )
    return SignedIn(sessions._public(record), cookies)
