"""Employees' own phones, registered to punch with.

`devices.phones` registers, deactivates, revokes and releases them.
"""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Exists, OuterRef, Q
from django.utils.translation import gettext_lazy as _

from core.tenancy import TenantModel, TenantQuerySet
from employees.models import Employee


class PhoneQuerySet(TenantQuerySet["Phone"]):
    """Vocabulary of phones."""

    def active(self) -> PhoneQuerySet:
        """Phones that may punch."""
        return self.filter(deactivated_at__isnull=True)

    def with_shared(self) -> PhoneQuerySet:
        """Each with `shared`: whether somebody else of the organization has, or had, a phone of the
        same name (uuid).

        Looked up and not kept: two people may register at the same moment, and neither would see
        the other.
        """
        others = Phone.objects.filter(
            organization=OuterRef("organization"), device_uuid=OuterRef("device_uuid")
        )
        return self.annotate(shared=Exists(others.exclude(employee=OuterRef("employee"))))


class Phone(TenantModel):
    """An employee's own phone, registered to punch with. One row for each employee and uuid, for
    ever.

    A phone that its owner deactivated can be registered again by them; one that staff revoked only
    after staff release it.
    """

    class Platform(models.TextChoices):
        ANDROID = "android", _("Android")
        IOS = "ios", _("iOS")
        WEB = "web", _("Browser")

    employee = models.ForeignKey(
        Employee, on_delete=models.PROTECT, related_name="phones", verbose_name=_("employee")
    )
    device_uuid = models.UUIDField(_("device uuid"))
    platform = models.CharField(_("platform"), max_length=8, choices=Platform)
    model = models.CharField(_("model"), max_length=200)
    name = models.CharField(_("name"), max_length=200, blank=True)
    registered_at = models.DateTimeField(_("registered"))
    deactivated_at = models.DateTimeField(_("deactivated"), null=True, blank=True)
    deactivated_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        verbose_name=_("deactivated by"),
    )
    revoked_by_staff = models.BooleanField(_("revoked by staff"), default=False)
    last_punch_at = models.DateTimeField(_("last punch"), null=True, blank=True)

    objects = PhoneQuerySet.as_manager()

    class Meta:
        ordering = ("-id",)
        verbose_name = _("phone")
        verbose_name_plural = _("phones")
        constraints = (
            models.UniqueConstraint(fields=("employee", "device_uuid"), name="phone_once"),
            models.CheckConstraint(
                condition=Q(revoked_by_staff=False) | Q(deactivated_at__isnull=False),
                name="phone_revoked_is_not_active",
            ),
        )
        indexes: ClassVar = [
            models.Index(fields=("organization", "device_uuid"), name="phone_uuid")
        ]

    def __str__(self) -> str:
        return self.name or self.model

    @property
    def status(self) -> str:
        """`active` or `revoked`, as the API shows it."""
        return "active" if self.deactivated_at is None else "revoked"
