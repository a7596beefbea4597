"""The console's page of linked identities: which account of the provider signs in as whom."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext_lazy as _
from unfold.decorators import action
from unfold.enums import ActionVariant

from accounts.models import SsoIdentity
from accounts.sso.identities import unlink_identity
from core.admin_html import changelist_url
from core.tenant_admin import ReadOnlyTenantAdmin


class SsoIdentityAdmin(ReadOnlyTenantAdmin):
    """Which account of the provider signs in as whom."""

    list_display = ("user", "email", "issuer", "linked_at", "last_used_at")
    list_select_related = ("user", "organization")
    search_fields = ("user__username", "email")
    fields = ("user", "email", "issuer", "subject", ("linked_at", "last_used_at"))
    empty_title = _("No linked identities yet")
    empty_text = _(
        "An identity is linked at the first single sign-on, by the verified e-mail address."
    )
    actions_detail: ClassVar[list[str]] = ["unlink"]

    def has_unlink_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return bool(request.user.has_perm("accounts.delete_ssoidentity"))

    @action(
        description=_("Unlink"),
        url_path="unlink",
        icon="link_off",
        variant=ActionVariant.DANGER,
        permissions=["unlink"],
    )
    def unlink(self, request: HttpRequest, object_id: str) -> HttpResponse:
        identity: SsoIdentity = self.object_or_404(request, object_id)
        if request.method != "POST":
            return self.render_confirmation(
                request,
                identity,
                title=_("Unlink"),
                button=_("Unlink"),
                danger=True,
                question=_(
                    "This identity no longer signs in as this user. The next single sign-on links"
                    " an identity again, by the verified e-mail address."
                ),
            )
        unlink_identity(identity, actor=request.user, request=request)  # type: ignore[arg-type]
        messages.success(request, _("Unlinked."))
        return redirect(changelist_url(SsoIdentity))
