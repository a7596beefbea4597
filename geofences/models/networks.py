"""Allowed Wi-Fi networks: a phone that sees one of these names is at work.

Written by the console, read by the services for every punch of a phone.
"""

from __future__ import annotations

from typing import ClassVar

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from geofences.models.scopes import SCOPES, ScopedModel, ScopedQuerySet

MAX_SSID_BYTES = 32


class AllowedNetwork(ScopedModel):
    """A Wi-Fi network that shows somebody to be at work. Its name is the phone's own word."""

    ssid = models.CharField(
        _("Wi-Fi name (SSID)"),
        max_length=MAX_SSID_BYTES,
        help_text=_("Exactly as phones show it: capitals count."),
    )
    note = models.CharField(_("note"), max_length=200, blank=True)

    objects = ScopedQuerySet["AllowedNetwork"].as_manager()

    class Meta(ScopedModel.Meta):
        ordering = ("ssid", "id")
        verbose_name = _("Wi-Fi network")
        verbose_name_plural = _("Wi-Fi networks")
        constraints: ClassVar = [
            *ScopedModel.Meta.constraints,
            models.CheckConstraint(condition=~Q(ssid=""), name="network_ssid_given"),
            *(
                models.UniqueConstraint(
                    fields=("organization", name, "ssid"),
                    condition=Q(**{f"{name}__isnull": False}),
                    name=f"network_once_for_{name}",
                )
                for name in SCOPES
            ),
            models.UniqueConstraint(
                fields=("organization", "ssid"),
                name="network_once_for_all",
                condition=Q(site__isnull=True, department__isnull=True, employee__isnull=True),
            ),
        ]

    def __str__(self) -> str:
        return self.ssid

    def clean(self) -> None:
        super().clean()
        if len(self.ssid.encode(errors="replace")) > MAX_SSID_BYTES:
            raise ValidationError({"ssid": _("A Wi-Fi name has at most 32 bytes.")})
