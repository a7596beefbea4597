"""Leave accounts, their entries, and entries by order. No balance is stored: it is the sum of
the entries. Written by `leaves.ledger`, `leaves.debits` and `leaves.services.adjustments`.
"""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from core.tenancy import TenantModel, TenantQuerySet
from employees.models import Employee
from leaves.models.applications import LeaveApplication
from leaves.models.choices import LeaveTypeChoices
from leaves.models.policies import LeavePolicy
from leaves.models.validators import days_field


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
    days = days_field(_("days"), help_text=_("A minus sign debits the account."))
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
