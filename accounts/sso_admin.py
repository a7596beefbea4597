"""The console's pages on how people sign in: the settings, the linked accounts of the provider, the
second factors of staff.
"""

from __future__ import annotations

from typing import Any, ClassVar

from django import forms
from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext_lazy as _
from unfold.decorators import action, display
from unfold.enums import ActionVariant
from unfold.widgets import (
    UnfoldAdminPasswordWidget,
    UnfoldAdminTextareaWidget,
    UnfoldBooleanSwitchWidget,
)

from accounts import factors, provider, sso
from accounts.models import SecondFactor, SignInSettings, SsoIdentity
from employees.console import (
    ReadOnlyTenantAdmin,
    TenantAdmin,
    TenantForm,
    list_url,
    sees_everything,
    tenant_id,
)


class Lines(forms.Field):
    """A list of texts, one on each line."""

    widget = UnfoldAdminTextareaWidget

    def prepare_value(self, value: Any) -> Any:
        return "\n".join(map(str, value)) if isinstance(value, list) else value

    def to_python(self, value: Any) -> list[str]:
        return [line.strip() for line in str(value or "").splitlines() if line.strip()]


class SettingsForm(TenantForm):
    """The settings; the client secret is typed in and never shown again."""

    redirect_uris = Lines(
        required=False,
        label=_("Addresses of mobile apps"),
        help_text=_(
            "Where the provider may send a phone back to, one a line: compared letter by letter."
        ),
    )
    new_secret = forms.CharField(
        required=False,
        max_length=500,
        strip=True,
        label=_("Client secret"),
        widget=UnfoldAdminPasswordWidget(attrs={"autocomplete": "new-password"}),
        help_text=_("Kept encrypted and not shown again. Empty: as it is."),
    )
    no_secret = forms.BooleanField(
        required=False,
        label=_("The provider gave no secret"),
        widget=UnfoldBooleanSwitchWidget,
        help_text=_("Forgets the secret that is kept."),
    )

    @property
    def secret(self) -> str | None:
        """What to do with the secret: a new one, "" to forget it, None to leave it."""
        if self.cleaned_data.get("no_secret"):
            return ""
        return self.cleaned_data.get("new_secret") or None


@admin.register(SignInSettings)
class SignInSettingsAdmin(TenantAdmin):
    """One row for each organization. What is set here decides who gets in, so every change is a
    security event.
    """

    form = SettingsForm
    list_display = ("__str__", "sso_enabled", "sso_enforced", "second_factor_required")
    search_fields = ("name",)
    empty_title = _("No sign-in settings yet")
    empty_text = _(
        "Staff sign in with passwords, and with a second factor if they set one up. Add settings to"
        " change that."
    )
    actions_detail: ClassVar[list[str]] = ["look"]
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
        (_("Who signs in there"), {"fields": (("sso_enabled", "sso_enforced"), "creates_users")}),
        (_("Phones"), {"fields": ("redirect_uris", "token_days")}),
        (_("Second factor"), {"fields": (("second_factor_required", "second_factor_there"),)}),
    )

    def has_add_permission(self, request: HttpRequest) -> bool:
        """One row is enough; operators may add one for each organization."""
        mine = tenant_id(request)
        there = not sees_everything(request) and SignInSettings.objects.of(mine).exists()
        return not there and bool(super().has_add_permission(request))

    def save_model(
        self, request: HttpRequest, obj: SignInSettings, form: Any, change: bool
    ) -> None:
        sso.save_settings(obj, secret=form.secret, actor=request.user, request=request)  # type: ignore[arg-type]

    @display(description=_("secret kept"), boolean=True)
    def has_secret(self, chosen: SignInSettings) -> bool:
        return bool(chosen.secret_cipher)

    @display(description=_("address to enter at the provider"))
    def callback(self, chosen: SignInSettings) -> str:
        return sso.callback_url()

    @action(
        description=_("Look at the provider"),
        url_path="look",
        icon="travel_explore",
        permissions=["change"],
    )
    def look(self, request: HttpRequest, object_id: str) -> HttpResponse:
        chosen: SignInSettings = self.object_or_404(request, object_id)
        try:
            document = provider.look_at(chosen)
        except provider.Down as trouble:
            messages.error(
                request,
                _("The provider cannot be reached. %(reason)s") % {"reason": trouble.reason},
            )
        except provider.Refused as trouble:
            messages.error(request, str(trouble.detail))
        else:
            messages.success(
                request, _("The provider answers: %(issuer)s") % {"issuer": document["issuer"]}
            )
        return redirect(self.address(chosen))


@admin.register(SsoIdentity)
class SsoIdentityAdmin(ReadOnlyTenantAdmin):
    """Which account of the provider signs in as whom."""

    list_display = ("user", "email", "issuer", "linked_at", "last_used_at")
    list_select_related = ("user", "organization")
    search_fields = ("user__username", "email")
    fields = ("user", "email", "issuer", "subject", ("linked_at", "last_used_at"))
    empty_title = _("Nobody has signed in at the provider yet")
    empty_text = _("An account is linked at its first sign-on, by the verified e-mail address.")
    actions_detail: ClassVar[list[str]] = ["forget"]

    def has_unlink_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return bool(request.user.has_perm("accounts.delete_ssoidentity"))

    @action(
        description=_("Unlink"),
        url_path="unlink",
        icon="link_off",
        variant=ActionVariant.DANGER,
        permissions=["unlink"],
    )
    def forget(self, request: HttpRequest, object_id: str) -> HttpResponse:
        identity: SsoIdentity = self.object_or_404(request, object_id)
        if request.method != "POST":
            return self.confirm(
                request,
                identity,
                title=_("Unlink"),
                button=_("Unlink"),
                danger=True,
                question=_(
                    "The account no longer signs in as this user. The next sign-on links anew, by"
                    " the verified e-mail address."
                ),
            )
        sso.unlink(identity, actor=request.user, request=request)  # type: ignore[arg-type]
        messages.success(request, _("Unlinked."))
        return redirect(list_url(SsoIdentity))


@admin.register(SecondFactor)
class SecondFactorAdmin(ReadOnlyTenantAdmin):
    """Who has set up a second factor; it can be taken away when the phone is lost."""

    list_display = ("user", "set_up_at", "last_used_at")
    list_select_related = ("user", "organization")
    search_fields = ("user__username",)
    fields = ("user", ("set_up_at", "last_used_at"))
    empty_title = _("Nobody has set up a second factor yet")
    empty_text = _("Everybody can, under their name at the foot of the sidebar.")
    actions_detail: ClassVar[list[str]] = ["take_away"]

    def has_take_away_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return bool(request.user.has_perm("accounts.delete_secondfactor"))

    @action(
        description=_("Take away"),
        url_path="take-away",
        icon="phonelink_erase",
        variant=ActionVariant.DANGER,
        permissions=["take_away"],
    )
    def take_away(self, request: HttpRequest, object_id: str) -> HttpResponse:
        factor: SecondFactor = self.object_or_404(request, object_id)
        if request.method != "POST":
            return self.confirm(
                request,
                factor,
                title=_("Take the second factor away"),
                button=_("Take away"),
                danger=True,
                question=_(
                    "The authenticator app and the recovery codes of this user stop working. Be"
                    " sure who asked for it."
                ),
            )
        factors.remove(factor.user, actor=request.user, request=request)  # type: ignore[arg-type]
        messages.success(request, _("The second factor was taken away."))
        return redirect(list_url(SecondFactor))
