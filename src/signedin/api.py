"""Sessions as JSON: one form for the API, the page's JSON and the CLI. Pure.

``schema`` is versioned, and keys are only ever added. Times are RFC 3339 in UTC. Session ids are in
it; tokens, hashes and series ids never are. The OpenAPI document is made from these types.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from .describe import is_idle, rfc3339, title
from .session import EndedSession, Session, SessionId

LIST: Final = "signedin.list/1"
REVOKE: Final = "signedin.revoke/1"
HISTORY: Final = "signedin.history/1"
CURRENT: Final = "signedin.current/1"

DescribeUser = Callable[[str], Mapping[str, str | None]]
"""More of a user than the id: ``{"username": "ada", "name": "Ada Okafor"}``."""

Id = Annotated[str, Meta(pattern="^[0-9a-f]{48}$", description="Names a session; not secret.")]
_WHEN: Final = {"format": "date-time"}
Time = Annotated[str, Meta(description="RFC 3339, to the second.", extra_json_schema=_WHEN)]


class UserDocument(Struct, omit_defaults=True):
    """Whose it is."""

    id: str
    username: str | UnsetType | None = UNSET
    name: str | UnsetType | None = UNSET


class SessionDocument(Struct):
    """One active session."""

    id: Id
    short_id: str
    user: UserDocument
    current: bool
    label: str
    nickname: str | None
    browser: str | None
    browser_version: str | None
    os: str | None
    os_version: str | None
    device_name: str | None
    device_type: str
    ip_address: str
    created_at: Time
    updated_at: Time
    expires_at: Time | None
    remembered: bool
    admin_mode: bool
    acting_as: str | None
    auth_methods: list[str]
    idle: bool
    user_agent: str


class ListDocument(Struct):
    """Active sessions, in order."""

    schema: Literal["signedin.list/1"]
    generated_at: Time
    count: int
    total: int | None
    next_cursor: str | None
    sessions: list[SessionDocument]


class FailedDocument(Struct):
    """One that was asked for and did not end."""

    id: str
    code: Literal["not_found", "current_session"]


class RevokeDocument(Struct):
    """What a revocation did, or would do."""

    schema: Literal["signedin.revoke/1"]
    dry_run: bool
    matched: int
    revoked: int
    already_ended: int
    failed: list[FailedDocument]
    users: int
    remember_tokens_revoked_for_users: int
    duration_ms: int
    reason: str | None


class EndedDocument(Struct):
    """One entry of the history."""

    id: Id
    short_id: str
    user: UserDocument
    label: str
    ip_address: str
    created_at: Time
    updated_at: Time
    ended_at: Time
    reason: str
    actor: str | None


class HistoryDocument(Struct):
    """What ended, the latest first."""

    schema: Literal["signedin.history/1"]
    count: int
    next_cursor: str | None
    sessions: list[EndedDocument]


class CurrentDocument(Struct):
    """The session of this request; ``expires_in``: seconds until it ends if it is not used again."""

    schema: Literal["signedin.current/1"]
    expires_in: int | None
    fresh: bool
    session: SessionDocument


class ProblemDocument(Struct):
    """An error (RFC 9457), with a stable code."""

    type: str
    status: int
    code: str
    detail: str


def session_json(
    session: Session, *, current: SessionId | None, now: int, user: DescribeUser | None = None
) -> SessionDocument:
    """One active session."""
    device = session.device
    end = session.ends_at
    more: dict[str, Any] = dict(user(session.user_id)) if user else {}
    return SessionDocument(
        id=session.id,
        short_id=session.short_id,
        user=UserDocument(session.user_id, **more),
        current=session.id == current,
        label=title(session),
        nickname=session.name,
        browser=device.browser,
        browser_version=device.browser_version,
        os=device.os,
        os_version=device.os_version,
        device_name=device.model,
        device_type=device.kind,
        ip_address=session.ip,
        created_at=rfc3339(session.signed_in_at),
        updated_at=rfc3339(session.last_active_at),
        expires_at=None if end is None else rfc3339(end),
        remembered=session.remembered,
        admin_mode=session.admin_until is not None and now < session.admin_until,
        acting_as=session.acting_as,
        auth_methods=list(session.authenticated_by),
        idle=is_idle(session, now),
        user_agent=session.user_agent,
    )


def list_json(
    sessions: Sequence[Session],
    *,
    current: SessionId | None,
    now: int,
    user: DescribeUser | None = None,
) -> ListDocument:
    """A list of sessions, in the order given."""
    documents = [session_json(s, current=current, now=now, user=user) for s in sessions]
    return ListDocument(LIST, rfc3339(now), len(documents), len(documents), None, documents)


def current_json(session: Session, *, now: int, fresh_for: int) -> CurrentDocument:
    """The current session. fresh_for: milliseconds."""
    end = session.ends_at
    return CurrentDocument(
        CURRENT,
        None if end is None else max(end - now, 0) // 1000,
        session.is_fresh(now, fresh_for),
        session_json(session, current=session.id, now=now),
    )


def revoke_json(
    *,
    revoked: int,
    already: int,
    users: int,
    duration_ms: int,
    failed: Sequence[FailedDocument] = (),
    reason: str | None = None,
    dry_run: bool = False,
) -> RevokeDocument:
    """What a revocation did, or would do. users: whose sessions it was about."""
    return RevokeDocument(
        schema=REVOKE,
        dry_run=dry_run,
        matched=revoked + already,
        revoked=0 if dry_run else revoked,
        already_ended=already,
        failed=list(failed),
        users=users,
        remember_tokens_revoked_for_users=users if revoked and not dry_run else 0,
        duration_ms=duration_ms,
        reason=reason,
    )


def history_json(
    ended: Sequence[EndedSession], *, cursor: str | None = None, user: DescribeUser | None = None
) -> HistoryDocument:
    """What has ended, in the order given. cursor: where the next page starts, or None."""
    documents = [ended_json(session, user=user) for session in ended]
    return HistoryDocument(HISTORY, len(documents), cursor, documents)


def ended_json(ended: EndedSession, *, user: DescribeUser | None = None) -> EndedDocument:
    """One entry of the history."""
    more: dict[str, Any] = dict(user(ended.user_id)) if user else {}
    return EndedDocument(
        id=ended.id,
        short_id=ended.short_id,
        user=UserDocument(ended.user_id, **more),
        label=title(ended),
        ip_address=ended.ip,
        created_at=rfc3339(ended.signed_in_at),
        updated_at=rfc3339(ended.last_active_at),
        ended_at=rfc3339(ended.ended_at),
        reason=ended.reason,
        actor=ended.actor,
    )


DOCUMENTS: Final = (
    ListDocument,
    SessionDocument,
    RevokeDocument,
    HistoryDocument,
    CurrentDocument,
    ProblemDocument,
)
"""What the API's answers are made of."""


def schemas() -> tuple[dict[str, dict[str, Any]], dict[str, Any]]:
    """A reference for each document by its name, and the components that they refer to."""
    found, components = msgspec.json.schema_components(
        DOCUMENTS, ref_template="#/components/schemas/{name}"
    )
    return {kind.__name__: schema for kind, schema in zip(DOCUMENTS, found, strict=True)}, components
