"""The console's pages on days: what each was and why, shifts and rosters, rebuilding a period, and
locking a month.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any, ClassVar, Final

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import formats, timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from unfold.decorators import action, display
from unfold.enums import ActionVariant
from unfold.widgets import UnfoldAdminSingleDateWidget, UnfoldAdminTextareaWidget

from accounts.abilities import decides_for, today
from attendance import locking, pictures, rostering, stale, wording
from attendance.corrections_admin import Correcting
from attendance.models import (
    Day,
    DayAdjustment,
    DayPolicy,
    PatternSlot,
    PeriodLock,
    Rebuild,
    Roster,
    ShiftPattern,
    ShiftType,
    StaleDays,
)
from attendance.times import local
from employees.console import (
    ReadOnlyTenantAdmin,
    TenantAdmin,
    TenantForm,
    TenantInline,
    badge_html,
    link,
    sees_everything,
    small_table,
)
from employees.models import Department, Employee, Site
from leaves.admin import Acting

COLOURS: Final = {
    "present": "success",
    "absent": "danger",
    "half_day": "warning",
    "tour": "info",
    "holiday": "info",
    "weekly_off": "info",
    "conflict": "danger",
    "due": "warning",
}


class StatusFilter(admin.SimpleListFilter):
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


class LookFilter(admin.SimpleListFilter):
    """Days somebody should look at."""

    title = _("to look at")
    parameter_name = "look"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [
            ("late", _("Late or early")),
            ("overtime", _("Overtime")),
            ("marked", _("With a remark")),
        ]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        if self.value() == "late":
            return queryset.exclude(late_by=0, early_by=0)
        if self.value() == "overtime":
            return queryset.filter(overtime__gt=0)
        return queryset.exclude(marks=[]) if self.value() == "marked" else queryset


@admin.register(Day)
class DayAdmin(Correcting, ReadOnlyTenantAdmin):
    """What each day was, and why; and the pages on which it is put right."""

    fieldsets = (
        (
            None,
            {
                "fields": (
                    ("employee", "on"),
                    ("badge", "halves_text"),
                    ("in_at", "out_at"),
                    ("worked_text", "overtime_text"),
                    ("late_text", "early_text"),
                    ("site", "department"),
                )
            },
        ),
        (_("The day"), {"fields": ("picture", "reasons")}),
        (_("Punches"), {"fields": ("punches",)}),
        (_("After the month was locked"), {"fields": ("adjusted",)}),
        (_("The month"), {"fields": ("month", "month_totals")}),
    )
    readonly_fields = (
        "on",
        "badge",
        "halves_text",
        "in_at",
        "out_at",
        "worked_text",
        "overtime_text",
        "late_text",
        "early_text",
        "picture",
        "reasons",
        "punches",
        "adjusted",
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
    list_filter = (StatusFilter, LookFilter, "site", "department", "shift")
    list_select_related = ("employee__organization", "organization")
    actions_detail = ("correct",)
    actions_list = ("correct_any",)
    search_fields = ("employee__name", "=employee__code")
    search_help_text = _("An employee's name or code")
    extra_lookups = ("employee",)
    date_hierarchy = "date"
    show_full_result_count = False
    empty_title = _("No days yet")
    empty_text = _(
        "Every morning each employee gets a row here; it follows the punches within a second."
    )

    def get_queryset(self, request: HttpRequest) -> Any:
        """An approver sees the people they decide for."""
        rows = super().get_queryset(request)
        user = request.user
        if sees_everything(request) or user.has_perm("attendance.add_rebuild"):
            return rows
        own = getattr(user, "employee", None)
        if own is None:
            return rows.none()
        people = Employee.objects.of(own.organization_id).filter(decides_for(user, today(own)))  # type: ignore[arg-type]
        return rows.filter(employee__in=people)

    @display(description=_("date"))
    def on(self, day: Day) -> str:
        return formats.date_format(day.date, "l, j F Y")

    @display(description=_("status"), ordering="status")
    def badge(self, day: Day) -> SafeString:
        return badge_html(wording.status_text(day.status), COLOURS.get(day.status, "info"))

    @display(description=_("halves"))
    def halves_text(self, day: Day) -> str:
        return f"{wording.half_text(day.first_half)} · {wording.half_text(day.second_half)}"

    @display(description=_("in"), ordering="first_in")
    def in_at(self, day: Day) -> str:
        return _clock(day, day.first_in)

    @display(description=_("out"), ordering="last_out")
    def out_at(self, day: Day) -> str:
        return _clock(day, day.last_out)

    @display(description=_("worked"), ordering="worked")
    def worked_text(self, day: Day) -> str:
        return _minutes(day.worked)

    @display(description=_("late by"), ordering="late_by")
    def late_text(self, day: Day) -> str:
        return _minutes(day.late_by)

    @display(description=_("early by"), ordering="early_by")
    def early_text(self, day: Day) -> str:
        return _minutes(day.early_by)

    @display(description=_("overtime"), ordering="overtime")
    def overtime_text(self, day: Day) -> str:
        return _minutes(day.overtime)

    @display(description=_("remarks"))
    def remarks(self, day: Day) -> str:
        return ", ".join(wording.mark_text(one) for one in day.marks)

    @display(description=_("on a line of time"))
    def picture(self, day: Day) -> SafeString:
        return pictures.timeline(day)

    @display(description=_("why"))
    def reasons(self, day: Day) -> Any:
        rows = (
            (sentence,)
            for sentence in [
                *wording.sentences(day),
                *(wording.mark_text(one) for one in day.marks),
            ]
        )
        return small_table(
            (_("In the order in which it was judged"),), rows, _("Nothing was worked out yet.")
        )

    @display(description=_("what counted"))
    def punches(self, day: Day) -> Any:
        rows = (
            (
                wording.clock(one["at"], day.zone),
                _named(one),
                one["direction"] or "–",
                (
                    badge_html(_("Counts"), "success")
                    if one["counted"]
                    else badge_html(_("Does not count"), "warning")
                ),
                wording.read_text(one["why"]),
            )
            for one in day.why.get("punches", [])
        )
        head = (_("Time"), _("Punch"), _("Direction"), "", _("Read as"))
        return small_table(head, rows, _("No punch belongs to this day."))

    @display(description=_("adjustments"))
    def adjusted(self, day: Day) -> Any:
        found = (
            DayAdjustment.objects.of(day.organization_id)
            .filter(employee=day.employee_id, date=day.date)
            .order_by("id")
        )
        rows = (
            (
                f"{one.posted_to:%Y-%m}",
                wording.counted_text(one.before),
                wording.counted_text(one.after),
            )
            for one in found
        )
        return small_table((_("Counted in"), _("Was"), _("Is now")), rows, _("None."))

    @display(description=_("days"))
    def month(self, day: Day) -> SafeString:
        return pictures.strip(_month_of(day), day.date, day.date)

    @display(description=_("comes to"))
    def month_totals(self, day: Day) -> Any:
        return small_table((_("What"), _("How much")), pictures.totals(_month_of(day)), "")


def _month_of(day: Day) -> list[Day]:
    first = day.date.replace(day=1)
    rows = Day.objects.of(day.organization_id).filter(employee=day.employee_id, date__gte=first)
    return list(rows.filter(date__lt=(first + timedelta(days=32)).replace(day=1)).order_by("date"))


def _clock(day: Day, at: Any) -> str:
    if at is None:
        return "–"
    there = local(at, day.zone)
    return (
        f"{there:%H:%M}"
        if there.date() == day.date
        else f"{there:%H:%M} (+{(there.date() - day.date).days})"
    )


def _minutes(minutes: int) -> str:
    return wording.minutes_text(minutes) if minutes else "–"


def _named(one: dict[str, Any]) -> Any:
    if "punch" in one:
        return link(
            reverse("admin:attendance_punch_change", args=(one["punch"],)), f"#{one['punch']}"
        )
    return _("Entered by hand")


# --- Shifts and rosters ---------------------------------------------------------------------------
class BreaksField(forms.CharField):
    """Breaks as a clerk writes them: `13:00-13:30`, several with commas between."""

    def prepare_value(self, value: Any) -> Any:
        return (
            ", ".join(f"{begins}-{ends}" for begins, ends in value)
            if isinstance(value, list)
            else value
        )

    def to_python(self, value: Any) -> Any:
        """`[["13:00", "13:30"]]`. Raises ValidationError."""
        if isinstance(value, list):
            return value
        found = []
        for part in (one.strip() for one in str(value or "").split(",") if one.strip()):
            begins, dash, ends = part.replace("–", "-").partition("-")
            try:
                clock = [forms.TimeField().clean(one.strip()) for one in (begins, ends)]
            except ValidationError as error:
                raise ValidationError(
                    _("Write breaks as 13:00-13:30, with commas between several.")
                ) from error
            if not dash:
                raise ValidationError(
                    _("Write breaks as 13:00-13:30, with commas between several.")
                )
            found.append([f"{one:%H:%M}" for one in clock])
        return found


class ShiftForm(TenantForm):
    """A shift, with its breaks as text."""

    breaks = BreaksField(
        label=_("breaks"),
        required=False,
        help_text=_("Such as 13:00-13:30; the first divides the day into its halves."),
    )


@admin.register(ShiftType)
class ShiftTypeAdmin(TenantAdmin):
    """Kinds of shift."""

    form = ShiftForm
    verbs: ClassVar = {ShiftType: rostering.save_shift}
    fieldsets = (
        (None, {"fields": ("name", ("starts", "ends"), "breaks")}),
        (_("Whose punches are seen"), {"fields": (("before", "after"), "repeat_s")}),
        (_("Late and early"), {"fields": (("grace_in", "grace_out"),)}),
        (
            _("What a day counts as"),
            {"fields": ("hours", ("half_below", "absent_below"), "missing_out")},
        ),
        (_("Overtime"), {"fields": (("overtime_after", "overtime_round"),)}),
    )
    list_display = ("name", "starts", "ends", "hours", "missing_out", "overtime_after")
    list_select_related = ("organization",)
    search_fields = ("name",)
    empty_title = _("No shifts yet")
    empty_text = _(
        "Without one everybody works 09:00 to 17:30. Add a shift, a pattern of shifts, and say for"
        " whom it holds."
    )


class SlotInline(TenantInline):
    """The days of a pattern, in turn."""

    model = PatternSlot
    fields = ("position", "shift")
    can_delete = True
    extra = 7
    verbose_name_plural = _("days in turn; a day without a shift is off")


@admin.register(ShiftPattern)
class ShiftPatternAdmin(TenantAdmin):
    """Shifts in turn: a week, or a rotation."""

    verbs: ClassVar = {ShiftPattern: rostering.save_pattern, PatternSlot: rostering.save_slot}
    fieldsets = ((None, {"fields": ("name", ("begins_on", "calendar_offs"))}),)
    shown = ((_("Next four weeks"), {"fields": ("picture",)}),)
    readonly_fields = ("picture",)
    inlines = (SlotInline,)
    list_display = ("name", "begins_on", "turn", "calendar_offs")
    list_select_related = ("organization",)
    search_fields = ("name",)
    empty_title = _("No patterns yet")
    empty_text = _(
        "A week of shifts is a pattern of seven days; a rotation has as many days as it takes."
    )

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).prefetch_related("slots__shift")

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        found = super().get_fieldsets(request, obj)
        return [*found, *self.shown] if obj else found

    def remove_row(self, row: Any) -> None:
        rostering.remove_slot(row)

    @display(description=_("in turn"))
    def turn(self, pattern: ShiftPattern) -> str:
        return " · ".join(
            one.shift.name if one.shift else str(_("off")) for one in pattern.slots.all()
        )

    @display(description=_("by this pattern"))
    def picture(self, pattern: ShiftPattern) -> Any:
        pure = rostering.as_pattern(pattern)
        first = timezone.localdate() - timedelta(days=timezone.localdate().weekday())
        weeks = [
            [first + timedelta(days=7 * week + number) for number in range(7)] for week in range(4)
        ]
        rows = [[_slot(pure.on(on)) for on in week] for week in weeks]
        head = [formats.date_format(on, "D") for on in weeks[0]]
        named = (
            (formats.date_format(week[0], "j M"), *row)
            for week, row in zip(weeks, rows, strict=True)
        )
        return small_table((_("Week of"), *head), named, "")


def _slot(found: tuple[Any, bool]) -> Any:
    shift, off = found
    return _("off") if off or shift is None else shift.name


class ManyForm(forms.Form):
    """For whom a pattern is to hold, many at once."""

    starts_on = forms.DateField(label=_("From"), widget=UnfoldAdminSingleDateWidget)
    ends_on = forms.DateField(
        label=_("To (empty: until further notice)"),
        required=False,
        widget=UnfoldAdminSingleDateWidget,
    )
    codes = forms.CharField(
        label=_("Employee codes, one a line"),
        required=False,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 6}),
        max_length=200_000,
    )
    departments: forms.ModelMultipleChoiceField[Department] = forms.ModelMultipleChoiceField(
        queryset=Department.objects.none(),
        label=_("Departments"),
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )
    sites: forms.ModelMultipleChoiceField[Site] = forms.ModelMultipleChoiceField(
        queryset=Site.objects.none(),
        label=_("Sites"),
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )

    def __init__(self, organization: Any, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.organization = organization
        self.fields["departments"].queryset = Department.objects.of(organization)  # type: ignore[attr-defined]
        self.fields["sites"].queryset = Site.objects.of(organization)  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        """Codes as employees; somebody has to be named, and the dates the right way round."""
        found: dict[str, Any] = super().clean() or {}
        codes = list(
            dict.fromkeys(
                line.strip() for line in found.get("codes", "").splitlines() if line.strip()
            )
        )
        people = {
            one.code: one for one in Employee.objects.of(self.organization).filter(code__in=codes)
        }
        if missing := [code for code in codes if code not in people]:
            raise ValidationError(
                {"codes": _("Nobody has the code %(codes)s.") % {"codes": ", ".join(missing[:10])}}
            )
        if not people and not found.get("departments") and not found.get("sites"):
            raise ValidationError(_("Say for whom: codes, departments or sites."))
        if (
            found.get("starts_on")
            and found.get("ends_on")
            and found["ends_on"] < found["starts_on"]
        ):
            raise ValidationError({"ends_on": _("The roster ends before it starts.")})
        return found | {"employees": list(people.values())}


@admin.register(Roster)
class RosterAdmin(Acting, TenantAdmin):
    """Who works by which pattern, from when to when."""

    verbs: ClassVar = {Roster: rostering.save_roster}
    deletable = True
    fieldsets = (
        (
            None,
            {"fields": ("pattern", ("employee", "department", "site"), ("starts_on", "ends_on"))},
        ),
    )
    autocomplete_fields = ("employee",)
    list_display = ("pattern", "for_whom", "starts_on", "ends_on")
    list_filter = ("pattern", "department", "site")
    list_select_related = ("pattern", "employee", "department", "site", "organization")
    search_fields = ("employee__name", "=employee__code", "pattern__name")
    actions_detail = ("assign_many",)
    empty_title = _("No rosters yet")
    empty_text = _(
        "A roster says for whom a pattern holds: one employee, a department, a site, or everybody."
    )

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        rostering.remove_roster(obj)

    @display(description=_("for"))
    def for_whom(self, roster: Roster) -> Any:
        return roster.whom

    def has_assign_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return bool(request.user.has_perm("attendance.add_roster"))

    @action(
        description=_("The same pattern for many…"),
        url_path="many",
        icon="group_add",
        permissions=["assign"],
    )
    def assign_many(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """The pattern of this roster, for many others at once."""
        one = self.object_or_404(request, object_id)
        form = ManyForm(one.organization_id, request.POST if request.method == "POST" else None)
        return self.act(
            request,
            one,
            form,
            lambda said: rostering.assign_many(
                one.pattern,
                said["starts_on"],
                said["ends_on"],
                employees=said["employees"],
                departments=said["departments"],
                sites=said["sites"],
            ),
            _("Assigned. Their days follow in the background."),
            title=_("%(pattern)s for many") % {"pattern": one.pattern},
            button=_("Assign"),
            question=_("One roster is made for each of them, or none at all if one does not fit."),
        )


@admin.register(DayPolicy)
class DayPolicyAdmin(TenantAdmin):
    """The organization's rules about days."""

    verbs: ClassVar = {DayPolicy: rostering.save_policy}
    fieldsets = (
        (None, {"fields": ("default_shift",)}),
        (
            _("Corrections people ask for"),
            {"fields": (("regularize_days_back", "regularize_per_month"),)},
        ),
        (
            _("What is an exception"),
            {"fields": (("long_day_hours", "travel_kmh", "silent_factor"),)},
        ),
    )
    list_display = (
        "__str__",
        "default_shift",
        "regularize_days_back",
        "regularize_per_month",
        "long_day_hours",
    )
    list_select_related = ("default_shift", "organization")
    empty_title = _("The defaults hold")
    empty_text = _(
        "Add rules to choose the usual shift, and how far back people may ask for corrections."
    )


