"""An application for leave, its days with what each costs, and what was done to it. Written by
`leaves.services` and `leaves.debits`.
"""

from __future__ import annotations

from typing import Any, ClassVar

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from core.tenancy import TenantModel, TenantQuerySet
from employees.models import Employee, HalfDayReservation
from leaves.models.calendars import HolidayCalendar
from leaves.models.choices import LeaveTypeChoices
from leaves.models.people import Certificate, Child


class LeaveApplicationQuerySet(TenantQuerySet["LeaveApplication"]):
    """Vocabulary of applications."""

    def live(self) -> LeaveApplicationQuerySet:
        """Those that take or may yet take days: pending and approved."""
        return self.filter(status__in=LeaveApplication.LIVE)

    def overlapping(self, first: Any, last: Any) -> LeaveApplicationQuerySet:
        """Those with a day between two dates, both included."""
        return self.filter(starts_on__lte=last, ends_on__gte=first)


class LeaveApplication(TenantModel):
    """Leave somebody asked for, and what was decided. What it costs is in its days and, once
    approved, in the entries.
    """

    class Status(models.TextChoices):
        PENDING = "pending", _("Pending")
        APPROVED = "approved", _("Approved")
        REJECTED = "rejected", _("Rejected")
        CANCELLED = "cancelled", _("Cancelled")

    class Recommendation(models.TextChoices):
        RECOMMENDED = "recommended", _("Recommended")
        NOT_RECOMMENDED = "not_recommended", _("Not recommended")

    LIVE: ClassVar = (Status.PENDING, Status.APPROVED)

    employee = models.ForeignKey(Employee, on_delete=models.PROTECT, verbose_name=_("employee"))
    kind = models.CharField(_("kind"), max_length=10, choices=LeaveTypeChoices)
    starts_on = models.DateField(_("from"))
    ends_on = models.DateField(_("to"))
    half = models.CharField(
        _("half day"), max_length=2, choices=HalfDayReservation.Half, blank=True
    )
    reason = models.CharField(_("reason"), max_length=500)
    study = models.BooleanField(_("for an approved course"), default=False)
    child = models.ForeignKey(
        Child, on_delete=models.PROTECT, null=True, blank=True, verbose_name=_("child")
    )
    certificate = models.ForeignKey(
        Certificate, on_delete=models.PROTECT, null=True, blank=True, verbose_name=_("certificate")
    )
    extends = models.ForeignKey(
        "self", on_delete=models.PROTECT, null=True, blank=True, verbose_name=_("extends")
    )
    rejoined_on = models.DateField(_("rejoined on"), null=True, blank=True)
    waived = models.JSONField(_("waived rules"), default=dict, blank=True)
    withhold_prefix = models.BooleanField(_("off days before the leave are debited"), default=False)
    withhold_suffix = models.BooleanField(_("off days after the leave are debited"), default=False)
    status = models.CharField(_("status"), max_length=10, choices=Status, default=Status.PENDING)
    applied_at = models.DateTimeField(_("requested"), auto_now_add=True)
    applied_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("requested by"),
    )
    decided_at = models.DateTimeField(_("decided"), null=True, blank=True)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("decided by"),
    )
    remarks = models.CharField(_("remarks"), max_length=500, blank=True)
    recommendation = models.CharField(
        _("recommendation"), max_length=16, choices=Recommendation, blank=True
    )
    recommended_at = models.DateTimeField(_("recommended at"), null=True, blank=True)
    recommended_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("recommended by"),
    )

    objects = LeaveApplicationQuerySet.as_manager()

    class Meta:
        ordering = ("-id",)
        verbose_name = _("leave application")
        verbose_name_plural = _("leave applications")
        constraints = (
            models.CheckConstraint(
                condition=Q(ends_on__gte=F("starts_on")), name="leave_ends_after_start"
            ),
            models.CheckConstraint(
                condition=Q(half="") | Q(ends_on=F("starts_on")), name="leave_half_day_is_one_date"
            ),
        )
        indexes: ClassVar = [
            models.Index(
                fields=("organization", "employee", "starts_on"), name="leave_person_start"
            ),
            models.Index(fields=("organization", "status"), name="leave_status"),
        ]

    def __str__(self) -> str:
        return f"{self.employee} · {self.kind} {self.starts_on} – {self.ends_on}"

    @property
    def holder(self) -> str:
        """Its name in the daybook."""
        return f"leave:{self.pk}"


class LeaveDay(TenantModel):
    """A date of an application: what kind of day it is there, and what it costs. Worked out anew
    when a calendar changes.
    """

    application = models.ForeignKey(
        LeaveApplication,
        on_delete=models.CASCADE,
        related_name="days",
        verbose_name=_("application"),
    )
    date = models.DateField(_("date"))
    half = models.CharField(_("half day"), max_length=2, blank=True)
    day_class = models.CharField(_("day"), max_length=12)
    part = models.CharField(_("part"), max_length=8)
    account = models.CharField(_("debited to"), max_length=10, choices=LeaveTypeChoices)
    counted = models.PositiveSmallIntegerField(_("half-days of leave"))
    half_days = models.PositiveSmallIntegerField(_("half-days debited"))
    insufficient_balance = models.BooleanField(
        _("insufficient balance"),
        default=False,
        help_text=_("The balance was insufficient when this day was debited. HR decides."),
    )
    calendar = models.ForeignKey(
        HolidayCalendar,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        verbose_name=_("holiday calendar"),
    )

    objects = TenantQuerySet["LeaveDay"].as_manager()

    class Meta:
        ordering = ("date",)
        verbose_name = _("day of leave")
        verbose_name_plural = _("days of leave")
        constraints = (
            models.UniqueConstraint(fields=("application", "date", "half"), name="leave_day_once"),
        )
        indexes: ClassVar = [models.Index(fields=("organization", "date"), name="leave_day_date")]

    def __str__(self) -> str:
        return f"{self.date} {self.half}"


class LeaveEvent(TenantModel):
    """What was done to an application, by whom and when: append-only."""

    append_only = True

    class Action(models.TextChoices):
        APPLIED = "applied", _("Applied")
        APPROVED = "approved", _("Approved")
        REJECTED = "rejected", _("Rejected")
        CANCELLED = "cancelled", _("Cancelled")
        CURTAILED = "curtailed", _("Curtailed")
        CONVERTED = "converted", _("Converted")
        REJOINED = "rejoined", _("Rejoined")
        RECOMMENDED = "recommended", _("Recommended")
        NOT_RECOMMENDED = "not_recommended", _("Not recommended")

    application = models.ForeignKey(
        LeaveApplication,
        on_delete=models.PROTECT,
        related_name="events",
        verbose_name=_("application"),
    )
    at = models.DateTimeField(_("at"))
    action = models.CharField(_("what"), max_length=16, choices=Action)
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        verbose_name=_("by"),
    )
    remarks = models.CharField(_("remarks"), max_length=500, blank=True)
    details = models.JSONField(_("details"), default=dict, blank=True)

    objects = TenantQuerySet["LeaveEvent"].as_manager()

    class Meta:
        ordering = ("id",)
        verbose_name = _("event")
        verbose_name_plural = _("events")

    def __str__(self) -> str:
        return f"{self.action} {self.at:%Y-%m-%d %H:%M}"
