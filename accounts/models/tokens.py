"""Tokens of people, kept as hashes: sign-ins over the API with their refresh tokens, and personal
access tokens.
"""

from __future__ import annotations

import uuid
from datetime import datetime

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from core.tenancy import TenantModel, TenantQuerySet


class TokenFamily(TenantModel):
    """One sign-in with a password, and all the tokens that came of it. Revoked, none of them works
    any more.
    """

    class RevocationReason(models.TextChoices):
        SIGNED_OUT = "signed_out", _("Signed out")
        REUSED = "reused", _("A refresh token was used twice")
        STAFF = "staff", _("Revoked by HR")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", verbose_name=_("user")
    )
    created_at = models.DateTimeField(_("signed in"), auto_now_add=True)
    expires_at = models.DateTimeField(_("valid until"))
    revoked_at = models.DateTimeField(_("revoked"), null=True, blank=True)
    revocation_reason = models.CharField(
        _("reason"), max_length=16, choices=RevocationReason, blank=True
    )

    objects = TenantQuerySet["TokenFamily"].as_manager()

    class Meta:
        ordering = ("-created_at",)
        verbose_name = _("sign-in")
        verbose_name_plural = _("sign-ins")

    def __str__(self) -> str:
        return f"{self.user} {self.created_at:%Y-%m-%d %H:%M}"


class RefreshToken(TenantModel):
    """A refresh token, kept as a hash. It works once: who sets `used_at` first gets the
    next one.
    """

    family = models.ForeignKey(TokenFamily, on_delete=models.PROTECT, related_name="refresh_tokens")
    token_hash = models.CharField(max_length=64, unique=True)
    created_at = models.DateTimeField(auto_now_add=True)
    used_at = models.DateTimeField(null=True, blank=True)

    objects = TenantQuerySet["RefreshToken"].as_manager()

    class Meta:
        verbose_name = _("refresh token")
        verbose_name_plural = _("refresh tokens")

    def __str__(self) -> str:
        return f"#{self.pk}"


class PersonalTokenQuerySet(TenantQuerySet["PersonalToken"]):
    """Vocabulary of personal access tokens."""

    def valid_at(self, now: datetime) -> PersonalTokenQuerySet:
        """Tokens that work now."""
        return self.filter(
            Q(expires_at__isnull=True) | Q(expires_at__gt=now), revoked_at__isnull=True
        )


class PersonalToken(TenantModel):
    """Somebody's own named, opaque token for the API, kept as a hash; the owner or HR
    revokes it.
    """

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        related_name="personal_tokens",
        verbose_name=_("user"),
    )
    name = models.CharField(_("name"), max_length=100)
    token_hash = models.CharField(max_length=64, unique=True, editable=False)
    hint = models.CharField(_("ends in"), max_length=8, editable=False)
    created_at = models.DateTimeField(_("issued"), auto_now_add=True)
    expires_at = models.DateTimeField(_("valid until"), null=True, blank=True)
    revoked_at = models.DateTimeField(_("revoked"), null=True, blank=True)
    last_used_at = models.DateTimeField(_("last used"), null=True, blank=True)

    objects = PersonalTokenQuerySet.as_manager()

    class Meta:
        ordering = ("-id",)
        verbose_name = _("personal access token")
        verbose_name_plural = _("personal access tokens")

    def __str__(self) -> str:
        return f"{self.name} (…{self.hint})"
