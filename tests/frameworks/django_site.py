"""A small Django site, in both ways in: beside Django's engine, and with ours."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from pathlib import Path
from typing import Any

import django
from django.conf import settings

FOLDER = Path(tempfile.mkdtemp(prefix="signedin-django-"))
atexit.register(shutil.rmtree, FOLDER, ignore_errors=True)
BESIDE = [
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "signedin.django.SignedinMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "allauth.account.middleware.AccountMiddleware",
]
ENGINE = [
    name.replace("django.contrib.sessions.middleware", "signedin.django")
    for name in BESIDE
    if name != "signedin.django.SignedinMiddleware"
]
WAYS: dict[str, dict[str, Any]] = {
    "beside": {"MIDDLEWARE": BESIDE, "SESSION_ENGINE": "django.contrib.sessions.backends.db"},
    "engine": {"MIDDLEWARE": ENGINE, "SESSION_ENGINE": "signedin.django.sessions"},
}


def set_up(**more: Any) -> None:
    """Once in a process."""
    if settings.configured:
        return
    values: dict[str, Any] = dict(
        SECRET_KEY="x" * 50,
        ALLOWED_HOSTS=["*"],
        ROOT_URLCONF="tests.frameworks.django_urls",
        INSTALLED_APPS=[
            "signedin.django",
            "django.contrib.admin",
            "django.contrib.auth",
            "django.contrib.contenttypes",
            "django.contrib.sessions",
            "django.contrib.messages",
            "allauth",
            "allauth.account",
        ],
        DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": FOLDER / "site.db"}},
        DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
        PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"],
        AUTHENTICATION_BACKENDS=[
            "django.contrib.auth.backends.ModelBackend",
            "allauth.account.auth_backends.AuthenticationBackend",
        ],
        TEMPLATES=[
            {
                "BACKEND": "django.template.backends.django.DjangoTemplates",
                "DIRS": [FOLDER / "templates"],
                "APP_DIRS": True,
                "OPTIONS": {
                    "context_processors": [
                        "django.template.context_processors.request",
                        "django.contrib.auth.context_processors.auth",
                        "django.contrib.messages.context_processors.messages",
                    ]
                },
            }
        ],
        LOGIN_URL="/login/",
        STATIC_URL="/static/",
        USE_TZ=True,
        ACCOUNT_EMAIL_VERIFICATION="none",
        ACCOUNT_RATE_LIMITS=False,
        SIGNEDIN={"STORE": str(FOLDER / "unused.db")},
        **WAYS["beside"],
    )
    settings.configure(**values | more)
    django.setup()
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
