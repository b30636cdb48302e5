"""Everybody's sessions, for the site's staff:
``path("admin/sessions/", include("signedin.django.admin_urls"))``, above the admin's own address.
"""

from django.contrib import admin
from django.urls import path

from .admin_views import everybody
from .views import static

app_name = "signedin_admin"
guarded = admin.site.admin_view(everybody)
guarded.csrf_exempt = True  # type: ignore[attr-defined]  # CSRF-1 is its own
urlpatterns = [
    path("", guarded, name="sessions"),
    path("static/<str:name>", static),
    path("<path:below>", guarded, name="below"),
]
