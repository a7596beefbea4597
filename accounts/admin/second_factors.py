"""The console's page of second factors: who has one; it is removed here when a phone is lost."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext_lazy as _
from unfold.decorators import action
from unfold.enums import ActionVariant

from accounts import two_factor
from accounts.models import SecondFactor
from core.admin_html import changelist_url
from core.tenant_admin import ReadOnlyTenantAdmin


class SecondFactorAdmin(ReadOnlyTenantAdmin):
    """Who has set up a second factor; it can be taken away when the phone is lost."""

    list_display = ("user", "set_up_at", "last_used_at")
    list_select_related = ("user", "organization")
    search_fields = ("user__username",)
    fields = ("user", ("set_up_at", "last_used_at"))
    empty_title = _("Nobody has set up a second factor yet")
    empty_text = _("Every user can set one up, under their name at the bottom of the sidebar.")
    actions_detail: ClassVar[list[str]] = ["remove"]

    def has_remove_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return bool(request.user.has_perm("accounts.delete_secondfactor"))

    @action(
        description=_("Remove"),
        url_path="remove",
        icon="phonelink_erase",
        variant=ActionVariant.DANGER,
        permissions=["remove"],
    )
    def remove(self, request: HttpRequest, object_id: str) -> HttpResponse:
        factor: SecondFactor = self.object_or_404(request, object_id)
        if request.method != "POST":
            return self.render_confirmation(
                request,
                factor,
                title=_("Remove the second factor"),
                button=_("Remove"),
                danger=True,
                question=_(
                    "The authenticator app and the recovery codes of this user stop working. Verify"
                    " who asked for this."
                ),
            )
        two_factor.remove_second_factor(factor.user, actor=request.user, request=request)  # type: ignore[arg-type]
        messages.success(request, _("The second factor was removed."))
        return redirect(changelist_url(SecondFactor))
