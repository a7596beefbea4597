"""Kinds of shift, the patterns in which they follow each other, and for whom a pattern holds from
when to when.
"""

from __future__ import annotations

from datetime import time
from typing import Any, ClassVar

from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from core.tenancy import TenantModel, TenantQuerySet
from employees.models import Department, Employee, Site
from shifts import schedule

MINUTES_PER_DAY = 24 * 60


def _minutes_field(
    label: Any, default: int, **more: Any
) -> models.PositiveSmallIntegerField[Any, Any]:
    return models.PositiveSmallIntegerField(
        label, default=default, validators=[MaxValueValidator(2 * MINUTES_PER_DAY)], **more
    )


class ShiftType(TenantModel):
    """A kind of shift on the wall clock of wherever it is worked; durations in minutes."""

    class HoursMethod(models.TextChoices):
        FIRST_LAST = "first_last", _("From the first in to the last out, less breaks")
        PAIRS = "pairs", _("Pairs of in and out punches")

    class MissingOut(models.TextChoices):
        PRESENT = "present", _("Present, no hours")
        HALF_DAY = "half_day", _("Half day")
        ABSENT = "absent", _("Absent")
        SHIFT_END = "shift_end", _("As if the employee left at the end of the shift")

    name = models.CharField(_("name"), max_length=100)
    starts = models.TimeField(_("starts"))
    ends = models.TimeField(_("ends"), help_text=_("At or before the start: on the next day."))
    before = _minutes_field(
        _("window before (minutes)"),
        240,
        help_text=_("Punches up to this long before the start belong to the shift."),
    )
    after = _minutes_field(
        _("window after (minutes)"),
        390,
        help_text=_("Punches up to this long after the end belong to the shift."),
    )
    grace_in = _minutes_field(
        _("grace at the start (minutes)"),
        0,
        help_text=_("If an employee is later than this, all minutes are counted as late."),
    )
    grace_out = _minutes_field(_("grace at the end (minutes)"), 0)
    breaks = models.JSONField(
        _("breaks"),
        default=list,
        blank=True,
        help_text=_('Such as [["13:00", "13:30"]]; the first divides the day into halves.'),
    )
    absent_below = _minutes_field(
        _("absent below (minutes)"), 120, help_text=_("Less work than this counts as absent.")
    )
    half_below = _minutes_field(_("half a day below (minutes)"), 360)
    hours = models.CharField(
        _("how hours are counted"),
        max_length=12,
        choices=HoursMethod,
        default=HoursMethod.FIRST_LAST,
    )
    missing_out = models.CharField(
        _("a day without an out punch counts as"),
        max_length=12,
        choices=MissingOut,
        default=MissingOut.HALF_DAY,
    )
    overtime_after = models.PositiveSmallIntegerField(
        _("overtime from (minutes)"),
        null=True,
        blank=True,
        help_text=_("Beyond the planned work. Empty: no overtime."),
    )
    overtime_round = _minutes_field(_("overtime in steps of (minutes)"), 15)
    repeat_s = models.PositiveSmallIntegerField(
        _("same punch within (seconds)"),
        default=60,
        help_text=_("A card shown twice to the reader counts as one punch."),
    )
    retired_at = models.DateTimeField(_("retired"), null=True, blank=True, editable=False)

    objects = TenantQuerySet["ShiftType"].as_manager()

    class Meta:
        ordering = ("starts", "name")
        verbose_name = _("shift")
        verbose_name_plural = _("shifts")
        constraints = (
            models.UniqueConstraint(fields=("organization", "name"), name="shift_name_once"),
        )

    def __str__(self) -> str:
        return (
            f"{self.name} {self.starts:%H:%M}–{self.ends:%H:%M}"
            if self.starts and self.ends
            else self.name
        )

    def clean(self) -> None:
        super().clean()
        if None in (self.starts, self.ends):
            return  # The form says so.
        try:
            fault = self.as_shift().invalid_field()
        except (TypeError, ValueError) as error:
            raise ValidationError(
                {"breaks": _('Breaks are pairs of times such as [["13:00", "13:30"]].')}
            ) from error
        words = {
            "before": _("The window begins more than twelve hours before the date."),
            "after": _("The window ends more than a day after the date."),
            "breaks": _("Breaks must be within the shift and must not overlap."),
            "half_below": _("The half-day limit must not be lower than the absent limit."),
        }
        if fault:
            raise ValidationError({fault: words[fault]})

    def as_shift(self) -> schedule.Shift:
        """As the rules take it. Raises TypeError or ValueError for breaks that are no pairs of
        times.
        """
        return schedule.Shift(
            name=self.name,
            starts=self.starts,
            ends=self.ends,
            before=self.before,
            after=self.after,
            grace_in=self.grace_in,
            grace_out=self.grace_out,
            breaks=tuple(
                (time.fromisoformat(begins), time.fromisoformat(ends))
                for begins, ends in self.breaks
            ),
            absent_below=self.absent_below,
            half_below=self.half_below,
            hours=schedule.HoursMethod(self.hours),
            missing_out=schedule.MissingOut(self.missing_out),
            overtime_after=self.overtime_after,
            overtime_round=self.overtime_round,
            repeat_s=self.repeat_s,
            id=self.pk,
        )


