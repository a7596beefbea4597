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

from accounts import factors, guard, services
from accounts.limits import SIGN_IN, Limit, Unavailable, spend
from accounts.models import SignInSettings, User
from accounts.secrets import decrypt, encrypt
from accounts.sign_on import own_page
from employees.models import Organization

PENDING: Final = "muster_pending_factor"


def _account(request: HttpRequest) -> str | None:
    """Key: the account somebody tries to get into, counted together with the tries at the token
    endpoint.
    """
    name = request.POST.get("username", "")
    organization, sep, own = name.partition("/")
    return (f"{organization}\n{own}" if sep else f"\n{name}").casefold() if name else None


CONSOLE_SIGN_IN: Final = (SIGN_IN[0], replace(SIGN_IN[1], key=_account))


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
            and SignInSettings.objects.of(user.organization_id).refuse_passwords()
        ):
            raise ValidationError(services.PasswordsRefused.default_detail, code="sso_enforced")


@never_cache
def sign_in(request: HttpRequest) -> HttpResponse:
    """The console's sign-in page: Django's, with tries limited and the provider offered."""
    if request.method == "POST" and (wait := _wait(request, CONSOLE_SIGN_IN)):
        return wait
    return admin.site.login(request, extra_context={"sign_on": _sign_on(request)})


def _sign_on(request: HttpRequest) -> dict[str, Any]:
    """What the page offers beside the password. Which organizations there are is nobody's to read
    here: they are asked for.
    """
    slug = request.GET.get("organization", "")
    on = SignInSettings.objects.filter(sso_enabled=True)
    if not on.exists():
        return {}
    try:
        organization = services.organization_of(slug or None)
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
        "url": _sign_on_url(organization, request.GET.get("next")),
    }


def _sign_on_url(organization: Organization, page: str | None, **more: str) -> str:
    asked = {"organization": organization.slug, "next": own_page(page, guard.CONSOLE), **more}
    return f"{reverse('sso-redirect')}?{urlencode(asked)}"


def _wait(request: HttpRequest, limits: tuple[Limit, ...]) -> HttpResponse | None:
    """The answer to somebody who tries too often, or cannot be counted now; None to go on."""
    try:
        bill = spend(request, limits)
    except Unavailable as error:
        page = render(
            request, "console_wait.html", {"seconds": error.wait, "unavailable": True}, status=503
        )
        page["Retry-After"] = str(error.wait)
        return page
    if bill.retry_after is None:
        return None
    page = render(request, "console_wait.html", {"seconds": bill.retry_after}, status=429)
    for name, value in bill.headers.items():
        page[name] = value
    return page


# --- The second factor ----------------------------------------------------------------------------
class CodeForm(forms.Form):
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


Page = Callable[[HttpRequest, User], HttpResponse]


def _for_staff(page: Page) -> Callable[[HttpRequest], HttpResponse]:
    """A page for staff who have signed in, and may owe more."""

    @never_cache
    def checked(request: HttpRequest) -> HttpResponse:
        if not isinstance(request.user, User) or not request.user.is_staff:
            return redirect("admin:login")
        return page(request, request.user)

    return checked


def _checked(request: HttpRequest, user: User) -> bool:
    """Whether nothing is owed in this session: what changes a factor is for those who have shown
    theirs, and lately.
    """
    return guard.owes_factor(request, user) != "second-factor" and guard.is_fresh(request.session)


def _show(request: HttpRequest, title: Any, **context: Any) -> HttpResponse:
    return render(
        request,
        "admin/sign_in_step.html",
        {**admin.site.each_context(request), "title": title, **context},
    )


def _next(request: HttpRequest) -> str:
    return own_page(request.GET.get("next"), guard.CONSOLE)


@_for_staff
def second_factor(request: HttpRequest, user: User) -> HttpResponse:
    """Asks for the code after the sign-in."""
    if not factors.has_one(user):
        return redirect("second-factor-set-up")
    return _ask_code(request, user, _("Second factor"))


