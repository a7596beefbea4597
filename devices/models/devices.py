"""Terminals and gateways, and their own numbers for people.

The device channel and the console read them; `devices.services` writes them.
"""

from __future__ import annotations

from datetime import datetime

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from core.fields import TimeZoneField
from core.tenancy import TenantModel, TenantQuerySet
from devices.punch_states import STATE_MAP_PRESETS, validate_state_map
from employees.models import Employee, Site


class Device(TenantModel):
    """A terminal or gateway that reports punches at the device channel."""

    class StateMap(models.TextChoices):
        IN1 = "in1", _("1 in, 2 out")
        ZK = "zk", _("0 in, 1 out, 2/3 break, 4/5 overtime")
        OWN = "own", _("Custom map")

    serial = models.CharField(_("serial number"), max_length=64)
    name = models.CharField(_("name"), max_length=200, blank=True)
    site = models.ForeignKey(
        Site, on_delete=models.PROTECT, null=True, blank=True, verbose_name=_("site")
    )
    timezone = TimeZoneField(
        _("time zone"), blank=True, help_text=_("Empty: the site's, else the organization's.")
    )
    state_map = models.CharField(
        _("meaning of att_state"), max_length=8, choices=StateMap, default=StateMap.IN1
    )
    own_state_map = models.JSONField(
        _("custom map"),
        default=dict,
        blank=True,
        help_text=_('Only for “Custom map”, such as {"7": "in", "8": "out"}.'),
    )
    subscription_until = models.DateTimeField(
        _("subscription until"),
        null=True,
        blank=True,
        help_text=_("Empty: no end. After this time, punches are rejected."),
    )
    blocked = models.BooleanField(
        _("blocked"), default=False, help_text=_("Punches of a blocked device are rejected.")
    )
    heartbeat_s = models.PositiveIntegerField(_("heartbeat every (seconds)"), default=60)
    firmware = models.CharField(_("firmware"), max_length=100, blank=True)
    last_seen_at = models.DateTimeField(_("last seen"), null=True, blank=True, editable=False)
    rejected_count = models.PositiveIntegerField(_("rejected punches"), default=0, editable=False)
    last_rejected_at = models.DateTimeField(
        _("last rejection"), null=True, blank=True, editable=False
    )

    objects = TenantQuerySet["Device"].as_manager()

    class Meta:
        ordering = ("serial",)
        verbose_name = _("device")
        verbose_name_plural = _("devices")
        constraints = (
            models.UniqueConstraint(fields=("organization", "serial"), name="device_serial_once"),
            models.CheckConstraint(condition=~Q(serial=""), name="device_serial_given"),
        )

    def __str__(self) -> str:
        return f"{self.name} ({self.serial})" if self.name else self.serial

    def clean(self) -> None:
        super().clean()
        self.serial = self.serial.strip()
        if self.state_map == self.StateMap.OWN:
            try:
                validate_state_map(self.own_state_map)
            except ValueError as error:
                raise ValidationError({"own_state_map": str(error)}) from error

    @property
    def states(self) -> dict[str, str]:
        """What this device's att_state numbers mean: {"1": "in"}."""
        return (
            self.own_state_map
            if self.state_map == self.StateMap.OWN
            else STATE_MAP_PRESETS[self.state_map]
        )

    def is_subscribed(self, now: datetime) -> bool:
        """Whether the attendance subscription runs at this instant."""
        return self.subscription_until is None or now < self.subscription_until

    @property
    def zone(self) -> str:
        """The IANA zone of times without an offset: the device's, else the site's, else the
        organization's.
        """
        return (
            self.timezone or (self.site.timezone if self.site else "") or self.organization.timezone
        )


class DeviceUser(TenantModel):
    """A device's own number for a person: user 29 on two devices can be two people. It goes before
    the employee code.
    """

    device = models.ForeignKey(
        Device, on_delete=models.PROTECT, related_name="users", verbose_name=_("device")
    )
    user_code = models.CharField(_("user number on the device"), max_length=64)
    employee = models.ForeignKey(Employee, on_delete=models.PROTECT, verbose_name=_("employee"))

    objects = TenantQuerySet["DeviceUser"].as_manager()

    class Meta:
        ordering = ("user_code",)
        verbose_name = _("device user")
        verbose_name_plural = _("device users")
        constraints = (
            models.UniqueConstraint(fields=("device", "user_code"), name="device_user_code_once"),
        )

    def __str__(self) -> str:
        return f"{self.user_code} → {self.employee}"

    def clean(self) -> None:
        super().clean()
        self.user_code = self.user_code.strip()
