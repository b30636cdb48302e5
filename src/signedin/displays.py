"""What the console gives: sessions, lists and results under the names that GitLab's console has. Pure.

Their ``repr`` is for a person at a prompt; no text in it can act in the terminal.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Literal
from unicodedata import combining, east_asian_width

import msgspec

from .api import list_json
from .describe import title
from .outcomes import Matching, RevokedMany
from .session import Session, at, clean_text

SHOWN: Final = 200
"""Most rows of a list that a prompt shows."""
HEADINGS: Final = ("SESSION", "USER", "DEVICE", "IP", "LAST ACTIVE", "SIGNED IN")


@dataclass(frozen=True)
class ActiveSessionRecord:
    """An active session, as GitLab's console calls its parts. session: the session itself."""

    session: Session = field(repr=False)

    @property
    def session_private_id(self) -> str:
        """Its id: it names the session, and is no secret."""
        return self.session.id

    @property
    def user_id(self) -> str:
        """Whose it is."""
        return self.session.user_id

    @property
    def ip_address(self) -> str:
        """Where it was last active from."""
        return self.session.ip

    @property
    def browser(self) -> str | None:
        """The browser's name, if it is known."""
        return self.session.device.browser

    @property
    def os(self) -> str | None:
        """The system's name, if it is known."""
        return self.session.device.os

    @property
    def device_name(self) -> str | None:
        """The device's model, if it told."""
        return self.session.device.model

    @property
    def device_type(self) -> str:
        """desktop, phone, tablet, tv, console, cli, or unknown."""
        return self.session.device.kind

    @property
    def created_at(self) -> datetime:
        """When its user signed in, in UTC."""
        return at(self.session.signed_in_at)

    @property
    def updated_at(self) -> datetime:
        """When it was last active, in UTC."""
        return at(self.session.last_active_at)

    @property
    def is_impersonated(self) -> bool:
        """Whether an operator acts as somebody in it."""
        return self.session.acting_as is not None

    def __repr__(self) -> str:
        s = self.session
        return f"<session {s.short_id} of {_safe(s.user_id)}: {_safe(title(s))}, {_safe(s.ip)}>"


class SessionList(list[ActiveSessionRecord]):
    """Sessions, most recently active first. At a prompt it is a table; an empty one is ``[]``."""

    def each(self, do: Callable[[ActiveSessionRecord], object]) -> SessionList:
        """Call ``do`` with each, and give the list back."""
        for session in self:
            do(session)
        return self

    def any(self) -> bool:
        """Whether there is one."""
        return bool(self)

    def to_json(self, now: int = 0) -> str:
        """The document that the API gives, without a time of its own unless one is given (ms)."""
        told = list_json([record.session for record in self], current=None, now=now)
        return json.dumps(msgspec.to_builtins(told), indent=1, ensure_ascii=False)

    def __repr__(self) -> str:
        if not self:
            return "[]"
        rows = [HEADINGS, *(_row(record) for record in self[:SHOWN])]
        widths = [max(map(_width, column)) for column in zip(*rows, strict=True)]
        padded = ([c + " " * (w - _width(c)) for c, w in zip(row, widths, strict=True)] for row in rows)
        lines = ("   ".join(cells).rstrip() for cells in padded)
        more = f"\nand {len(self) - SHOWN:,} more" if len(self) > SHOWN else ""
        return "\n".join(lines) + f"{more}\n{_plural(len(self), 'session')}. Times in UTC."


@dataclass(frozen=True)
class RevokeResult:
    """What a revocation did, or would do; true if a session ended. outcome: as in the audit trail."""

    sessions: int
    users: int
    already: int = 0
    outcome: Literal["done", "stopped", "failed", "dry_run"] = "done"
    trouble: Exception | None = None
    in_doubt: int = 0

    @classmethod
    def of(cls, done: RevokedMany) -> RevokeResult:
        """What a run did."""
        outcome = "done" if done.outcome == "running" else done.outcome
        return cls(done.sessions, done.users, done.already, outcome, done.trouble, done.in_doubt)

    @classmethod
    def would(cls, matching: Matching) -> RevokeResult:
        """What a revocation would do."""
        return cls(matching.sessions, matching.users, outcome="dry_run")

    def __bool__(self) -> bool:
        return self.sessions > 0

    def __repr__(self) -> str:
        whose = f"{_plural(self.sessions, 'session')} of {_plural(self.users, 'user')}"
        if self.outcome == "dry_run":
            return f"Would revoke {whose}. Nothing was changed."
        if not self.sessions and self.outcome == "done":
            ended = f" {self.already:,} had already ended." if self.already else ""
            return f"Nothing was revoked: there was no such session.{ended}"
        text = f"Revoked {whose}."
        if self.users:
            text += f" Remember me is turned off for {_plural(self.users, 'user')}."
        if self.outcome == "stopped":
            text = f"Stopped. {text} Run it again to finish."
        if self.trouble is not None:
            doubt = f" Of {self.in_doubt:,} more it is not known." if self.in_doubt else ""
            text = f"{self.trouble} {text}{doubt} Run it again to finish."
        return text


def _row(record: ActiveSessionRecord) -> Sequence[str]:
    session = record.session
    cells: tuple[Any, ...] = (session.short_id, session.user_id, title(session), session.ip)
    times = (f"{record.updated_at:%Y-%m-%d %H:%M}", f"{record.created_at:%Y-%m-%d %H:%M}")
    return (*(_safe(cell) for cell in cells), *times)


def _safe(text: str) -> str:
    return clean_text(text, 255)


def _width(text: str) -> int:
    """How many columns of a terminal the text takes."""
    wide = sum(east_asian_width(character) in "WF" for character in text)
    return len(text) + wide - sum(map(bool, map(combining, text)))


def _plural(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
