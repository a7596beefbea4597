"""Who may speak: people who sign in, API clients, their keys and tokens, stand-ins for approvers;
and what happened to them.
"""

from __future__ import annotations

import uuid
from datetime import date, datetime
from typing import Any, ClassVar

from django.conf import settings
from django.contrib.auth.models import AbstractUser, UserManager
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from accounts.api_keys import SCOPES
from accounts.oidc_validation import oidc_settings_errors
from core.tenancy import TenantModel, TenantQuerySet
from employees.models import Employee


class TenantUserManager(UserManager["User"]):
    """Names are unique within an organization; without one, the operator of that name is meant."""

    def get_by_natural_key(self, username: str | None) -> User:
        """The operator called `username`: what Django's own commands ask for. Raises
        User.DoesNotExist.
        """
        return self.get(username=username, organization=None)


class User(AbstractUser):
    """Somebody who signs in: staff or an employee of an organization, or an operator of the
    installation (a superuser).
    """

    # Two tenants may each have an `admin`, and neither can find out that the other has one.
    username = models.CharField(
        _("username"),
        max_length=150,
        validators=[AbstractUser.username_validator],
        help_text=_("Letters, digits and @ . + - _"),
    )
    organization = models.ForeignKey(
        "employees.Organization",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        verbose_name=_("organization"),
        help_text=_("Empty only for operators of the whole installation."),
    )
    employee = models.OneToOneField(
        "employees.Employee",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="user",
        verbose_name=_("employee"),
    )

    objects: ClassVar[TenantUserManager] = TenantUserManager()

    class Meta(AbstractUser.Meta):
        verbose_name = _("user")  # type: ignore[assignment]
        verbose_name_plural = _("users")  # type: ignore[assignment]
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(is_superuser=True) | Q(organization__isnull=False),
                name="user_has_organization",
                violation_error_message=_("Only an operator may be without an organization."),
            ),
            models.UniqueConstraint(fields=("organization", "username"), name="user_name_once"),
            models.UniqueConstraint(
                fields=("username",),
                name="operator_name_once",
                condition=Q(organization__isnull=True),
            ),
        ]


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


class DelegationQuerySet(TenantQuerySet["Delegation"]):
    """Vocabulary of stand-ins."""

    def on_day(self, day: date) -> DelegationQuerySet:
        """Delegations that hold on a day, both ends included."""
        return self.filter(starts_on__lte=day, ends_on__gte=day, withdrawn_at__isnull=True)


class Delegation(TenantModel):
    """For some days somebody decides in an approver's place."""

    approver = models.ForeignKey(
        Employee,
        on_delete=models.PROTECT,
        related_name="delegations",
        verbose_name=_("approver"),
        help_text=_("The approver who is away."),
    )
    delegate = models.ForeignKey(
        Employee,
        on_delete=models.PROTECT,
        related_name="+",
        verbose_name=_("delegate"),
        help_text=_("The person who decides in the approver's place."),
    )
    starts_on = models.DateField(_("from"))
    ends_on = models.DateField(_("to"), help_text=_("The last day, included."))
    withdrawn_at = models.DateTimeField(_("withdrawn"), null=True, blank=True, editable=False)

    objects = DelegationQuerySet.as_manager()

    class Meta:
        ordering = ("-starts_on", "-id")
        verbose_name = _("delegation")
        verbose_name_plural = _("delegations")
        constraints = (
            models.CheckConstraint(
                condition=Q(ends_on__gte=F("starts_on")),
                name="delegation_ends_after_start",
                violation_error_message=_("The last day is before the first."),
            ),
            models.CheckConstraint(
                condition=~Q(approver=F("delegate")),
                name="delegation_to_another",
                violation_error_message=_("An approver cannot be their own delegate."),
            ),
        )

    def __str__(self) -> str:
        return f"{self.delegate} ← {self.approver}"


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


# --- Single sign-on and second factors ------------------------------------------------------------
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
    """A sign-on under way: the hash of its state, what the answer must come with. Whoever sets
    `used_at` first finishes it.
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
