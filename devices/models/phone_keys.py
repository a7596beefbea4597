"""The public keys that phones sign with, and whose each key is.

`devices.phones` stores them; `attendance.punches.phone_checks` verifies signatures with them.
"""

from __future__ import annotations

from datetime import datetime

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from core.tenancy import TenantModel, TenantQuerySet
from devices.models.phones import Phone
from employees.models import Employee


class KeyOwner(TenantModel):
    """Whose a public key is, for ever: the rule that lets no two people of an organization have the
    same. Append-only.
    """

    append_only = True

    employee = models.ForeignKey(Employee, on_delete=models.PROTECT, verbose_name=_("employee"))
    key_hash = models.CharField(_("SHA-256 of the key"), max_length=64)
    created_at = models.DateTimeField(_("first seen"), auto_now_add=True)

    objects = TenantQuerySet["KeyOwner"].as_manager()

    class Meta:
        verbose_name = _("key owner")
        verbose_name_plural = _("key owners")
        constraints = (
            models.UniqueConstraint(fields=("organization", "key_hash"), name="key_has_one_owner"),
        )

    def __str__(self) -> str:
        return self.key_hash[:16]


class DeviceKeyQuerySet(TenantQuerySet["DeviceKey"]):
    """Vocabulary of keys."""

    def usable_at(self, at: datetime) -> DeviceKeyQuerySet:
        """Keys that may have signed what happened at `at`: the current one, and those that were
        replaced only later.
        """
        return self.filter(Q(replaced_at__isnull=True) | Q(replaced_at__gt=at))


class DeviceKey(TenantModel):
    """A public key that a phone signs, or signed, with. Replaced ones are kept, so that old
    signatures can be checked.
    """

    phone = models.ForeignKey(
        Phone, on_delete=models.PROTECT, related_name="keys", verbose_name=_("phone")
    )
    owner = models.ForeignKey(KeyOwner, on_delete=models.PROTECT, verbose_name=_("owner"))
    spki = models.BinaryField(_("public key"), max_length=91)
    created_at = models.DateTimeField(_("from"))
    replaced_at = models.DateTimeField(_("to"), null=True, blank=True)

    objects = DeviceKeyQuerySet.as_manager()

    class Meta:
        ordering = ("-id",)
        verbose_name = _("phone key")
        verbose_name_plural = _("phone keys")
        constraints = (
            models.UniqueConstraint(
                fields=("phone",), condition=Q(replaced_at__isnull=True), name="phone_has_one_key"
            ),
        )

    def __str__(self) -> str:
        return str(self.owner)
