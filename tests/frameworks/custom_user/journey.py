"""``python -m tests.frameworks.custom_user.journey WAY STORE FOLDER``: everything once, on a site of its own."""

from __future__ import annotations

import sys
from pathlib import Path

from .. import django_site


def main(way: str, store: str, folder: str) -> None:
    django_site.FOLDER = Path(folder)
    named = dict(django_site.WAYS[way])
    named["MIDDLEWARE"] = [name for name in named["MIDDLEWARE"] if "allauth" not in name]
    apps = ["admin", "auth", "contenttypes", "sessions", "messages"]
    django_site.set_up(
        SIGNEDIN={"STORE": store},
        AUTH_USER_MODEL="custom_user.Person",
        ROOT_URLCONF="tests.frameworks.custom_user.urls",
        AUTHENTICATION_BACKENDS=["django.contrib.auth.backends.ModelBackend"],
        INSTALLED_APPS=["signedin.django", *(f"django.contrib.{app}" for app in apps), "tests.frameworks.custom_user"],
        **named,
    )  # fmt: skip
    from django.contrib.auth.models import Group
    from django.core.management import call_command
    from django.test import Client

    from .models import Person

    call_command("migrate", run_syncdb=True, verbosity=0)
    ada = Person.objects.create_superuser("ada@example.com", "correct horse")
    group = Group.objects.create(name="all")
    here, there = Client(), Client()
    for client in (here, there):
        form = {"username": "ada@example.com", "password": "correct horse"}
        assert client.post("/admin/login/?next=/admin/", form).status_code == 302
    assert b"This device" in here.get("/account/sessions/").content
    link = f"/admin/sessions/users/{ada.pk}/active_sessions"
    assert link in here.get(f"/admin/custom_user/person/{ada.pk}/change/").content.decode()
    assert b"/active_sessions" not in here.get(f"/admin/auth/group/{group.pk}/change/").content
    assert b"ada@example.com" in here.get(link).content
    told = {"content_type": "application/x-www-form-urlencoded", "headers": {"sec-fetch-site": "same-origin"}}  # fmt: skip
    assert here.post("/account/sessions/revoke_others", "", **told).status_code == 303
    assert here.get("/account/sessions/").status_code == 200
    assert there.get("/account/sessions/").status_code == 303
    ada.set_password("battery staple")
    ada.save()
    assert here.get("/account/sessions/").status_code == 303


if __name__ == "__main__":
    main(*sys.argv[1:])
