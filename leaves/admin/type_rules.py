"""The console's page of the rule of one leave type, in one version of the leave policy."""

from __future__ import annotations

from typing import Any, ClassVar

from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from core.tenant_admin import TenantAdmin
from leaves.models import LeaveTypeRule
from leaves.services.policy_publishing import save_leave_type_rule


class LeaveTypeRuleAdmin(TenantAdmin):
    """One kind of leave in one version of the rules: numbers can be edited until the version is
    published.
    """

    fieldsets = (
        (None, {"fields": ("policy", ("kind", "nature"), ("account", "factor"), "eligible_group")}),
        (
            _("Credit"),
            {
                "fields": (
                    ("cycle", "amount", "rounding"),
                    ("joiner", "exit_prorata", "disabled_extra"),
                    ("closes", "ceiling", "floor"),
                    ("eol_divisor", "dies_non_divisor", "reduction_cap"),
                )
            },
        ),
        (
            _("Conditions"),
            {
                "fields": (
                    ("half_days", "counts_off_days", "list_only"),
                    ("stretch_days", "min_spell_days"),
                    ("proof", "study_days"),
                    ("on_probation", "backdated"),
                )
            },
        ),
        (
            _("Child care"),
            {
                "fields": (
                    ("spells", "spells_single_woman", "spells_in_patient"),
                    ("child_age", "child_count"),
                )
            },
        ),
        (_("Pay"), {"fields": (("pay_percent", "full_pay_days", "pay_percent_after"),)}),
    )
    save_functions: ClassVar = {LeaveTypeRule: save_leave_type_rule}
    list_display = ("policy", "kind", "amount", "cycle", "ceiling")
    list_filter = ("policy", "kind")
    list_select_related = ("policy", "organization")

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        fields = super().get_readonly_fields(request, obj)
        return (*fields, "policy", "kind") if obj else fields

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        draft = not isinstance(obj, LeaveTypeRule) or obj.policy.published_at is None
        return draft and bool(super().has_change_permission(request, obj))
