"""What a person has to check, and the usual behaviour of each device, by which a silent device or a
wrong clock is noticed. Written by `attendance.exceptions`.
"""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from attendance.models.punches import Punch
from core.tenancy import TenantModel, TenantQuerySet
from devices.models import Device
from employees.models import Employee, Site


class AttendanceException(TenantModel):
    """Something that somebody should look at; found again and again, kept once, and closed by a
    person or by itself.

    One row is open for each kind and subject. What a person has answered is not asked again while
    its facts stay the same; when they change, or when what had gone comes back, there
    is a new row. `attendance.exceptions.services` writes them.
    """

    class Kind(models.TextChoices):
        UNMATCHED = "unmatched", _("Unmatched punches")
        ODD_PUNCHES = "odd", _("Odd number of punches")
        LONG_DAY = "long_day", _("Very long day")
        CLOCK_SKEW = "clock", _("Wrong clock")
        SILENT_DEVICE = "silent_device", _("Silent device")
        TRAVEL = "travel", _("Impossible travel")
        CONFLICT = "conflict", _("Leave and punch conflict")
        OUTSIDE_WINDOW = "outside", _("Punch outside the shift's window")

    class State(models.TextChoices):
        OPEN = "open", _("Open")
        RESOLVED = "resolved", _("Resolved")
        AUTO_CLOSED = "gone", _("Closed automatically")

    kind = models.CharField(_("kind"), max_length=16, choices=Kind)
    # What it is about: day:<employee>:<date>, punch:<id>, code:<channel>:<device>:<code>,
    # device:<id>, device:<id>:<date>.
    subject = models.CharField(_("about"), max_length=120)
    # What it was found by, in short: the same facts are the same question.
    fingerprint = models.CharField(max_length=64, blank=True, editable=False)
    site = models.ForeignKey(
        Site, on_delete=models.PROTECT, null=True, blank=True, verbose_name=_("site")
    )
    employee = models.ForeignKey(
        Employee, on_delete=models.PROTECT, null=True, blank=True, verbose_name=_("employee")
    )
    device = models.ForeignKey(
        Device, on_delete=models.PROTECT, null=True, blank=True, verbose_name=_("device")
    )
    punch = models.ForeignKey(
        Punch, on_delete=models.PROTECT, null=True, blank=True, verbose_name=_("punch")
    )
    date = models.DateField(_("date"), null=True, blank=True)
    details = models.JSONField(_("details"), default=dict, blank=True)
    state = models.CharField(_("state"), max_length=10, choices=State, default=State.OPEN)
    found_at = models.DateTimeField(_("found"), auto_now_add=True)
    closed_at = models.DateTimeField(_("closed"), null=True, blank=True)
    closed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("by"),
    )
    remarks = models.CharField(_("note"), max_length=400, blank=True)

    objects = TenantQuerySet["AttendanceException"].as_manager()

    class Meta:
        ordering = ("-id",)
        verbose_name = _("exception")
        verbose_name_plural = _("exceptions")
        constraints = (
            models.UniqueConstraint(
                fields=("organization", "kind", "subject"),
                condition=Q(state="open"),
                name="attendance_exception_open_once",
            ),
            models.UniqueConstraint(
                fields=("organization", "kind", "subject", "fingerprint"),
                condition=Q(state__in=("open", "resolved")),
                name="attendance_exception_resolved_once",
            ),
        )
        indexes: ClassVar = [
            models.Index(
                fields=("organization", "state", "kind"), name="attendance_exception_state"
            ),
            models.Index(
                fields=("organization", "employee", "date"),
                name="attendance_exception_open_day",
                condition=Q(state="open"),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} · {self.subject}"


class DeviceActivityProfile(TenantModel):
    """What was learned of a device; `attendance.exceptions.device_activity` says the forms. Lost,
    it is learned again.
    """

    device = models.OneToOneField(
        Device, on_delete=models.CASCADE, related_name="activity_profile", verbose_name=_("device")
    )
    # The presence that was worked in last.
    seen_at = models.DateTimeField(null=True)
    days = models.JSONField(default=dict)
    clock = models.JSONField(default=list)

    objects = TenantQuerySet["DeviceActivityProfile"].as_manager()

    class Meta:
        verbose_name = _("device activity profile")
        verbose_name_plural = _("device activity profiles")

    def __str__(self) -> str:
        return str(self.device_id)
