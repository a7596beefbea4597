"""The page of users who have no console: their name, and a button to sign out. `/` leads everybody
to their place.
"""

from __future__ import annotations

from django.contrib.auth import logout
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from accounts.approvals.people import user_display_name
from accounts.middleware import path_after_sign_in
from accounts.models import User


@never_cache
@require_safe
def root_view(request: HttpRequest) -> HttpResponse:
    """To the console, to the home page, or to sign in."""
    if not isinstance(request.user, User):
        return redirect("admin:login")
    return redirect(path_after_sign_in(request.user))


@never_cache
@require_safe
def home_view(request: HttpRequest) -> HttpResponse:
    """Says who is signed in. Users with the console are led there."""
    if not isinstance(request.user, User) or request.user.is_staff:
        return root_view(request)
    return render(request, "home.html", {"name": user_display_name(request.user)})


@never_cache
@require_POST
def sign_out_view(request: HttpRequest) -> HttpResponse:
    """Ends the session."""
    logout(request)
    return redirect("admin:login")
