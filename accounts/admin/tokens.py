"""The console's pages of people's tokens: personal access tokens, and sign-ins over the API."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy as _
from unfold.decorators import action
from unfold.enums import ActionVariant

from accounts import services
from accounts.permissions import signed_in_user
from core.tenant_admin import ReadOnlyTenantAdmin


class _RevocableAdmin(ReadOnlyTenantAdmin):
    """Rows that can be looked at and revoked."""

    actions_detail = ("revoke_now",)

    def has_revoke_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return bool(request.user.has_perm(f"accounts.change_{self.opts.model_name}"))

    def revoke(self, request: HttpRequest, row: Any) -> None:
        """Revoke this row."""
        raise NotImplementedError

    @action(
        description=_("Revoke"),
        url_path="revoke",
        icon="block",
        variant=ActionVariant.DANGER,
        permissions=["revoke"],
    )
    def revoke_now(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Ask, then revoke: refused from the next call on."""
        row = self.object_or_404(request, object_id)
        if request.method != "POST":
            return self.render_confirmation(
                request,
                row,
                title=_("Revoke"),
                button=_("Revoke at once"),
                danger=True,
                question=_("Requests that use it are rejected immediately."),
            )
        self.revoke(request, row)
        return self.finish_action(request, row, _("Revoked."))


class PersonalTokenAdmin(_RevocableAdmin):
    """People's own tokens."""

    fields = ("user", "name", "hint", "created_at", "expires_at", "revoked_at", "last_used_at")
    list_display = (
        "name",
        "user",
        "hint",
        "created_at",
        "last_used_at",
        "expires_at",
        "revoked_at",
    )
    list_select_related = ("user", "organization")
    search_fields = ("name", "user__username")
    empty_title = _("No personal access tokens")
    empty_text = _("Employees' phones and programs get theirs when they sign in or register.")

    def revoke(self, request: HttpRequest, row: Any) -> None:
        services.revoke_personal_token(row, actor=signed_in_user(request), request=request)


class TokenFamilyAdmin(_RevocableAdmin):
    """Sign-ins by password over the API."""

    fields = ("user", "created_at", "expires_at", "revoked_at", "revocation_reason")
    list_display = ("user", "created_at", "expires_at", "revoked_at", "revocation_reason")
    list_filter = ("revocation_reason",)
    list_select_related = ("user", "organization")
    search_fields = ("user__username",)
    empty_title = _("No sign-ins over the API yet")

    def revoke(self, request: HttpRequest, row: Any) -> None:
        services.revoke_token_family(row, actor=signed_in_user(request), request=request)
