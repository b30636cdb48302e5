"""The Active Sessions page: ``path("account/sessions/", include("signedin.django.urls"))``."""

from django.urls import path

from . import views

app_name = "signedin"
urlpatterns = [
    path("", views.active_sessions, name="active_sessions"),
    path("static/<str:name>", views.static, name="static"),
    path("<path:below>", views.active_sessions, name="below"),
]
