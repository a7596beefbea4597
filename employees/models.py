"""Organizations (the tenants), their places and their people."""

from __future__ import annotations

import uuid
from datetime import date, datetime
from typing import ClassVar
from zoneinfo import ZoneInfo

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from core.fields import TimeZoneField
from core.tenancy import TenantModel, TenantQuerySet


class Organization(models.Model):
    """The tenant. Every other row leads here."""

    # Asked by core, which imports no app.
    is_tenant_root = True

    slug = models.SlugField(
        _("short name"), unique=True, help_text=_("Used in URLs and at sign-in, such as acme.")
    )
    name = models.CharField(_("name"), max_length=200)
    timezone = TimeZoneField(
        _("time zone"),
        help_text=_("IANA name, such as Asia/Kolkata. Sites and devices may have their own."),
    )
    created_at = models.DateTimeField(_("created"), auto_now_add=True)

    class Meta:
        ordering = ("name",)
        verbose_name = _("organization")
        verbose_name_plural = _("organizations")

    def __str__(self) -> str:
        return self.name


class Site(TenantModel):
    """A place of work with its own clock."""

    name = models.CharField(_("name"), max_length=200)
    timezone = TimeZoneField(_("time zone"), blank=True, help_text=_("Empty: the organization's."))

    objects = TenantQuerySet["Site"].as_manager()

    class Meta:
        ordering = ("name",)
        verbose_name = _("site")
        verbose_name_plural = _("sites")
        constraints = (
            models.UniqueConstraint(fields=("organization", "name"), name="site_name_once"),
        )

    def __str__(self) -> str:
        return self.name


class Department(TenantModel):
    """A unit of the organization; employees belong to one through their assignment."""

    name = models.CharField(_("name"), max_length=200)
    head = models.ForeignKey(
        "Employee",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="headed_departments",
        verbose_name=_("head"),
        help_text=_(
            "Decides on applications of the department, in addition to each employee's manager."
        ),
    )

    objects = TenantQuerySet["Department"].as_manager()

    class Meta:
        ordering = ("name",)
        verbose_name = _("department")
        verbose_name_plural = _("departments")
        constraints = (
            models.UniqueConstraint(fields=("organization", "name"), name="department_name_once"),
        )

    def __str__(self) -> str:
        return self.name


class EmployeeQuerySet(TenantQuerySet["Employee"]):
    """Vocabulary of people."""

    def employed_on(self, day: date) -> EmployeeQuerySet:
        """People in service on a day, both ends included."""
        return self.filter(Q(left_on__isnull=True) | Q(left_on__gte=day), joined_on__lte=day)


