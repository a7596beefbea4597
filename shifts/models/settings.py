"""The shift settings of an organization: the shift of employees to whom no roster applies."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from core.tenancy import TenantModel, TenantQuerySet
from shifts import schedule
from shifts.models.shift_types import ShiftType


class ShiftSettings(TenantModel):
    """Which shift an organization works where no roster says otherwise; without a row the general
    shift applies.
    """

    default_shift = models.ForeignKey(
        ShiftType,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        verbose_name=_("default shift"),
        help_text=_("Empty: 09:00 to 17:30 with lunch at 13:00."),
    )

    objects = TenantQuerySet["ShiftSettings"].as_manager()

    class Meta:
        verbose_name = _("shift settings")
        verbose_name_plural = _("shift settings")
        constraints = (
            models.UniqueConstraint(fields=("organization",), name="shift_settings_once"),
        )

    def __str__(self) -> str:
        return str(_("shift settings"))

    @classmethod
    def default_shift_of(cls, organization_id: int) -> schedule.Shift:
        """The shift of an organization where no roster says otherwise."""
        row = cls.objects.of(organization_id).select_related("default_shift").first()
        shift = row.default_shift if row else None
        return shift.as_shift() if shift else schedule.GENERAL_SHIFT
