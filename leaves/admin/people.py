"""The console's pages of what HR keeps about an employee: leave details, children and medical
certificates.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import Any, ClassVar

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy as _
from unfold.decorators import action

from accounts.audit import record_attachment_download
from core.tenant_admin import ReadOnlyTenantAdmin, TenantAdmin
from leaves.models import LeaveProfile
from leaves.services.profiles import save_leave_profile


class LeaveProfileAdmin(TenantAdmin):
    """What the rules ask about people, with the day from which it holds."""

    fieldsets = (
        (
            None,
            {
                "fields": (
                    "employee",
                    ("starts_on", "scheme"),
                    ("sex", "single", "disabled"),
                    ("probation_until", "exit_manner"),
                    "encashed_before",
                )
            },
        ),
    )
    save_functions: ClassVar = {LeaveProfile: save_leave_profile}
    autocomplete_fields = ("employee",)
    list_display = ("employee", "starts_on", "scheme", "sex", "single", "disabled")
    list_filter = ("scheme",)
    list_select_related = ("employee", "organization")
    search_fields = ("employee__code", "employee__name")
    empty_title = _("No leave details yet")
    empty_text = _(
        "Needed for child care leave, disabled staff and groups with their own leave policy."
    )

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        fields = super().get_readonly_fields(request, obj)
        return (*fields, "employee") if obj else fields


class ChildAdmin(TenantAdmin):
    """Children, for child care leave."""

    fieldsets = ((None, {"fields": ("employee", "name", ("born_on", "disabled"), "died_on")}),)
    autocomplete_fields = ("employee",)
    list_display = ("employee", "name", "born_on", "disabled")
    list_select_related = ("employee", "organization")
    search_fields = ("employee__code", "employee__name", "name")
    empty_title = _("No children on record")
    empty_text = _("Child care leave is for the eldest two surviving children.")


class CertificateAdmin(ReadOnlyTenantAdmin):
    """Medical certificates; the paper itself is given out by this page only."""

    fieldsets = (
        (
            None,
            {
                "fields": (
                    "employee",
                    ("content_type", "size"),
                    ("sick_on", "fit_on"),
                    "uploaded_at",
                )
            },
        ),
    )
    list_display = ("employee", "uploaded_at", "content_type", "size", "sick_on", "fit_on")
    list_select_related = ("employee", "organization")
    search_fields = ("employee__code", "employee__name")
    actions_detail = ("download",)
    empty_title = _("No certificates yet")

    def has_download_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return bool(request.user.has_perm("leaves.view_certificate"))

    @action(
        description=_("Download"), url_path="download", icon="download", permissions=["download"]
    )
    def download(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """As an attachment: what somebody uploaded is never shown as a page of ours."""
        one = self.object_or_404(request, object_id)
        reply: HttpResponse = self.serve_attachment(request, one, one.file, f"certificate-{one.pk}")
        if reply.status_code == HTTPStatus.OK:
            record_attachment_download(one, actor=request.user, request=request)
        return reply
