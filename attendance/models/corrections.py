"""What people put right: rows beside the punches, with who and why. The punches themselves stay as
they came.
"""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from attendance.models.punches import Direction, Punch
from core.tenancy import TenantModel, TenantQuerySet
from employees.models import Employee


class Regularization(TenantModel):
    """An employee's wish to have a day's times put right, and what was decided on it."""

    class Status(models.TextChoices):
        PENDING = "pending", _("Pending")
        APPROVED = "approved", _("Approved")
        REJECTED = "rejected", _("Rejected")
        WITHDRAWN = "withdrawn", _("Withdrawn")

    employee = models.ForeignKey(Employee, on_delete=models.PROTECT, verbose_name=_("employee"))
    date = models.DateField(_("date"))
    in_at = models.DateTimeField(_("in time"), null=True, blank=True)
    out_at = models.DateTimeField(_("out time"), null=True, blank=True)
    reason = models.CharField(_("reason"), max_length=400)
    status = models.CharField(_("status"), max_length=10, choices=Status, default=Status.PENDING)
    applied_at = models.DateTimeField(_("requested"), auto_now_add=True)
    applied_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        related_name="+",
        verbose_name=_("requested by"),
    )
    decided_at = models.DateTimeField(_("decided"), null=True, blank=True)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("decided by"),
    )
    remarks = models.CharField(_("remarks"), max_length=400, blank=True)

    objects = TenantQuerySet["Regularization"].as_manager()

    class Meta:
        ordering = ("-id",)
        verbose_name = _("correction request")
        verbose_name_plural = _("correction requests")
        constraints = (
            models.UniqueConstraint(
                fields=("employee", "date"),
                condition=Q(status="pending"),
                name="regularization_pending_once",
                violation_error_message=_("A correction request for this day is already pending."),
            ),
            models.CheckConstraint(
                condition=Q(in_at__isnull=False) | Q(out_at__isnull=False),
                name="regularization_has_a_time",
                violation_error_message=_("Enter the in time, the out time, or both."),
            ),
        )
        indexes: ClassVar = [
            models.Index(fields=("organization", "status"), name="regularization_status")
        ]

    def __str__(self) -> str:
        return f"{self.employee} {self.date}"


class ManualImport(TenantModel):
    """A file of times that HR entered at once: who, when, which file, how many rows."""

    append_only = True

    name = models.CharField(_("file"), max_length=200)
    sha256 = models.CharField(max_length=64)
    rows = models.PositiveIntegerField(_("rows"))
    imported_at = models.DateTimeField(_("imported"))
    imported_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        related_name="+",
        verbose_name=_("by"),
    )

    objects = TenantQuerySet["ManualImport"].as_manager()

    class Meta:
        ordering = ("-id",)
        verbose_name = _("import")
        verbose_name_plural = _("imports")
        constraints = (
            models.UniqueConstraint(fields=("organization", "sha256"), name="manual_import_once"),
        )

    def __str__(self) -> str:
        return self.name


class Correction(TenantModel):
    """A time that counts beside the punches (`add`), or a punch or such a time that does not count
    (`void`). Append-only.
    """

    append_only = True

    class Kind(models.TextChoices):
        ADD = "add", _("Time entered")
        VOID = "void", _("Does not count")

    employee = models.ForeignKey(Employee, on_delete=models.PROTECT, verbose_name=_("employee"))
    kind = models.CharField(_("kind"), max_length=4, choices=Kind)
    at = models.DateTimeField(_("time"))
    direction = models.CharField(
        _("direction"), max_length=16, choices=Direction, null=True, blank=True
    )
    voids_punch = models.ForeignKey(
        Punch,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="voided",
        verbose_name=_("punch"),
    )
    voids = models.ForeignKey(
        "self",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="voided",
        verbose_name=_("entered time"),
    )
    reason = models.CharField(_("reason"), max_length=400)
    regularization = models.ForeignKey(
        Regularization,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="corrections",
        verbose_name=_("correction request"),
    )
    manual_import = models.ForeignKey(
        ManualImport,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="corrections",
        verbose_name=_("import"),
    )
    made_at = models.DateTimeField(_("made"))
    made_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        related_name="+",
        verbose_name=_("by"),
    )

    objects = TenantQuerySet["Correction"].as_manager()

    class Meta:
        ordering = ("-id",)
        verbose_name = _("correction")
        verbose_name_plural = _("corrections")
        constraints = (
            models.UniqueConstraint(
                fields=("regularization", "direction"),
                condition=Q(kind="add"),
                name="correction_of_regularization_once",
            ),
            models.UniqueConstraint(fields=("voids_punch",), name="correction_voids_punch_once"),
            models.UniqueConstraint(fields=("voids",), name="correction_voids_once"),
            models.CheckConstraint(
                condition=Q(kind="add", voids_punch__isnull=True, voids__isnull=True)
                | Q(kind="void", voids_punch__isnull=False, voids__isnull=True)
                | Q(kind="void", voids_punch__isnull=True, voids__isnull=False),
                name="correction_adds_or_voids",
            ),
        )
        indexes: ClassVar = [
            models.Index(fields=("organization", "employee", "at"), name="correction_employee_time")
        ]

    def __str__(self) -> str:
        return f"{self.employee} {self.at:%Y-%m-%d %H:%M} {self.kind}"
