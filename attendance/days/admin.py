"""The console's pages on days: what each was and why, shifts and rosters, rebuilding a period, and
locking a month.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any, ClassVar, Final

from django import forms
from django.contrib import admin
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import formats, timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from unfold.decorators import action, display
from unfold.enums import ActionVariant
from unfold.widgets import UnfoldAdminTextareaWidget

from accounts.approvals.admin import ApproverRowsMixin
from attendance import recalculation_queue
from attendance.days import charts as day_charts
from attendance.days import labels as day_labels
from attendance.days import locking
from attendance.days.policy import save_attendance_policy
from attendance.models import (
    AttendancePolicy,
    Day,
    DayAdjustment,
    PeriodLock,
    Recalculation,
    StaleDayRange,
)
from core.action_pages import ActionFormMixin
from core.admin_forms import TenantForm
from core.admin_html import badge_html, link_html, table_html
from core.tenant_admin import ReadOnlyTenantAdmin, TenantAdmin
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


class DayStatusFilter(admin.SimpleListFilter):
    """Days by what they count as; all kinds of leave together."""

    title = _("status")
    parameter_name = "status"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [*Day.Status.choices, ("leave", _("On leave"))]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        if self.value() == "leave":
            return queryset.filter(status__startswith="leave:")
        return (
            queryset.filter(status=self.value()) if self.value() in Day.Status.values else queryset
        )


class AttentionFilter(admin.SimpleListFilter):
    """Days somebody should look at."""

    title = _("needs attention")
    parameter_name = "attention"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [
            ("late", _("Late or early")),
            ("overtime", _("Overtime")),
            ("marked", _("With remarks")),
        ]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        if self.value() == "late":
            return queryset.exclude(late_by=0, early_by=0)
        if self.value() == "overtime":
            return queryset.filter(overtime__gt=0)
        return queryset.exclude(marks=[]) if self.value() == "marked" else queryset


class DayAdmin(ApproverRowsMixin, ReadOnlyTenantAdmin):
    """What each day was, and why. `corrections.day_page` adds the pages that correct it."""

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


class AttendancePolicyAdmin(TenantAdmin):
    """The organization's rules about days."""

    save_functions: ClassVar = {AttendancePolicy: save_attendance_policy}
    fieldsets = (
        (
            _("Correction requests"),
            {"fields": (("regularize_days_back", "regularize_per_month"),)},
        ),
        (
            _("Exceptions"),
            {"fields": (("long_day_hours", "travel_kmh", "silent_factor"),)},
        ),
    )
    list_display = (
        "__str__",
        "regularize_days_back",
        "regularize_per_month",
        "long_day_hours",
    )
    list_select_related = ("organization",)
    empty_title = _("The default settings apply")
    empty_text = _(
        "Add a policy to choose how far back employees may request corrections, and what counts as"
        " unusual."
    )


# --- Rebuilding and locking -----------------------------------------------------------------------
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


class PeriodLockForm(TenantForm):
    """The month to lock: the last one that is over, unless another is chosen."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "month" in self.fields:
            self.fields["month"].initial = (
                timezone.localdate().replace(day=1) - timedelta(days=1)
            ).replace(day=1)

    def clean_month(self) -> date:
        """The first day of the month that was meant."""
        found: date = self.cleaned_data["month"].replace(day=1)
        return found


class UnlockForm(forms.Form):
    """Why."""

    reason = forms.CharField(
        label=_("Reason"), max_length=400, widget=UnfoldAdminTextareaWidget(attrs={"rows": 3})
    )


class PeriodLockAdmin(ActionFormMixin, TenantAdmin):
    """Months that have gone to payroll."""

    form = PeriodLockForm
    fieldsets = ((None, {"fields": ("month",)}),)
    shown = (
        (
            None,
            {
                "fields": (
                    ("badge",),
                    ("locked_at", "locked_by"),
                    ("lifted_at", "lifted_by"),
                    "reason",
                )
            },
        ),
        (_("Late adjustments"), {"fields": ("late_adjustments",)}),
    )
    readonly_fields = (
        "badge",
        "locked_at",
        "locked_by",
        "lifted_at",
        "lifted_by",
        "late_adjustments",
    )
    list_display = (
        "month_name",
        "badge",
        "locked_by",
        "locked_at",
        "lifted_by",
        "late_adjustment_count",
    )
    list_select_related = ("locked_by", "lifted_by", "organization")
    actions_detail = ("unlock",)
    empty_title = _("No month is locked")
    empty_text = _(
        "Lock a month when its days go to payroll. Later changes are then counted in the open"
        " month."
    )

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        found = super().get_fieldsets(request, obj)
        return [*found, *self.shown] if obj else found

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        made = locking.lock_month(obj.organization, obj.month, actor=request.user)  # type: ignore[arg-type]
        obj.pk, obj._state.adding = made.pk, False

    def has_unlock_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return bool(request.user.has_perm("attendance.change_periodlock"))

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> list[Any]:
        one = self.get_object(request, str(object_id))
        return (
            super().get_actions_detail(request, object_id)
            if one is not None and one.lifted_at is None
            else []
        )

    @action(
        description=_("Unlock…"),
        url_path="unlock",
        icon="lock_open",
        variant=ActionVariant.DANGER,
        permissions=["unlock"],
    )
    def unlock(self, request: HttpRequest, object_id: str) -> HttpResponse:
        one = self.object_or_404(request, object_id)
        return self.action_page(
            request,
            one,
            UnlockForm(request.POST if request.method == "POST" else None),
            lambda said: locking.unlock_month(one, actor=request.user, reason=said["reason"]),  # type: ignore[arg-type]
            _(
                "Unlocked. The days of the month are recalculated from their punches, and their"
                " adjustments in other months are reversed."
            ),
            title=_("Unlock %(month)s") % {"month": one},
            button=_("Unlock the month"),
            danger=True,
            question=_("Days of this month may change after payroll has used them."),
        )

    @display(description=_("month"), ordering="month")
    def month_name(self, lock: PeriodLock) -> str:
        return formats.date_format(lock.month, "F Y")

    @display(description=_("state"))
    def badge(self, lock: PeriodLock) -> Any:
        return (
            badge_html(_("Unlocked"), "warning")
            if lock.lifted_at
            else badge_html(_("Locked"), "success")
        )

    @display(description=_("late adjustments"))
    def late_adjustment_count(self, lock: PeriodLock) -> int:
        return DayAdjustment.objects.filter(lock=lock).count()

    @display(description=_("day adjustments"))
    def late_adjustments(self, lock: PeriodLock) -> Any:
        found = (
            DayAdjustment.objects.filter(lock=lock).select_related("employee").order_by("id")[:200]
        )
        rows = (
            (
                formats.date_format(one.date),
                one.employee,
                day_labels.adjustment_values_text(one.before),
                day_labels.adjustment_values_text(one.after),
                f"{one.posted_to:%Y-%m}",
            )
            for one in found
        )
        head = (_("Day"), _("Employee"), _("Was"), _("Is now"), _("Counted in"))
        return table_html(head, rows, _("No late adjustments."))


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