class Employee(TenantModel):
    """A person whose attendance is kept."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    code = models.CharField(
        _("employee code"), max_length=64, help_text=_("The code used by terminals and payroll.")
    )
    worker_id = models.CharField(
        _("worker id"),
        max_length=64,
        blank=True,
        help_text=_("A second identification number (optional)."),
    )
    name = models.CharField(_("name"), max_length=200)
    email = models.EmailField(_("e-mail"), blank=True)
    manager = models.ForeignKey(
        "self",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="reports",
        verbose_name=_("manager"),
    )
    joined_on = models.DateField(_("joined on"))
    left_on = models.DateField(
        _("left on"), null=True, blank=True, help_text=_("The last day of service.")
    )

    objects = EmployeeQuerySet.as_manager()

    class Meta:
        ordering = ("name",)
        verbose_name = _("employee")
        verbose_name_plural = _("employees")
        constraints = (
            models.UniqueConstraint(fields=("organization", "code"), name="employee_code_once"),
            models.UniqueConstraint(
                fields=("organization", "worker_id"),
                name="employee_worker_id_once",
                condition=~Q(worker_id=""),
            ),
            models.CheckConstraint(
                condition=Q(left_on__isnull=True) | Q(left_on__gte=F("joined_on")),
                name="employee_left_after_joined",
                violation_error_message=_("The last day of service is before the first."),
            ),
            models.CheckConstraint(condition=~Q(code=""), name="employee_code_given"),
        )

    def __str__(self) -> str:
        return f"{self.name} ({self.code})"

    def clean(self) -> None:
        super().clean()
        self.code = self.code.strip()
        self.worker_id = self.worker_id.strip()
        if self.manager_id is not None and self.manager_id == self.pk:
            raise ValidationError({"manager": _("An employee cannot be their own manager.")})


class Assignment(TenantModel):
    """Where an employee works, from one day to another, both included."""

    employee = models.ForeignKey(
        Employee, on_delete=models.PROTECT, related_name="assignments", verbose_name=_("employee")
    )
    site = models.ForeignKey(Site, on_delete=models.PROTECT, verbose_name=_("site"))
    department = models.ForeignKey(
        Department, on_delete=models.PROTECT, null=True, blank=True, verbose_name=_("department")
    )
    starts_on = models.DateField(_("from"))
    ends_on = models.DateField(
        _("to"), null=True, blank=True, help_text=_("Empty: until further notice.")
    )

    objects = TenantQuerySet["Assignment"].as_manager()

    class Meta:
        ordering = ("-starts_on",)
        verbose_name = _("assignment")
        verbose_name_plural = _("assignments")
        constraints = (
            models.UniqueConstraint(fields=("employee", "starts_on"), name="assignment_start_once"),
            models.CheckConstraint(
                condition=Q(ends_on__isnull=True) | Q(ends_on__gte=F("starts_on")),
                name="assignment_ends_after_start",
                violation_error_message=_("The assignment ends before it starts."),
            ),
        )

    def __str__(self) -> str:
        return f"{self.employee} · {self.site}"

    @classmethod
    def current(cls, employee: Employee) -> Assignment | None:
        """Where an employee works today, in the organization's zone; with site and department in
        the same query.
        """
        day = datetime.now(ZoneInfo(employee.organization.timezone)).date()
        rows = cls.objects.of(employee.organization_id).filter(
            employee=employee, starts_on__lte=day
        )
        rows = rows.filter(Q(ends_on__isnull=True) | Q(ends_on__gte=day))
        return rows.select_related("site", "department").first()

    def covers(self, day: date) -> bool:
        """Whether this assignment is the one of that day."""
        return self.starts_on <= day and (self.ends_on is None or day <= self.ends_on)

    def validate_no_overlap(self) -> None:
        """Raise ValidationError when another assignment of the same employee shares a day. Call
        under the employee's lock.
        """
        others = (
            Assignment.objects.of(self.organization_id)
            .filter(employee_id=self.employee_id)
            .exclude(pk=self.pk)
        )
        others = others.filter(Q(ends_on__isnull=True) | Q(ends_on__gte=self.starts_on))
        if self.ends_on is not None:
            others = others.filter(starts_on__lte=self.ends_on)
        if other := others.first():
            raise ValidationError(
                {
                    "starts_on": (
                        _(
                            "An assignment to %(site)s already starts on %(start)s; end that"
                            " assignment first."
                        )
                        % {"site": other.site, "start": other.starts_on}
                    )
                }
            )


class HalfDayReservation(TenantModel):
    """Who has a half of somebody's day: leave or a tour, one of them.
    `employees.half_day_reservations` writes these.

    `holder` and `overlaid_holder` are texts such as "leave:17" and "tour:5", as leave and tours
    live above and do not know each other; `overlaid_holder` is what comes back when the holder lets
    go (casual leave lies over a tour).
    """

    class Half(models.TextChoices):
        FN = "FN", _("forenoon")
        AN = "AN", _("afternoon")

    employee = models.ForeignKey(Employee, on_delete=models.PROTECT, verbose_name=_("employee"))
    date = models.DateField(_("date"))
    half = models.CharField(_("half"), max_length=2, choices=Half)
    holder = models.CharField(_("holder"), max_length=40)
    overlaid_holder = models.CharField(_("overlaid holder"), max_length=40, blank=True)

    objects = TenantQuerySet["HalfDayReservation"].as_manager()

    class Meta:
        verbose_name = _("half-day reservation")
        verbose_name_plural = _("half-day reservations")
        constraints = (
            models.UniqueConstraint(
                fields=("employee", "date", "half"), name="half_day_reserved_once"
            ),
        )
        indexes: ClassVar = [
            models.Index(fields=("organization", "holder"), name="half_day_reservation_holder")
        ]

    def __str__(self) -> str:
        return f"{self.date} {self.half} {self.holder}"


class ChangeQuerySet(TenantQuerySet["Change"]):
    """The vocabulary of the change log."""

    def unprocessed(self) -> ChangeQuerySet:
        """Changes that some consumer has not processed."""
        return self.filter(Q(leave_processed_at__isnull=True) | Q(days_processed_at__isnull=True))


class Change(TenantModel):
    """Facts changed that apps above depend on: one row, appended in the transaction of the change.

    Each consumer has a mark of its own, which is set once, in the transaction of the work that the
    change caused. `employee` is null when it concerns many; then `subject` says what changed or
    whom it concerns (`shift:7`, `site:3`, `department:5`), and an empty one means everybody.
    """

    class Kind(models.TextChoices):
        IDENTITY = "identity", _("Code, worker id, device number or service dates")
        ASSIGNMENT = "assignment", _("Site or department")
        LEAVE = "leave", _("Leave")
        TOUR = "tour", _("Tour")
        SHIFT = "shift", _("Shift")
        ROSTER = "roster", _("Roster")
        CALENDAR = "calendar", _("Holidays and weekly offs")

    employee = models.ForeignKey(
        Employee, on_delete=models.PROTECT, null=True, blank=True, verbose_name=_("employee")
    )
    starts_on = models.DateField(_("from"), null=True, blank=True)
    ends_on = models.DateField(_("to"), null=True, blank=True)
    kind = models.CharField(_("kind"), max_length=16, choices=Kind)
    subject = models.CharField(_("concerns"), max_length=64, blank=True, editable=False)
    created_at = models.DateTimeField(_("created"), auto_now_add=True)
    leave_processed_at = models.DateTimeField(_("processed by leave"), null=True, editable=False)
    days_processed_at = models.DateTimeField(_("processed by days"), null=True, editable=False)

    objects = ChangeQuerySet.as_manager()

    class Meta:
        verbose_name = _("change")
        verbose_name_plural = _("changes")
        indexes: ClassVar = [
            models.Index(
                fields=("id",),
                name="change_unprocessed",
                condition=Q(leave_processed_at__isnull=True) | Q(days_processed_at__isnull=True),
            )
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.created_at:%Y-%m-%d %H:%M}"
