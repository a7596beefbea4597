"""How an organization signs in: the provider it uses, and what it demands of passwords and second
factors.
"""

from __future__ import annotations

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from accounts.sso.oidc_validation import oidc_settings_errors
from core.tenancy import TenantModel, TenantQuerySet


class SignInSettingsQuerySet(TenantQuerySet["SignInSettings"]):
    """Vocabulary of sign-in settings."""

    def are_passwords_disabled(self) -> bool:
        """Whether passwords are refused, asked of the settings of one organization."""
        return self.filter(sso_enforced=True).exists()


class SignInSettings(TenantModel):
    """How people of one organization sign in: at their own provider (OpenID Connect), and with a
    second factor or not.
    """

    name = models.CharField(
        _("name of the provider"),
        max_length=60,
        blank=True,
        help_text=_("Shown on the sign-in button."),
    )
    issuer = models.CharField(
        _("issuer"),
        max_length=500,
        blank=True,
        help_text=_(
            "The issuer URL exactly as the provider publishes it, such as"
            " https://login.example.com. The provider's configuration is read from there."
        ),
    )
    client_id = models.CharField(_("client id"), max_length=200, blank=True)
    secret_cipher = models.TextField(blank=True, editable=False)
    scopes = models.CharField(_("scopes"), max_length=200, default="openid email profile")
    redirect_uris = models.JSONField(
        _("redirect URIs of mobile apps"),
        default=list,
        blank=True,
        help_text=_(
            "The redirect URIs that the provider may use for a phone, one per line. They must match"
            " exactly."
        ),
    )
    token_days = models.PositiveSmallIntegerField(
        _("days a phone stays signed in"),
        default=90,
        validators=[MinValueValidator(1), MaxValueValidator(365)],
    )
    sso_enabled = models.BooleanField(_("single sign-on"), default=False)
    sso_enforced = models.BooleanField(
        _("single sign-on only"),
        default=False,
        help_text=_("Passwords of this organization are refused. Operators keep theirs."),
    )
    creates_users = models.BooleanField(
        _("create users automatically"),
        default=False,
        help_text=_(
            "At the first single sign-on, a user is created for an active employee whose e-mail"
            " address is verified and who has no user yet."
        ),
    )
    second_factor_required = models.BooleanField(
        _("second factor for staff"),
        default=False,
        help_text=_("The console asks all staff for a code of their authenticator app."),
    )
    second_factor_at_provider = models.BooleanField(
        _("second factor at the provider"),
        default=False,
        help_text=_(
            "People who sign in at the provider are not asked for a second factor here, because the"
            " provider asks for it."
        ),
    )

    objects = SignInSettingsQuerySet.as_manager()

    class Meta:
        verbose_name = _("sign-in settings")
        verbose_name_plural = _("sign-in settings")
        constraints = (
            models.UniqueConstraint(fields=("organization",), name="sign_in_settings_once"),
            models.CheckConstraint(
                condition=Q(sso_enforced=False) | Q(sso_enabled=True),
                name="sso_enforced_is_enabled",
                violation_error_message=_(
                    "Passwords can be refused only while single sign-on is on."
                ),
            ),
        )

    def __str__(self) -> str:
        return self.name or self.issuer or str(self.organization)

    def clean(self) -> None:
        super().clean()
        errors = oidc_settings_errors(self, allow_http=settings.PUSH_ALLOW_HTTP)
        if errors:
            raise ValidationError({field: list(texts) for field, texts in errors.items()})
