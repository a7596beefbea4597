"""Kinds of shift: start and end, punch window, grace, breaks, limits of a day and overtime. Used
by `shifts.schedule` and `attendance.days`.
"""

from __future__ import annotations

from datetime import time
from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

from core.tenancy import TenantModel, TenantQuerySet
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
