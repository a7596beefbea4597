"""The console's page of sign-in settings: the provider, and what is demanded of passwords and
second factors.
"""

from __future__ import annotations

from typing import Any, ClassVar

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext_lazy as _
from unfold.decorators import action, display
from unfold.widgets import (
    UnfoldAdminPasswordWidget,
    UnfoldAdminTextareaWidget,
    UnfoldBooleanSwitchWidget,
)

from accounts.models import SignInSettings
from accounts.sso import oidc_client
from accounts.sso.oidc_errors import ProviderUnavailable, SignInDenied
from accounts.sso.settings import callback_url, save_sign_in_settings
from core.admin_forms import TenantForm
from core.tenant_admin import TenantAdmin
from core.tenant_visibility import is_operator, tenant_id


class LinesField(forms.Field):
    """A list of texts, one on each line."""

    widget = UnfoldAdminTextareaWidget

    def prepare_value(self, value: Any) -> Any:
        return "\n".join(map(str, value)) if isinstance(value, list) else value

    def to_python(self, value: Any) -> list[str]:
        return [line.strip() for line in str(value or "").splitlines() if line.strip()]


class SignInSettingsForm(TenantForm):
    """The settings; the client secret is typed in and never shown again."""

    redirect_uris = LinesField(
        required=False,
        label=_("Redirect URIs of mobile apps"),
        help_text=_(
            "The redirect URIs that the provider may use for a phone, one per line. They must match"
            " exactly."
        ),
    )
    new_secret = forms.CharField(
        required=False,
        max_length=500,
        strip=True,
        label=_("Client secret"),
        widget=UnfoldAdminPasswordWidget(attrs={"autocomplete": "new-password"}),
        help_text=_("Stored encrypted and not shown again. Empty: unchanged."),
    )
    no_secret = forms.BooleanField(
        required=False,
        label=_("No client secret"),
        widget=UnfoldBooleanSwitchWidget,
        help_text=_("Deletes the stored secret."),
    )

    @property
    def secret_change(self) -> str | None:
        """What to do with the secret: a new one, "" to forget it, None to leave it."""
        if self.cleaned_data.get("no_secret"):
            return ""
        return self.cleaned_data.get("new_secret") or None


class SignInSettingsAdmin(TenantAdmin):
    """One row for each organization. What is set here decides who gets in, so every change is a
    security event.
    """

    form = SignInSettingsForm
    list_display = ("__str__", "sso_enabled", "sso_enforced", "second_factor_required")
    search_fields = ("name",)
    empty_title = _("No sign-in settings yet")
    empty_text = _(
        "Staff sign in with passwords, and with a second factor if they set one up. Add settings to"
        " change that."
    )
    actions_detail: ClassVar[list[str]] = ["verify"]
    readonly_fields = ("has_secret", "callback")
    fieldsets = (
        (
            None,
            {
                "fields": (
                    "name",
                    "issuer",
                    "client_id",
                    "new_secret",
                    ("has_secret", "no_secret"),
                    "scopes",
                    "callback",
                )
            },
        ),
        (
            _("Who signs in at the provider"),
            {"fields": (("sso_enabled", "sso_enforced"), "creates_users")},
        ),
        (_("Phones"), {"fields": ("redirect_uris", "token_days")}),
        (
            _("Second factor"),
            {"fields": (("second_factor_required", "second_factor_at_provider"),)},
        ),
    )

    def has_add_permission(self, request: HttpRequest) -> bool:
        """One row is enough; operators may add one for each organization."""
        mine = tenant_id(request)
        there = not is_operator(request) and SignInSettings.objects.of(mine).exists()
        return not there and bool(super().has_add_permission(request))

    def save_model(
        self, request: HttpRequest, obj: SignInSettings, form: Any, change: bool
    ) -> None:
        save_sign_in_settings(
            obj,
            secret=form.secret_change,
            actor=request.user,  # type: ignore[arg-type]
            request=request,
        )

    @display(description=_("secret stored"), boolean=True)
    def has_secret(self, chosen: SignInSettings) -> bool:
        return bool(chosen.secret_cipher)

    @display(description=_("redirect URI to enter at the provider"))
    def callback(self, chosen: SignInSettings) -> str:
        return callback_url()

    @action(
        description=_("Check the provider"),
        url_path="verify",
        icon="travel_explore",
        permissions=["change"],
    )
    def verify(self, request: HttpRequest, object_id: str) -> HttpResponse:
        chosen: SignInSettings = self.object_or_404(request, object_id)
        try:
            document = oidc_client.check_provider(chosen)
        except ProviderUnavailable as trouble:
            messages.error(
                request,
                _("The provider cannot be reached. %(reason)s") % {"reason": trouble.reason},
            )
        except SignInDenied as trouble:
            messages.error(request, str(trouble.detail))
        else:
            messages.success(
                request, _("The provider answers: %(issuer)s") % {"issuer": document["issuer"]}
            )
        return redirect(self.object_url(chosen))
