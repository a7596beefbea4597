"""The console's pages of absences without leave (extraordinary leave, dies-non) and suspensions."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from unfold.decorators import action, display

from core.action_pages import ActionFormMixin, posted_data
from core.admin_html import change_url, link_html, table_html
from core.tenant_admin import TenantAdmin
from leaves.admin.forms import ConfirmationForm, EndSuspensionForm
from leaves.models import LeaveApplication, Suspension
from leaves.services.absences import revoke_absence, save_absence
from leaves.services.suspensions import end_suspension, revoke_suspension, save_suspension


class AbsenceAdmin(ActionFormMixin, TenantAdmin):
    """Extraordinary leave and dies-non: they make the next credit smaller."""

    fieldsets = ((None, {"fields": ("employee", "kind", ("starts_on", "ends_on"), "reason")}),)
    detail_fieldsets = (None, {"fields": (("entered_at", "entered_by"), "revoked_at")})
    readonly_fields = ("entered_at", "entered_by", "revoked_at")
    autocomplete_fields = ("employee",)
    list_display = ("employee", "kind", "starts_on", "ends_on", "revoked_at")
    list_filter = ("kind",)
    list_select_related = ("employee", "organization")
    search_fields = ("employee__code", "employee__name")
    actions_detail = ("revoke",)
    empty_title = _("No absences")

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        found = super().get_fieldsets(request, obj)
        return [*found, self.detail_fieldsets] if obj else found

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        save_absence(obj, actor=request.user)  # type: ignore[arg-type]

    def has_revoke_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return bool(request.user.has_perm("leaves.change_absence"))

    @action(description=_("Revoke"), url_path="revoke", icon="undo", permissions=["revoke"])
    def revoke(self, request: HttpRequest, object_id: str) -> HttpResponse:
        one = self.object_or_404(request, object_id)
        return self.action_page(
            request,
            one,
            ConfirmationForm(posted_data(request)),
            lambda said: revoke_absence(one),
            _("Revoked."),
            title=_("Revoke the absence"),
            button=_("Revoke"),
            question=_("Its reduction of later credits is reversed."),
        )


class SuspensionAdmin(ActionFormMixin, TenantAdmin):
    """Suspensions: no leave is granted while they last."""

    fieldsets = ((None, {"fields": ("employee", ("starts_on", "ends_on"), "reason")}),)
    detail_fieldsets = (
        None,
        {"fields": ("leave_table", ("entered_at", "entered_by"), "revoked_at")},
    )
    readonly_fields = ("leave_table", "entered_at", "entered_by", "revoked_at")
    autocomplete_fields = ("employee",)
    list_display = ("employee", "starts_on", "ends_on", "revoked_at")
    list_select_related = ("employee", "organization")
    search_fields = ("employee__code", "employee__name")
    actions_detail = ("end", "revoke")
    empty_title = _("No suspensions")

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        found = super().get_fieldsets(request, obj)
        return [*found, self.detail_fieldsets] if obj else found

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        save_suspension(obj, actor=request.user)  # type: ignore[arg-type]

    def has_revoke_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return bool(request.user.has_perm("leaves.change_suspension"))

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> list[Any]:
        one = self.get_object(request, str(object_id))
        return (
            super().get_actions_detail(request, object_id) if one and one.revoked_at is None else []
        )

    @action(description=_("End…"), url_path="end", icon="event_available", permissions=["revoke"])
    def end(self, request: HttpRequest, object_id: str) -> HttpResponse:
        one = self.object_or_404(request, object_id)
        return self.action_page(
            request,
            one,
            EndSuspensionForm(posted_data(request)),
            lambda said: end_suspension(one, said["ends_on"]),
            _("Saved."),
            title=_("Set the last day of the suspension"),
            button=_("Resolve"),
        )

    @action(description=_("Revoke"), url_path="revoke", icon="undo", permissions=["revoke"])
    def revoke(self, request: HttpRequest, object_id: str) -> HttpResponse:
        one = self.object_or_404(request, object_id)
        return self.action_page(
            request,
            one,
            ConfirmationForm(posted_data(request)),
            lambda said: revoke_suspension(one),
            _("Revoked."),
            title=_("Revoke the suspension"),
            button=_("Revoke"),
            question=_("The suspension will count as if it had never existed."),
        )

    @display(description=_("leave on these days"))
    def leave_table(self, suspension: Suspension) -> SafeString:
        """What was asked for or granted before: HR cancels it or cuts it short."""
        rows = (
            LeaveApplication.objects.of(suspension.organization_id)
            .filter(employee=suspension.employee, ends_on__gte=suspension.starts_on)
            .live()
        )
        if suspension.ends_on is not None:
            rows = rows.filter(starts_on__lte=suspension.ends_on)
        cells = ((link_html(change_url(row), str(row)), row.get_status_display()) for row in rows)
        return table_html((_("Leave"), _("Status")), cells, _("None."))
