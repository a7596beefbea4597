"""A day of late coming or early leaving and what it cost, written by
`leaves.services.late_marks`.
"""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from core.tenancy import TenantModel, TenantQuerySet
from employees.models import Employee


class LateMark(TenantModel):
    """A day of late coming or early leaving, and what it cost: decided once for each day."""

    class Outcome(models.TextChoices):
        DEBITED = "debited", _("Half a day of casual leave")
        CONDONED = "condoned", _("Condoned")
        OWED = "owed", _("Half a day owed")
        SETTLED = "settled", _("Owed, then debited from earned leave")

    employee = models.ForeignKey(Employee, on_delete=models.PROTECT, verbose_name=_("employee"))
    date = models.DateField(_("date"))
    minutes = models.PositiveSmallIntegerField(_("minutes late"), null=True, blank=True)
    outcome = models.CharField(_("outcome"), max_length=10, choices=Outcome)
    reason = models.CharField(_("reason"), max_length=400, blank=True)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        verbose_name=_("decided by"),
    )
    decided_at = models.DateTimeField(_("decided"), auto_now_add=True)

    objects = TenantQuerySet["LateMark"].as_manager()

    class Meta:
        ordering = ("-date",)
        verbose_name = _("late mark")
        verbose_name_plural = _("late marks")
        constraints = (models.UniqueConstraint(fields=("employee", "date"), name="late_mark_once"),)

    def __str__(self) -> str:
        return f"{self.employee} · {self.date}"
