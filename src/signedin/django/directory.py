"""The site's users, for operators: who they are by id, name and e-mail address."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.contrib.auth import get_user_model
from django.core.exceptions import FieldDoesNotExist, ValidationError
from django.db.models import Q


@dataclass(frozen=True)
class SiteUser:
    """A user of the site."""

    id: str
    username: str
    name: str
    email: str | None


class SiteUsers:
    """A directory over ``get_user_model()``."""

    def find(self, user_id: str) -> SiteUser | None:
        """The user with this primary key."""
        return self._first(pk=user_id)

    def find_by_username(self, username: str) -> SiteUser | None:
        """The user with this name to log in with."""
        return self._first(**{_model().USERNAME_FIELD: username})

    def find_by_email(self, email: str) -> SiteUser | None:
        """The user with this address."""
        field = _email_field()
        return None if field is None else self._first(**{f"{field}__iexact": email})

    def search(self, text: str, limit: int) -> Iterator[SiteUser]:
        """Users in whose name or address the text is found."""
        names = {_model().USERNAME_FIELD, _email_field(), *_there("first_name", "last_name")} - {None}
        wanted = Q()
        for name in sorted(map(str, names)):
            wanted |= Q(**{f"{name}__icontains": text})
        return map(_read, _model()._default_manager.filter(wanted)[:limit])

    def all(self) -> Iterator[SiteUser]:
        """Every user."""
        return map(_read, _model()._default_manager.order_by("pk").iterator())

    @staticmethod
    def _first(**wanted: Any) -> SiteUser | None:
        try:
            user = _model()._default_manager.filter(**wanted).first()
        except (ValueError, ValidationError):
            return None
        return None if user is None else _read(user)


def _model() -> Any:
    return get_user_model()


def _email_field() -> str | None:
    found = _there(_model().get_email_field_name())
    return found[0] if found else None


def _there(*names: str) -> list[str]:
    found = []
    for name in names:
        try:
            _model()._meta.get_field(name)
        except FieldDoesNotExist:
            continue
        found.append(name)
    return found


def _read(user: Any) -> SiteUser:
    field = _email_field()
    full_name = user.get_full_name() if hasattr(user, "get_full_name") else ""
    username = user.get_username()
    email = getattr(user, field) if field else None
    return SiteUser(str(user.pk), username, full_name or username, email or None)
