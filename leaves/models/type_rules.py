"""The rule of one leave type in one version of the leave policy: credits, limits, pay. Read
through `LeavePolicy.to_version`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from core.tenancy import TenantModel, TenantQuerySet
from leaves.models.choices import AccrualCycleChoices, LeaveTypeChoices
from leaves.models.policies import LeavePolicy
from leaves.models.validators import days_field


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
    amount = days_field(_("days credited"), default=0)
    disabled_extra = days_field(_("CL2: more for disabled staff"), default=0)
    joiner = models.CharField(
        _("joining within a period"),
        max_length=8,
        choices=[("FULL", _("full credit")), ("PRORATA", _("pro rata by completed months"))],
        default="FULL",
    )
    exit_prorata = models.BooleanField(_("pro rata on leaving service"), default=False)
    rounding = days_field(_("credits rounded to"), default=1)
    closes = models.CharField(
        _("closed"), max_length=12, choices=AccrualCycleChoices, default=AccrualCycleChoices.NEVER
    )
    ceiling = days_field(_("carry-forward limit (days)"), default=0)
    eol_divisor = models.PositiveSmallIntegerField(
        _("days of extraordinary leave per day of reduction"), default=0
    )
    dies_non_divisor = models.PositiveSmallIntegerField(
        _("days of dies-non per day of reduction"), default=0
    )
    reduction_cap = days_field(_("maximum reduction (days)"), default=0)
    floor = days_field(_("lowest balance"), default=0)
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
