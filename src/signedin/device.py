"""What we infer of a device from its user agent and client hints."""

from __future__ import annotations

from dataclasses import astuple, dataclass
from typing import Literal

Kind = Literal["desktop", "phone", "tablet", "tv", "console", "cli", "unknown"]


@dataclass(frozen=True)
class Device:
    """A device, as far as it can be known truthfully; None where it can't."""

    kind: str
    browser: str | None
    browser_version: str | None
    os: str | None
    os_version: str | None
    model: str | None

    @classmethod
    def of(cls, parts: tuple[str | None, ...]) -> Device:
        """A device from its stored parts; parts that are missing or unknown are None."""
        kind, *rest = (*parts, None, None, None, None, None, None)[:6]
        return cls(kind or "unknown", *rest)

    @property
    def parts(self) -> tuple[str | None, ...]:
        """Its stored form."""
        return astuple(self)
