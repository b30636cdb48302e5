"""The site's addresses: a cart that a login takes along, and the page of active sessions."""

from django.contrib import admin
from django.contrib.auth.views import LoginView
from django.shortcuts import redirect, render
from django.urls import include, path

from signedin.django import why_signed_out


def home(request):
    """A cart of apples, for visitors and for users."""
    if request.method == "POST":
        request.session["apples"] = request.session.get("apples", 0) + 1
        return redirect("home")
    return render(request, "home.html", {"apples": request.session.get("apples", 0)})


class Login(LoginView):
    """Django's, which tells why somebody was signed out."""

    def get_context_data(self, **more):
        """With the reason."""
        return super().get_context_data(**more) | {"reason": why_signed_out(self.request)}


urlpatterns = [
    path("", home, name="home"),
    path("accounts/login/", Login.as_view(), name="login"),
    path("accounts/", include("django.contrib.auth.urls")),
    path("account/sessions/", include("signedin.django.urls")),
    path("admin/sessions/", include("signedin.django.admin_urls")),
    path("admin/", admin.site.urls),
]
