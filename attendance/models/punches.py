"""Punches as they were claimed and judged, once and for ever.

Nothing here is ever updated or deleted (the database refuses it): a correction is a new row that
refers to the old.
"""

from __future__ import annotations

from typing import Any, ClassVar

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from core.tenancy import TenantModel, TenantQuerySet
from devices.models import Device
from employees.models import Employee


class Channel(models.TextChoices):
    """The way a punch came in."""

    DEVICE = "device", _("Device")
    BIOMETRIC = "biometric", _("Biometric")
    HR = "hr", _("HR clock")
    PHONE = "phone", _("Phone")


class Verdict(models.TextChoices):
    """What was decided about a punch when it came in. Only accepted ones count and are pushed."""

    ACCEPTED = "accepted", _("Accepted")
    UNMATCHED = "unmatched", _("Unmatched")
    REJECTED_TIME = "rejected_time", _("Rejected: time")
    REJECTED_SEQUENCE = "rejected_sequence", _("Rejected: in/out sequence")
    REJECTED_DEVICE = "rejected_device", _("Rejected: device")
    REJECTED_SIGNATURE = "rejected_signature", _("Rejected: signature")
    REJECTED_INTEGRITY = "rejected_integrity", _("Rejected: phone integrity")
    REJECTED_GEOFENCE = "rejected_geofence", _("Rejected: geofence")


class Direction(models.TextChoices):
    """Which way somebody went."""

    IN = "in", _("In")
    OUT = "out", _("Out")
    BREAK_OUT = "break_out", _("Break out")
    BREAK_IN = "break_in", _("Break in")
    OVERTIME_IN = "overtime_in", _("Overtime in")
    OVERTIME_OUT = "overtime_out", _("Overtime out")


class PunchQuerySet(TenantQuerySet["Punch"]):
    """Vocabulary of punches."""

    def accepted(self) -> PunchQuerySet:
        """Punches that count: accepted when they came in, or matched to somebody since."""
        return self.filter(Q(verdict=Verdict.ACCEPTED) | Q(match__isnull=False))

    def rejected(self) -> PunchQuerySet:
        """Punches that do not count, and never will: kept with the reasons."""
        return self.exclude(verdict__in=(Verdict.ACCEPTED, Verdict.UNMATCHED))

    def unmatched(self) -> PunchQuerySet:
        """Punches that wait for somebody to whom they belong."""
        return self.filter(verdict=Verdict.UNMATCHED, match__isnull=True)

    def of_employee(self, employee: Any) -> PunchQuerySet:
        """All punches of an employee (or their id), refused ones too, and those matched to them
        since.
        """
        # Two halves, so that each finds its own index.
        own = Punch.objects.filter(employee=employee).order_by().values("pk")
        matched = PunchMatch.objects.filter(employee=employee).order_by().values("punch_id")
        return self.filter(pk__in=own.union(matched, all=True))


