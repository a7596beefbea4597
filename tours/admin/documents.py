"""The console's page of tour documents: an approver sees those of the people they decide for."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from unfold.decorators import action, display

from accounts.audit import record_attachment_download
from core.admin_html import change_url, link_html
from core.tenant_admin import ReadOnlyTenantAdmin
from core.tenant_visibility import is_operator
from tours import attachments as tour_attachments
from tours.models import Tour, TourDocument


class TourDocumentAdmin(ReadOnlyTenantAdmin):
    """Papers of tours that were sent in; the paper itself is given out by this page only."""

    fieldsets = (
        (
            None,
            {
                "fields": (
                    ("employee", "kind"),
                    "tour_link",
                    ("content_type", "size"),
                    "uploaded_at",
                )
            },
        ),
    )
    readonly_fields = ("tour_link",)
    list_display = ("employee", "kind", "tour_link", "uploaded_at", "content_type", "size")
    list_filter = ("kind",)
    list_select_related = ("employee", "tour__employee", "organization")
    search_fields = ("employee__code", "employee__name")
    actions_detail = ("download",)
    empty_title = _("No documents yet")
    empty_text = _(
        "Employees upload tour orders and invitations from their phones, with their tour"
        " application."
    )

    def get_queryset(self, request: HttpRequest) -> Any:
        """Of tours sent in: an approver sees those of the people they decide for, and nobody those
        of a draft.
        """
        rows = (
            super()
            .get_queryset(request)
            .filter(tour__isnull=False)
            .exclude(tour__status=Tour.Status.DRAFT)
        )
        if is_operator(request):
            return rows
        return rows.filter(
            pk__in=tour_attachments.readable_tour_documents(request.user).values("pk")  # type: ignore[arg-type]
        )

    def has_download_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return bool(request.user.has_perm("tours.view_tourdocument"))

    @action(
        description=_("Download"), url_path="download", icon="download", permissions=["download"]
    )
    def download(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """As an attachment: what somebody uploaded is never shown as a page of ours."""
        one = self.object_or_404(request, object_id)
        reply: HttpResponse = self.serve_attachment(request, one, one.file, f"tour-paper-{one.pk}")
        if reply.status_code == HTTPStatus.OK:
            record_attachment_download(one, actor=request.user, request=request)
        return reply

    @display(description=_("tour"))
    def tour_link(self, paper: TourDocument) -> SafeString:
        return link_html(change_url(paper.tour), str(paper.tour)) if paper.tour else SafeString("–")
