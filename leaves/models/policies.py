"""A version of the leave rules of one group of staff, and who may sanction leave by it. HR edits
drafts in the console; `leaves.policies` does the arithmetic with published versions.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.core.validators import MinValueValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

from core.tenancy import TenantModel, TenantQuerySet
from leaves.models.choices import AuthorityChoices, LeaveTypeChoices
from leaves.models.validators import validate_weekly_offs
from leaves.policies import LeavePolicyVersion
from leaves.policy_parsing import parse_leave_policy


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
        return parse_leave_policy(data, self.effective_from, self.pk)


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
