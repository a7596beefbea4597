"""The console's pages about signing in: password or provider, the second factor, and proving once
more who one is.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final
from urllib.parse import urlencode

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.safestring import mark_safe
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST
from unfold.forms import AuthenticationForm
from unfold.widgets import UnfoldAdminPasswordWidget, UnfoldAdminTextInputWidget

from accounts import middleware, services, two_factor
from accounts.credentials import decrypt, encrypt
from accounts.models import SignInSettings, User
from accounts.oidc_validation import safe_local_path
from accounts.throttling import SIGN_IN_LIMITS, RateLimit, RateLimitUnavailable, count_request
from employees.models import Organization

PENDING_FACTOR_SESSION_KEY: Final = "muster_pending_factor"


def _submitted_account_key(request: HttpRequest) -> str | None:
    """Key: the account somebody tries to get into, counted together with the tries at the token
    endpoint.
    """
    name = request.POST.get("username", "")
    organization, sep, own = name.partition("/")
    return (f"{organization}\n{own}" if sep else f"\n{name}").casefold() if name else None


CONSOLE_SIGN_IN_LIMITS: Final = (
    SIGN_IN_LIMITS[0],
    replace(SIGN_IN_LIMITS[1], key=_submitted_account_key),
)


# --- Sign in --------------------------------------------------------------------------------------
class SignInForm(AuthenticationForm):  # type: ignore[misc]
    """Username and password; where single sign-on is the only way, it says so to whoever knew the
    password.
    """

    def confirm_login_allowed(self, user: Any) -> None:
        """Raises ValidationError for somebody who must come from the provider. Operators keep their
        passwords.
        """
        super().confirm_login_allowed(user)
        if (
            not user.is_superuser
            and SignInSettings.objects.of(user.organization_id).are_passwords_disabled()
        ):
            raise ValidationError(
                services.PasswordLoginDisabled.default_detail, code="sso_enforced"
            )


@never_cache
def sign_in_view(request: HttpRequest) -> HttpResponse:
    """The console's sign-in page: Django's, with tries limited and the provider offered."""
    if request.method == "POST" and (wait := _throttled_response(request, CONSOLE_SIGN_IN_LIMITS)):
        return wait
    return admin.site.login(request, extra_context={"sign_on": _sso_options(request)})


def _sso_options(request: HttpRequest) -> dict[str, Any]:
    """What the page offers beside the password. Which organizations there are is nobody's to read
    here: they are asked for.
    """
    slug = request.GET.get("organization", "")
    on = SignInSettings.objects.filter(sso_enabled=True)
    if not on.exists():
        return {}
    try:
        organization = services.get_organization(slug or None)
    except ValidationError as error:
        return {"ask": True, "slug": slug, "error": " ".join(error.messages) if slug else ""}
    chosen = on.filter(organization=organization).first()
    if chosen is None:
        return {
            "ask": True,
            "slug": slug,
            "error": _("This organization does not use single sign-on.") if slug else "",
        }
    return {
        "name": chosen.name or organization.name,
        "url": _sso_redirect_url(organization, request.GET.get("next")),
    }


def _sso_redirect_url(organization: Organization, page: str | None, **more: str) -> str:
    asked = {
        "organization": organization.slug,
        "next": safe_local_path(page, middleware.CONSOLE_PATH),
        **more,
    }
    return f"{reverse('sso-redirect')}?{urlencode(asked)}"


def _throttled_response(request: HttpRequest, limits: tuple[RateLimit, ...]) -> HttpResponse | None:
    """The answer to somebody who tries too often, or cannot be counted now; None to go on."""
    try:
        bill = count_request(request, limits)
    except RateLimitUnavailable as error:
        page = render(
            request, "throttled.html", {"seconds": error.wait, "unavailable": True}, status=503
        )
        page["Retry-After"] = str(error.wait)
        return page
    if bill.retry_after is None:
        return None
    page = render(request, "throttled.html", {"seconds": bill.retry_after}, status=429)
    for name, value in bill.headers.items():
        page[name] = value
    return page


# --- The second factor ----------------------------------------------------------------------------
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


def _staff_view(page: StaffView) -> Callable[[HttpRequest], HttpResponse]:
    """A page for staff who have signed in, and may owe more."""

    @never_cache
    def checked(request: HttpRequest) -> HttpResponse:
        if not isinstance(request.user, User) or not request.user.is_staff:
            return redirect("admin:login")
        return page(request, request.user)

    return checked


def _is_fully_verified(request: HttpRequest, user: User) -> bool:
    """Whether nothing is owed in this session: what changes a factor is for those who have shown
    theirs, and lately.
    """
    return middleware.required_second_factor_view(
        request, user
    ) != "second-factor" and middleware.is_recently_authenticated(request.session)


def _render_step(request: HttpRequest, title: Any, **context: Any) -> HttpResponse:
    return render(
        request,
        "admin/sign_in_step.html",
        {**admin.site.each_context(request), "title": title, **context},
    )


def _next_path(request: HttpRequest) -> str:
    return safe_local_path(request.GET.get("next"), middleware.CONSOLE_PATH)


@_staff_view
def second_factor_view(request: HttpRequest, user: User) -> HttpResponse:
    """Asks for the code after the sign-in."""
    if not two_factor.has_second_factor(user):
        return redirect("second-factor-set-up")
    return _verify_code(request, user, _("Second factor"))


@_staff_view
def reauthenticate_view(request: HttpRequest, user: User) -> HttpResponse:
    """Asks once more, before something that must not be done by whoever finds the console open."""
    if two_factor.has_second_factor(user):
        return _verify_code(request, user, _("Confirm that it is you"))
    if (
        request.session.get(middleware.SESSION_LOGIN_METHOD) == "sso"
        and user.organization is not None
    ):
        url = _sso_redirect_url(user.organization, _next_path(request), again="1")
        return _render_step(
            request,
            _("Confirm that it is you"),
            url=url,
            advice=_("Sign in at your provider again to continue."),
        )
    form = PasswordForm(request.POST or None)
    if request.method == "POST":
        if wait := _throttled_response(request, two_factor.SECOND_FACTOR_LIMITS):
            return wait
        if form.is_valid() and user.check_password(form.cleaned_data["password"]):
            middleware.mark_reauthenticated(request.session, second_factor=False)
            return HttpResponseRedirect(_next_path(request))
        form.add_error("password", _("This is not your password."))
    return _render_step(
        request,
        _("Confirm that it is you"),
        form=form,
        advice=_("Enter your password again to continue."),
    )


def _verify_code(request: HttpRequest, user: User, title: Any) -> HttpResponse:
    form = SecondFactorCodeForm(request.POST or None)
    if request.method == "POST":
        if wait := _throttled_response(request, two_factor.SECOND_FACTOR_LIMITS):
            return wait
        if form.is_valid() and two_factor.verify_second_factor(
            user, form.cleaned_data["code"], request=request
        ):
            request.session.cycle_key()
            middleware.mark_reauthenticated(request.session, second_factor=True)
            return HttpResponseRedirect(_next_path(request))
        form.add_error(
            "code", _("This code is wrong or already used. Codes change every 30 seconds.")
        )
    return _render_step(
        request,
        title,
        form=form,
        advice=_("Enter the code your authenticator app shows, or one of your recovery codes."),
    )


@_staff_view
def second_factor_setup_view(request: HttpRequest, user: User) -> HttpResponse:
    """Shows a key as a picture, and takes a code of it; afterwards it shows the recovery codes,
    once.
    """
    if not _is_fully_verified(request, user):
        return redirect(
            f"{reverse('reauthenticate')}?{urlencode({'next': request.get_full_path()})}"
        )
    if (
        two_factor.has_second_factor(user)
        and request.method != "POST"
        and "replace" not in request.GET
    ):
        return _render_step(
            request,
            _("Second factor"),
            status=True,
            required=two_factor.is_second_factor_required(user),
            left=two_factor.unused_recovery_codes(user),
        )
    form = SecondFactorCodeForm(request.POST or None)
    offer = _pending_enrollment(request)
    if request.method == "POST":
        if wait := _throttled_response(request, two_factor.SECOND_FACTOR_LIMITS):
            return wait
        codes = two_factor.enroll_second_factor(
            user, offer.key, form.data.get("code", "").replace(" ", ""), request=request
        )
        if codes is not None:
            del request.session[PENDING_FACTOR_SESSION_KEY]
            request.session.cycle_key()
            middleware.mark_reauthenticated(request.session, second_factor=True)
            return _render_recovery_codes(request, codes)
        form.add_error("code", _("This code is wrong. Codes change every 30 seconds."))
    # Our own drawing of our own text: nothing of it comes from outside unescaped.
    picture = mark_safe(offer.qr_svg(user))  # noqa: S308
    return _render_step(
        request,
        _("Set up a second factor"),
        form=form,
        picture=picture,
        key=offer.key,
        advice=_(
            "Scan the QR code with an authenticator app, or type the key into the app. Then enter"
            " the code that the app shows."
        ),
    )


def _pending_enrollment(request: HttpRequest) -> two_factor.TotpEnrollment:
    """The key that is being set up: kept in the session, encrypted, until it is confirmed."""
    if known := request.session.get(PENDING_FACTOR_SESSION_KEY):
        return two_factor.TotpEnrollment(decrypt(known))
    fresh = two_factor.new_totp_enrollment()
    request.session[PENDING_FACTOR_SESSION_KEY] = encrypt(fresh.key)
    return fresh


def _render_recovery_codes(request: HttpRequest, codes: list[str]) -> HttpResponse:
    return _render_step(
        request,
        _("Recovery codes"),
        codes=codes,
        url=_next_path(request),
        advice=_(
            "Keep these codes in a safe place. Each code works once, without your phone. They are"
            " not shown again."
        ),
    )


@require_POST
@_staff_view
def new_recovery_codes_view(request: HttpRequest, user: User) -> HttpResponse:
    """Fresh recovery codes in place of the old ones."""
    if not _is_fully_verified(request, user) or not two_factor.has_second_factor(user):
        return redirect("second-factor-set-up")
    return _render_recovery_codes(
        request, two_factor.regenerate_recovery_codes(user, request=request)
    )


@require_POST
@_staff_view
def remove_second_factor_view(request: HttpRequest, user: User) -> HttpResponse:
    """Takes one's own factor away, where none is required."""
    if _is_fully_verified(request, user) and not two_factor.is_second_factor_required(user):
        two_factor.remove_second_factor(user, actor=user, request=request)
        request.session.pop(middleware.SESSION_SECOND_FACTOR, None)
    return redirect("second-factor-set-up")