# --- Rebuilding and locking -----------------------------------------------------------------------
@admin.register(Rebuild)
class RebuildAdmin(TenantAdmin):
    """Periods that were asked to be worked out again, and how far each is."""

    fieldsets = ((None, {"fields": (("starts_on", "ends_on"),)}),)
    shown = (
        (_("Progress"), {"fields": ("bar", ("asked_at", "asked_by"), ("finished_at", "changed"))}),
    )
    readonly_fields = ("bar", "asked_at", "asked_by", "finished_at", "changed")
    list_display = ("starts_on", "ends_on", "bar", "changed", "asked_by", "finished_at")
    list_select_related = ("asked_by", "organization")
    empty_title = _("Nothing was rebuilt by hand")
    empty_text = _(
        "Days follow their causes by themselves. Rebuild a period from before Muster knew your"
        " shifts and calendars."
    )

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        found = super().get_fieldsets(request, obj)
        return [*found, *self.shown] if obj else found

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        with transaction.atomic():
            asked = stale.ask_rebuild(
                obj.organization_id, obj.starts_on, obj.ends_on, by=request.user
            )
        obj.pk, obj.total, obj._state.adding = asked.pk, asked.total, False

    @display(description=_("progress"))
    def bar(self, rebuild: Rebuild) -> SafeString:
        left = 0 if rebuild.finished_at else StaleDays.objects.filter(rebuild=rebuild).count()
        done = rebuild.total - left
        return format_html(
            '<progress class="muster-progress" max="{}" value="{}"></progress> {}',
            max(rebuild.total, 1),
            done if rebuild.total else 1,
            _("%(done)d of %(total)d person-months") % {"done": done, "total": rebuild.total},
        )


