"""Leave as rows: rules with dates, calendars of offices, accounts whose entries only grow,
applications and their days.

No balance is stored: it is the sum of entries. The rules' arithmetic is in `policies`, `accrual`,
`day_counting`, `eligibility`.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, ClassVar

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from core import attachments
from core.tenancy import TenantModel, TenantQuerySet
from employees.models import Employee, HalfDayReservation
from leaves import policies
from leaves.accrual import ExitManner as _Exit
from leaves.calendars import WeeklyOffs
from leaves.policies import LeavePolicyVersion

HALF_DAY = Decimal("0.5")


def validate_weekly_offs(text: str) -> None:
    """Refuse a pattern of weekly offs that cannot be read."""
    try:
        WeeklyOffs.parse(text)
    except ValueError as error:
        raise ValidationError(
            _("“%(part)s” cannot be read. Examples: SAT,SUN for a five-day week; SUN,SAT2,SAT4."),
            params={"part": str(error)},
        ) from error


def validate_half_days(value: Decimal) -> None:
    """Refuse days that are no multiple of a half."""
    if value % HALF_DAY:
        raise ValidationError(_("Give whole days or half days."))


def certificate_upload_path(certificate: Certificate, _name: str) -> str:
    """Where an uploaded paper lies: a name nobody can guess, out of reach of the web server."""
    return attachments.upload_path("leave-certificates", certificate.organization_id)


def _days_field(label: Any, **more: Any) -> models.DecimalField[Any, Any]:
    return models.DecimalField(
        label, max_digits=6, decimal_places=1, validators=[validate_half_days], **more
    )


class LeaveTypeChoices(models.TextChoices):
    """Kinds of leave, as the pure rules know them."""

    CL = "CL", _("Casual leave")
    SCL = "SCL", _("Special casual leave")
    EL = "EL", _("Earned leave")
    HPL = "HPL", _("Half pay leave")
    COMMUTED = "COMMUTED", _("Commuted leave")
    CCL = "CCL", _("Child care leave")
    RH = "RH", _("Restricted holiday")


class AccrualCycleChoices(models.TextChoices):
    """How often."""

    NEVER = "NEVER", _("never")
    MONTHLY = "MONTHLY", _("monthly")
    HALF_YEARLY = "HALF_YEARLY", _("half-yearly")
    YEARLY = "YEARLY", _("yearly")
    LIFETIME = "LIFETIME", _("once in a career")


# --- Rules ----------------------------------------------------------------------------------------
class LeavePolicy(TenantModel):
    """One version of the leave rules of one group of staff, in force from a day until the next
    version. Published: fixed.
    """

    scheme = models.CharField(
        _("group of staff"),
        max_length=40,
        default="standard",
        help_text=_("Employees without leave details are in “standard”."),
    )
    name = models.CharField(_("name"), max_length=200)
    effective_from = models.DateField(_("in force from"))
    source = models.CharField(
        _("order"),
        max_length=200,
        blank=True,
        help_text=_("The order or rule these numbers come from."),
    )
    weekly_offs = models.CharField(
        _("weekly offs without a holiday calendar"),
        max_length=60,
        default="SAT,SUN",
        blank=True,
        validators=[validate_weekly_offs],
    )
    combinations = models.JSONField(_("allowed combinations"), default=dict)
    bridge_off_days = models.BooleanField(
        _("G8: off days between two spells count"),
        default=True,
        help_text=_("Two spells of regular leave with only off days between are one."),
    )
    casual_off_regular = models.BooleanField(
        _("CL13: casual leave, weekend, regular leave is allowed"), default=False
    )
    casual_restricted_regular = models.BooleanField(
        _("R5: casual leave, restricted holiday, regular leave is allowed"), default=False
    )
    regular_restricted_regular = models.BooleanField(
        _("R4: a restricted holiday within regular leave is allowed"), default=False
    )
    single_men_as_women = models.BooleanField(
        _("C4: single men have as many spells as single women"), default=False
    )
    total_days = models.PositiveIntegerField(
        _("G4: maximum days of all leave types at a stretch"), null=True, blank=True
    )
    conversion_days = models.PositiveIntegerField(
        _("G2: days after rejoining to request another leave type"), default=30
    )
    late_minutes = models.PositiveSmallIntegerField(
        _("L1: maximum minutes late that may be condoned"),
        default=60,
        help_text=_("A longer delay always costs half a day."),
    )
    late_times = models.PositiveSmallIntegerField(
        _("L1: late arrivals condoned per month"), default=2
    )
    late_spent_only = models.BooleanField(
        _("L4: condoned only when no casual leave is left"), default=False
    )
    encash_at_a_time = models.PositiveSmallIntegerField(
        _("E12: days encashed with a travel concession at a time"),
        default=10,
        help_text=_("0: none."),
    )
    encash_career = models.PositiveSmallIntegerField(
        _("E12: days encashed with travel concessions in a career"), default=60
    )
    encash_remain = models.PositiveSmallIntegerField(
        _("E12: days that must remain then"), default=30
    )
    encash_leaving = models.PositiveSmallIntegerField(
        _("E12: days encashed on leaving, earned and half pay leave together"),
        default=300,
        help_text=_("0: none."),
    )
    published_at = models.DateTimeField(_("published"), null=True, blank=True, editable=False)
    published_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        editable=False,
        verbose_name=_("published by"),
    )

    objects = TenantQuerySet["LeavePolicy"].as_manager()

    class Meta:
        ordering = ("scheme", "-effective_from")
        verbose_name = _("leave policy")
        verbose_name_plural = _("leave policies")
        constraints = (
            models.UniqueConstraint(
                fields=("organization", "scheme", "effective_from"),
                name="leave_policy_version_once",
            ),
        )

    def __str__(self) -> str:
        return f"{self.name} ({self.effective_from})"

    def to_version(self) -> LeavePolicyVersion:
        """This version as the pure rules take it. Raises ValueError when it contradicts itself."""
        data = {
            "kinds": {rule.kind: rule.as_data() for rule in self.rules.all()},
            "combinations": self.combinations,
            "sanctions": [one.as_data() for one in self.sanctions.all()],
            "switches": {
                name: getattr(self, name)
                for name in (
                    "weekly_offs",
                    "bridge_off_days",
                    "casual_off_regular",
                    "casual_restricted_regular",
                    "regular_restricted_regular",
                    "single_men_as_women",
                    "total_days",
                    "conversion_days",
                    "late_minutes",
                    "late_times",
                    "late_spent_only",
                    "encash_at_a_time",
                    "encash_career",
                    "encash_remain",
                    "encash_leaving",
                )
            },
        }
        return policies.parse_leave_policy(data, self.effective_from, self.pk)


class LeaveTypeRule(TenantModel):
    """One kind of leave in one version of the rules."""

    policy = models.ForeignKey(
        LeavePolicy, on_delete=models.CASCADE, related_name="rules", verbose_name=_("policy")
    )
    kind = models.CharField(_("kind"), max_length=10, choices=LeaveTypeChoices)
    nature = models.CharField(
        _("nature"),
        max_length=10,
        choices=[
            ("CASUAL", _("casual")),
            ("REGULAR", _("regular leave")),
            ("RESTRICTED", _("restricted holiday")),
        ],
    )
    account = models.CharField(_("debited to"), max_length=10, choices=LeaveTypeChoices)
    factor = models.PositiveSmallIntegerField(_("days debited per day"), default=1)
    cycle = models.CharField(
        _("credited"), max_length=12, choices=AccrualCycleChoices, default=AccrualCycleChoices.NEVER
    )
    amount = _days_field(_("days credited"), default=0)
    disabled_extra = _days_field(_("CL2: more for disabled staff"), default=0)
    joiner = models.CharField(
        _("joining within a period"),
        max_length=8,
        choices=[("FULL", _("full credit")), ("PRORATA", _("pro rata by completed months"))],
        default="FULL",
    )
    exit_prorata = models.BooleanField(_("pro rata on leaving service"), default=False)
    rounding = _days_field(_("credits rounded to"), default=1)
    closes = models.CharField(
        _("closed"), max_length=12, choices=AccrualCycleChoices, default=AccrualCycleChoices.NEVER
    )
    ceiling = _days_field(_("carry-forward limit (days)"), default=0)
    eol_divisor = models.PositiveSmallIntegerField(
        _("days of extraordinary leave per day of reduction"), default=0
    )
    dies_non_divisor = models.PositiveSmallIntegerField(
        _("days of dies-non per day of reduction"), default=0
    )
    reduction_cap = _days_field(_("maximum reduction (days)"), default=0)
    floor = _days_field(_("lowest balance"), default=0)
    half_days = models.BooleanField(_("half days"), default=False)
    counts_off_days = models.BooleanField(_("off days within the leave count"), default=False)
    list_only = models.BooleanField(_("only on restricted holidays"), default=False)
    stretch_days = models.PositiveIntegerField(
        _("maximum days at a stretch"), null=True, blank=True
    )
    min_spell_days = models.PositiveIntegerField(_("minimum days"), null=True, blank=True)
    proof = models.CharField(
        _("medical certificate"),
        max_length=12,
        default="NEVER",
        choices=[
            ("NEVER", _("not required")),
            ("ALWAYS", _("required")),
            ("UNLESS_STUDY", _("required, except for an approved course")),
        ],
    )
    study_days = models.PositiveIntegerField(
        _("maximum days for courses in a career"), null=True, blank=True
    )
    eligible_group = models.CharField(
        _("eligible employees"),
        max_length=10,
        default="ANYONE",
        choices=[
            ("ANYONE", _("everybody")),
            ("DISABLED", _("disabled staff")),
            ("CHILD_CARE", _("women, and single men")),
        ],
    )
    spells = models.PositiveSmallIntegerField(_("spells a year"), null=True, blank=True)
    spells_single_woman = models.PositiveSmallIntegerField(
        _("spells a year of a single woman"), null=True, blank=True
    )
    spells_in_patient = models.PositiveSmallIntegerField(
        _("more spells when the child is in hospital"), default=0
    )
    child_age = models.PositiveSmallIntegerField(_("child younger than"), null=True, blank=True)
    child_count = models.PositiveSmallIntegerField(
        _("number of eldest children covered"), null=True, blank=True
    )
    on_probation = models.BooleanField(_("on probation"), default=True)
    backdated = models.BooleanField(_("may be applied for afterwards"), default=True)
    pay_percent = models.PositiveSmallIntegerField(_("pay, per cent"), default=100)
    full_pay_days = models.PositiveIntegerField(
        _("number of days at this pay"), null=True, blank=True
    )
    pay_percent_after = models.PositiveSmallIntegerField(_("pay afterwards, per cent"), default=100)

    objects = TenantQuerySet["LeaveTypeRule"].as_manager()

    # The columns that the pure rules take as they are; days among them are multiples of a half.
    RULE_FIELDS: ClassVar = (
        "nature",
        "account",
        "factor",
        "cycle",
        "amount",
        "disabled_extra",
        "joiner",
        "exit_prorata",
        "rounding",
        "closes",
        "ceiling",
        "eol_divisor",
        "dies_non_divisor",
        "reduction_cap",
        "floor",
        "half_days",
        "counts_off_days",
        "list_only",
        "stretch_days",
        "min_spell_days",
        "proof",
        "study_days",
        "eligible_group",
        "spells",
        "spells_single_woman",
        "spells_in_patient",
        "child_age",
        "child_count",
        "on_probation",
        "backdated",
        "pay_percent",
        "full_pay_days",
        "pay_percent_after",
    )

    class Meta:
        ordering = ("id",)
        verbose_name = _("leave type rule")
        verbose_name_plural = _("leave type rules")
        constraints = (
            models.UniqueConstraint(fields=("policy", "kind"), name="leave_rule_kind_once"),
        )

    def __str__(self) -> str:
        return f"{self.kind} · {self.policy}"

    def as_data(self) -> Mapping[str, Any]:
        """This rule as plain data."""
        return {name: getattr(self, name) for name in self.RULE_FIELDS}


class AuthorityChoices(models.TextChoices):
    """Who may sanction leave, as the pure rules know them, from the nearest to the highest."""

    MANAGER = "MANAGER", _("controlling officer (manager)")
    HEAD = "HEAD", _("head of department")
    HR = "HR", _("HR")
    ADMIN = "ADMIN", _("administrator")


class SanctionRule(TenantModel):
    """Who may sanction leave of a kind and length, in one version of the rules. Without rows:
    whoever may decide at all.
    """

    policy = models.ForeignKey(
        LeavePolicy, on_delete=models.CASCADE, related_name="sanctions", verbose_name=_("policy")
    )
    kind = models.CharField(
        _("kind"),
        max_length=10,
        choices=LeaveTypeChoices,
        blank=True,
        help_text=_("Empty: every leave type without its own row."),
    )
    authority = models.CharField(_("sanctioned by"), max_length=8, choices=AuthorityChoices)
    up_to_days = models.PositiveIntegerField(
        _("maximum days at a stretch"),
        null=True,
        blank=True,
        validators=[MinValueValidator(1)],
        help_text=_(
            "Empty: any length. A higher authority may sanction everything that a lower one may:"
            " HR, for example, what a manager may."
        ),
    )
    recommendation = models.BooleanField(
        _("after a recommendation"),
        default=False,
        help_text=_("Another officer must first give a recommendation."),
    )

    objects = TenantQuerySet["SanctionRule"].as_manager()

    class Meta:
        ordering = ("kind", "id")
        verbose_name = _("sanction rule")
        verbose_name_plural = _("sanction rules")
        constraints = (
            models.UniqueConstraint(
                fields=("policy", "kind", "authority"), name="sanction_rule_once"
            ),
        )

    def __str__(self) -> str:
        return (
            f"{self.get_kind_display() or _('Every leave type')} · {self.get_authority_display()}"
        )

    def as_data(self) -> Mapping[str, Any]:
        """This row as plain data."""
        return {
            name: getattr(self, name)
            for name in ("kind", "authority", "up_to_days", "recommendation")
        }


# --- Calendars ------------------------------------------------------------------------------------
class HolidayCalendarQuerySet(TenantQuerySet["HolidayCalendar"]):
    """Vocabulary of calendars."""

    def published(self) -> HolidayCalendarQuerySet:
        """Those in force, or once in force; the highest version of an office and year holds."""
        return self.filter(published_at__isnull=False)


class HolidayCalendar(TenantModel):
    """The holidays of one office in one year. Published: fixed; a change is a new version."""

    site = models.ForeignKey(
        "employees.Site",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        verbose_name=_("office"),
        help_text=_("Empty: every office without its own holiday calendar."),
    )
    year = models.PositiveSmallIntegerField(
        _("year"), validators=[MinValueValidator(1950), MaxValueValidator(2200)]
    )
    version = models.PositiveSmallIntegerField(_("version"), default=1, editable=False)
    weekly_offs = models.CharField(
        _("weekly offs"),
        max_length=60,
        default="SAT,SUN",
        blank=True,
        validators=[validate_weekly_offs],
        help_text=_(
            "SAT,SUN for a five-day week, SUN for six days, SUN,SAT2,SAT4 for the second and fourth"
            " Saturday."
        ),
    )
    order_no = models.CharField(
        _("order"), max_length=200, blank=True, help_text=_("The order the list comes from.")
    )
    published_at = models.DateTimeField(_("published"), null=True, blank=True, editable=False)
    published_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        editable=False,
        verbose_name=_("published by"),
    )

    objects = HolidayCalendarQuerySet.as_manager()

    class Meta:
        ordering = ("-year", "site", "-version")
        verbose_name = _("holiday calendar")
        verbose_name_plural = _("holiday calendars")
        constraints = (
            models.UniqueConstraint(
                fields=("organization", "site", "year", "version"),
                name="calendar_version_once",
                condition=Q(site__isnull=False),
            ),
            models.UniqueConstraint(
                fields=("organization", "year", "version"),
                name="common_calendar_version_once",
                condition=Q(site__isnull=True),
            ),
        )

    def __str__(self) -> str:
        return f"{self.site or _('All offices')} {self.year} · {self.version}"


class CalendarDay(TenantModel):
    """A date that is not as its weekday would be."""

    class Mark(models.TextChoices):
        CLOSED = "CLOSED", _("Closed")
        RESTRICTED = "RESTRICTED", _("Restricted holiday")
        LOCAL = "LOCAL", _("Closed here only")
        WORKING_DAY = "WORKING_DAY", _("Working day")

    calendar = models.ForeignKey(
        HolidayCalendar,
        on_delete=models.CASCADE,
        related_name="days",
        verbose_name=_("holiday calendar"),
    )
    date = models.DateField(_("date"))
    mark = models.CharField(_("class"), max_length=12, choices=Mark)
    name = models.CharField(_("name"), max_length=120)

    objects = TenantQuerySet["CalendarDay"].as_manager()

    class Meta:
        ordering = ("date",)
        verbose_name = _("holiday")
        verbose_name_plural = _("holidays")
        constraints = (
            models.UniqueConstraint(fields=("calendar", "date"), name="calendar_day_once"),
        )

    def __str__(self) -> str:
        return f"{self.date} {self.name}"


# --- People ---------------------------------------------------------------------------------------
class LeaveProfile(TenantModel):
    """What the leave rules ask about a person, from a day on until the next such row."""

    employee = models.ForeignKey(Employee, on_delete=models.PROTECT, verbose_name=_("employee"))
    starts_on = models.DateField(_("from"))
    scheme = models.CharField(_("group of staff"), max_length=40, default="standard")
    sex = models.CharField(
        _("sex"),
        max_length=1,
        blank=True,
        choices=[("F", _("female")), ("M", _("male")), ("X", _("other"))],
    )
    single = models.BooleanField(
        _("single"), default=False, help_text=_("Unmarried, widowed or divorced.")
    )
    disabled = models.BooleanField(_("disabled"), default=False)
    probation_until = models.DateField(_("on probation until"), null=True, blank=True)
    encashed_before = models.PositiveSmallIntegerField(
        _("days encashed with travel concessions before"),
        default=0,
        help_text=_(
            "From the service book: encashed before these accounts began. They count towards E12."
        ),
    )
    exit_manner = models.CharField(
        _("how service ended"),
        max_length=8,
        default=_Exit.NORMAL,
        choices=[
            ("NORMAL", _("retired, or technical resignation")),
            ("RESIGNED", _("resigned")),
            ("REMOVED", _("removed or dismissed")),
            ("DEATH", _("died")),
        ],
        help_text=_(
            "An employee who resigned or was removed has no claim to the remaining leave. It is"
            " forfeited after the last day."
        ),
    )

    objects = TenantQuerySet["LeaveProfile"].as_manager()

    class Meta:
        ordering = ("employee", "-starts_on")
        verbose_name = _("leave details")
        verbose_name_plural = _("leave details")
        constraints = (
            models.UniqueConstraint(
                fields=("employee", "starts_on"), name="leave_profile_start_once"
            ),
        )

    def __str__(self) -> str:
        return f"{self.employee} · {self.starts_on}"


class Child(TenantModel):
    """A child of an employee, for child care leave."""

    employee = models.ForeignKey(
        Employee, on_delete=models.PROTECT, related_name="children", verbose_name=_("employee")
    )
    name = models.CharField(_("name"), max_length=200)
    born_on = models.DateField(_("born on"))
    disabled = models.BooleanField(_("disabled"), default=False)
    died_on = models.DateField(_("died on"), null=True, blank=True)

    objects = TenantQuerySet["Child"].as_manager()

    class Meta:
        ordering = ("employee", "born_on", "id")
        verbose_name = _("child")
        verbose_name_plural = _("children")

    def __str__(self) -> str:
        return f"{self.name} ({self.born_on})"


class Absence(TenantModel):
    """Days without leave that make later credits smaller: entered by HR, taken back rather than
    changed.
    """

    class Kind(models.TextChoices):
        EOL = "EOL", _("Extraordinary leave")
        DIES_NON = "DIES_NON", _("Dies-non")

    employee = models.ForeignKey(Employee, on_delete=models.PROTECT, verbose_name=_("employee"))
    kind = models.CharField(_("kind"), max_length=8, choices=Kind)
    starts_on = models.DateField(_("from"))
    ends_on = models.DateField(_("to"))
    reason = models.CharField(_("reason"), max_length=400)
    entered_at = models.DateTimeField(_("entered"), auto_now_add=True)
    entered_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        editable=False,
        verbose_name=_("by"),
    )
    revoked_at = models.DateTimeField(_("revoked"), null=True, blank=True, editable=False)

    objects = TenantQuerySet["Absence"].as_manager()

    class Meta:
        ordering = ("-starts_on",)
        verbose_name = _("absence")
        verbose_name_plural = _("absences")
        constraints = (
            models.CheckConstraint(
                condition=Q(ends_on__gte=F("starts_on")),
                name="absence_ends_after_start",
                violation_error_message=_("The absence ends before it starts."),
            ),
        )

    def __str__(self) -> str:
        return f"{self.employee} · {self.kind} {self.starts_on}"


class Suspension(TenantModel):
    """Days under suspension, on which no leave is granted: entered by HR, ended or taken back
    rather than changed.
    """

    employee = models.ForeignKey(Employee, on_delete=models.PROTECT, verbose_name=_("employee"))
    starts_on = models.DateField(_("from"))
    ends_on = models.DateField(
        _("to"), null=True, blank=True, help_text=_("Empty: until further notice.")
    )
    reason = models.CharField(_("order"), max_length=400)
    entered_at = models.DateTimeField(_("entered"), auto_now_add=True)
    entered_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        editable=False,
        verbose_name=_("by"),
    )
    revoked_at = models.DateTimeField(_("revoked"), null=True, blank=True, editable=False)

    objects = TenantQuerySet["Suspension"].as_manager()

    class Meta:
        ordering = ("-starts_on",)
        verbose_name = _("suspension")
        verbose_name_plural = _("suspensions")
        constraints = (
            models.CheckConstraint(
                condition=Q(ends_on__isnull=True) | Q(ends_on__gte=F("starts_on")),
                name="suspension_ends_after_start",
                violation_error_message=_("The suspension ends before it starts."),
            ),
        )

    def __str__(self) -> str:
        return f"{self.employee} · {self.starts_on}"


class Certificate(attachments.Attachment):
    """A medical certificate: the paper, stored privately, and the dates it states."""

    file = models.FileField(_("file"), upload_to=certificate_upload_path, max_length=200)
    sick_on = models.DateField(_("date of illness"), null=True, blank=True)
    fit_on = models.DateField(_("fit for duty from"), null=True, blank=True)

    objects = TenantQuerySet["Certificate"].as_manager()

    class Meta:
        ordering = ("-id",)
        verbose_name = _("certificate")
        verbose_name_plural = _("certificates")

    def __str__(self) -> str:
        return f"{self.employee} · {self.uploaded_at:%Y-%m-%d}"


# --- Applications ---------------------------------------------------------------------------------
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


# --- The ledger -----------------------------------------------------------------------------------
class LeaveAccount(TenantModel):
    """The leave account of one employee in one kind. It holds no number: it is the row that is
    locked.
    """

    employee = models.ForeignKey(Employee, on_delete=models.PROTECT, verbose_name=_("employee"))
    kind = models.CharField(_("kind"), max_length=10, choices=LeaveTypeChoices)
    settled_on = models.DateField(
        _("posted up to"),
        null=True,
        blank=True,
        help_text=_("Credits and lapses are posted up to this date."),
    )

    objects = TenantQuerySet["LeaveAccount"].as_manager()

    class Meta:
        ordering = ("employee", "id")
        verbose_name = _("leave balance")
        verbose_name_plural = _("leave balances")
        constraints = (
            models.UniqueConstraint(fields=("employee", "kind"), name="leave_account_once"),
        )

    def __str__(self) -> str:
        return f"{self.employee} · {self.kind}"


class LeaveLedgerEntry(TenantModel):
    """A movement on an account, in half-days: append-only. What is wrong is reversed, never
    changed.
    """

    append_only = True

    class Type(models.TextChoices):
        OPENING = "OPENING", _("Opening balance")
        CREDIT = "CREDIT", _("Credit")
        CREDIT_PRORATA = "CREDIT_PRORATA", _("Pro rata credit")
        EXIT_ADJUST = "EXIT_ADJUST", _("Reduction on leaving service")
        REDUCTION = "REDUCTION", _("Reduction")
        DEBIT = "DEBIT", _("Leave")
        REVERSAL = "REVERSAL", _("Reversal")
        LAPSE = "LAPSE", _("Lapsed")
        FORFEIT = "FORFEIT", _("Forfeited")
        ENCASH = "ENCASH", _("Encashed")
        JOINING_TIME = "JOINING_TIME", _("Joining time not taken")
        LATE_DEBIT = "LATE_DEBIT", _("Late mark")
        OVERSTAY = "OVERSTAY", _("Overstay")
        MANUAL = "MANUAL", _("Manual adjustment")

    account = models.ForeignKey(
        LeaveAccount, on_delete=models.PROTECT, related_name="entries", verbose_name=_("account")
    )
    half_days = models.IntegerField(_("half-days"))
    effective_on = models.DateField(_("effective"))
    period = models.CharField(_("period"), max_length=10, blank=True)
    type = models.CharField(_("type"), max_length=16, choices=Type)
    slot = models.CharField(max_length=60)
    number = models.PositiveIntegerField()
    application = models.ForeignKey(
        LeaveApplication,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="entries",
        verbose_name=_("application"),
    )
    policy = models.ForeignKey(
        LeavePolicy, on_delete=models.PROTECT, null=True, blank=True, verbose_name=_("policy")
    )
    reverses = models.OneToOneField(
        "self",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="reversed_by",
        verbose_name=_("reverses"),
    )
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        verbose_name=_("by"),
    )
    reason = models.CharField(_("reason"), max_length=400, blank=True)
    posted_at = models.DateTimeField(_("posted"))

    objects = TenantQuerySet["LeaveLedgerEntry"].as_manager()

    class Meta:
        ordering = ("effective_on", "id")
        verbose_name = _("ledger entry")
        verbose_name_plural = _("ledger entries")
        constraints = (
            # Two jobs that post the same thing at once: one of them is refused by the database.
            models.UniqueConstraint(fields=("account", "slot", "number"), name="leave_entry_once"),
            models.CheckConstraint(condition=~Q(half_days=0), name="leave_entry_moves"),
        )
        indexes: ClassVar = [
            models.Index(fields=("account", "effective_on"), name="leave_entry_day")
        ]

    def __str__(self) -> str:
        return f"{self.effective_on} {self.type} {self.half_days / 2:+g}"


class LeaveAdjustment(TenantModel):
    """An entry by order: one person proposes it, another confirms it, and only then it is
    posted.
    """

    class State(models.TextChoices):
        PROPOSED = "proposed", _("Proposed")
        CONFIRMED = "confirmed", _("Confirmed")
        REFUSED = "refused", _("Rejected")

    class Occasion(models.TextChoices):
        TRAVEL = "TRAVEL", _("with a leave travel concession")
        LEAVING = "LEAVING", _("on leaving service")

    TYPES: ClassVar = (
        LeaveLedgerEntry.Type.OPENING,
        LeaveLedgerEntry.Type.MANUAL,
        LeaveLedgerEntry.Type.ENCASH,
        LeaveLedgerEntry.Type.JOINING_TIME,
        LeaveLedgerEntry.Type.LATE_DEBIT,
    )

    employee = models.ForeignKey(Employee, on_delete=models.PROTECT, verbose_name=_("employee"))
    kind = models.CharField(_("account"), max_length=10, choices=LeaveTypeChoices)
    type = models.CharField(
        _("type"), max_length=16, choices=[(one.value, one.label) for one in TYPES]
    )
    occasion = models.CharField(
        _("encashed"),
        max_length=8,
        choices=Occasion,
        blank=True,
        help_text=_("Only for what is encashed."),
    )
    days = _days_field(_("days"), help_text=_("A minus sign debits the account."))
    effective_on = models.DateField(_("effective"))
    reason = models.CharField(_("reason"), max_length=400)
    state = models.CharField(
        _("state"), max_length=10, choices=State, default=State.PROPOSED, editable=False
    )
    proposed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        editable=False,
        related_name="+",
        verbose_name=_("proposed by"),
    )
    proposed_at = models.DateTimeField(_("proposed"), auto_now_add=True)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        editable=False,
        related_name="+",
        verbose_name=_("decided by"),
    )
    decided_at = models.DateTimeField(_("decided"), null=True, editable=False)

    objects = TenantQuerySet["LeaveAdjustment"].as_manager()

    class Meta:
        ordering = ("-id",)
        verbose_name = _("leave adjustment")
        verbose_name_plural = _("leave adjustments")

    def __str__(self) -> str:
        return f"{self.employee} · {self.kind} {self.days:+}"

    def clean(self) -> None:
        """What is encashed has an occasion, and nothing else has."""
        super().clean()
        if (self.type == LeaveLedgerEntry.Type.ENCASH) != bool(self.occasion):
            missing, needless = (
                _("Say on which occasion it is encashed."),
                _("Only what is encashed has an occasion."),
            )
            raise ValidationError({"occasion": needless if self.occasion else missing})


class LateMark(TenantModel):
    """A day of late coming or early leaving, and what it cost: decided once for each day."""

    class Outcome(models.TextChoices):
        DEBITED = "debited", _("Half a day of casual leave")
        CONDONED = "condoned", _("Condoned")
        OWED = "owed", _("Half a day owed")
        SETTLED = "settled", _("Owed, then debited from earned leave")

    employee = models.ForeignKey(Employee, on_delete=models.PROTECT, verbose_name=_("employee"))
    date = models.DateField(_("date"))
    minutes = models.PositiveSmallIntegerField(_("minutes late"), null=True, blank=True)
    outcome = models.CharField(_("outcome"), max_length=10, choices=Outcome)
    reason = models.CharField(_("reason"), max_length=400, blank=True)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        verbose_name=_("decided by"),
    )
    decided_at = models.DateTimeField(_("decided"), auto_now_add=True)

    objects = TenantQuerySet["LateMark"].as_manager()

    class Meta:
        ordering = ("-date",)
        verbose_name = _("late mark")
        verbose_name_plural = _("late marks")
        constraints = (models.UniqueConstraint(fields=("employee", "date"), name="late_mark_once"),)

    def __str__(self) -> str:
        return f"{self.employee} · {self.date}"
