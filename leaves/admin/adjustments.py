"""The console's page of leave adjustments: one person proposes an entry by order, another
confirms it.
"""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy as _
from unfold.decorators import action
from unfold.enums import ActionVariant

from core.action_pages import ActionFormMixin, posted_data
from core.tenant_admin import TenantAdmin
from leaves.admin.encashment import encashment_table
from leaves.admin.forms import ConfirmationForm
from leaves.models import LeaveAdjustment, LeaveLedgerEntry
from leaves.services.adjustments import decide_adjustment, propose_adjustment


class LeaveAdjustmentAdmin(ActionFormMixin, TenantAdmin):
    """Entries by order: balances brought forward, encashment, corrections. One proposes, another
    confirms.
    """

    fieldsets = (
        (
            None,
            {
                "fields": (
                    "employee",
                    ("kind", "type", "occasion"),
                    ("days", "effective_on"),
                    "reason",
                )
            },
        ),
    )
    detail_fieldsets = (
        _("Decision"),
        {"fields": ("state", ("proposed_by", "proposed_at"), ("decided_by", "decided_at"))},
    )
    autocomplete_fields = ("employee",)
    list_display = ("employee", "kind", "type", "days", "effective_on", "state", "proposed_by")
    list_filter = ("state", "type", "kind")
    list_select_related = ("employee", "proposed_by", "organization")
    search_fields = ("employee__code", "employee__name")
    actions_detail = ("confirm_adjustment", "refuse_adjustment")
    empty_title = _("No leave adjustments yet")
    empty_text = _("Enter opening balances from the service books here.")

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        found = super().get_fieldsets(request, obj)
        return [*found, self.detail_fieldsets] if obj else found

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        propose_adjustment(obj, actor=request.user)  # type: ignore[arg-type]

    def has_decide_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return bool(request.user.has_perm("leaves.change_leaveadjustment"))

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> list[Any]:
        one = self.get_object(request, str(object_id))
        return (
            super().get_actions_detail(request, object_id)
            if one and one.state == LeaveAdjustment.State.PROPOSED
            else []
        )

    @action(
        description=_("Confirm"),
        url_path="confirm",
        icon="check",
        variant=ActionVariant.PRIMARY,
        permissions=["decide"],
    )
    def confirm_adjustment(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self._decide(
            request,
            object_id,
            confirm=True,
            title=_("Confirm the adjustment"),
            button=_("Post it"),
            done=_("Posted."),
        )

    @action(description=_("Refuse"), url_path="refuse", icon="close", permissions=["decide"])
    def refuse_adjustment(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self._decide(
            request,
            object_id,
            confirm=False,
            title=_("Refuse the adjustment"),
            button=_("Refuse"),
            done=_("Refused."),
        )

    def _decide(
        self, request: HttpRequest, object_id: str, *, confirm: bool, done: Any, **page: Any
    ) -> HttpResponse:
        one = self.object_or_404(request, object_id)
        return self.action_page(
            request,
            one,
            ConfirmationForm(posted_data(request)),
            lambda said: decide_adjustment(one, actor=request.user, confirm=confirm),  # type: ignore[arg-type]
            done,
            details=(
                encashment_table(one.employee, one.kind, one.effective_on)
                if one.type == LeaveLedgerEntry.Type.ENCASH
                else ""
            ),
            question=_("%(days)s days, effective %(day)s: %(reason)s")
            % {
                "days": one.days,
                "day": one.effective_on,
                "reason": one.reason,
            },
            danger=not confirm,
            **page,
        )
