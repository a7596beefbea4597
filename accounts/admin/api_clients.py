"""The console's page of API clients: what a client may do, and its keys and secrets."""

from __future__ import annotations

import shlex
from typing import Any, ClassVar

from django import forms
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from unfold.decorators import action, display
from unfold.enums import ActionVariant
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget

from accounts import services
from accounts.api_keys import SCOPES
from accounts.models import ApiClient, ClientKey
from accounts.permissions import signed_in_user
from core.admin_forms import TenantForm
from core.admin_html import badge_html
from core.admin_inlines import ReadOnlyInline
from core.tenant_admin import TenantAdmin


class ApiClientForm(TenantForm):
    """Scopes are ticked, not typed."""

    scopes = forms.MultipleChoiceField(
        label=_("Scopes"),
        required=False,
        widget=UnfoldAdminCheckboxSelectMultipleWidget(),
        choices=[(scope, f"{scope}: {what}") for scope, what in SCOPES.items()],
    )


class ClientKeyInline(ReadOnlyInline):
    """A client's keys and secrets, as far as they can be shown."""

    model = ClientKey
    fields = ("purpose", "hint", "created_at", "expires_at", "revoked_at", "last_used_at")
    readonly_fields = fields
    verbose_name_plural = _("keys")


class ApiClientAdmin(TenantAdmin):
    """Programs that report punches: biometric systems and HR applications."""

    form = ApiClientForm
    save_functions: ClassVar = {ApiClient: services.save_api_client}
    fieldsets = (
        (None, {"fields": ("name", "active")}),
        (_("Access"), {"fields": ("scopes", "employee", "audience")}),
        (
            _("Rate limits"),
            {
                "fields": ("per_minute", "per_hour", "per_day"),
                "description": _(
                    "A limit replaces the limit of the channel for the same length of time. The"
                    " other limits of the channel stay."
                ),
            },
        ),
    )
    _credentials_fieldset = (_("Credentials"), {"fields": (("client_id", "created_at"),)})
    readonly_fields = ("client_id", "created_at")
    inlines = (ClientKeyInline,)
    autocomplete_fields = ("employee",)
    list_display = ("name", "client_id", "scope_list", "employee", "badge", "last_used")
    list_filter = ("active",)
    list_select_related = ("employee", "organization")
    search_fields = ("name", "client_id")
    search_help_text = _("Name or client id")
    actions_detail = ("issue_api_key", "issue_secret", "revoke_all_keys")
    empty_title = _("No API clients yet")
    empty_text = _(
        "Add one for each system that reports punches, then issue its key and put the key into that"
        " system."
    )

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        fieldsets = super().get_fieldsets(request, obj)
        return [*fieldsets, self._credentials_fieldset] if obj else fieldsets

    def get_inlines(self, request: HttpRequest, obj: Any) -> tuple[Any, ...]:
        """A client has keys only once it exists."""
        return super().get_inlines(request, obj) if obj else ()

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).prefetch_related("keys")

    @display(description=_("scopes"))
    def scope_list(self, client: ApiClient) -> str:
        return ", ".join(client.scopes) or "–"

    @display(description=_("state"))
    def badge(self, client: ApiClient) -> Any:
        if not client.active:
            return badge_html(_("Inactive"), "warning")
        now = timezone.now()
        live = [
            key
            for key in client.keys.all()
            if key.revoked_at is None and (key.expires_at is None or key.expires_at > now)
        ]
        return badge_html(_("Working"), "success") if live else badge_html(_("No key"), "info")

    @display(description=_("last used"))
    def last_used(self, client: ApiClient) -> Any:
        return max(
            (key.last_used_at for key in client.keys.all() if key.last_used_at), default=None
        )

    # Keys
    def has_issue_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return bool(request.user.has_perm("accounts.add_clientkey"))

    def has_revoke_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return bool(request.user.has_perm("accounts.change_clientkey"))

    @action(
        description=_("Issue API key"),
        url_path="issue-key",
        icon="key",
        variant=ActionVariant.PRIMARY,
        permissions=["issue"],
    )
    def issue_api_key(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """A key to send with every call."""
        return self._issue(request, object_id, ClientKey.Purpose.KEY, _("Issue an API key"))

    @action(
        description=_("Issue client secret"),
        url_path="issue-secret",
        icon="password",
        permissions=["issue"],
    )
    def issue_secret(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """A secret to get machine tokens with."""
        return self._issue(request, object_id, ClientKey.Purpose.SECRET, _("Issue a client secret"))

    @action(
        description=_("Revoke all keys"),
        url_path="revoke-keys",
        icon="block",
        variant=ActionVariant.DANGER,
        permissions=["revoke"],
    )
    def revoke_all_keys(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Turn the client away at once."""
        client = self.object_or_404(request, object_id)
        if request.method != "POST":
            return self.render_confirmation(
                request,
                client,
                title=_("Revoke all keys"),
                button=_("Revoke at once"),
                danger=True,
                question=_(
                    "All requests of this client are rejected immediately, until you issue a new"
                    " key and enter it in the other system."
                ),
            )
        count = services.revoke_client_keys(client, actor=signed_in_user(request), request=request)
        return self.finish_action(request, client, _("Keys revoked: %(count)d.") % {"count": count})

    def _issue(
        self, request: HttpRequest, object_id: str, purpose: str, title: Any
    ) -> HttpResponse:
        """Ask, then issue and show. The key exists in this one reply: not in an address, a message
        or the session.
        """
        client = self.object_or_404(request, object_id)
        if request.method != "POST":
            question = _(
                "It is shown once, on the next page. The previous one stays valid for %(days)d"
                " days, so that nothing is lost while you change it in the other system. Older ones"
                " stop working now."
            ) % {"days": services.ROTATION_OVERLAP.days}
            return self.render_confirmation(
                request, client, title=title, question=question, button=title
            )
        text = services.issue_client_key(
            client, purpose, actor=signed_in_user(request), request=request
        )
        self.log_change(request, client, str(_("Key issued.")))
        return self.render_page(
            request,
            "secret",
            client,
            title=_("For %(client)s") % {"client": client},
            secrets=[(ClientKey.Purpose(purpose).label, text), (_("Client id"), client.client_id)],
            advice=_("Copy it now: it is stored as a hash and cannot be shown again."),
            snippets=_curl_snippets(client, purpose, text),
        )


def _curl_snippets(client: ApiClient, purpose: str, text: str) -> list[tuple[Any, str]]:
    """What to paste into a shell to try a new key or secret."""
    if purpose == ClientKey.Purpose.SECRET:
        lines = [
            f"curl -X POST {settings.BASE_URL}/api/v1/oauth/token",
            "-d grant_type=client_credentials",
            f"-d {shlex.quote(f'client_id={client.client_id}')}",
            f"-d {shlex.quote(f'client_secret={text}')}",
        ]
        return [(_("Get a machine token"), " \\\n  ".join(lines))]
    body = (
        '{"scanId": "TRY-1", "employeeId": "EMP001", "eventType": "check_in", "timestamp":'
        ' "2026-06-21T09:30:00+05:30"}'
    )
    lines = [
        f"curl -X POST {settings.BASE_URL}/api/biometric/attendance",
        f"-H {shlex.quote(f'X-API-Key: {text}')}",
        "-H 'Content-Type: application/json'",
        f"-d {shlex.quote(body)}",
    ]
    return [(_("An event on the biometric channel"), " \\\n  ".join(lines))]
