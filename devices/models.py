"""Terminals with their tokens and own numbers for people; and people's phones with their keys."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Exists, OuterRef, Q
from django.utils.translation import gettext_lazy as _

from core.fields import TimeZoneField
from core.tenancy import TenantModel, TenantQuerySet
from devices.punch_states import STATE_MAP_PRESETS, validate_state_map
from employees.models import Employee, Site


class Device(TenantModel):
    """A terminal or gateway that reports punches at the device channel."""

    class StateMap(models.TextChoices):
        IN1 = "in1", _("1 in, 2 out")
        ZK = "zk", _("0 in, 1 out, 2/3 break, 4/5 overtime")
        OWN = "own", _("Custom map")

    serial = models.CharField(_("serial number"), max_length=64)
    name = models.CharField(_("name"), max_length=200, blank=True)
    site = models.ForeignKey(
        Site, on_delete=models.PROTECT, null=True, blank=True, verbose_name=_("site")
    )
    timezone = TimeZoneField(
        _("time zone"), blank=True, help_text=_("Empty: the site's, else the organization's.")
    )
    state_map = models.CharField(
        _("meaning of att_state"), max_length=8, choices=StateMap, default=StateMap.IN1
    )
    own_state_map = models.JSONField(
        _("custom map"),
        default=dict,
        blank=True,
        help_text=_('Only for “Custom map”, such as {"7": "in", "8": "out"}.'),
    )
    subscription_until = models.DateTimeField(
        _("subscription until"),
        null=True,
        blank=True,
        help_text=_("Empty: no end. After this time, punches are rejected."),
    )
    blocked = models.BooleanField(
        _("blocked"), default=False, help_text=_("Punches of a blocked device are rejected.")
    )
    heartbeat_s = models.PositiveIntegerField(_("heartbeat every (seconds)"), default=60)
    firmware = models.CharField(_("firmware"), max_length=100, blank=True)
    last_seen_at = models.DateTimeField(_("last seen"), null=True, blank=True, editable=False)
    rejected_count = models.PositiveIntegerField(_("rejected punches"), default=0, editable=False)
    last_rejected_at = models.DateTimeField(
        _("last rejection"), null=True, blank=True, editable=False
    )

    objects = TenantQuerySet["Device"].as_manager()

    class Meta:
        ordering = ("serial",)
        verbose_name = _("device")
        verbose_name_plural = _("devices")
        constraints = (
            models.UniqueConstraint(fields=("organization", "serial"), name="device_serial_once"),
            models.CheckConstraint(condition=~Q(serial=""), name="device_serial_given"),
        )

    def __str__(self) -> str:
        return f"{self.name} ({self.serial})" if self.name else self.serial

    def clean(self) -> None:
        super().clean()
        self.serial = self.serial.strip()
        if self.state_map == self.StateMap.OWN:
            try:
                validate_state_map(self.own_state_map)
            except ValueError as error:
                raise ValidationError({"own_state_map": str(error)}) from error

    @property
    def states(self) -> dict[str, str]:
        """What this device's att_state numbers mean: {"1": "in"}."""
        return (
            self.own_state_map
            if self.state_map == self.StateMap.OWN
            else STATE_MAP_PRESETS[self.state_map]
        )

    def is_subscribed(self, now: datetime) -> bool:
        """Whether the attendance subscription runs at this instant."""
        return self.subscription_until is None or now < self.subscription_until

    @property
    def zone(self) -> str:
        """The IANA zone of times without an offset: the device's, else the site's, else the
        organization's.
        """
        return (
            self.timezone or (self.site.timezone if self.site else "") or self.organization.timezone
        )


class DeviceTokenQuerySet(TenantQuerySet["DeviceToken"]):
    """Vocabulary of tokens."""

    def valid_at(self, now: datetime) -> DeviceTokenQuerySet:
        """Tokens that open the channel now: not revoked, and not past the overlap of a rotation."""
        return self.filter(
            Q(expires_at__isnull=True) | Q(expires_at__gt=now), revoked_at__isnull=True
        )


class DeviceToken(TenantModel):
    """A device's credential, kept as a hash. After a rotation the old one works on for the
    overlap.
    """

    device = models.ForeignKey(
        Device, on_delete=models.PROTECT, related_name="tokens", verbose_name=_("device")
    )
    token_hash = models.CharField(max_length=64, unique=True, editable=False)
    hint = models.CharField(_("ends in"), max_length=8, editable=False)
    created_at = models.DateTimeField(_("issued"), auto_now_add=True)
    expires_at = models.DateTimeField(_("valid until"), null=True, blank=True)
    revoked_at = models.DateTimeField(_("revoked"), null=True, blank=True)

    objects = DeviceTokenQuerySet.as_manager()

    class Meta:
        ordering = ("-created_at",)
        verbose_name = _("device token")
        verbose_name_plural = _("device tokens")

    def __str__(self) -> str:
        return f"…{self.hint}"


class DeviceUser(TenantModel):
    """A device's own number for a person: user 29 on two devices can be two people. It goes before
    the employee code.
    """

    device = models.ForeignKey(
        Device, on_delete=models.PROTECT, related_name="users", verbose_name=_("device")
    )
    user_code = models.CharField(_("user number on the device"), max_length=64)
    employee = models.ForeignKey(Employee, on_delete=models.PROTECT, verbose_name=_("employee"))

    objects = TenantQuerySet["DeviceUser"].as_manager()

    class Meta:
        ordering = ("user_code",)
        verbose_name = _("device user")
        verbose_name_plural = _("device users")
        constraints = (
            models.UniqueConstraint(fields=("device", "user_code"), name="device_user_code_once"),
        )

    def __str__(self) -> str:
        return f"{self.user_code} → {self.employee}"

    def clean(self) -> None:
        super().clean()
        self.user_code = self.user_code.strip()


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
        """`active` or `revoked`, as clients are told."""
        return "active" if self.deactivated_at is None else "revoked"


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
