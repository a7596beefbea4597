"""The console's pages on days: the status of each day, its times and minutes, and the reasons."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final

from django.urls import reverse
from django.utils import formats
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display

from accounts.approvals.admin import ApproverRowsMixin
from attendance.days import charts as day_charts
from attendance.days import labels as day_labels
from attendance.days.admin.filters import AttentionFilter, DayStatusFilter
from attendance.models import (
    Day,
    DayAdjustment,
)
from core.admin_html import badge_html, link_html, table_html
from core.tenant_admin import ReadOnlyTenantAdmin
from core.times import to_local_time

STATUS_COLOURS: Final = {
    "present": "success",
    "absent": "danger",
    "half_day": "warning",
    "tour": "info",
    "holiday": "info",
    "weekly_off": "info",
    "conflict": "danger",
    "due": "warning",
}


class DayAdmin(ApproverRowsMixin, ReadOnlyTenantAdmin):
    """What each day was, and why. `corrections.admin.days` adds the pages that correct it."""

    all_rows_permission = "attendance.add_recalculation"
    fieldsets = (
        (
            None,
            {
                "fields": (
                    ("employee", "date_text"),
                    ("badge", "halves_text"),
                    ("in_at", "out_at"),
                    ("worked_text", "overtime_text"),
                    ("late_text", "early_text"),
                    ("site", "department"),
                )
            },
        ),
        (_("The day"), {"fields": ("chart", "reasons")}),
        (_("Punches"), {"fields": ("punches",)}),
        (_("After the month was locked"), {"fields": ("adjustments",)}),
        (_("The month"), {"fields": ("month", "month_totals")}),
    )
    readonly_fields = (
        "date_text",
        "badge",
        "halves_text",
        "in_at",
        "out_at",
        "worked_text",
        "overtime_text",
        "late_text",
        "early_text",
        "chart",
        "reasons",
        "punches",
        "adjustments",
        "month",
        "month_totals",
    )
    list_display = (
        "date",
        "employee",
        "badge",
        "in_at",
        "out_at",
        "worked_text",
        "late_text",
        "overtime_text",
        "remarks",
    )
    list_display_links = ("date", "employee")
    list_filter = (DayStatusFilter, AttentionFilter, "site", "department", "shift")
    list_select_related = ("employee__organization", "organization")
    search_fields = ("employee__name", "=employee__code")
    search_help_text = _("An employee's name or code")
    extra_lookups = ("employee",)
    date_hierarchy = "date"
    show_full_result_count = False
    empty_title = _("No days yet")
    empty_text = _(
        "Every morning each employee gets a row here. It is updated within a second of a punch."
    )

    @display(description=_("date"))
    def date_text(self, day: Day) -> str:
        return formats.date_format(day.date, "l, j F Y")

    @display(description=_("status"), ordering="status")
    def badge(self, day: Day) -> SafeString:
        return badge_html(
            day_labels.status_text(day.status), STATUS_COLOURS.get(day.status, "info")
        )

    @display(description=_("halves"))
    def halves_text(self, day: Day) -> str:
        return f"{day_labels.half_text(day.first_half)} · {day_labels.half_text(day.second_half)}"

    @display(description=_("in"), ordering="first_in")
    def in_at(self, day: Day) -> str:
        return _local_time_text(day, day.first_in)

    @display(description=_("out"), ordering="last_out")
    def out_at(self, day: Day) -> str:
        return _local_time_text(day, day.last_out)

    @display(description=_("worked"), ordering="worked")
    def worked_text(self, day: Day) -> str:
        return _minutes_text(day.worked)

    @display(description=_("late by"), ordering="late_by")
    def late_text(self, day: Day) -> str:
        return _minutes_text(day.late_by)

    @display(description=_("early by"), ordering="early_by")
    def early_text(self, day: Day) -> str:
        return _minutes_text(day.early_by)

    @display(description=_("overtime"), ordering="overtime")
    def overtime_text(self, day: Day) -> str:
        return _minutes_text(day.overtime)

    @display(description=_("remarks"))
    def remarks(self, day: Day) -> str:
        return ", ".join(day_labels.mark_text(one) for one in day.marks)

    @display(description=_("timeline"))
    def chart(self, day: Day) -> SafeString:
        return day_charts.day_timeline(day)

    @display(description=_("why"))
    def reasons(self, day: Day) -> Any:
        rows = (
            (sentence,)
            for sentence in [
                *day_labels.explanation_sentences(day),
                *(day_labels.mark_text(one) for one in day.marks),
            ]
        )
        return table_html((_("Reasons, in order"),), rows, _("Not calculated yet."))

    @display(description=_("counted punches"))
    def punches(self, day: Day) -> Any:
        rows = (
            (
                day_labels.local_time_text(one["at"], day.zone),
                _punch_link(one),
                one["direction"] or "–",
                (
                    badge_html(_("Counts"), "success")
                    if one["counted"]
                    else badge_html(_("Does not count"), "warning")
                ),
                day_labels.interpretation_text(one["why"]),
            )
            for one in day.why.get("punches", [])
        )
        head = (_("Time"), _("Punch"), _("Direction"), "", _("Counted as"))
        return table_html(head, rows, _("This day has no punches."))

    @display(description=_("day adjustments"))
    def adjustments(self, day: Day) -> Any:
        found = (
            DayAdjustment.objects.of(day.organization_id)
            .filter(employee=day.employee_id, date=day.date)
            .order_by("id")
        )
        rows = (
            (
                f"{one.posted_to:%Y-%m}",
                day_labels.adjustment_values_text(one.before),
                day_labels.adjustment_values_text(one.after),
            )
            for one in found
        )
        return table_html((_("Counted in"), _("Was"), _("Is now")), rows, _("None."))

    @display(description=_("days"))
    def month(self, day: Day) -> SafeString:
        return day_charts.month_strip(_days_of_month(day), day.date, day.date)

    @display(description=_("totals"))
    def month_totals(self, day: Day) -> Any:
        return table_html(
            (_("What"), _("How much")), day_charts.month_totals(_days_of_month(day)), ""
        )


def _days_of_month(day: Day) -> list[Day]:
    first = day.date.replace(day=1)
    rows = Day.objects.of(day.organization_id).filter(employee=day.employee_id, date__gte=first)
    return list(rows.filter(date__lt=(first + timedelta(days=32)).replace(day=1)).order_by("date"))


def _local_time_text(day: Day, at: Any) -> str:
    if at is None:
        return "–"
    there = to_local_time(at, day.zone)
    return (
        f"{there:%H:%M}"
        if there.date() == day.date
        else f"{there:%H:%M} (+{(there.date() - day.date).days})"
    )


def _minutes_text(minutes: int) -> str:
    return day_labels.minutes_text(minutes) if minutes else "–"


def _punch_link(punch: dict[str, Any]) -> Any:
    if "punch" in punch:
        return link_html(
            reverse("admin:attendance_punch_change", args=(punch["punch"],)), f"#{punch['punch']}"
        )
    return _("Entered manually")
