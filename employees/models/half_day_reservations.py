"""Reservations of the halves of an employee's days, by leave and by tours."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from core.tenancy import TenantModel, TenantQuerySet
from employees.models.employees import Employee


class HalfDayReservation(TenantModel):
    """Who has a half of somebody's day: leave or a tour, one of them.
    `employees.half_day_reservations` writes these.

    `holder` and `overlaid_holder` are texts such as "leave:17" and "tour:5", as leave and tours
    live above and do not know each other; `overlaid_holder` is what comes back when the holder lets
    go (casual leave lies over a tour).
    """

    class Half(models.TextChoices):
        FN = "FN", _("forenoon")
        AN = "AN", _("afternoon")

    employee = models.ForeignKey(Employee, on_delete=models.PROTECT, verbose_name=_("employee"))
    date = models.DateField(_("date"))
    half = models.CharField(_("half"), max_length=2, choices=Half)
    holder = models.CharField(_("holder"), max_length=40)
    overlaid_holder = models.CharField(_("overlaid holder"), max_length=40, blank=True)

    objects = TenantQuerySet["HalfDayReservation"].as_manager()

    class Meta:
        verbose_name = _("half-day reservation")
        verbose_name_plural = _("half-day reservations")
        constraints = (
            models.UniqueConstraint(
                fields=("employee", "date", "half"), name="half_day_reserved_once"
            ),
        )
        indexes: ClassVar = [
            models.Index(fields=("organization", "holder"), name="half_day_reservation_holder")
        ]

    def __str__(self) -> str:
        return f"{self.date} {self.half} {self.holder}"
