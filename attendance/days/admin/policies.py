"""The console's page on the attendance policy of an organization."""

from __future__ import annotations

from typing import ClassVar

from django.utils.translation import gettext_lazy as _

from attendance.days.policy import save_attendance_policy
from attendance.models import (
    AttendancePolicy,
)
from core.tenant_admin import (
    TenantAdmin,
)


class AttendancePolicyAdmin(TenantAdmin):
    """The organization's rules about days."""

    save_functions: ClassVar = {AttendancePolicy: save_attendance_policy}
    fieldsets = (
        (
            _("Correction requests"),
            {"fields": (("regularize_days_back", "regularize_per_month"),)},
        ),
        (
            _("Exceptions"),
            {"fields": (("long_day_hours", "travel_kmh", "silent_factor"),)},
        ),
    )
    list_display = (
        "__str__",
        "regularize_days_back",
        "regularize_per_month",
        "long_day_hours",
    )
    list_select_related = ("organization",)
    empty_title = _("The default settings apply")
    empty_text = _(
        "Add a policy to choose how far back employees may request corrections, and what counts as"
        " unusual."
    )
