"""The verbs of a request: what a view does with the session of the request it is given."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.contrib import auth
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest

from ..outcomes import CredentialsChanged, SignedOut
from ..reasons import Reason
from ..session import Session
from .binding import binding_of


class SignInRefused(PermissionDenied):
    """The login was undone; the first argument says why, as ``Refused.why`` does."""


def current_session(request: HttpRequest) -> Session | None:
    """The session making this request, or None. Raises StoreUnavailable when that can't be known."""
    return binding_of(request).open().session


def sign_in(
    request: HttpRequest,
    user: Any,
    *,
    remember: bool = False,
    authenticated_by: Sequence[str] = ("password",),
    barrier: int | None = None,
    backend: str | None = None,
) -> None:
    """Django's ``login``, and how this user was authenticated. Raises SignInRefused.

    remember, authenticated_by, barrier: see :meth:`Exchange.sign_in`; a login form's field
    ``remember`` does the first as well. backend: as ``login`` takes it.
    """
    binding = binding_of(request)
    binding.remember, binding.authenticated_by = remember, tuple(authenticated_by)
    binding.barrier = barrier
    auth.login(request, user, backend)


def sign_out(request: HttpRequest) -> None:
    """Django's ``logout``: this browser's session ends, its cookies are cleared."""
    auth.logout(request)


def sign_out_everywhere(request: HttpRequest) -> SignedOut | None:
    """End all sessions of the current user; None if nobody is signed in."""
    outcome = binding_of(request).open().sign_out_everywhere()
    auth.logout(request)
    return outcome


def credentials_changed(request: HttpRequest) -> CredentialsChanged | None:
    """The current user changed a credential other than the password, which tells itself."""
    return binding_of(request).open().credentials_changed()


def why_signed_out(request: HttpRequest) -> Reason | None:
    """For the sign-in page: why this browser was signed out, told once; or None."""
    navigation = request.META.get("HTTP_SEC_FETCH_MODE") in (None, "navigate")
    return binding_of(request).open().why_signed_out(navigation=navigation)
