"""Rosters: for whom a shift pattern holds, from when to when. `shifts.schedule` chooses the roster
of a date.
"""

from __future__ import annotations

from typing import Any, ClassVar

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from core.tenancy import TenantModel, TenantQuerySet
from employees.models import Department, Employee, Site
from shifts import schedule
from shifts.models.patterns import ShiftPattern


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
