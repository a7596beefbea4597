"""Assignments: where an employee works, and from when to when."""

from __future__ import annotations

from datetime import date, datetime
from zoneinfo import ZoneInfo

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from core.tenancy import TenantModel, TenantQuerySet
from employees.models.employees import Employee
from employees.models.organizations import Department, Site


class Assignment(TenantModel):
    """Where an employee works, from one day to another, both included."""

    employee = models.ForeignKey(
        Employee, on_delete=models.PROTECT, related_name="assignments", verbose_name=_("employee")
    )
    site = models.ForeignKey(Site, on_delete=models.PROTECT, verbose_name=_("site"))
    department = models.ForeignKey(
        Department, on_delete=models.PROTECT, null=True, blank=True, verbose_name=_("department")
    )
    starts_on = models.DateField(_("from"))
    ends_on = models.DateField(
        _("to"), null=True, blank=True, help_text=_("Empty: until further notice.")
    )

    objects = TenantQuerySet["Assignment"].as_manager()

    class Meta:
        ordering = ("-starts_on",)
        verbose_name = _("assignment")
        verbose_name_plural = _("assignments")
        constraints = (
            models.UniqueConstraint(fields=("employee", "starts_on"), name="assignment_start_once"),
            models.CheckConstraint(
                condition=Q(ends_on__isnull=True) | Q(ends_on__gte=F("starts_on")),
                name="assignment_ends_after_start",
                violation_error_message=_("The assignment ends before it starts."),
            ),
        )

    def __str__(self) -> str:
        return f"{self.employee} · {self.site}"

    @classmethod
    def current(cls, employee: Employee) -> Assignment | None:
        """Where an employee works today, in the organization's zone; with site and department in
        the same query.
        """
        day = datetime.now(ZoneInfo(employee.organization.timezone)).date()
        rows = cls.objects.of(employee.organization_id).filter(
            employee=employee, starts_on__lte=day
        )
        rows = rows.filter(Q(ends_on__isnull=True) | Q(ends_on__gte=day))
        return rows.select_related("site", "department").first()

    def covers(self, day: date) -> bool:
        """Whether this assignment is the one of that day."""
        return self.starts_on <= day and (self.ends_on is None or day <= self.ends_on)

    def validate_no_overlap(self) -> None:
        """Raise ValidationError when another assignment of the same employee shares a day. Call
        under the employee's lock.
        """
        others = (
            Assignment.objects.of(self.organization_id)
            .filter(employee_id=self.employee_id)
            .exclude(pk=self.pk)
        )
        others = others.filter(Q(ends_on__isnull=True) | Q(ends_on__gte=self.starts_on))
        if self.ends_on is not None:
            others = others.filter(starts_on__lte=self.ends_on)
        if other := others.first():
            raise ValidationError(
                {
                    "starts_on": (
                        _(
                            "An assignment to %(site)s already starts on %(start)s; end that"
                            " assignment first."
                        )
                        % {"site": other.site, "start": other.starts_on}
                    )
                }
            )
