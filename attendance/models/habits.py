"""How each device usually behaves, learned from when it spoke and what its clock said: a row of
statistics, never evidence.
"""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from devices.models import Device
from employees.tenancy import TenantModel, TenantQuerySet


class DeviceHabit(TenantModel):
    """What was learned of a device; `attendance.habits` says the forms. Lost, it is learned
    again.
    """

    device = models.OneToOneField(
        Device, on_delete=models.CASCADE, related_name="habit", verbose_name=_("device")
    )
    # The presence that was worked in last.
    seen_at = models.DateTimeField(null=True)
    days = models.JSONField(default=dict)
    clock = models.JSONField(default=list)

    objects = TenantQuerySet["DeviceHabit"].as_manager()

    class Meta:
        verbose_name = _("habit of a device")
        verbose_name_plural = _("habits of devices")

    def __str__(self) -> str:
        return str(self.device_id)
