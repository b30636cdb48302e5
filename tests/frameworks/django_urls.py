"""The site's views and addresses."""

from __future__ import annotations

import json
from typing import Any

from asgiref.sync import sync_to_async
from django.contrib import admin, auth
from django.contrib.auth import views
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import include, path
from django.views.decorators.csrf import csrf_exempt

from signedin.django import (
    credentials_changed,
    current_session,
    sign_in,
    sign_out_everywhere,
    why_signed_out,
)

SEEN: dict[str, Any] = {}


def home(request: HttpRequest) -> HttpResponse:
    """Needs no session."""
    return HttpResponse("home")


def me(request: HttpRequest) -> HttpResponse:
    session = current_session(request)
    return JsonResponse({"user": request.user.get_username(), "session": session and session.user_id})


async def ame(request: HttpRequest) -> HttpResponse:
    user = await request.auser()
    return JsonResponse({"user": user.get_username()})


def bag(request: HttpRequest) -> HttpResponse:
    """GET reads the dict, POST puts into it what the body says."""
    if request.method == "POST":
        for name, value in json.loads(request.body).items():
            request.session[name] = value
    found = {name: value for name, value in request.session.items() if not name.startswith("_")}
    return JsonResponse(found)


async def abag(request: HttpRequest) -> HttpResponse:
    if request.method == "POST":
        for name, value in json.loads(request.body).items():
            await request.session.aset(name, value)
    items = await request.session.aitems()
    return JsonResponse({name: value for name, value in items if not name.startswith("_")})


def log_in(request: HttpRequest) -> HttpResponse:
    """GET tells why this browser was signed out."""
    if request.method == "POST":
        user = auth.authenticate(
            request, username=request.POST["username"], password=request.POST["password"]
        )
        if user is None:
            return HttpResponse("no", status=400)
        sign_in(request, user)
        return HttpResponse("in")
    reason = why_signed_out(request)
    return HttpResponse(reason.message if reason else "sign in")


async def alog_in(request: HttpRequest) -> HttpResponse:
    user = await auth.aauthenticate(
        request, username=request.POST["username"], password=request.POST["password"]
    )
    await auth.alogin(request, user)
    return HttpResponse("in")


async def averb(request: HttpRequest) -> HttpResponse:
    session = await sync_to_async(current_session)(request)
    return JsonResponse({"user": session and session.user_id})


async def alog_out(request: HttpRequest) -> HttpResponse:
    await auth.alogout(request)
    return HttpResponse("out")


def reset(request: HttpRequest) -> HttpResponse:
    """A forgotten password: a new one, and logged in at once."""
    user = auth.get_user_model().objects.get(username=request.POST["username"])
    user.set_password("new")
    user.save()
    auth.login(request, user, "django.contrib.auth.backends.ModelBackend")
    return HttpResponse("in")


def log_out(request: HttpRequest) -> HttpResponse:
    auth.logout(request)
    return HttpResponse("out")


def everywhere(request: HttpRequest) -> HttpResponse:
    sign_out_everywhere(request)
    return HttpResponse("out")


def changed(request: HttpRequest) -> HttpResponse:
    credentials_changed(request)
    return HttpResponse("changed")


def public(request: HttpRequest) -> HttpResponse:
    str(request.user)
    return HttpResponse("x", headers={"Cache-Control": "public, max-age=60"})


def slow(request: HttpRequest) -> HttpResponse:
    """Something else happens while this request is under way."""
    request.session["late"] = 1
    SEEN["meanwhile"](request)
    return HttpResponse("late")


def empty(request: HttpRequest) -> HttpResponse:
    request.session.pop("a")
    return HttpResponse("x")


def fails(request: HttpRequest) -> HttpResponse:
    request.session["kept"] = "no"
    return HttpResponse("x", status=500)


def lasts(request: HttpRequest) -> HttpResponse:
    request.session.set_expiry(int(request.GET["seconds"]))
    return HttpResponse("x")


urlpatterns = [
    path("", home),
    path("me/", me),
    path("ame/", ame),
    path("bag/", csrf_exempt(bag)),
    path("abag/", csrf_exempt(abag)),
    path("login/", csrf_exempt(log_in)),
    path("alogin/", csrf_exempt(alog_in)),
    path("averb/", averb),
    path("alogout/", csrf_exempt(alog_out)),
    path("reset/", csrf_exempt(reset)),
    path("logout/", csrf_exempt(log_out)),
    path("everywhere/", csrf_exempt(everywhere)),
    path("changed/", csrf_exempt(changed)),
    path("public/", public),
    path("slow/", slow),
    path("empty/", csrf_exempt(empty)),
    path("fails/", fails),
    path("lasts/", lasts),
    path("password/", views.PasswordChangeView.as_view(success_url="/me/")),
    path("accounts/", include("allauth.urls")),
    path("account/sessions/", include("signedin.django.urls")),
    path("admin/sessions/", include("signedin.django.admin_urls")),
    path("admin/", admin.site.urls),
]