class LockForm(TenantForm):
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


class ReasonForm(forms.Form):
    """Why."""

    reason = forms.CharField(
        label=_("Reason"), max_length=400, widget=UnfoldAdminTextareaWidget(attrs={"rows": 3})
    )


@admin.register(PeriodLock)
class PeriodLockAdmin(Acting, TenantAdmin):
    """Months that have gone to payroll."""

    form = LockForm
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
        (_("What came late"), {"fields": ("late_facts",)}),
    )
    readonly_fields = ("badge", "locked_at", "locked_by", "lifted_at", "lifted_by", "late_facts")
    list_display = ("month_name", "badge", "locked_by", "locked_at", "lifted_by", "late_count")
    list_select_related = ("locked_by", "lifted_by", "organization")
    actions_detail = ("lift",)
    empty_title = _("No month is locked")
    empty_text = _(
        "Lock a month when its days go to payroll: late facts are then counted in the open month."
    )

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        found = super().get_fieldsets(request, obj)
        return [*found, *self.shown] if obj else found

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        made = locking.lock_month(obj.organization, obj.month, actor=request.user)  # type: ignore[arg-type]
        obj.pk, obj._state.adding = made.pk, False

    def has_lift_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return bool(request.user.has_perm("attendance.change_periodlock"))

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> list[Any]:
        one = self.get_object(request, str(object_id))
        return (
            super().get_actions_detail(request, object_id)
            if one is not None and one.lifted_at is None
            else []
        )

    @action(
        description=_("Open again…"),
        url_path="lift",
        icon="lock_open",
        variant=ActionVariant.DANGER,
        permissions=["lift"],
    )
    def lift(self, request: HttpRequest, object_id: str) -> HttpResponse:
        one = self.object_or_404(request, object_id)
        return self.act(
            request,
            one,
            ReasonForm(request.POST if request.method == "POST" else None),
            lambda said: locking.lift_lock(one, actor=request.user, reason=said["reason"]),  # type: ignore[arg-type]
            _(
                "Open again. Its days follow their punches, and what was counted elsewhere is taken"
                " back there."
            ),
            title=_("Open %(month)s again") % {"month": one},
            button=_("Open the month"),
            danger=True,
            question=_("Days of this month may change after payroll has used them."),
        )

    @display(description=_("month"), ordering="month")
    def month_name(self, lock: PeriodLock) -> str:
        return formats.date_format(lock.month, "F Y")

    @display(description=_("state"))
    def badge(self, lock: PeriodLock) -> Any:
        return (
            badge_html(_("Open again"), "warning")
            if lock.lifted_at
            else badge_html(_("Locked"), "success")
        )

    @display(description=_("late facts"))
    def late_count(self, lock: PeriodLock) -> int:
        return DayAdjustment.objects.filter(lock=lock).count()

    @display(description=_("adjustments"))
    def late_facts(self, lock: PeriodLock) -> Any:
        found = (
            DayAdjustment.objects.filter(lock=lock).select_related("employee").order_by("id")[:200]
        )
        rows = (
            (
                formats.date_format(one.date),
                one.employee,
                wording.counted_text(one.before),
                wording.counted_text(one.after),
                f"{one.posted_to:%Y-%m}",
            )
            for one in found
        )
        head = (_("Day"), _("Employee"), _("Was"), _("Is now"), _("Counted in"))
        return small_table(head, rows, _("Nothing came late."))


@admin.register(DayAdjustment)
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
    empty_title = _("No adjustments")
    empty_text = _(
        "Late punches and leave of a locked month appear here, counted in the month that was open."
    )

    @display(description=_("was"))
    def was(self, one: DayAdjustment) -> str:
        return wording.counted_text(one.before)

    @display(description=_("is now"))
    def is_now(self, one: DayAdjustment) -> str:
        return wording.counted_text(one.after)

    @display(description=_("counted in"), ordering="posted_to")
    def counted_in(self, one: DayAdjustment) -> str:
        return formats.date_format(one.posted_to, "F Y")
