"""The log of security events. `accounts.audit` writes these rows, and nothing changes them."""

from __future__ import annotations

from typing import Any, ClassVar

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from core.tenancy import TenantModel, TenantQuerySet


class SecurityEvent(TenantModel):
    """Something happened to who may do what: sign-ins, keys, roles, exports, replays.
    Append-only.
    """

    append_only = True

    class Kind(models.TextChoices):
        SIGNED_IN = "signed_in", _("Signed in")
        SIGN_IN_FAILED = "sign_in_failed", _("Sign-in failed")
        SIGNED_OUT = "signed_out", _("Signed out")
        TOKEN_REUSED = "token_reused", _("Refresh token used twice")
        KEY_ISSUED = "key_issued", _("Key or token issued")
        KEY_REVOKED = "key_revoked", _("Key or token revoked")
        ROLE_CHANGED = "role_changed", _("Role changed")
        PASSWORD_CHANGED = "password_changed", _("Password changed")
        EXPORTED = "exported", _("Exported")
        REPLAYED = "replayed", _("Sent again")
        SECRET_SHOWN = "secret_shown", _("Secret shown")
        SECOND_FACTOR = "second_factor", _("Second factor changed")
        SETTING_CHANGED = "setting_changed", _("Security setting changed")
        LINKED = "linked", _("Identity linked")
        UNLINKED = "unlinked", _("Identity unlinked")
        USER_CREATED = "user_made", _("User created at single sign-on")

    at = models.DateTimeField(_("at"))
    kind = models.CharField(_("event"), max_length=20, choices=Kind)
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("actor"),
    )
    actor_text = models.CharField(_("actor name at the time"), max_length=200, blank=True)
    address = models.GenericIPAddressField(_("from"), null=True, blank=True)
    about = models.CharField(_("about"), max_length=200, blank=True)
    details = models.JSONField(_("details"), default=dict, blank=True)

    objects = TenantQuerySet["SecurityEvent"].as_manager()

    class Meta:
        ordering = ("-id",)
        verbose_name = _("security event")
        verbose_name_plural = _("security events")
        indexes: ClassVar[list[Any]] = [
            models.Index(fields=("organization", "at"), name="security_event_time")
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.at:%Y-%m-%d %H:%M}"
