"""What HR keeps about an employee for the leave rules: leave details, children, absences,
suspensions and medical certificates.
"""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from core import attachments
from core.tenancy import TenantModel, TenantQuerySet
from employees.models import Employee
from leaves.accrual import ExitManner as _Exit


def certificate_upload_path(certificate: Certificate, _name: str) -> str:
    """Where an uploaded paper lies: a name nobody can guess, out of reach of the web server."""
    return attachments.upload_path("leave-certificates", certificate.organization_id)


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
