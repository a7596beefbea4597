"""Delegations: who decides in an approver's place, and on which days."""

from __future__ import annotations

from datetime import date

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from core.tenancy import TenantModel, TenantQuerySet
from employees.models import Employee


class DelegationQuerySet(TenantQuerySet["Delegation"]):
    """Vocabulary of stand-ins."""

    def on_day(self, day: date) -> DelegationQuerySet:
        """Delegations that hold on a day, both ends included."""
        return self.filter(starts_on__lte=day, ends_on__gte=day, withdrawn_at__isnull=True)


class Delegation(TenantModel):
    """For some days somebody decides in an approver's place."""

    approver = models.ForeignKey(
        Employee,
        on_delete=models.PROTECT,
        related_name="delegations",
        verbose_name=_("approver"),
        help_text=_("The approver who is away."),
    )
    delegate = models.ForeignKey(
        Employee,
        on_delete=models.PROTECT,
        related_name="+",
        verbose_name=_("delegate"),
        help_text=_("The person who decides in the approver's place."),
    )
    starts_on = models.DateField(_("from"))
    ends_on = models.DateField(_("to"), help_text=_("The last day, included."))
    withdrawn_at = models.DateTimeField(_("withdrawn"), null=True, blank=True, editable=False)

    objects = DelegationQuerySet.as_manager()

    class Meta:
        ordering = ("-starts_on", "-id")
        verbose_name = _("delegation")
        verbose_name_plural = _("delegations")
        constraints = (
            models.CheckConstraint(
                condition=Q(ends_on__gte=F("starts_on")),
                name="delegation_ends_after_start",
                violation_error_message=_("The last day is before the first."),
            ),
            models.CheckConstraint(
                condition=~Q(approver=F("delegate")),
                name="delegation_to_another",
                violation_error_message=_("An approver cannot be their own delegate."),
            ),
        )

    def __str__(self) -> str:
        return f"{self.delegate} ← {self.approver}"
