"""People whose attendance is kept."""

from __future__ import annotations

import uuid
from datetime import date

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from core.tenancy import TenantModel, TenantQuerySet


class EmployeeQuerySet(TenantQuerySet["Employee"]):
    """Vocabulary of people."""

    def employed_on(self, day: date) -> EmployeeQuerySet:
        """People in service on a day, both ends included."""
        return self.filter(Q(left_on__isnull=True) | Q(left_on__gte=day), joined_on__lte=day)


class Employee(TenantModel):
    """A person whose attendance is kept."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    code = models.CharField(
        _("employee code"), max_length=64, help_text=_("The code used by terminals and payroll.")
    )
    worker_id = models.CharField(
        _("worker id"),
        max_length=64,
        blank=True,
        help_text=_("A second identification number (optional)."),
    )
    name = models.CharField(_("name"), max_length=200)
    email = models.EmailField(_("e-mail"), blank=True)
    manager = models.ForeignKey(
        "self",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="reports",
        verbose_name=_("manager"),
    )
    joined_on = models.DateField(_("joined on"))
    left_on = models.DateField(
        _("left on"), null=True, blank=True, help_text=_("The last day of service.")
    )

    objects = EmployeeQuerySet.as_manager()

    class Meta:
        ordering = ("name",)
        verbose_name = _("employee")
        verbose_name_plural = _("employees")
        constraints = (
            models.UniqueConstraint(fields=("organization", "code"), name="employee_code_once"),
            models.UniqueConstraint(
                fields=("organization", "worker_id"),
                name="employee_worker_id_once",
                condition=~Q(worker_id=""),
            ),
            models.CheckConstraint(
                condition=Q(left_on__isnull=True) | Q(left_on__gte=F("joined_on")),
                name="employee_left_after_joined",
                violation_error_message=_("The last day of service is before the first."),
            ),
            models.CheckConstraint(condition=~Q(code=""), name="employee_code_given"),
        )

    def __str__(self) -> str:
        return f"{self.name} ({self.code})"

    def clean(self) -> None:
        super().clean()
        self.code = self.code.strip()
        self.worker_id = self.worker_id.strip()
        if self.manager_id is not None and self.manager_id == self.pk:
            raise ValidationError({"manager": _("An employee cannot be their own manager.")})
