"""The console's page of leave applications: entered by HR, recommended and decided here."""

from __future__ import annotations

from typing import Any, Final

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy as _
from unfold.decorators import action
from unfold.enums import ActionVariant

from accounts.approvals.admin import ApproverRowsMixin
from core.action_pages import posted_data
from leaves.admin.application_amendments import AmendableLeaveAdmin
from leaves.admin.application_forms import (
    LeaveApplicationForm,
    LeaveApproveForm,
    LeaveRecommendForm,
    LeaveRemarksForm,
)
from leaves.models import LeaveApplication
from leaves.services.application_data import LeaveApplicationData, WithheldOffDays
from leaves.services.applications import apply_for_leave
from leaves.services.decisions import decide_leave, preview_decision, recommend_leave

# What can still be done with an application, by its status.
ACTIONS_BY_STATUS: Final = {
    "pending": frozenset({"recommend", "approve", "reject", "cancel"}),
    "approved": frozenset({"curtail", "rejoin", "convert", "overstay", "cancel"}),
}


class LeaveApplicationAdmin(ApproverRowsMixin, AmendableLeaveAdmin):
    """Applications: decided here, entered by HR for somebody, never edited."""

    all_rows_permission = "leaves.view_leaveaccount"
    form = LeaveApplicationForm
    fieldsets = (
        (None, {"fields": ("employee", ("kind", "half"), ("starts_on", "ends_on"), "reason")}),
        (_("If the leave type requires it"), {"fields": (("certificate", "child"), "study")}),
        (_("By authority"), {"fields": ("waive", "waive_reason")}),
    )
    detail_fieldsets = (
        (
            None,
            {"fields": (("employee", "badge"), "kind", ("starts_on", "ends_on", "half"), "reason")},
        ),
        (
            _("Decision"),
            {
                "fields": (
                    ("applied_at", "applied_by"),
                    "who_decides",
                    ("recommendation", "recommended_by", "recommended_at"),
                    ("decided_at", "decided_by"),
                    "remarks",
                    "waived_rules",
                )
            },
        ),
        (_("Days"), {"fields": ("days_table",)}),
        (_("Ledger"), {"fields": ("entries_table",)}),
        (_("History"), {"fields": ("events_table",)}),
    )
    readonly_fields = (
        "badge",
        "waived_rules",
        "who_decides",
        "days_table",
        "entries_table",
        "events_table",
    )
    autocomplete_fields = ("employee",)
    list_display = (
        "employee",
        "kind",
        "starts_on",
        "ends_on",
        "half",
        "badge",
        "recommendation",
        "decided_by",
    )
    list_filter = ("status", "kind")
    list_select_related = ("employee", "decided_by", "organization")
    search_fields = ("employee__code", "employee__name")
    date_hierarchy = "starts_on"
    actions_detail = (
        "recommend",
        "approve",
        "reject",
        "curtail",
        "rejoin",
        "convert",
        "overstay",
        "cancel",
    )
    empty_title = _("No applications yet")
    empty_text = _("People apply from their phones; HR can enter an application for somebody.")

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        return super().get_fieldsets(request, obj) if obj is None else list(self.detail_fieldsets)

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        application_data = LeaveApplicationData.from_application(obj)
        obj.pk = apply_for_leave(
            obj.employee,
            application_data,
            actor=request.user,  # type: ignore[arg-type]
            self_service=False,
        ).pk

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> list[Any]:
        """What can still be done."""
        one = self.get_object(request, str(object_id))
        status = one.status if one else ""
        offered = ACTIONS_BY_STATUS.get(status, frozenset())
        return [
            it
            for it in super().get_actions_detail(request, object_id)
            if it.method.original_function_name in offered
        ]

    @action(
        description=_("Recommend…"),
        url_path="recommend",
        icon="thumbs_up_down",
        permissions=["decide"],
    )
    def recommend(self, request: HttpRequest, object_id: str) -> HttpResponse:
        one = self.get_to_decide(request, object_id)
        return self.action_page(
            request,
            one,
            LeaveRecommendForm(posted_data(request)),
            lambda said: recommend_leave(
                one,
                actor=request.user,  # type: ignore[arg-type]
                recommended=said["recommendation"] == "recommended",
                remarks=said["remarks"],
            ),
            _("The recommendation was saved. Another officer decides."),
            title=_("Recommend or do not recommend the leave"),
            button=_("Resolve"),
            details=self.decision_details(one, preview_decision(one, request.user)),  # type: ignore[arg-type]
        )

    @action(
        description=_("Approve"),
        url_path="approve",
        icon="check",
        variant=ActionVariant.PRIMARY,
        permissions=["decide"],
    )
    def approve(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self._decide(
            request,
            object_id,
            approve=True,
            title=_("Approve the leave"),
            button=_("Approve"),
            done=_("Approved."),
        )

    @action(description=_("Reject"), url_path="reject", icon="close", permissions=["decide"])
    def reject(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self._decide(
            request,
            object_id,
            approve=False,
            title=_("Reject the leave"),
            button=_("Reject"),
            done=_("Rejected."),
        )

    def _decide(
        self, request: HttpRequest, object_id: str, *, approve: bool, done: Any, **page: Any
    ) -> HttpResponse:
        one = self.get_to_decide(request, object_id)
        seen = (
            preview_decision(one, request.user)  # type: ignore[arg-type]
            if one.status == LeaveApplication.Status.PENDING
            else None
        )
        # Casual leave leaves off days out anyhow: nothing to withhold there.
        kind = (
            LeaveApproveForm
            if approve and seen is not None and len(seen.days_debited) > 1
            else LeaveRemarksForm
        )
        return self.action_page(
            request,
            one,
            kind(posted_data(request)),
            lambda said: decide_leave(
                one,
                actor=request.user,  # type: ignore[arg-type]
                approve=approve,
                remarks=said["remarks"],
                withhold=WithheldOffDays(
                    said.get("withhold_prefix", False), said.get("withhold_suffix", False)
                ),
            ),
            done,
            details=self.decision_details(one, seen, withholding=kind is LeaveApproveForm),
            danger=not approve,
            **page,
        )
