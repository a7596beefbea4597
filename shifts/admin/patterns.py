"""The console's pages on shift patterns, with the days of a pattern and the next four weeks."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, ClassVar

from django.http import HttpRequest
from django.utils import formats, timezone
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display

from core.admin_html import table_html
from core.admin_inlines import TenantInline
from core.tenant_admin import TenantAdmin
from shifts import services as shift_services
from shifts.models import PatternSlot, ShiftPattern


class PatternSlotInline(TenantInline):
    """The days of a pattern, in turn."""

    model = PatternSlot
    fields = ("position", "shift")
    can_delete = True
    extra = 7
    verbose_name_plural = _("days in order; a day without a shift is an off day")


class ShiftPatternAdmin(TenantAdmin):
    """Shifts in turn: a week, or a rotation."""

    save_functions: ClassVar = {
        ShiftPattern: shift_services.save_pattern,
        PatternSlot: shift_services.save_slot,
    }
    fieldsets = ((None, {"fields": ("name", ("begins_on", "calendar_offs"))}),)
    shown = ((_("Next four weeks"), {"fields": ("chart",)}),)
    readonly_fields = ("chart",)
    inlines = (PatternSlotInline,)
    list_display = ("name", "begins_on", "shifts_in_order", "calendar_offs")
    list_select_related = ("organization",)
    search_fields = ("name",)
    empty_title = _("No patterns yet")
    empty_text = _("A weekly pattern has seven days. A rotation has as many days as needed.")

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).prefetch_related("slots__shift")

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        found = super().get_fieldsets(request, obj)
        return [*found, *self.shown] if obj else found

    def remove_row(self, row: Any) -> None:
        shift_services.remove_slot(row)

    @display(description=_("shifts in order"))
    def shifts_in_order(self, pattern: ShiftPattern) -> str:
        return " · ".join(
            one.shift.name if one.shift else str(_("off")) for one in pattern.slots.all()
        )

    @display(description=_("shifts by date"))
    def chart(self, pattern: ShiftPattern) -> Any:
        pure = pattern.as_pattern()
        first = timezone.localdate() - timedelta(days=timezone.localdate().weekday())
        weeks = [
            [first + timedelta(days=7 * week + number) for number in range(7)] for week in range(4)
        ]
        rows = [[_slot_text(pure.on(on)) for on in week] for week in weeks]
        head = [formats.date_format(on, "D") for on in weeks[0]]
        named = (
            (formats.date_format(week[0], "j M"), *row)
            for week, row in zip(weeks, rows, strict=True)
        )
        return table_html((_("Week of"), *head), named, "")


def _slot_text(found: tuple[Any, bool]) -> Any:
    shift, off = found
    return _("off") if off or shift is None else shift.name
