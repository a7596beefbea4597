"""Second factors: authenticator apps and recovery codes. `accounts.two_factor` writes these."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from core.tenancy import TenantQuerySet


class SecondFactor(models.Model):
    """Somebody's authenticator app: its key, encrypted, and the last time step whose code was
    taken.

    It has no organization where its user is an operator.
    """

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        primary_key=True,
        related_name="second_factor",
        verbose_name=_("user"),
    )
    organization = models.ForeignKey(
        "employees.Organization",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        verbose_name=_("organization"),
    )
    secret_cipher = models.TextField(editable=False)
    last_step = models.BigIntegerField(default=0, editable=False)
    set_up_at = models.DateTimeField(_("set up"))
    last_used_at = models.DateTimeField(_("last used"), null=True, blank=True)

    objects = TenantQuerySet["SecondFactor"].as_manager()

    class Meta:
        ordering = ("user__username",)
        verbose_name = _("second factor")
        verbose_name_plural = _("second factors")

    def __str__(self) -> str:
        return str(self.user)


class RecoveryCode(models.Model):
    """A code for the day the phone is lost, kept as a hash. It works once: who sets `used_at` first
    is in.
    """

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="recovery_codes"
    )
    code_hash = models.CharField(max_length=64, unique=True)
    used_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = _("recovery code")
        verbose_name_plural = _("recovery codes")

    def __str__(self) -> str:
        return f"#{self.pk}"
