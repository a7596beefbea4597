"""Days that wait to be calculated again, and the recalculations that people request. Written by
`attendance.recalculation_queue`, processed by `attendance.background.recalculation`.
"""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from core.tenancy import TenantModel, TenantQuerySet
from employees.models import Employee


class Recalculation(TenantModel):
    """Somebody asked for a period to be worked out again: its progress is what is left of its stale
    days.
    """

    starts_on = models.DateField(_("from"))
    ends_on = models.DateField(_("to"))
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("by"),
    )
    requested_at = models.DateTimeField(_("requested"), auto_now_add=True)
    total = models.PositiveIntegerField(_("person-months"), default=0, editable=False)
    changed = models.PositiveIntegerField(_("changed days"), default=0, editable=False)
    finished_at = models.DateTimeField(_("finished"), null=True, editable=False)

    objects = TenantQuerySet["Recalculation"].as_manager()

    class Meta:
        ordering = ("-id",)
        verbose_name = _("recalculation")
        verbose_name_plural = _("recalculations")
        constraints = (
            models.CheckConstraint(
                condition=Q(ends_on__gte=F("starts_on")),
                name="recalculation_ends_after_start",
                violation_error_message=_("The period ends before it starts."),
            ),
        )

    def __str__(self) -> str:
        return f"{self.starts_on} – {self.ends_on}"


class StaleDayRange(TenantModel):
    """Days of somebody that a cause has changed: written in the transaction of the cause, gone in
    that of the new days.
    """

    employee = models.ForeignKey(Employee, on_delete=models.CASCADE)
    starts_on = models.DateField()
    ends_on = models.DateField()
    # What happened now goes before what concerns many or the past.
    background = models.BooleanField(default=False)
    recalculation = models.ForeignKey(
        Recalculation, on_delete=models.PROTECT, null=True, related_name="stale_ranges"
    )
    created_at = models.DateTimeField(auto_now_add=True)
    # One that cannot be worked out waits longer each time and does not hold up the others.
    failures = models.PositiveSmallIntegerField(default=0)
    not_before = models.DateTimeField(null=True)

    objects = TenantQuerySet["StaleDayRange"].as_manager()

    class Meta:
        verbose_name = _("days waiting for recalculation")
        verbose_name_plural = _("days waiting for recalculation")
        indexes: ClassVar = [models.Index(fields=("background", "id"), name="stale_day_range_turn")]

    def __str__(self) -> str:
        return f"{self.employee_id} {self.starts_on} – {self.ends_on}"
