"""Whom a rule about places applies to: a site, a department, an employee, or everybody.

The base of geofences and allowed networks.
"""

from __future__ import annotations

from typing import Any, ClassVar, Self, TypeVar

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from core.tenancy import TenantModel, TenantQuerySet
from employees.models import Department, Employee, Site

_M_co = TypeVar("_M_co", bound=models.Model, covariant=True)

SCOPES = ("site", "department", "employee")


class ScopedQuerySet(TenantQuerySet[_M_co]):
    """Vocabulary of rules that apply to somebody."""

    def applying_to(self, employee_id: Any, site_id: int | None, department_id: int | None) -> Self:
        """Active rules of the whole organization, of this employee, or of where they work."""
        reach = Q(site__isnull=True, department__isnull=True, employee__isnull=True)
        for name, pk in zip(SCOPES, (site_id, department_id, employee_id), strict=True):
            if pk is not None:
                reach |= Q(**{f"{name}_id": pk})
        return self.filter(reach, active=True)


class ScopedModel(TenantModel):
    """A rule that applies to a site, a department or an employee; to the whole organization when
    none is named.
    """

    site = models.ForeignKey(
        Site, on_delete=models.PROTECT, null=True, blank=True, verbose_name=_("site")
    )
    department = models.ForeignKey(
        Department, on_delete=models.PROTECT, null=True, blank=True, verbose_name=_("department")
    )
    employee = models.ForeignKey(
        Employee, on_delete=models.PROTECT, null=True, blank=True, verbose_name=_("employee")
    )
    active = models.BooleanField(_("active"), default=True)

    class Meta:
        abstract = True
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(site__isnull=True, department__isnull=True)
                | Q(site__isnull=True, employee__isnull=True)
                | Q(department__isnull=True, employee__isnull=True),
                name="%(class)s_one_scope",
                violation_error_message=_(
                    "Choose one: a site, a department or an employee; or none for everybody."
                ),
            )
        ]

    @property
    def applies_to(self) -> str:
        """What kind of scope this is: organization, site, department or employee."""
        return next(
            (name for name in SCOPES if getattr(self, f"{name}_id") is not None), "organization"
        )
