"""Days as they were worked out, what has to be worked out again, and what somebody should look at.

A day is a pure function of its causes (`attendance.days.calculation`): rows here are kept so that
lists and reports need not ask it again, and are replaced whenever a cause changes. Only a locked
month stands as it is; what would change it is an adjustment.
"""

from __future__ import annotations

from typing import Any, ClassVar

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from attendance.models.punches import Punch
from core.tenancy import TenantModel, TenantQuerySet
from devices.models import Device
from employees.models import Department, Employee, Site
from shifts.models import ShiftType


def _user_foreign_key(**more: Any) -> Any:
    return models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("by"),
        **more,
    )


class AttendancePolicy(TenantModel):
    """How an organization judges days; without a row the defaults hold."""

    regularize_days_back = models.PositiveSmallIntegerField(
        _("days back a correction may be requested"),
        default=30,
        validators=[MaxValueValidator(366)],
    )
    regularize_per_month = models.PositiveSmallIntegerField(
        _("corrections per month"),
        default=3,
        help_text=_("The limit for an employee's own requests. It does not apply to HR."),
    )
    long_day_hours = models.PositiveSmallIntegerField(
        _("a very long day starts at (hours)"),
        default=16,
        validators=[MinValueValidator(1), MaxValueValidator(48)],
    )
    travel_kmh = models.PositiveSmallIntegerField(
        _("impossible travel from (km/h)"), default=200, validators=[MinValueValidator(1)]
    )
    silent_factor = models.PositiveSmallIntegerField(
        _("a device is silent after (times its usual gap)"),
        default=3,
        validators=[MinValueValidator(2), MaxValueValidator(100)],
    )

    objects = TenantQuerySet["AttendancePolicy"].as_manager()

    class Meta:
        verbose_name = _("attendance policy")
        verbose_name_plural = _("attendance policy")
        constraints = (
            models.UniqueConstraint(fields=("organization",), name="attendance_policy_once"),
        )

    def __str__(self) -> str:
        return str(_("attendance policy"))


