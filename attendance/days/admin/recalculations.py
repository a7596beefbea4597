"""The console's pages that start the recalculation of a period and show its progress."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display

from attendance import recalculation_queue
from attendance.models import (
    Recalculation,
    StaleDayRange,
)
from core.tenant_admin import (
    TenantAdmin,
)


class RecalculationAdmin(TenantAdmin):
    """Periods that were asked to be worked out again, and how far each is."""

    fieldsets = ((None, {"fields": (("starts_on", "ends_on"),)}),)
    shown = (
        (
            _("Progress"),
            {
                "fields": (
                    "progress_bar",
                    ("requested_at", "requested_by"),
                    ("finished_at", "changed"),
                )
            },
        ),
    )
    readonly_fields = ("progress_bar", "requested_at", "requested_by", "finished_at", "changed")
    list_display = (
        "starts_on",
        "ends_on",
        "progress_bar",
        "changed",
        "requested_by",
        "finished_at",
    )
    list_select_related = ("requested_by", "organization")
    empty_title = _("No recalculations yet")
    empty_text = _(
        "Days are recalculated automatically. Recalculate a period if it is from before your shifts"
        " and calendars were entered."
    )

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        found = super().get_fieldsets(request, obj)
        return [*found, *self.shown] if obj else found

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        with transaction.atomic():
            asked = recalculation_queue.request_recalculation(
                obj.organization_id, obj.starts_on, obj.ends_on, requested_by=request.user
            )
        obj.pk, obj.total, obj._state.adding = asked.pk, asked.total, False

    @display(description=_("progress"))
    def progress_bar(self, rebuild: Recalculation) -> SafeString:
        left = (
            0
            if rebuild.finished_at
            else StaleDayRange.objects.filter(recalculation=rebuild).count()
        )
        done = rebuild.total - left
        return format_html(
            '<progress class="muster-progress" max="{}" value="{}"></progress> {}',
            max(rebuild.total, 1),
            done if rebuild.total else 1,
            _("%(done)d of %(total)d person-months") % {"done": done, "total": rebuild.total},
        )
