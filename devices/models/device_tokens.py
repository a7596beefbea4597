"""The credentials of devices, kept as hashes.

`devices.services` issues and revokes them, `devices.authentication` checks them.
"""

from __future__ import annotations

from datetime import datetime

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from core.tenancy import TenantModel, TenantQuerySet
from devices.models.devices import Device


class DeviceTokenQuerySet(TenantQuerySet["DeviceToken"]):
    """Vocabulary of tokens."""

    def valid_at(self, now: datetime) -> DeviceTokenQuerySet:
        """Tokens that open the channel now: not revoked, and not past the overlap of a rotation."""
        return self.filter(
            Q(expires_at__isnull=True) | Q(expires_at__gt=now), revoked_at__isnull=True
        )


class DeviceToken(TenantModel):
    """A device's credential, kept as a hash. After a rotation the old one works on for the
    overlap.
    """

    device = models.ForeignKey(
        Device, on_delete=models.PROTECT, related_name="tokens", verbose_name=_("device")
    )
    token_hash = models.CharField(max_length=64, unique=True, editable=False)
    hint = models.CharField(_("ends in"), max_length=8, editable=False)
    created_at = models.DateTimeField(_("issued"), auto_now_add=True)
    expires_at = models.DateTimeField(_("valid until"), null=True, blank=True)
    revoked_at = models.DateTimeField(_("revoked"), null=True, blank=True)

    objects = DeviceTokenQuerySet.as_manager()

    class Meta:
        ordering = ("-created_at",)
        verbose_name = _("device token")
        verbose_name_plural = _("device tokens")

    def __str__(self) -> str:
        return f"…{self.hint}"
