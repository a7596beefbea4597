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

from attendance import shifts
from employees.models import Department, Employee, Site
from employees.tenancy import TenantModel, TenantQuerySet

DAY_MIN = 24 * 60


def _minutes(label: Any, default: int, **more: Any) -> models.PositiveSmallIntegerField[Any, Any]:
    return models.PositiveSmallIntegerField(
        label, default=default, validators=[MaxValueValidator(2 * DAY_MIN)], **more
    )


class ShiftType(TenantModel):
    """A kind of shift on the wall clock of wherever it is worked; durations in minutes."""

    class Hours(models.TextChoices):
        FIRST_LAST = "first_last", _("From the first in to the last out, less breaks")
        PAIRS = "pairs", _("Each in with its out")

    class MissingOut(models.TextChoices):
        PRESENT = "present", _("Present, no hours")
        HALF_DAY = "half_day", _("Half a day")
        ABSENT = "absent", _("Absent")
        SHIFT_END = "shift_end", _("As if left at the end of the shift")

    name = models.CharField(_("name"), max_length=100)
    starts = models.TimeField(_("starts"))
    ends = models.TimeField(_("ends"), help_text=_("At or before the start: on the next day."))
    before = _minutes(
        _("window before (minutes)"), 240, help_text=_("Who comes this much earlier is still seen.")
    )
    after = _minutes(
        _("window after (minutes)"), 390, help_text=_("Who leaves this much later is still seen.")
    )
    grace_in = _minutes(
        _("grace at the start (minutes)"), 0, help_text=_("Later than this is late, by all of it.")
    )
    grace_out = _minutes(_("grace at the end (minutes)"), 0)
    breaks = models.JSONField(
        _("breaks"),
        default=list,
        blank=True,
        help_text=_('Such as [["13:00", "13:30"]]; the first divides the day into halves.'),
    )
    absent_below = _minutes(
        _("absent below (minutes)"), 120, help_text=_("Less work than this does not count.")
    )
    half_below = _minutes(_("half a day below (minutes)"), 360)
    hours = models.CharField(
        _("hours are counted"), max_length=12, choices=Hours, default=Hours.FIRST_LAST
    )
    missing_out = models.CharField(
        _("who is not seen to leave"),
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
    overtime_round = _minutes(_("overtime in steps of (minutes)"), 15)
    repeat_s = models.PositiveSmallIntegerField(
        _("same punch within (seconds)"),
        default=60,
        help_text=_("A card held twice to the reader is one punch."),
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
            fault = self.as_shift().fault()
        except (TypeError, ValueError) as error:
            raise ValidationError(
                {"breaks": _('Breaks are pairs of times such as [["13:00", "13:30"]].')}
            ) from error
        words = {
            "before": _("The window begins more than twelve hours before the date."),
            "after": _("The window ends more than a day after the date."),
            "breaks": _("Breaks lie within the shift, one after the other."),
            "half_below": _("Half a day is more work than none."),
        }
        if fault:
            raise ValidationError({fault: words[fault]})

    def as_shift(self) -> shifts.Shift:
        """As the rules take it. Raises TypeError or ValueError for breaks that are no pairs of
        times.
        """
        return shifts.Shift(
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
            hours=shifts.Hours(self.hours),
            missing_out=shifts.MissingOut(self.missing_out),
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
        _("first day of the first turn"),
        help_text=_("A Monday for a week. The pattern runs in both directions from here."),
    )
    calendar_offs = models.BooleanField(
        _("weekly offs of the calendar too"),
        default=True,
        help_text=_("What the office's calendar has off is off as well."),
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
        verbose_name = _("day of a pattern")
        verbose_name_plural = _("days of a pattern")
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
        help_text=_("One of the three, or none of them for everybody."),
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
                name="roster_one_reach",
                violation_error_message=_(
                    "A roster is for one employee, one department, one site, or everybody."
                ),
            ),
        )
        indexes: ClassVar = [
            models.Index(fields=("organization", "employee"), name="roster_person")
        ]

    def __str__(self) -> str:
        return f"{self.pattern} · {self.whom}"

    @property
    def whom(self) -> Any:
        """For whom it is."""
        return self.employee or self.department or self.site or _("everybody")

    @property
    def reach(self) -> shifts.Reach:
        """How near it is to a person."""
        if self.employee_id is not None:
            return shifts.Reach.EMPLOYEE
        if self.department_id is not None:
            return shifts.Reach.DEPARTMENT
        return shifts.Reach.SITE if self.site_id is not None else shifts.Reach.EVERYBODY
