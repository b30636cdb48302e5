# Generated from _async by scripts/unasync.py; edit that one.
"""The flow's part that ends sessions: by the user, by an operator, by what happened, by time."""

from __future__ import annotations

from collections.abc import Iterable

from ..errors import ClockError
from ..events import RememberMeForgotten, SessionRotated
from ..outcomes import CredentialsChanged, Revoked, SignedOut
from ..policy import SWEEP_CLOCK_TOLERANCE
from ..reasons import REASONS
from ..session import SessionId, checked_user_id, decode_tail
from ..steps import AllBut, Ended, Only, Which
from ..token import Token
from .core import PAGE, Core, changed


class Endings(Core):
    """Each verb names a row of the table of reasons; the store does what the row says."""

    def revoke(
        self,
        user_id: str | int,
        session_ids: SessionId | Iterable[SessionId],
        *,
        current: SessionId | None,
        operator: str | None = None,
    ) -> Revoked:
        """End these sessions of the user, never the current one; turn off Remember me on all the
        user's devices (E1–E4). operator: who does it for the user, if it is not the user.
        """
        ids = (session_ids,) if isinstance(session_ids, str) else tuple(dict.fromkeys(session_ids))
        wanted = tuple(i for i in ids if i != current)
        ended = Ended()
        if wanted:
            ended = self._revoke(user_id, Only(wanted), operator)
        found = {session.id for session in (*ended.sessions, *ended.already)}
        return Revoked(
            ended.sessions,
            ended.already,
            tuple(i for i in wanted if i not in found),
            kept=len(wanted) < len(ids),
            forgotten=ended.forgotten,
        )

    def revoke_others(
        self, user_id: str | int, *, current: SessionId, operator: str | None = None
    ) -> Revoked:
        """End all sessions of the user but the current one; turn off Remember me on all devices."""
        ended = self._revoke(user_id, AllBut(current), operator)
        return Revoked(ended.sessions, forgotten=ended.forgotten)

    def revoke_all(self, user_id: str | int, *, operator: str) -> Revoked:
        """End all sessions of a user, and stop sign-ins under way: an operator's act."""
        ended = self._revoke(user_id, AllBut(None), operator)
        return Revoked(ended.sessions, forgotten=ended.forgotten)

    def sign_out_everywhere(self, user_id: str | int) -> SignedOut:
        """End all sessions of a user by the user's own choice, the current one included."""
        user, names = checked_user_id(user_id), self.settings.cookies
        ended = self._end(user, AllBut(None), REASONS["signed_out_everywhere"], user)
        return SignedOut((names.clear(names.session), names.clear(names.remember)), ended.sessions)

    def forget(self, user_id: str | int, *, keep: SessionId | None = None) -> int:
        """Turn off Remember me on the user's devices, but for that of the session ``keep``; how many
        browsers must now give their password. No session ends.
        """
        user = checked_user_id(user_id)
        record = None if keep is None else self.store.find(keep)
        series = record.series if record is not None and record.user_id == user else None
        count = self.store.forget(user, keep=series)
        if count:
            self._tell(RememberMeForgotten(user, count))
        return count

    def credentials_changed(self, user_id: str | int, *, token: str | None = None) -> CredentialsChanged:
        """After a change of password, second factor or e-mail address: all other sessions end, all
        Remember me is turned off, sign-ins under way are stopped, and the current session gets a
        new secret, its open connections closed (E7). token: the current session's; None if none.
        """
        user, now = checked_user_id(user_id), self.clock()
        parsed = Token.parse(token)
        record = None if parsed is None else self.store.find(SessionId(parsed.id))
        facts = None if record is None else decode_tail(record.tail)
        kept, rotation, signed_in = None, None, None
        if (
            parsed is not None
            and record is not None
            and facts is not None
            and record.user_id == user
            and record.judge(now) == "active"
            and parsed.matches(record.secret_hash)
        ):
            kept = record.id
            cut = changed(facts, authenticated_at=now, previous_hash=None, connections_cut_at=now)
            rotation, signed_in = self._rotation(changed(record, series=None), cut)
        ended = self._end(user, AllBut(kept), REASONS["credentials_changed"], user, rotation)
        if not ended.rotated:
            signed_in = None
        if signed_in is not None:
            self._tell(SessionRotated(signed_in.session))
        return CredentialsChanged(ended.sessions, ended.barrier or now, signed_in)

    def account_disabled(self, user_id: str | int, *, operator: str | None = None) -> Revoked:
        """After an account was disabled or deleted: all its sessions end (E7)."""
        user = checked_user_id(user_id)
        ended = self._end(user, AllBut(None), REASONS["account_disabled"], operator or user)
        return Revoked(ended.sessions, forgotten=ended.forgotten)

    def sweep(self, *, batch: int = PAGE) -> int:
        """End what has passed its limits, with an entry in the history; how many. Bounded batches.

        Raises ClockError when the newest record lies more than 5 minutes ahead of the clock.
        """
        now, count = self.clock(), 0
        if self.store.newest() > now + SWEEP_CLOCK_TOLERANCE:
            raise ClockError
        while True:
            swept = self.store.sweep(now, batch)
            self._announce(swept.ended)
            count += len(swept.ended)
            if not swept.more:
                return count

    def _revoke(self, user_id: str | int, which: Which, operator: str | None) -> Ended:
        user = checked_user_id(user_id)
        reason = REASONS["revoked" if operator is None else "revoked_by_operator"]
        return self._end(user, which, reason, operator or user)