@_for_staff
def prove(request: HttpRequest, user: User) -> HttpResponse:
    """Asks once more, before something that must not be done by whoever finds the console open."""
    if factors.has_one(user):
        return _ask_code(request, user, _("Confirm that it is you"))
    if request.session.get(guard.HOW) == "sso" and user.organization is not None:
        url = _sign_on_url(user.organization, _next(request), again="1")
        return _show(
            request,
            _("Confirm that it is you"),
            url=url,
            advice=_("Sign in at your provider once more to go on."),
        )
    form = PasswordForm(request.POST or None)
    if request.method == "POST":
        if wait := _wait(request, factors.LIMIT):
            return wait
        if form.is_valid() and user.check_password(form.cleaned_data["password"]):
            guard.prove(request.session, factor=False)
            return HttpResponseRedirect(_next(request))
        form.add_error("password", _("This is not your password."))
    return _show(
        request,
        _("Confirm that it is you"),
        form=form,
        advice=_("Enter your password once more to go on."),
    )


def _ask_code(request: HttpRequest, user: User, title: Any) -> HttpResponse:
    form = CodeForm(request.POST or None)
    if request.method == "POST":
        if wait := _wait(request, factors.LIMIT):
            return wait
        if form.is_valid() and factors.passes(user, form.cleaned_data["code"], request=request):
            request.session.cycle_key()
            guard.prove(request.session, factor=True)
            return HttpResponseRedirect(_next(request))
        form.add_error("code", _("This code is wrong or used. Codes change every 30 seconds."))
    return _show(
        request,
        title,
        form=form,
        advice=_("Enter the code your authenticator app shows, or one of your recovery codes."),
    )


@_for_staff
def set_up(request: HttpRequest, user: User) -> HttpResponse:
    """Shows a key as a picture, and takes a code of it; afterwards it shows the recovery codes,
    once.
    """
    if not _checked(request, user):
        return redirect(f"{reverse('prove')}?{urlencode({'next': request.get_full_path()})}")
    if factors.has_one(user) and request.method != "POST" and "anew" not in request.GET:
        return _show(
            request,
            _("Second factor"),
            status=True,
            required=factors.must_have_one(user),
            left=factors.codes_left(user),
        )
    form = CodeForm(request.POST or None)
    offer = _pending(request)
    if request.method == "POST":
        if wait := _wait(request, factors.LIMIT):
            return wait
        codes = factors.confirm(
            user, offer.key, form.data.get("code", "").replace(" ", ""), request=request
        )
        if codes is not None:
            del request.session[PENDING]
            request.session.cycle_key()
            guard.prove(request.session, factor=True)
            return _show_codes(request, codes)
        form.add_error("code", _("This code is wrong. Codes change every 30 seconds."))
    # Our own drawing of our own text: nothing of it comes from outside unescaped.
    picture = mark_safe(offer.picture(user))  # noqa: S308
    return _show(
        request,
        _("Set up a second factor"),
        form=form,
        picture=picture,
        key=offer.key,
        advice=_(
            "Scan the picture with an authenticator app, or type the key into it. Then enter the"
            " code it shows."
        ),
    )


def _pending(request: HttpRequest) -> factors.Offer:
    """The key that is being set up: kept in the session, encrypted, until it is confirmed."""
    if known := request.session.get(PENDING):
        return factors.Offer(decrypt(known))
    fresh = factors.offer()
    request.session[PENDING] = encrypt(fresh.key)
    return fresh


def _show_codes(request: HttpRequest, codes: list[str]) -> HttpResponse:
    return _show(
        request,
        _("Recovery codes"),
        codes=codes,
        url=_next(request),
        advice=_(
            "Keep these where you would keep a key. Each lets you in once without your phone. They"
            " are not shown again."
        ),
    )


@require_POST
@_for_staff
def new_codes(request: HttpRequest, user: User) -> HttpResponse:
    """Fresh recovery codes in place of the old ones."""
    if not _checked(request, user) or not factors.has_one(user):
        return redirect("second-factor-set-up")
    return _show_codes(request, factors.renew_codes(user, request=request))


@require_POST
@_for_staff
def remove(request: HttpRequest, user: User) -> HttpResponse:
    """Takes one's own factor away, where none is required."""
    if _checked(request, user) and not factors.must_have_one(user):
        factors.remove(user, actor=user, request=request)
        request.session.pop(guard.FACTOR, None)
    return redirect("second-factor-set-up")
