"""API clients, the programs that report punches, and their keys and secrets."""

from __future__ import annotations

from datetime import datetime

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from accounts.api_keys import SCOPES
from core.tenancy import TenantModel, TenantQuerySet
from employees.models import Employee


class ApiClient(TenantModel):
    """A program of the organization or of its partner that reports punches: what it may do, and for
    whom.
    """

    name = models.CharField(_("name"), max_length=200)
    client_id = models.CharField(_("client id"), max_length=40, unique=True, editable=False)
    audience = models.CharField(
        _("audience label"),
        max_length=64,
        default="fluide-developer",
        help_text=_(
            "The value that the client sends as X-Fluide-Client-Id. Clients of several"
            " organizations may share it."
        ),
    )
    scopes = models.JSONField(_("scopes"), default=list, blank=True)
    employee = models.ForeignKey(
        Employee,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        verbose_name=_("bound employee"),
        help_text=_(
            "Without the scope hr:attendance:write the client can record punches of this employee"
            " only."
        ),
    )
    per_minute = models.PositiveIntegerField(_("requests per minute"), null=True, blank=True)
    per_hour = models.PositiveIntegerField(_("requests per hour"), null=True, blank=True)
    per_day = models.PositiveIntegerField(
        _("requests per day"),
        null=True,
        blank=True,
        help_text=_("Empty: the limits of the channel apply."),
    )
    active = models.BooleanField(
        _("active"),
        default=True,
        help_text=_("Requests of an inactive client are rejected immediately."),
    )
    created_at = models.DateTimeField(_("created"), auto_now_add=True)

    objects = TenantQuerySet["ApiClient"].as_manager()

    class Meta:
        ordering = ("name",)
        verbose_name = _("API client")
        verbose_name_plural = _("API clients")
        constraints = (
            models.UniqueConstraint(fields=("organization", "name"), name="api_client_name_once"),
        )

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        super().clean()
        if not isinstance(self.scopes, list) or not set(map(str, self.scopes)) <= SCOPES.keys():
            raise ValidationError(
                {"scopes": _("Choose from: %(scopes)s.") % {"scopes": ", ".join(SCOPES)}}
            )


class ClientKeyQuerySet(TenantQuerySet["ClientKey"]):
    """Vocabulary of keys."""

    def valid_at(self, now: datetime) -> ClientKeyQuerySet:
        """Keys that open a channel now: not revoked, and not past their end."""
        return self.filter(
            Q(expires_at__isnull=True) | Q(expires_at__gt=now), revoked_at__isnull=True
        )


class ClientKey(TenantModel):
    """A client's credential, kept as a hash: the key it sends with every call, or the secret it
    gets machine tokens with.
    """

    class Purpose(models.TextChoices):
        KEY = "key", _("API key")
        SECRET = "secret", _("Client secret")

    client = models.ForeignKey(
        ApiClient, on_delete=models.PROTECT, related_name="keys", verbose_name=_("API client")
    )
    purpose = models.CharField(_("purpose"), max_length=8, choices=Purpose)
    key_hash = models.CharField(max_length=64, unique=True, editable=False)
    hint = models.CharField(_("ends in"), max_length=8, editable=False)
    created_at = models.DateTimeField(_("issued"), auto_now_add=True)
    expires_at = models.DateTimeField(_("valid until"), null=True, blank=True)
    revoked_at = models.DateTimeField(_("revoked"), null=True, blank=True)
    last_used_at = models.DateTimeField(_("last used"), null=True, blank=True)

    objects = ClientKeyQuerySet.as_manager()

    class Meta:
        ordering = ("-created_at", "-id")
        verbose_name = _("client key")
        verbose_name_plural = _("client keys")

    def __str__(self) -> str:
        return f"…{self.hint}"
