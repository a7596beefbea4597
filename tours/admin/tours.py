"""The console's page of tours: decided here, entered by HR for an employee, never edited."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from django.http import HttpRequest
from django.template.defaultfilters import filesizeformat
from django.utils import formats, timezone
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display

from core.admin_html import badge_html, change_url, link_html, table_html
from tours.admin.actions import TourActionsAdmin
from tours.admin.forms import TourForm
from tours.models import Tour
from tours.services.applications import apply_for_tour

COLOURS: Final = {
    "draft": "info",
    "pending": "warning",
    "approved": "success",
    "rejected": "danger",
    "cancelled": "info",
    "completed": "success",
}


class TourAdmin(TourActionsAdmin):
    """Tours and other duty away from the office."""

    all_rows_permission = "tours.add_tour"
    form = TourForm
    fieldsets = (
        (
            None,
            {
                "fields": (
                    "employee",
                    ("tour_type", "order_no"),
                    "purpose",
                    "places_text",
                    ("start_at", "end_at"),
                )
            },
        ),
    )
    detail_fieldsets = (
        (
            None,
            {
                "fields": (
                    ("employee", "badge"),
                    ("tour_type", "order_no"),
                    "purpose",
                    "places",
                    ("start_at", "end_at"),
                )
            },
        ),
        (_("Documents"), {"fields": ("documents_table",)}),
        (
            _("Decision"),
            {
                "fields": (
                    ("applied_at", "applied_by"),
                    ("decided_at", "decided_by"),
                    "remarks",
                    "report",
                )
            },
        ),
        (_("History"), {"fields": ("events_table",)}),
    )
    readonly_fields = ("badge", "documents_table", "events_table")
    autocomplete_fields = ("employee",)
    list_display = ("employee", "tour_type", "start_at", "end_at", "badge", "decided_by")
    list_filter = ("status", "tour_type")
    list_select_related = ("employee", "decided_by", "organization")
    search_fields = ("employee__code", "employee__name")
    date_hierarchy = "start_at"
    empty_title = _("No tours yet")
    empty_text = _("Employees apply from their phones. HR can enter a tour for an employee.")

    def get_queryset(self, request: HttpRequest) -> Any:
        """Drafts are their traveller's alone."""
        return super().get_queryset(request).exclude(status=Tour.Status.DRAFT)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        return super().get_fieldsets(request, obj) if obj is None else list(self.detail_fieldsets)

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        apply_for_tour(obj, actor=request.user, self_service=False)  # type: ignore[arg-type]

    @display(description=_("status"))
    def badge(self, tour: Tour) -> Any:
        return badge_html(tour.get_status_display(), COLOURS[tour.status])

    @display(description=_("orders and invitations uploaded"))
    def documents_table(self, tour: Tour) -> SafeString:
        rows = (
            (
                link_html(change_url(one), one.get_kind_display()),
                one.content_type,
                filesizeformat(one.size),
                _local_datetime(one.uploaded_at),
            )
            for one in tour.documents.all()
        )
        head = (_("Document"), _("Type"), _("Size"), _("Uploaded"))
        return table_html(head, rows, _("No documents were uploaded."))

    @display(description=_("what was done"))
    def events_table(self, tour: Tour) -> SafeString:
        rows = (
            (_local_datetime(e.at), e.get_action_display(), str(e.actor or "–"), e.remarks)
            for e in tour.events.select_related("actor")
        )
        return table_html((_("At"), _("What"), _("By"), _("Remarks")), rows, _("Nothing yet."))


def _local_datetime(at: datetime) -> str:
    return formats.date_format(timezone.localtime(at), "DATETIME_FORMAT")
