"""Single sign-on: the provider's accounts that are linked to users, and sign-ons under way."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from core.tenancy import TenantModel, TenantQuerySet


class SsoIdentity(TenantModel):
    """An account at a provider, by issuer and subject, and the user it signs in as. The address is
    as it was when linked.
    """

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        related_name="identities",
        verbose_name=_("user"),
    )
    issuer = models.CharField(_("issuer"), max_length=500)
    subject = models.CharField(_("subject"), max_length=255)
    email = models.EmailField(_("e-mail"), blank=True)
    linked_at = models.DateTimeField(_("linked"), auto_now_add=True)
    last_used_at = models.DateTimeField(_("last used"), null=True, blank=True)

    objects = TenantQuerySet["SsoIdentity"].as_manager()

    class Meta:
        ordering = ("-id",)
        verbose_name = _("linked identity")
        verbose_name_plural = _("linked identities")
        constraints = (
            models.UniqueConstraint(
                fields=("organization", "issuer", "subject"), name="sso_subject_once"
            ),
            # An address that is given to somebody else must not open the account of whoever had it
            # before.
            models.UniqueConstraint(fields=("user", "issuer"), name="sso_user_once"),
        )

    def __str__(self) -> str:
        return f"{self.user} · {self.email or self.subject}"


class SsoAttempt(TenantModel):
    """A sign-on under way: the hash of its state, what the answer must come with. Who first sets
    `used_at` finishes it.
    """

    class Kind(models.TextChoices):
        WEB = "web", _("Browser")
        MOBILE = "mobile", _("Phone")

    kind = models.CharField(_("kind"), max_length=8, choices=Kind)
    state_hash = models.CharField(max_length=64, unique=True)
    # Of a browser the hash of its cookie, of a phone its code challenge.
    binding = models.CharField(max_length=64)
    issuer = models.CharField(_("issuer"), max_length=500)
    redirect_uri = models.CharField(max_length=500)
    device_name = models.CharField(_("device"), max_length=100, blank=True)
    next = models.CharField(max_length=500, blank=True)
    reauthenticate = models.BooleanField(default=False)
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField(db_index=True)
    used_at = models.DateTimeField(null=True)

    objects = TenantQuerySet["SsoAttempt"].as_manager()

    class Meta:
        verbose_name = _("single sign-on attempt")
        verbose_name_plural = _("single sign-on attempts")

    def __str__(self) -> str:
        return f"{self.kind} {self.created_at:%Y-%m-%d %H:%M}"
