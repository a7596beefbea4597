"""The attendance policy of an organization: limits of correction requests and of exceptions. Read
by `attendance.days`, `attendance.corrections` and `attendance.exceptions`.
"""

from __future__ import annotations

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

from core.tenancy import TenantModel, TenantQuerySet


class AttendancePolicy(TenantModel):
    """How an organization judges days; without a row the defaults hold."""

    regularize_days_back = models.PositiveSmallIntegerField(
        _("days back a correction may be requested"),
        default=30,
        validators=[MaxValueValidator(366)],
    )
    regularize_per_month = models.PositiveSmallIntegerField(
        _("corrections per month"),
        default=3,
        help_text=_("The limit for an employee's own requests. It does not apply to HR."),
    )
    long_day_hours = models.PositiveSmallIntegerField(
        _("a very long day starts at (hours)"),
        default=16,
        validators=[MinValueValidator(1), MaxValueValidator(48)],
    )
    travel_kmh = models.PositiveSmallIntegerField(
        _("impossible travel from (km/h)"), default=200, validators=[MinValueValidator(1)]
    )
    silent_factor = models.PositiveSmallIntegerField(
        _("a device is silent after (times its usual gap)"),
        default=3,
        validators=[MinValueValidator(2), MaxValueValidator(100)],
    )

    objects = TenantQuerySet["AttendancePolicy"].as_manager()

    class Meta:
        verbose_name = _("attendance policy")
        verbose_name_plural = _("attendance policy")
        constraints = (
            models.UniqueConstraint(fields=("organization",), name="attendance_policy_once"),
        )

    def __str__(self) -> str:
        return str(_("attendance policy"))
