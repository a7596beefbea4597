"""The console's sign-in page: password or provider, with tries limited."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.contrib import admin
from django.contrib.auth.forms import AuthenticationForm as DjangoAuthenticationForm
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache
from unfold.forms import AuthenticationForm

from accounts import middleware, services
from accounts.errors import PasswordLoginDisabled
from accounts.models import SignInSettings, User
from accounts.sign_in_limits import CONSOLE_SIGN_IN_LIMITS
from accounts.sso.oidc_validation import safe_local_path
from accounts.views.throttled import throttled_response
from employees.models import Organization


class SignInForm(AuthenticationForm):  # type: ignore[misc]
    """Username and password; where single sign-on is the only way, it says so to whoever knew the
    password.
    """

    def confirm_login_allowed(self, user: Any) -> None:
        """Raises ValidationError for somebody who must come from the provider. Operators keep their
        passwords. Users without the console sign in too, and see the home page.
        """
        # Not the admin's form, which refuses users without the console.
        DjangoAuthenticationForm.confirm_login_allowed(self, user)
        if (
            not user.is_superuser
            and SignInSettings.objects.of(user.organization_id).are_passwords_disabled()
        ):
            raise ValidationError(PasswordLoginDisabled.default_detail, code="sso_enforced")


@never_cache
def sign_in_view(request: HttpRequest) -> HttpResponse:
    """The console's sign-in page: Django's, with tries limited and the provider offered."""
    if request.method == "POST":
        if wait := throttled_response(request, CONSOLE_SIGN_IN_LIMITS):
            return wait
    elif _has_no_console(request):
        return redirect("home")
    response = admin.site.login(request, extra_context={"sign_on": _sso_options(request)})
    if response.status_code == 302 and _has_no_console(request):
        return redirect("home")
    return response


def _has_no_console(request: HttpRequest) -> bool:
    return isinstance(request.user, User) and not request.user.is_staff


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
        "url": sso_redirect_url(organization, request.GET.get("next")),
    }


def sso_redirect_url(organization: Organization, page: str | None, **more: str) -> str:
    asked = {
        "organization": organization.slug,
        "next": safe_local_path(page, middleware.CONSOLE_PATH),
        **more,
    }
    return f"{reverse('sso-redirect')}?{urlencode(asked)}"
