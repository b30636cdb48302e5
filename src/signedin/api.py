"""Sessions as JSON: one form for the API, the page's JSON and the CLI. Pure.

``schema`` is versioned, and keys are only ever added. Times are RFC 3339 in UTC. Session ids are in
it; tokens, hashes and series ids never are.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from .describe import is_idle, rfc3339, title
from .session import EndedSession, Session, SessionId

LIST: Final = "signedin.list/1"
REVOKE: Final = "signedin.revoke/1"

DescribeUser = Callable[[str], Mapping[str, str | None]]
"""More of a user than the id: ``{"username": "ada", "name": "Ada Okafor"}``."""


def time(ms: int | None) -> str | None:
    """A recorded time as RFC 3339 in UTC, to the second; None for none."""
    return None if ms is None else rfc3339(ms)


def session_json(
    session: Session, *, current: SessionId | None, now: int, user: DescribeUser | None = None
) -> dict[str, Any]:
    """One active session."""
    device = session.device
    return {
        "id": session.id,
        "short_id": session.short_id,
        "user": {"id": session.user_id, **(user(session.user_id) if user else {})},
        "current": session.id == current,
        "label": title(session),
        "nickname": session.name,
        "browser": device.browser,
        "browser_version": device.browser_version,
        "os": device.os,
        "os_version": device.os_version,
        "device_name": device.model,
        "device_type": device.kind,
        "ip_address": session.ip,
        "created_at": time(session.signed_in_at),
        "updated_at": time(session.last_active_at),
        "expires_at": time(session.ends_at),
        "remembered": session.remembered,
        "admin_mode": session.admin_until is not None and now < session.admin_until,
        "acting_as": session.acting_as,
        "auth_methods": list(session.authenticated_by),
        "idle": is_idle(session, now),
        "user_agent": session.user_agent,
    }


def list_json(
    sessions: Sequence[Session],
    *,
    current: SessionId | None,
    now: int,
    total: int | None = None,
    user: DescribeUser | None = None,
) -> dict[str, Any]:
    """A list of sessions, in the order given."""
    return {
        "schema": LIST,
        "generated_at": time(now),
        "count": len(sessions),
        "total": len(sessions) if total is None else total,
        "next_cursor": None,
        "sessions": [session_json(s, current=current, now=now, user=user) for s in sessions],
    }


def revoke_json(
    *,
    revoked: int,
    already: int,
    users: int,
    duration_ms: int,
    reason: str | None = None,
    dry_run: bool = False,
) -> dict[str, Any]:
    """What a revocation did, or would do. users: whose sessions it was about."""
    return {
        "schema": REVOKE,
        "dry_run": dry_run,
        "matched": revoked + already,
        "revoked": 0 if dry_run else revoked,
        "already_ended": already,
        "failed": [],
        "users": users,
        "remember_tokens_revoked_for_users": users if revoked and not dry_run else 0,
        "duration_ms": duration_ms,
        "reason": reason,
    }


def ended_json(ended: EndedSession) -> dict[str, Any]:
    """One entry of the history."""
    return {
        "id": ended.id,
        "short_id": ended.short_id,
        "user": {"id": ended.user_id},
        "label": title(ended),
        "ip_address": ended.ip,
        "created_at": time(ended.signed_in_at),
        "updated_at": time(ended.last_active_at),
        "ended_at": time(ended.ended_at),
        "reason": ended.reason,
        "actor": ended.actor,
    }
