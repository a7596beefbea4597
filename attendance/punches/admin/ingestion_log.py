"""The console's page on the ingestion log: what each request of a channel brought."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from core.tenant_admin import ReadOnlyTenantAdmin


class IngestionLogEntryAdmin(ReadOnlyTenantAdmin):
    """What each request brought."""

    fieldsets = (
        (
            None,
            {
                "fields": (
                    ("at", "channel"),
                    "received",
                    ("accepted", "refused", "unmatched"),
                    ("duplicate", "conflict"),
                )
            },
        ),
    )
    list_display = (
        "at",
        "channel",
        "received",
        "accepted",
        "refused",
        "unmatched",
        "duplicate",
        "conflict",
    )
    list_filter = ("channel",)
    list_select_related = ("organization",)
    date_hierarchy = "at"
    show_full_result_count = False
    empty_title = _("No requests yet")
    empty_text = _(
        "Every request from a device or another client has one row here: the number received equals"
        " the sum of the outcomes."
    )
