"""Months that are locked for payroll, and the adjustments that later facts make to their days.
Written by `attendance.days.locking`.
"""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from core.tenancy import TenantModel, TenantQuerySet
from employees.models import Employee


class PeriodLock(TenantModel):
    """A month that has gone to payroll: its days stand. Lifted by HR with a reason; append a new
    one to lock again.
    """

    month = models.DateField(_("month"), help_text=_("Any day of it."))
    locked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("by"),
    )
    locked_at = models.DateTimeField(_("locked"), auto_now_add=True)
    lifted_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("by"),
    )
    lifted_at = models.DateTimeField(_("unlocked"), null=True, editable=False)
    reason = models.CharField(_("reason for unlocking"), max_length=400, blank=True)

    objects = TenantQuerySet["PeriodLock"].as_manager()

    class Meta:
        ordering = ("-month", "-id")
        verbose_name = _("locked month")
        verbose_name_plural = _("locked months")
        constraints = (
            models.UniqueConstraint(
                fields=("organization", "month"),
                condition=Q(lifted_at__isnull=True),
                name="period_locked_once",
                violation_error_message=_("This month is already locked."),
            ),
            models.CheckConstraint(condition=Q(month__day=1), name="period_lock_first_of_month"),
        )

    def __str__(self) -> str:
        return f"{self.month:%Y-%m}"


class DayAdjustment(TenantModel):
    """What a late fact would make of a day whose month is locked: counted in the open month it is
    posted to. Append-only.

    `before` and `after` are status and minutes; a later adjustment of the same day starts from the
    one before it.
    """

    append_only = True

    employee = models.ForeignKey(Employee, on_delete=models.PROTECT, verbose_name=_("employee"))
    date = models.DateField(_("date"))
    lock = models.ForeignKey(
        PeriodLock,
        on_delete=models.PROTECT,
        related_name="adjustments",
        verbose_name=_("locked month"),
    )
    posted_to = models.DateField(_("counted in"))
    posted_at = models.DateTimeField(_("posted"))
    before = models.JSONField(_("was"))
    after = models.JSONField(_("would be"))
    why = models.JSONField(_("why"), default=dict)

    objects = TenantQuerySet["DayAdjustment"].as_manager()

    class Meta:
        ordering = ("-id",)
        verbose_name = _("day adjustment")
        verbose_name_plural = _("day adjustments")
        indexes: ClassVar = [
            models.Index(fields=("employee", "date"), name="day_adjustment_day"),
            models.Index(fields=("organization", "posted_to"), name="day_adjustment_month"),
        ]

    def __str__(self) -> str:
        return f"{self.employee} {self.date}"
