"""The change log, from which leave and days learn what they must compute again."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from core.tenancy import TenantModel, TenantQuerySet
from employees.models.employees import Employee


class ChangeQuerySet(TenantQuerySet["Change"]):
    """The vocabulary of the change log."""

    def unprocessed(self) -> ChangeQuerySet:
        """Changes that some consumer has not processed."""
        return self.filter(Q(leave_processed_at__isnull=True) | Q(days_processed_at__isnull=True))


class Change(TenantModel):
    """Facts changed that apps above depend on: one row, appended in the transaction of the change.

    Each consumer has a mark of its own, which is set once, in the transaction of the work that the
    change caused. `employee` is null when it concerns many; then `subject` says what changed or
    whom it concerns (`shift:7`, `site:3`, `department:5`), and an empty one means everybody.
    """

    class Kind(models.TextChoices):
        IDENTITY = "identity", _("Code, worker id, device number or service dates")
        ASSIGNMENT = "assignment", _("Site or department")
        LEAVE = "leave", _("Leave")
        TOUR = "tour", _("Tour")
        SHIFT = "shift", _("Shift")
        ROSTER = "roster", _("Roster")
        CALENDAR = "calendar", _("Holidays and weekly offs")

    employee = models.ForeignKey(
        Employee, on_delete=models.PROTECT, null=True, blank=True, verbose_name=_("employee")
    )
    starts_on = models.DateField(_("from"), null=True, blank=True)
    ends_on = models.DateField(_("to"), null=True, blank=True)
    kind = models.CharField(_("kind"), max_length=16, choices=Kind)
    subject = models.CharField(_("concerns"), max_length=64, blank=True, editable=False)
    created_at = models.DateTimeField(_("created"), auto_now_add=True)
    leave_processed_at = models.DateTimeField(_("processed by leave"), null=True, editable=False)
    days_processed_at = models.DateTimeField(_("processed by days"), null=True, editable=False)

    objects = ChangeQuerySet.as_manager()

    class Meta:
        verbose_name = _("change")
        verbose_name_plural = _("changes")
        indexes: ClassVar = [
            models.Index(
                fields=("id",),
                name="change_unprocessed",
                condition=Q(leave_processed_at__isnull=True) | Q(days_processed_at__isnull=True),
            )
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.created_at:%Y-%m-%d %H:%M}"