class Day(TenantModel):
    """What an employee's date was. Durations in whole minutes; instants in UTC."""

    class Status(models.TextChoices):
        """Leave is `leave:` and its kind, and is not listed."""

        PRESENT = "present", _("Present")
        ABSENT = "absent", _("Absent")
        HALF_DAY = "half_day", _("Half day")
        TOUR = "tour", _("On tour")
        HOLIDAY = "holiday", _("Holiday")
        WEEKLY_OFF = "weekly_off", _("Weekly off")
        CONFLICT = "conflict", _("Leave and punch conflict")
        EXPECTED = "due", _("Expected")

    employee = models.ForeignKey(Employee, on_delete=models.PROTECT, verbose_name=_("employee"))
    date = models.DateField(_("date"))
    site = models.ForeignKey(Site, on_delete=models.PROTECT, null=True, verbose_name=_("site"))
    department = models.ForeignKey(
        Department, on_delete=models.PROTECT, null=True, verbose_name=_("department")
    )
    shift = models.ForeignKey(
        ShiftType, on_delete=models.PROTECT, null=True, verbose_name=_("shift")
    )
    zone = models.CharField(_("time zone"), max_length=64)
    status = models.CharField(_("status"), max_length=24)
    first_half = models.CharField(_("first half"), max_length=24)
    second_half = models.CharField(_("second half"), max_length=24)
    first_in = models.DateTimeField(_("in"), null=True)
    last_out = models.DateTimeField(_("out"), null=True)
    worked = models.PositiveSmallIntegerField(_("worked (minutes)"), default=0)
    late_by = models.PositiveSmallIntegerField(_("late by (minutes)"), default=0)
    early_by = models.PositiveSmallIntegerField(_("early by (minutes)"), default=0)
    overtime = models.PositiveSmallIntegerField(_("overtime (minutes)"), default=0)
    marks = models.JSONField(_("needs attention"), default=list)
    # Which punches counted, which did not and why, the window, the rules: `deriving.explanation`
    # says the form.
    why = models.JSONField(_("why"), default=dict)
    # When the window is over and the day can be judged for good; empty once it was.
    open_until = models.DateTimeField(_("open until"), null=True)

    objects = TenantQuerySet["Day"].as_manager()

    class Meta:
        ordering = ("-date", "employee")
        verbose_name = _("day")
        verbose_name_plural = _("daily register")
        constraints = (models.UniqueConstraint(fields=("employee", "date"), name="day_once"),)
        indexes: ClassVar = [
            models.Index(fields=("organization", "date", "status"), name="day_date_status"),
            models.Index(
                fields=("open_until",), name="day_open", condition=Q(open_until__isnull=False)
            ),
            models.Index(
                fields=("organization", "-date", "employee"),
                name="day_late",
                condition=Q(open_until__isnull=True) & (Q(late_by__gt=0) | Q(early_by__gt=0)),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.employee} {self.date}"


class Recalculation(TenantModel):
    """Somebody asked for a period to be worked out again: its progress is what is left of its stale
    days.
    """

    starts_on = models.DateField(_("from"))
    ends_on = models.DateField(_("to"))
    requested_by = _user_foreign_key()
    requested_at = models.DateTimeField(_("requested"), auto_now_add=True)
    total = models.PositiveIntegerField(_("person-months"), default=0, editable=False)
    changed = models.PositiveIntegerField(_("changed days"), default=0, editable=False)
    finished_at = models.DateTimeField(_("finished"), null=True, editable=False)

    objects = TenantQuerySet["Recalculation"].as_manager()

    class Meta:
        ordering = ("-id",)
        verbose_name = _("recalculation")
        verbose_name_plural = _("recalculations")
        constraints = (
            models.CheckConstraint(
                condition=Q(ends_on__gte=F("starts_on")),
                name="recalculation_ends_after_start",
                violation_error_message=_("The period ends before it starts."),
            ),
        )

    def __str__(self) -> str:
        return f"{self.starts_on} – {self.ends_on}"


class StaleDayRange(TenantModel):
    """Days of somebody that a cause has changed: written in the transaction of the cause, gone in
    that of the new days.
    """

    employee = models.ForeignKey(Employee, on_delete=models.CASCADE)
    starts_on = models.DateField()
    ends_on = models.DateField()
    # What happened now goes before what concerns many or the past.
    background = models.BooleanField(default=False)
    recalculation = models.ForeignKey(
        Recalculation, on_delete=models.PROTECT, null=True, related_name="stale_ranges"
    )
    created_at = models.DateTimeField(auto_now_add=True)
    # One that cannot be worked out waits longer each time and does not hold up the others.
    failures = models.PositiveSmallIntegerField(default=0)
    not_before = models.DateTimeField(null=True)

    objects = TenantQuerySet["StaleDayRange"].as_manager()

    class Meta:
        verbose_name = _("days waiting for recalculation")
        verbose_name_plural = _("days waiting for recalculation")
        indexes: ClassVar = [models.Index(fields=("background", "id"), name="stale_day_range_turn")]

    def __str__(self) -> str:
        return f"{self.employee_id} {self.starts_on} – {self.ends_on}"


class PeriodLock(TenantModel):
    """A month that has gone to payroll: its days stand. Lifted by HR with a reason; append a new
    one to lock again.
    """

    month = models.DateField(_("month"), help_text=_("Any day of it."))
    locked_by = _user_foreign_key()
    locked_at = models.DateTimeField(_("locked"), auto_now_add=True)
    lifted_by = _user_foreign_key()
    lifted_at = models.DateTimeField(_("unlocked"), null=True, editable=False)
    reason = models.CharField(_("reason for unlocking"), max_length=400, blank=True)

    objects = TenantQuerySet["PeriodLock"].as_manager()

    class Meta:
        ordering = ("-month", "-id")
        verbose_name = _("locked month")
        verbose_name_plural = _("locked months")
        constraints = (
            models.UniqueConstraint(
                fields=("organization", "month"),
                condition=Q(lifted_at__isnull=True),
                name="period_locked_once",
                violation_error_message=_("This month is already locked."),
            ),
            models.CheckConstraint(condition=Q(month__day=1), name="period_lock_first_of_month"),
        )

    def __str__(self) -> str:
        return f"{self.month:%Y-%m}"


class DayAdjustment(TenantModel):
    """What a late fact would make of a day whose month is locked: counted in the open month it is
    posted to. Append-only.

    `before` and `after` are status and minutes; a later adjustment of the same day starts from the
    one before it.
    """

    append_only = True

    employee = models.ForeignKey(Employee, on_delete=models.PROTECT, verbose_name=_("employee"))
    date = models.DateField(_("date"))
    lock = models.ForeignKey(
        PeriodLock,
        on_delete=models.PROTECT,
        related_name="adjustments",
        verbose_name=_("locked month"),
    )
    posted_to = models.DateField(_("counted in"))
    posted_at = models.DateTimeField(_("posted"))
    before = models.JSONField(_("was"))
    after = models.JSONField(_("would be"))
    why = models.JSONField(_("why"), default=dict)

    objects = TenantQuerySet["DayAdjustment"].as_manager()

    class Meta:
        ordering = ("-id",)
        verbose_name = _("day adjustment")
        verbose_name_plural = _("day adjustments")
        indexes: ClassVar = [
            models.Index(fields=("employee", "date"), name="day_adjustment_day"),
            models.Index(fields=("organization", "posted_to"), name="day_adjustment_month"),
        ]

    def __str__(self) -> str:
        return f"{self.employee} {self.date}"


class AttendanceException(TenantModel):
    """Something that somebody should look at; found again and again, kept once, and closed by a
    person or by itself.

    One row is open for each kind and subject. What a person has answered is not asked again while
    its `punches.context` stay the same; when they change, or when what had gone comes back, there
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
    closed_by = _user_foreign_key()
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
