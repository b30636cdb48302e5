"""What Django tells of itself: logins, logouts, new passwords, accounts that go."""

from __future__ import annotations

from typing import Any, Final

from django.apps import apps
from django.contrib import auth
from django.contrib.auth.hashers import is_password_usable
from django.contrib.auth.models import AnonymousUser
from django.contrib.auth.signals import user_logged_in, user_logged_out
from django.core.signals import setting_changed
from django.db import transaction
from django.db.models import Model
from django.db.models.signals import class_prepared, post_delete, post_save, pre_save
from django.http import HttpRequest

from ..outcomes import Refused
from ..wsgi.environ import client_hints
from .beside import mark
from .binding import CURRENT, Binding, binding_or_none
from .flow import flow, forget_flow, is_engine
from .verbs import SignInRefused

NO: Final = ("", "0", "false", "no", "off")
"""Values of a form's field that say so."""


def connect() -> None:
    """For as long as the process runs."""
    user_logged_in.connect(_logged_in, dispatch_uid="signedin")
    user_logged_out.connect(_logged_out, dispatch_uid="signedin")
    setting_changed.connect(_setting_changed, dispatch_uid="signedin")
    class_prepared.connect(_listen_to, dispatch_uid="signedin")
    _listen_to_users()


def _listen_to_users() -> None:
    for model in apps.get_models():
        _listen_to(model)


def _listen_to(sender: type[Model], **more: Any) -> None:
    """The user's model, its proxies and its children; with a listener to all models none of them could
    be deleted without being read.
    """
    if issubclass(sender, auth.get_user_model()):
        pre_save.connect(_is_saved, sender, dispatch_uid="signedin")
        post_save.connect(_saved, sender, dispatch_uid="signedin")
        post_delete.connect(_deleted, sender, dispatch_uid="signedin")


def _logged_in(sender: object, request: HttpRequest, user: Any, **more: Any) -> None:
    """A login is a session of ours; what refuses it undoes the login."""
    binding = binding_or_none(request)
    if binding is None:
        return
    exchange = binding.open()
    session: Any = request.session
    if not binding.is_resuming:
        user_id = user._meta.pk.value_to_string(user)
        exchange.note_hints(client_hints(request.META))
        outcome = exchange.sign_in(
            user_id,
            remember=binding.remember or request.POST.get("remember", "").lower() not in NO,
            authenticated_by=binding.authenticated_by,
            barrier=binding.barriers.get(user_id, binding.barrier),
            data=session.encoded(dict(session.items())) if is_engine() else None,
        )
        if isinstance(outcome, Refused):
            session.flush()
            request.user = AnonymousUser()
            raise SignInRefused(outcome.why)
    if not is_engine():
        current = exchange.session
        assert current is not None
        mark(session, current.id)


def _logged_out(sender: object, request: HttpRequest, **more: Any) -> None:
    """Django's logout ends our session; the engine does it as its dict is flushed."""
    binding = binding_or_none(request)
    if binding is not None and not is_engine():
        binding.open().sign_out()


def _is_saved(
    sender: Any, instance: Any, using: str, update_fields: frozenset[str] | None = None, **more: Any
) -> None:
    """Disabling a password leaves no trace but the new value; who never had one is asked of again
    only where all of the user is saved.
    """
    if more.get("raw") or instance._state.adding or not isinstance(instance, auth.get_user_model()):
        return
    instance.__dict__.pop("_signedin_disabled", None)
    password = getattr(instance, "password", None)
    if is_password_usable(password) or not (update_fields is None or "password" in update_fields):
        return
    stored = sender._base_manager.using(using).filter(pk=instance.pk).values_list("password", flat=True)
    instance.__dict__["_signedin_disabled"] = any(value != password for value in stored)


def _saved(
    sender: object,
    instance: Any,
    created: bool,
    update_fields: frozenset[str] | None = None,
    **more: Any,
) -> None:
    """A password that was set or disabled ends all other sessions, a disabled account all (E7)."""
    if created or more.get("raw") or not isinstance(instance, auth.get_user_model()):
        return
    user_id = instance._meta.pk.value_to_string(instance)
    if not instance.is_active and (update_fields is None or "is_active" in update_fields):
        _disable_at_commit(user_id, more["using"])
    elif instance.__dict__.pop("_signedin_disabled", False) or (
        getattr(instance, "_password", None) is not None
    ):
        binding = CURRENT.get()
        transaction.on_commit(lambda: _credentials_changed(user_id, binding), more["using"])


def _credentials_changed(user_id: str, binding: Binding | None) -> None:
    """The user's own session goes on, where it is the user who has changed it."""
    session = None if binding is None else binding.open().session
    if binding is not None and session is not None and session.user_id == user_id:
        outcome = binding.sync.credentials_changed()
    else:
        outcome = flow().sessions.credentials_changed(user_id)
    if binding is not None and outcome is not None:
        # A reset that signs in does so in the same request.
        binding.barriers[user_id] = outcome.barrier


def _deleted(sender: object, instance: Any, **more: Any) -> None:
    if isinstance(instance, auth.get_user_model()):
        _disable_at_commit(instance._meta.pk.value_to_string(instance), more["using"])


def _disable_at_commit(user_id: str, using: str) -> None:
    transaction.on_commit(lambda: flow().sessions.account_disabled(user_id) and None, using)


def _setting_changed(setting: str, **more: Any) -> None:
    if setting == "AUTH_USER_MODEL":
        _listen_to_users()
    if setting == "SIGNEDIN" or setting == "LOGIN_URL" or setting.startswith("SESSION_"):
        forget_flow()
