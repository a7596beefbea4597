"""The console's page of delegations: who decides in an approver's place."""

from __future__ import annotations

from typing import ClassVar

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy as _
from unfold.decorators import action
from unfold.enums import ActionVariant

from accounts import services
from accounts.models import Delegation
from core.tenant_admin import TenantAdmin


class DelegationAdmin(TenantAdmin):
    """Who decides in whose place."""

    save_functions: ClassVar = {Delegation: services.save_delegation}
    fieldsets = ((None, {"fields": ("approver", "delegate", ("starts_on", "ends_on"))}),)
    autocomplete_fields = ("approver", "delegate")
    list_display = ("delegate", "approver", "starts_on", "ends_on", "withdrawn_at")
    list_display_links = ("delegate", "approver")
    list_select_related = ("approver", "delegate", "organization")
    search_fields = ("approver__name", "delegate__name")
    actions_detail = ("withdraw",)
    empty_title = _("No delegations yet")
    empty_text = _(
        "When an approver is away, add the person who decides on leave and tours in their place,"
        " and until which day."
    )

    @action(
        description=_("Withdraw"),
        url_path="withdraw",
        icon="undo",
        variant=ActionVariant.DANGER,
        permissions=["change"],
    )
    def withdraw(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Ask, then end it before its last day."""
        row = self.object_or_404(request, object_id)
        if request.method != "POST":
            return self.render_confirmation(
                request,
                row,
                title=_("Withdraw"),
                button=_("Withdraw now"),
                danger=True,
                question=_("The delegate can no longer decide in this approver's place."),
            )
        services.withdraw_delegation(row)
        return self.finish_action(request, row, _("Withdrawn."))
