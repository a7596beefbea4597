"""An organization's rules about places: Wi-Fi, accuracy and tolerance.

Written by the console, read by the services for every punch of a phone.
"""

from __future__ import annotations

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

from core.tenancy import TenantModel, TenantQuerySet


class GeofencePolicy(TenantModel):
    """An organization's rules about places. Without a row the defaults hold."""

    class Unfenced(models.TextChoices):
        REFUSE = "refuse", _("Refuse the punch")
        ACCEPT = "accept", _("Accept the punch")

    ssid_sufficient = models.BooleanField(
        _("an allowed Wi-Fi name is enough"),
        default=True,
        help_text=_(
            "Off: the phone must also be inside a geofence. The Wi-Fi name then only allows an"
            " inaccurate position."
        ),
    )
    unfenced = models.CharField(
        _("when no geofence applies to an employee"),
        max_length=8,
        choices=Unfenced,
        default=Unfenced.REFUSE,
    )
    max_accuracy_m = models.PositiveIntegerField(
        _("minimum accuracy (metres)"),
        default=200,
        validators=(MinValueValidator(1), MaxValueValidator(10_000)),
        help_text=_("A position that is less accurate than this is refused."),
    )
    tolerance_m = models.PositiveIntegerField(
        _("tolerance (metres)"),
        default=50,
        validators=(MaxValueValidator(500),),
        help_text=_(
            "How far outside a geofence a phone may be, within the accuracy of its position."
        ),
    )

    objects = TenantQuerySet["GeofencePolicy"].as_manager()

    class Meta:
        verbose_name = _("geofence policy")
        verbose_name_plural = _("geofence policy")
        constraints = (models.UniqueConstraint(fields=("organization",), name="fence_policy_once"),)

    def __str__(self) -> str:
        return str(_("Geofence policy"))
