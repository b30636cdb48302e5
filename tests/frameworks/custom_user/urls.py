"""The site's addresses."""

from django.contrib import admin
from django.urls import include, path

urlpatterns = [
    path("account/sessions/", include("signedin.django.urls")),
    path("admin/sessions/", include("signedin.django.admin_urls")),
    path("admin/", admin.site.urls),
]
