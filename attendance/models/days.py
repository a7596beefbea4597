"""The daily register: one row for each employee and date.

A day is a pure function of its causes (`attendance.days.calculation`): rows here are kept so that
lists and reports need not ask it again, and are replaced whenever a cause changes. Only a locked
month stands as it is; what would change it is an adjustment (`attendance.models.period_locks`).
"""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from core.tenancy import TenantModel, TenantQuerySet
from employees.models import Department, Employee, Site
from shifts.models import ShiftType


class Day(TenantModel):
    """What an employee's date was. Durations in whole minutes; instants in UTC."""

    class Status(models.TextChoices):
        """Leave is `leave:` and its kind, and is not listed."""

        PRESENT = "present", _("Present")
        ABSENT = "absent", _("Absent")
        HALF_DAY = "half_day", _("Half day")
        TOUR = "tour", _("On tour")
        HOLIDAY = "holiday", _("Holiday")
        WEEKLY_OFF = "weekly_off", _("Weekly off")
        CONFLICT = "conflict", _("Leave and punch conflict")
        EXPECTED = "due", _("Expected")

    employee = models.ForeignKey(Employee, on_delete=models.PROTECT, verbose_name=_("employee"))
    date = models.DateField(_("date"))
    site = models.ForeignKey(Site, on_delete=models.PROTECT, null=True, verbose_name=_("site"))
    department = models.ForeignKey(
        Department, on_delete=models.PROTECT, null=True, verbose_name=_("department")
    )
    shift = models.ForeignKey(
        ShiftType, on_delete=models.PROTECT, null=True, verbose_name=_("shift")
    )
    zone = models.CharField(_("time zone"), max_length=64)
    status = models.CharField(_("status"), max_length=24)
    first_half = models.CharField(_("first half"), max_length=24)
    second_half = models.CharField(_("second half"), max_length=24)
    first_in = models.DateTimeField(_("in"), null=True)
    last_out = models.DateTimeField(_("out"), null=True)
    worked = models.PositiveSmallIntegerField(_("worked (minutes)"), default=0)
    late_by = models.PositiveSmallIntegerField(_("late by (minutes)"), default=0)
    early_by = models.PositiveSmallIntegerField(_("early by (minutes)"), default=0)
    overtime = models.PositiveSmallIntegerField(_("overtime (minutes)"), default=0)
    marks = models.JSONField(_("needs attention"), default=list)
    # Which punches counted, which did not and why, the window, the rules: the form is that of
    # `attendance.days.explanation`.
    why = models.JSONField(_("why"), default=dict)
    # When the window is over and the day can be judged for good; empty once it was.
    open_until = models.DateTimeField(_("open until"), null=True)

    objects = TenantQuerySet["Day"].as_manager()

    class Meta:
        ordering = ("-date", "employee")
        verbose_name = _("day")
        verbose_name_plural = _("daily register")
        constraints = (models.UniqueConstraint(fields=("employee", "date"), name="day_once"),)
        indexes: ClassVar = [
            models.Index(fields=("organization", "date", "status"), name="day_date_status"),
            models.Index(
                fields=("open_until",), name="day_open", condition=Q(open_until__isnull=False)
            ),
            models.Index(
                fields=("organization", "-date", "employee"),
                name="day_late",
                condition=Q(open_until__isnull=True) & (Q(late_by__gt=0) | Q(early_by__gt=0)),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.employee} {self.date}"