class Punch(TenantModel):
    """One claim that somebody came or went, and what was decided about it. Append-only; holds no
    personal payload.
    """

    append_only = True

    channel = models.CharField(_("channel"), max_length=16, choices=Channel)
    # Who said it (device:12, client:3 …) and the key that makes a repeat a repeat; unique together,
    # for ever.
    source = models.CharField(_("source"), max_length=80)
    key = models.CharField(_("key"), max_length=128)
    fingerprint = models.CharField(max_length=64)
    employee = models.ForeignKey(
        Employee, on_delete=models.PROTECT, null=True, blank=True, verbose_name=_("employee")
    )
    device = models.ForeignKey(
        Device, on_delete=models.PROTECT, null=True, blank=True, verbose_name=_("device")
    )
    user_code = models.CharField(_("user code"), max_length=64, blank=True)
    occurred_at = models.DateTimeField(_("punch time"))
    occurred_text = models.CharField(_("time as received"), max_length=64, blank=True)
    zone = models.CharField(_("time zone"), max_length=64)
    received_at = models.DateTimeField(_("received"))
    direction = models.CharField(
        _("direction"), max_length=16, choices=Direction, null=True, blank=True
    )
    raw_state = models.BigIntegerField(_("state as received"), null=True, blank=True)
    raw_input_type = models.BigIntegerField(_("input type as received"), null=True, blank=True)
    verdict = models.CharField(_("verdict"), max_length=24, choices=Verdict)
    reasons = models.JSONField(_("reasons"), default=dict, blank=True)
    flags = models.JSONField(_("flags"), default=list, blank=True)
    received_late = models.BooleanField(_("received later"), default=False)
    commitment = models.CharField(max_length=64)

    objects = PunchQuerySet.as_manager()

    class Meta:
        ordering = ("-id",)
        verbose_name = _("punch")
        verbose_name_plural = _("punches")
        constraints = (
            models.UniqueConstraint(fields=("organization", "source", "key"), name="punch_once"),
            models.CheckConstraint(
                condition=~Q(verdict="accepted") | Q(employee__isnull=False),
                name="punch_accepted_has_employee",
            ),
        )
        indexes: ClassVar = [
            models.Index(
                fields=("organization", "employee", "occurred_at"), name="punch_person_time"
            ),
            models.Index(fields=("organization", "occurred_at"), name="punch_time"),
            models.Index(
                fields=("organization", "user_code"),
                name="punch_unmatched",
                condition=Q(verdict="unmatched"),
            ),
            models.Index(
                fields=("device", "received_at"),
                name="punch_refused_time",
                condition=Q(verdict="rejected_time"),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user_code or self.employee_id} #{self.pk}"


class PunchEvidence(TenantModel):
    """What came with a punch: location, health data, note, attestation and the raw body. Can be
    erased.

    The punch keeps a SHA-256 over `salt` and `body`: what is still here is provably what came in,
    and what was erased cannot be guessed back from the digest, as the salt is erased with it.
    """

    punch = models.OneToOneField(
        Punch,
        on_delete=models.PROTECT,
        primary_key=True,
        related_name="evidence",
        verbose_name=_("punch"),
    )
    salt = models.CharField(max_length=32, blank=True)
    body = models.TextField(_("evidence"), blank=True)
    erased_at = models.DateTimeField(_("erased"), null=True, blank=True)
    # Whether the day of the punch was noted to be worked out again: kept here, as a punch is never
    # changed.
    recalculation_queued = models.BooleanField(default=False, editable=False)

    objects = TenantQuerySet["PunchEvidence"].as_manager()

    class Meta:
        indexes: ClassVar = [
            models.Index(
                fields=("punch",), name="evidence_to_queue", condition=Q(recalculation_queued=False)
            )
        ]
        verbose_name = _("evidence")
        verbose_name_plural = _("evidence")

    def __str__(self) -> str:
        return f"#{self.punch_id}"


class PunchMatch(TenantModel):
    """The later answer to whose an unmatched punch is. Append-only."""

    append_only = True

    punch = models.OneToOneField(
        Punch, on_delete=models.PROTECT, related_name="match", verbose_name=_("punch")
    )
    employee = models.ForeignKey(Employee, on_delete=models.PROTECT, verbose_name=_("employee"))
    matched_at = models.DateTimeField(_("matched"))
    matched_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        verbose_name=_("by"),
        help_text=_("Empty: matched automatically when the code was entered."),
    )

    objects = TenantQuerySet["PunchMatch"].as_manager()

    class Meta:
        ordering = ("-id",)
        verbose_name = _("match")
        verbose_name_plural = _("matches")

    def __str__(self) -> str:
        return f"#{self.punch_id} → {self.employee}"


class IngestionLogEntry(TenantModel):
    """What one request brought, counted in its own transaction: received always equals the sum of
    the rest. Append-only.

    Counted is what could be read as a punch. A request, or an event of a batch, that could not is
    answered with what is wrong with it; it is no punch that could get lost, and a request that
    holds nothing else leaves no row.
    """

    append_only = True

    channel = models.CharField(_("channel"), max_length=16, choices=Channel)
    at = models.DateTimeField(_("at"))
    received = models.PositiveIntegerField(_("received"))
    accepted = models.PositiveIntegerField(_("accepted"))
    refused = models.PositiveIntegerField(_("rejected"))
    duplicate = models.PositiveIntegerField(_("duplicates"))
    conflict = models.PositiveIntegerField(_("conflicts"))
    unmatched = models.PositiveIntegerField(_("unmatched"))

    objects = TenantQuerySet["IngestionLogEntry"].as_manager()

    class Meta:
        ordering = ("-id",)
        verbose_name = _("ingestion log entry")
        verbose_name_plural = _("ingestion log")
        constraints = (
            models.CheckConstraint(
                condition=Q(
                    received=F("accepted")
                    + F("refused")
                    + F("duplicate")
                    + F("conflict")
                    + F("unmatched")
                ),
                name="ingest_counts_balance",
            ),
        )
        indexes: ClassVar = [models.Index(fields=("organization", "at"), name="ingest_count_time")]

    def __str__(self) -> str:
        return f"{self.at:%Y-%m-%d %H:%M:%S} {self.channel}: {self.received}"
