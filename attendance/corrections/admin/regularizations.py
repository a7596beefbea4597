"""The console's pages on correction requests: what employees ask for, and the decision on it."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from django import forms
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.utils import formats, timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from unfold.decorators import action, display
from unfold.enums import ActionVariant
from unfold.widgets import (
    UnfoldAdminTextareaWidget,
)

from accounts.approvals.admin import ApproverRowsMixin
from accounts.permissions import can_decide_for
from attendance.corrections import preview as day_preview
from attendance.corrections import regularization
from attendance.corrections.admin.corrections import correction_time_text
from attendance.corrections.admin.day_comparison import locked_month_text, render_day_comparison
from attendance.corrections.validation import MAX_REASON_LENGTH
from attendance.models import Regularization
from core.action_pages import ActionFormMixin, posted_data
from core.admin_html import badge_html, change_url, link_html, table_html
from core.tenant_admin import ReadOnlyTenantAdmin
from core.tenant_visibility import is_operator
from core.times import to_local_time

STATUS_COLOURS: Final = {
    "pending": "warning",
    "approved": "success",
    "rejected": "danger",
    "withdrawn": "info",
}


class RegularizationRemarksForm(forms.Form):
    """Why."""

    remarks = forms.CharField(
        label=_("Remarks"),
        max_length=MAX_REASON_LENGTH,
        required=False,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 3}),
    )


class RegularizationAdmin(ApproverRowsMixin, ActionFormMixin, ReadOnlyTenantAdmin):
    """Corrections people ask for: decided here, never edited."""

    all_rows_permission = "attendance.add_correction"
    fieldsets = (
        (None, {"fields": (("employee", "badge"), "full_date", ("in_time", "out_time"), "reason")}),
        (
            _("Decision"),
            {"fields": (("applied_at", "applied_by"), ("decided_at", "decided_by"), "remarks")},
        ),
        (_("The day"), {"fields": ("day_comparison",)}),
        (_("Corrections made"), {"fields": ("corrections_made",)}),
    )
    readonly_fields = (
        "badge",
        "full_date",
        "in_time",
        "out_time",
        "day_comparison",
        "corrections_made",
    )
    list_display = ("employee", "date", "in_time", "out_time", "badge", "decided_by")
    list_display_links = ("employee", "date")
    list_filter = ("status",)
    list_select_related = ("employee__organization", "decided_by", "organization")
    search_fields = ("employee__name", "=employee__code")
    search_help_text = _("An employee's name or code")
    extra_lookups = ("employee",)
    date_hierarchy = "date"
    actions_detail = ("approve", "reject")
    empty_title = _("No correction requests")
    empty_text = _(
        "Employees request a correction from their phones when a time is missing or wrong. HR"
        " corrects a day on the page of that day."
    )

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).prefetch_related("employee__assignments__site")

    def has_decide_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        one = self.get_object(request, str(object_id)) if object_id else None
        if one is None:
            return bool(object_id)  # Not found, as said by the page itself.
        return is_operator(request) or can_decide_for(request.user, one.employee)  # type: ignore[arg-type]

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> list[Any]:
        """What is decided is decided."""
        one = self.get_object(request, str(object_id))
        waits = one is not None and one.status == Regularization.Status.PENDING
        return super().get_actions_detail(request, object_id) if waits else []

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
            title=_("Approve the correction"),
            button=_("Approve"),
            done=_("Approved. The day is recalculated in a moment."),
        )

    @action(description=_("Reject"), url_path="reject", icon="close", permissions=["decide"])
    def reject(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self._decide(
            request,
            object_id,
            approve=False,
            title=_("Reject the correction"),
            button=_("Reject"),
            done=_("Rejected."),
        )

    def _decide(
        self, request: HttpRequest, object_id: str, *, approve: bool, done: Any, **page: Any
    ) -> HttpResponse:
        one: Regularization = self.object_or_404(request, object_id)
        if not self.has_decide_permission(request, object_id):
            raise PermissionDenied
        posted_to = (
            day_preview.adjustment_month(one.organization_id, one.date, timezone.now())
            if approve
            else None
        )
        return self.action_page(
            request,
            one,
            RegularizationRemarksForm(posted_data(request)),
            lambda said: regularization.decide_regularization(
                one,
                actor=request.user,  # type: ignore[arg-type]
                approve=approve,
                remarks=said["remarks"],
            ),
            done,
            details=format_html("<p>{}</p>{}", one.reason, self.day_comparison(one)),
            danger=not approve,
            question=locked_month_text(posted_to),
            **page,
        )

    @display(description=_("status"), ordering="status")
    def badge(self, one: Regularization) -> Any:
        return badge_html(one.get_status_display(), STATUS_COLOURS[one.status])

    @display(description=_("date"))
    def full_date(self, one: Regularization) -> str:
        return formats.date_format(one.date, "l, j F Y")

    @display(description=_("in time"), ordering="in_at")
    def in_time(self, one: Regularization) -> str:
        return _requested_time_text(one, one.in_at)

    @display(description=_("out time"), ordering="out_at")
    def out_time(self, one: Regularization) -> str:
        return _requested_time_text(one, one.out_at)

    @display(description=_("timeline"))
    def day_comparison(self, one: Regularization) -> SafeString:
        """As it is now; while it waits, as it would be too."""
        if one.status != Regularization.Status.PENDING:
            return render_day_comparison(day_preview.current_day(one.employee, one.date), None)
        seen = day_preview.preview_regularization(one)
        return render_day_comparison(seen.before, seen.after)

    @display(description=_("times"))
    def corrections_made(self, one: Regularization) -> Any:
        rows = one.corrections.select_related("employee__organization").order_by("id")
        body = (
            (
                link_html(change_url(row), correction_time_text(row)),
                row.get_kind_display(),
                row.get_direction_display() or "–",
            )
            for row in rows
        )
        return table_html((_("Time"), _("What"), _("Direction")), body, _("Nothing yet."))


def _requested_time_text(regularization: Regularization, at: datetime | None) -> str:
    """A time asked for, on the clock of the employee's office; with its date where that is
    another.
    """
    if at is None:
        return "–"
    post = next(
        (
            post
            for post in regularization.employee.assignments.all()
            if post.covers(regularization.date)
        ),
        None,
    )
    there = to_local_time(
        at, (post.site.timezone if post else "") or regularization.employee.organization.timezone
    )
    return f"{there:%H:%M}" if there.date() == regularization.date else f"{there:%Y-%m-%d %H:%M}"
