"""What an organization lets people do with their phones.

The console edits it; the phone channel and `devices.phones` apply it.
"""

from __future__ import annotations

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

from core.tenancy import TenantModel, TenantQuerySet


class PhonePolicy(TenantModel):
    """What an organization lets people do with their phones. One row at most; without it the
    defaults hold.
    """

    max_phones = models.PositiveSmallIntegerField(
        _("active phones per employee"),
        default=2,
        validators=[MaxValueValidator(100)],
        help_text=_("Phones already registered stay active when you lower this number."),
    )
    offline_hours = models.PositiveSmallIntegerField(
        _("offline punches for (hours)"),
        default=72,
        validators=[MinValueValidator(1), MaxValueValidator(24 * 31)],
        help_text=_("A punch made without a connection is accepted for this long afterwards."),
    )
    refuse_mock = models.BooleanField(_("reject mock locations"), default=True)
    refuse_rooted = models.BooleanField(_("reject rooted phones"), default=True)
    refuse_emulator = models.BooleanField(_("reject emulators"), default=True)
    refuse_vpn = models.BooleanField(
        _("reject phones on a VPN"),
        default=False,
        help_text=_(
            "When off, the punch counts and gets a remark. The same holds for the three options"
            " above."
        ),
    )

    objects = TenantQuerySet["PhonePolicy"].as_manager()

    class Meta:
        verbose_name = _("phone policy")
        verbose_name_plural = _("phone policies")
        constraints = (models.UniqueConstraint(fields=("organization",), name="phone_policy_once"),)

    @property
    def rejected_flags(self) -> frozenset[str]:
        """What a phone may not say of itself, as the phone channel calls it: `mock_location`,
        `rooted`, `emulator`, `vpn`.
        """
        rules = {
            "mock_location": self.refuse_mock,
            "rooted": self.refuse_rooted,
            "emulator": self.refuse_emulator,
        }
        return frozenset(
            name for name, refused in (rules | {"vpn": self.refuse_vpn}).items() if refused
        )

    def __str__(self) -> str:
        return str(_("Phones per employee: %(count)d") % {"count": self.max_phones})
