"""How each device usually behaves, learned from when it spoke and what its clock said: a row of
statistics, never evidence.
"""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from core.tenancy import TenantModel, TenantQuerySet
from devices.models import Device


class DeviceActivityProfile(TenantModel):
    """What was learned of a device; `attendance.exceptions.device_activity` says the forms. Lost,
    it is learned again.
    """

    device = models.OneToOneField(
        Device, on_delete=models.CASCADE, related_name="activity_profile", verbose_name=_("device")
    )
    # The presence that was worked in last.
    seen_at = models.DateTimeField(null=True)
    days = models.JSONField(default=dict)
    clock = models.JSONField(default=list)

    objects = TenantQuerySet["DeviceActivityProfile"].as_manager()

    class Meta:
        verbose_name = _("device activity profile")
        verbose_name_plural = _("device activity profiles")

    def __str__(self) -> str:
        return str(self.device_id)
