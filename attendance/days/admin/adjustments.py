"""The console's list of day adjustments: what later facts change in locked months."""

from __future__ import annotations

from django.utils import formats
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display

from attendance.days import labels as day_labels
from attendance.models import (
    DayAdjustment,
)
from core.tenant_admin import (
    ReadOnlyTenantAdmin,
)


class DayAdjustmentAdmin(ReadOnlyTenantAdmin):
    """What late facts changed of locked months, by the month they are counted in."""

    fieldsets = (
        (
            None,
            {
                "fields": (
                    ("employee", "date"),
                    ("lock", "posted_to", "posted_at"),
                    ("was", "is_now"),
                )
            },
        ),
    )
    readonly_fields = ("was", "is_now")
    list_display = ("employee", "date", "was", "is_now", "counted_in")
    list_filter = ("lock",)
    list_select_related = ("employee", "lock", "organization")
    search_fields = ("employee__name", "=employee__code")
    date_hierarchy = "posted_to"
    empty_title = _("No day adjustments")
    empty_text = _(
        "Punches and leave that arrive after a month was locked appear here. They are counted in"
        " the month that was open."
    )

    @display(description=_("was"))
    def was(self, adjustment: DayAdjustment) -> str:
        return day_labels.adjustment_values_text(adjustment.before)

    @display(description=_("is now"))
    def is_now(self, adjustment: DayAdjustment) -> str:
        return day_labels.adjustment_values_text(adjustment.after)

    @display(description=_("counted in"), ordering="posted_to")
    def counted_in(self, adjustment: DayAdjustment) -> str:
        return formats.date_format(adjustment.posted_to, "F Y")