class ShiftPattern(TenantModel):
    """Shifts in turn, one for each day from a first date on, over and over: seven of them are a
    week, more a rotation.
    """

    name = models.CharField(_("name"), max_length=100)
    begins_on = models.DateField(
        _("first day of the first cycle"),
        help_text=_("A Monday for a week. The pattern runs in both directions from here."),
    )
    calendar_offs = models.BooleanField(
        _("use the calendar's weekly offs too"),
        default=True,
        help_text=_("Weekly offs in the office calendar are off days as well."),
    )

    objects = TenantQuerySet["ShiftPattern"].as_manager()

    class Meta:
        ordering = ("name",)
        verbose_name = _("shift pattern")
        verbose_name_plural = _("shift patterns")
        constraints = (
            models.UniqueConstraint(fields=("organization", "name"), name="pattern_name_once"),
        )

    def __str__(self) -> str:
        return self.name

    def as_pattern(self) -> schedule.Pattern:
        """As the rules take it: days without a slot are off. Reads `slots` and their shifts."""
        slots = {slot.position: slot.shift for slot in self.slots.all()}
        cycle = [slots.get(number) for number in range(1, max(slots, default=0) + 1)]
        return schedule.Pattern(
            tuple(shift.as_shift() if shift else None for shift in cycle),
            self.begins_on,
            self.calendar_offs,
        )


class PatternSlot(TenantModel):
    """The shift of one day of a pattern; none is a day off."""

    pattern = models.ForeignKey(
        ShiftPattern, on_delete=models.CASCADE, related_name="slots", verbose_name=_("pattern")
    )
    position = models.PositiveSmallIntegerField(_("day"), help_text=_("1 is the first day."))
    shift = models.ForeignKey(
        ShiftType,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        verbose_name=_("shift"),
        help_text=_("Empty: off."),
    )

    objects = TenantQuerySet["PatternSlot"].as_manager()

    class Meta:
        ordering = ("position",)
        verbose_name = _("pattern day")
        verbose_name_plural = _("pattern days")
        constraints = (
            models.UniqueConstraint(fields=("pattern", "position"), name="pattern_position_once"),
            models.CheckConstraint(
                condition=Q(position__gte=1, position__lte=366), name="pattern_position_in_bounds"
            ),
        )

    def __str__(self) -> str:
        return f"{self.position}: {self.shift or _('off')}"


class Roster(TenantModel):
    """Who works by which pattern, from one date to another, both included. The one nearest to the
    person holds.
    """

    pattern = models.ForeignKey(ShiftPattern, on_delete=models.PROTECT, verbose_name=_("pattern"))
    employee = models.ForeignKey(
        Employee, on_delete=models.PROTECT, null=True, blank=True, verbose_name=_("employee")
    )
    department = models.ForeignKey(
        Department, on_delete=models.PROTECT, null=True, blank=True, verbose_name=_("department")
    )
    site = models.ForeignKey(
        Site,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        verbose_name=_("site"),
        help_text=_("Choose one of the three. Choose none to assign the pattern to everybody."),
    )
    starts_on = models.DateField(_("from"))
    ends_on = models.DateField(
        _("to"), null=True, blank=True, help_text=_("Empty: until further notice.")
    )

    objects = TenantQuerySet["Roster"].as_manager()

    class Meta:
        ordering = ("-starts_on", "-id")
        verbose_name = _("roster")
        verbose_name_plural = _("rosters")
        constraints = (
            models.CheckConstraint(
                condition=Q(ends_on__isnull=True) | Q(ends_on__gte=F("starts_on")),
                name="roster_ends_after_start",
                violation_error_message=_("The roster ends before it starts."),
            ),
            models.CheckConstraint(
                condition=Q(employee__isnull=True, department__isnull=True)
                | Q(employee__isnull=True, site__isnull=True)
                | Q(department__isnull=True, site__isnull=True),
                name="roster_one_scope",
                violation_error_message=_(
                    "A roster is for one employee, one department, one site, or everybody."
                ),
            ),
        )
        indexes: ClassVar = [
            models.Index(fields=("organization", "employee"), name="roster_person")
        ]

    def __str__(self) -> str:
        return f"{self.pattern} · {self.assigned_to}"

    @property
    def assigned_to(self) -> Any:
        """For whom it is."""
        return self.employee or self.department or self.site or _("everybody")

    @property
    def scope(self) -> schedule.RosterScope:
        """How near it is to a person."""
        if self.employee_id is not None:
            return schedule.RosterScope.EMPLOYEE
        if self.department_id is not None:
            return schedule.RosterScope.DEPARTMENT
        return (
            schedule.RosterScope.SITE
            if self.site_id is not None
            else schedule.RosterScope.EVERYBODY
        )


class ShiftSettings(TenantModel):
    """Which shift an organization works where no roster says otherwise; without a row the general
    shift applies.
    """

    default_shift = models.ForeignKey(
        ShiftType,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        verbose_name=_("default shift"),
        help_text=_("Empty: 09:00 to 17:30 with lunch at 13:00."),
    )

    objects = TenantQuerySet["ShiftSettings"].as_manager()

    class Meta:
        verbose_name = _("shift settings")
        verbose_name_plural = _("shift settings")
        constraints = (
            models.UniqueConstraint(fields=("organization",), name="shift_settings_once"),
        )

    def __str__(self) -> str:
        return str(_("shift settings"))

    @classmethod
    def default_shift_of(cls, organization_id: int) -> schedule.Shift:
        """The shift of an organization where no roster says otherwise."""
        row = cls.objects.of(organization_id).select_related("default_shift").first()
        shift = row.default_shift if row else None
        return shift.as_shift() if shift else schedule.GENERAL_SHIFT
