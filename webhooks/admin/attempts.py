"""The console's page of attempts: every try at every delivery, with the reply of the server.

Registered by `webhooks.admin`; a delivery's page lists its own attempts.
"""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_lazy as _
from unfold.decorators import display

from core.admin_html import preformatted_html
from core.admin_inlines import ReadOnlyInline
from core.tenant_admin import ReadOnlyTenantAdmin
from webhooks.models import Attempt


class AttemptInline(ReadOnlyInline):
    """Every try at one delivery, the last one first."""

    model = Attempt
    fields = (
        "number",
        "started_at",
        "duration_ms",
        "status",
        "verdict",
        "error",
        "detail",
        "address",
        "answer",
    )
    readonly_fields = fields
    ordering = ("-id",)
    verbose_name_plural = _("attempts, newest first")

    @display(description=_("reply"))
    def answer(self, attempt: Attempt) -> Any:
        return preformatted_html(attempt.reply[:1000]) if attempt.reply else "–"


class AttemptAdmin(ReadOnlyTenantAdmin):
    """Every try at every delivery."""

    fieldsets = (
        (
            None,
            {
                "fields": (
                    ("delivery", "number"),
                    ("started_at", "duration_ms"),
                    ("status", "verdict"),
                )
            },
        ),
        (_("Reply of the server"), {"fields": (("error", "address"), "detail", "answer")}),
    )
    readonly_fields = ("answer",)
    list_display = (
        "started_at",
        "delivery",
        "number",
        "status",
        "verdict",
        "error",
        "duration_ms",
        "address",
    )
    list_filter = ("verdict",)
    list_select_related = ("delivery", "organization")
    search_fields = ("=delivery__message_id", "=delivery__subject")
    search_help_text = _("Message id, or punch:<number>")
    show_full_result_count = False
    empty_title = _("No attempts yet")
    empty_text = _("Every delivery attempt is listed here, with the reply of the server.")

    @display(description=_("reply"))
    def answer(self, attempt: Attempt) -> Any:
        return preformatted_html(attempt.reply) if attempt.reply else "–"
