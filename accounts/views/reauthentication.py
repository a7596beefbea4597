"""The console's pages that ask for one more proof: the second factor after the sign-in, and who one
is before something dangerous.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache
from unfold.widgets import UnfoldAdminPasswordWidget, UnfoldAdminTextInputWidget

from accounts import middleware, two_factor
from accounts.models import User
from accounts.sso.oidc_validation import safe_local_path
from accounts.views.sign_in import sso_redirect_url
from accounts.views.throttled import throttled_response


class SecondFactorCodeForm(forms.Form):
    """A code of the app, or a recovery code."""

    code = forms.CharField(
        label=_("Code"),
        max_length=40,
        widget=UnfoldAdminTextInputWidget(
            attrs={"autocomplete": "one-time-code", "autofocus": True, "spellcheck": "false"}
        ),
    )


class PasswordForm(forms.Form):
    """The password once more."""

    password = forms.CharField(
        label=_("Password"),
        max_length=4096,
        strip=False,
        widget=UnfoldAdminPasswordWidget(
            attrs={"autocomplete": "current-password", "autofocus": True}
        ),
    )


StaffView = Callable[[HttpRequest, User], HttpResponse]


def staff_view(page: StaffView) -> Callable[[HttpRequest], HttpResponse]:
    """A page for staff who have signed in, and may owe more."""

    @never_cache
    def checked(request: HttpRequest) -> HttpResponse:
        if not isinstance(request.user, User) or not request.user.is_staff:
            return redirect("admin:login")
        return page(request, request.user)

    return checked


def is_fully_verified(request: HttpRequest, user: User) -> bool:
    """Whether nothing is owed in this session: what changes a factor is for those who have shown
    theirs, and lately.
    """
    return middleware.required_second_factor_view(
        request, user
    ) != "second-factor" and middleware.is_recently_authenticated(request.session)


def render_step(request: HttpRequest, title: Any, **context: Any) -> HttpResponse:
    return render(
        request,
        "admin/sign_in_step.html",
        {**admin.site.each_context(request), "title": title, **context},
    )


def next_path(request: HttpRequest) -> str:
    return safe_local_path(request.GET.get("next"), middleware.CONSOLE_PATH)


@staff_view
def second_factor_view(request: HttpRequest, user: User) -> HttpResponse:
    """Asks for the code after the sign-in."""
    if not two_factor.has_second_factor(user):
        return redirect("second-factor-set-up")
    return _verify_code(request, user, _("Second factor"))


@staff_view
def reauthenticate_view(request: HttpRequest, user: User) -> HttpResponse:
    """Asks once more, before something that must not be done by whoever finds the console open."""
    if two_factor.has_second_factor(user):
        return _verify_code(request, user, _("Confirm that it is you"))
    if (
        request.session.get(middleware.SESSION_LOGIN_METHOD) == "sso"
        and user.organization is not None
    ):
        url = sso_redirect_url(user.organization, next_path(request), again="1")
        return render_step(
            request,
            _("Confirm that it is you"),
            url=url,
            advice=_("Sign in at your provider again to continue."),
        )
    form = PasswordForm(request.POST or None)
    if request.method == "POST":
        if wait := throttled_response(request, two_factor.SECOND_FACTOR_LIMITS):
            return wait
        if form.is_valid() and user.check_password(form.cleaned_data["password"]):
            middleware.mark_reauthenticated(request.session, second_factor=False)
            return HttpResponseRedirect(next_path(request))
        form.add_error("password", _("This is not your password."))
    return render_step(
        request,
        _("Confirm that it is you"),
        form=form,
        advice=_("Enter your password again to continue."),
    )


def _verify_code(request: HttpRequest, user: User, title: Any) -> HttpResponse:
    form = SecondFactorCodeForm(request.POST or None)
    if request.method == "POST":
        if wait := throttled_response(request, two_factor.SECOND_FACTOR_LIMITS):
            return wait
        if form.is_valid() and two_factor.verify_second_factor(
            user, form.cleaned_data["code"], request=request
        ):
            request.session.cycle_key()
            middleware.mark_reauthenticated(request.session, second_factor=True)
            return HttpResponseRedirect(next_path(request))
        form.add_error(
            "code", _("This code is wrong or already used. Codes change every 30 seconds.")
        )
    return render_step(
        request,
        title,
        form=form,
        advice=_("Enter the code your authenticator app shows, or one of your recovery codes."),
    )
